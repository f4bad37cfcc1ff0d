"""Disks as QEMU is told of them: every trait, and what a platform cannot have."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import BlockError
from fixtures.host import aio
from fixtures.machine.block_devices import block_node, disk_device, unsupported_disk_reason
from fixtures.machine.disk_options import DiskOptions, Fault
from fixtures.machine.hardware import Disk
from fixtures.machine.health import judge_event
from fixtures.machine.hotplug import max_hotplugged_disks
from fixtures.machine.qmp_journal import Event
from suites.selftest.support import machine_sample


def disk(**options: Any) -> Disk:
    return Disk("d", Path("/w/d.raw"), "raw", "IGD", options=DiskOptions(**options), log=Path("/w/d.log"))


def test_a_usual_disk_is_nothing_but_a_file() -> None:
    cache = {"direct": False, "no-flush": False}
    assert block_node(disk()) == {
        "driver": "raw",
        "node-name": "d",
        "read-only": False,
        "cache": cache,
        "file": {"driver": "file", "filename": "/w/d.raw", "cache": cache},
    }
    assert disk_device(disk(), "nvme") == {
        "driver": "nvme",
        "id": "disk-d",
        "drive": "d",
        "serial": "IGD",
    }


@pytest.mark.parametrize(
    ("cache", "direct", "shown"),
    [
        ("writeback", False, None),
        ("none", True, None),
        ("writethrough", False, "off"),
        ("directsync", True, "off"),
    ],
)
def test_caches(cache: Any, direct: bool, shown: str | None) -> None:
    node = block_node(disk(cache=cache))
    assert node["cache"] == node["file"]["cache"] == {"direct": direct, "no-flush": False}
    assert disk_device(disk(cache=cache), "nvme").get("write-cache") == shown


def test_asynchronous_io_and_discards() -> None:
    assert block_node(disk(cache="none", aio="native"))["file"]["aio"] == "native"
    node = block_node(disk(discards=True))
    assert (node["discard"], node["file"]["discard"]) == ("unmap", "unmap")
    with pytest.raises(ValueError, match="native asynchronous I/O bypasses"):
        DiskOptions(aio="native")
    with pytest.raises(ValueError, match="at least one logical block"):
        DiskOptions(logical_block=4096)


def test_layers_in_the_order_that_requests_pass_them() -> None:
    faults = (Fault("read", 7), Fault("flush", error="ENOSPC", once=True))
    node = block_node(disk(limit=9, faults=faults, logged=True, logical_block=4096, physical_block=4096))
    assert (node["driver"], node["node-name"], node["throttle-group"]) == ("throttle", "d", "d-limit")
    debug = node["file"]
    assert debug["inject-error"] == [
        {"event": "none", "iotype": "read", "errno": 5, "once": False, "sector": 7},
        {"event": "none", "iotype": "flush", "errno": 28, "once": True},
    ]
    log = debug["image"]
    assert (log["driver"], log["node-name"], log["log-sector-size"]) == ("blklogwrites", "d-sound", 4096)
    assert log["log"]["filename"] == "/w/d.log"
    assert log["file"]["driver"] == "raw"


def test_a_disk_of_a_server() -> None:
    served = dataclasses.replace(disk(), server=Path("/w/socket"), node="other")
    node = block_node(served)
    assert node["file"] == {"driver": "nbd", "server": {"type": "unix", "path": "/w/socket"}}
    assert node["node-name"] == disk_device(served, "nvme")["drive"] == "other"


def test_what_the_guest_sees_of_a_disk() -> None:
    shown = disk_device(disk(logical_block=4096, physical_block=4096, on_error="stop", lun=300), "scsi-hd")
    assert (shown["logical_block_size"], shown["physical_block_size"]) == (4096, 4096)
    assert (shown["werror"], shown["rerror"], shown["scsi-id"], shown["lun"]) == ("stop", "stop", 6, 300)


MIB = 1 << 20
IDE = {"disk": "ide-hd"}
NVME = {"disk": "nvme"}
SCSI = {"disk": "scsi-hd", "scsi": "virtio-scsi-pci"}
OLD_SCSI = {"disk": "scsi-hd", "scsi": "lsi53c895a"}


@pytest.mark.parametrize(
    ("devices", "options", "read_only", "words"),
    [
        (IDE, {"cache": "writethrough", "on_error": "stop"}, False, None),
        (IDE, {"cache": "none", "aio": "native", "logged": True}, False, None),
        (IDE, {"physical_block": 4096}, False, None),
        (IDE, {"logical_block": 4096, "physical_block": 4096}, False, "sectors of 512 bytes"),
        (IDE, {}, True, "never read-only"),
        (OLD_SCSI, {"on_error": "stop"}, True, None),
        (OLD_SCSI, {"lun": 1}, False, "no logical unit 1"),
        (NVME, {"physical_block": 4096}, True, None),
        (NVME, {"on_error": "stop"}, False, "nvme tells its guest of every error"),
        (NVME, {"lun": 0}, False, "no logical unit 0"),
        (SCSI, {"lun": 300, "on_error": "stop"}, False, None),
        (SCSI, {"lun": 16384}, False, "no logical unit 16384"),
        ({**IDE, "usb": "qemu-xhci"}, {"model": "usb-storage"}, False, None),
        (IDE, {"model": "usb-storage"}, False, "nothing that usb-storage could sit on"),
    ],
)
def test_what_a_platform_can_have(
    devices: dict[str, str], options: dict[str, Any], read_only: bool, words: str | None
) -> None:
    platform = machine_sample.cell(devices=devices).platform
    reason = unsupported_disk_reason(platform, DiskOptions(**options), read_only=read_only)
    assert (reason is None) if words is None else (reason is not None and words in reason)


def test_room_for_disks() -> None:
    def room(**platform: Any) -> int:
        return max_hotplugged_disks(machine_sample.cell(**platform).platform)

    assert (room(devices=IDE), room(devices=OLD_SCSI), room(devices=SCSI)) == (0, 0, 255)
    assert (room(devices={"disk": "virtio-blk-pci"}), room(devices=NVME)) == (32, 4)
    assert room(devices={"disk": "usb-storage", "usb": "qemu-xhci"}) == 3


def test_errors_that_somebody_asked_for_are_no_failure(tmp_path: Path) -> None:
    with machine_sample.Bench(tmp_path) as bench:
        error = Event("BLOCK_IO_ERROR", {"node-name": "target", "action": "report"}, 0.0)
        assert isinstance(judge_event("m", error, "running"), BlockError)
        bench.health.expect_errors("target")
        bench.machine.journal.event(error.name, error.data)
        bench.health.check()
        bench.machine.journal.event(error.name, {**error.data, "node-name": "root"})
        with pytest.raises(BlockError, match="node-name=root"):
            bench.health.check()


def test_what_the_host_has_is_tried() -> None:
    assert aio.why_not("threads") is None
    assert aio.why_not("nonsense") is not None
