"""Block nodes and devices for every disk option, and the options that a platform does not support."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import BlockError
from fixtures.host.host_features import unsupported_aio_reason
from fixtures.machine.block_devices import block_node, disk_device, unsupported_disk_reason
from fixtures.machine.disk_options import DiskOptions, Fault
from fixtures.machine.hardware import Disk
from fixtures.machine.health import judge_event
from fixtures.machine.hotplug import max_hotplugged_disks
from fixtures.machine.qmp_journal import Event
from suites.selftest.support import machine_sample


def disk(**options: Any) -> Disk:
    return Disk("d", Path("/w/d.raw"), "raw", "IGD", options=DiskOptions(**options), log=Path("/w/d.log"))


def test_a_disk_with_default_options_is_a_plain_file() -> None:
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
    ("cache", "direct", "write_cache"),
    [
        ("writeback", False, None),
        ("none", True, None),
        ("writethrough", False, "off"),
        ("directsync", True, "off"),
    ],
)
def test_cache_modes(cache: Any, direct: bool, write_cache: str | None) -> None:
    node = block_node(disk(cache=cache))
    assert node["cache"] == node["file"]["cache"] == {"direct": direct, "no-flush": False}
    assert disk_device(disk(cache=cache), "nvme").get("write-cache") == write_cache


def test_asynchronous_io_and_discards() -> None:
    assert block_node(disk(cache="none", aio="native"))["file"]["aio"] == "native"
    node = block_node(disk(discards=True))
    assert (node["discard"], node["file"]["discard"]) == ("unmap", "unmap")
    with pytest.raises(ValueError, match="native.* requires a cache mode that bypasses"):
        DiskOptions(aio="native")
    with pytest.raises(ValueError, match="physical_block must not be smaller than logical_block"):
        DiskOptions(logical_block=4096)


def test_layers_are_throttle_then_faults_then_log() -> None:
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


def test_an_nbd_server_replaces_the_file() -> None:
    served = dataclasses.replace(disk(), server=Path("/w/socket"), node="other")
    node = block_node(served)
    assert node["file"] == {"driver": "nbd", "server": {"type": "unix", "path": "/w/socket"}}
    assert node["node-name"] == disk_device(served, "nvme")["drive"] == "other"


def test_options_of_the_device_that_the_guest_sees() -> None:
    device = disk_device(disk(logical_block=4096, physical_block=4096, on_error="stop", lun=300), "scsi-hd")
    assert (device["logical_block_size"], device["physical_block_size"]) == (4096, 4096)
    assert (device["werror"], device["rerror"], device["scsi-id"], device["lun"]) == ("stop", "stop", 6, 300)


MIB = 1 << 20
IDE = {"disk": "ide-hd"}
NVME = {"disk": "nvme"}
SCSI = {"disk": "scsi-hd", "scsi": "virtio-scsi-pci"}
OLD_SCSI = {"disk": "scsi-hd", "scsi": "lsi53c895a"}


@pytest.mark.parametrize(
    ("devices", "options", "read_only", "reason"),
    [
        (IDE, {"cache": "writethrough", "on_error": "stop"}, False, None),
        (IDE, {"cache": "none", "aio": "native", "logged": True}, False, None),
        (IDE, {"physical_block": 4096}, False, None),
        (IDE, {"logical_block": 4096, "physical_block": 4096}, False, "sectors of 512 bytes"),
        (IDE, {}, True, "cannot be read-only"),
        (OLD_SCSI, {"on_error": "stop"}, True, None),
        (OLD_SCSI, {"lun": 1}, False, "no logical unit 1"),
        (NVME, {"physical_block": 4096}, True, None),
        (NVME, {"on_error": "stop"}, False, "nvme reports every error to its guest"),
        (NVME, {"lun": 0}, False, "no logical unit 0"),
        (SCSI, {"lun": 300, "on_error": "stop"}, False, None),
        (SCSI, {"lun": 16384}, False, "no logical unit 16384"),
        ({**IDE, "usb": "qemu-xhci"}, {"model": "usb-storage"}, False, None),
        (IDE, {"model": "usb-storage"}, False, "no controller for usb-storage"),
    ],
)
def test_unsupported_options_have_a_reason(
    devices: dict[str, str], options: dict[str, Any], read_only: bool, reason: str | None
) -> None:
    platform = machine_sample.cell(devices=devices).platform
    found = unsupported_disk_reason(platform, DiskOptions(**options), read_only=read_only)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_max_hotplugged_disks() -> None:
    def limit(**platform: Any) -> int:
        return max_hotplugged_disks(machine_sample.cell(**platform).platform)

    assert (limit(devices=IDE), limit(devices=OLD_SCSI), limit(devices=SCSI)) == (0, 0, 255)
    assert (limit(devices={"disk": "virtio-blk-pci"}), limit(devices=NVME)) == (32, 4)
    assert limit(devices={"disk": "usb-storage", "usb": "qemu-xhci"}) == 3


def test_errors_of_a_disk_with_injected_faults_are_no_failure(tmp_path: Path) -> None:
    with machine_sample.MachineBench(tmp_path) as bench:
        error = Event("BLOCK_IO_ERROR", {"node-name": "target", "action": "report"}, 0.0)
        assert isinstance(judge_event("m", error, "running"), BlockError)
        bench.health.expect_errors("target")
        bench.machine.journal.event(error.name, error.data)
        bench.health.check()
        bench.machine.journal.event(error.name, {**error.data, "node-name": "root"})
        with pytest.raises(BlockError, match="node-name=root"):
            bench.health.check()


def test_an_io_engine_is_tried_on_the_host() -> None:
    assert unsupported_aio_reason("threads") is None
    assert unsupported_aio_reason("nonsense") is not None
