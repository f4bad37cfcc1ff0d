"""What carries a disk is exchanged while the machine has it: on every kind of disk, with QEMU and no guest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import disks, jobs
from fixtures.disks import ScratchDisk
from fixtures.errors import HostFault
from fixtures.machine.hardware import Disk
from fixtures.machine.machine import Machine
from fixtures.machine.plugging import end_faults
from fixtures.machine.storage import can_be_plugged
from fixtures.machine.traits import Fault, Traits
from fixtures.oracles.layout import Layout
from suites.selftest import machine_sample

SIZE = 1 << 20
KINDS: dict[str, dict[str, Any]] = {
    "ide": {"devices": {"disk": "ide-hd"}},
    "sata": {"machine": "q35", "devices": {"disk": "ide-hd"}},
    "old-scsi": {"devices": {"disk": "scsi-hd", "scsi": "lsi53c895a"}},
    "virtio-scsi": {"devices": {"disk": "scsi-hd", "scsi": "virtio-scsi-pci"}},
    "virtio-blk": {"machine": "q35", "devices": {"disk": "virtio-blk-pci"}},
    "nvme": {"machine": "q35", "devices": {"disk": "nvme"}},
    "usb": {"machine": "q35", "devices": {"disk": "usb-storage", "usb": "qemu-xhci"}},
}


@pytest.fixture(params=KINDS.values(), ids=list(KINDS))
def booted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A machine with a target disk from the start, as far as exchanging needs one."""
    image = machine_sample.disk(tmp_path / "disk.raw", machine_sample.HANG)
    path = tmp_path / "target.raw"
    path.write_bytes(bytes(SIZE))
    target = Disk("target", path, "raw", "IGTARGET")
    hardware = machine_sample.hardware(image, **request.param)
    hardware = dataclasses.replace(hardware, disks=(*hardware.disks, target))
    machine = Machine(hardware, tmp_path / "evidence")
    machine.start()
    starts: list[Any] = []
    yield SimpleNamespace(
        starts=starts,
        start_over=starts.append,
        machine=machine,
        disks={"target": target},
        unplugged=set(),
        place=SimpleNamespace(work=tmp_path),
        cell=hardware.cell,
        scale=1.0,
    )
    machine.end()


def carrier(booted: Any) -> set[str]:
    """The nodes that carry the disks of the machine."""
    blocks = booted.machine.execute("query-block")
    return {block["inserted"]["node-name"] for block in blocks if "inserted" in block}


def target(traits: Traits, **more: Any) -> ScratchDisk:
    return ScratchDisk.of("target", Layout.of_size(SIZE), traits, **more)


def test_a_disk_is_carried_by_what_a_check_wants(booted: Any) -> None:
    wanted = target(Traits(cache="none", aio="native", logged=True, limit=100), format="qcow2")
    assert disks.give(booted, wanted) == "carried by another node"
    first = booted.disks["target"].node_name
    assert carrier(booted) == {"root", first}
    assert disks.give(booted, target(Traits(discards=True))) == "carried by another node"
    assert carrier(booted) == {"root", booted.disks["target"].node_name} != {"root", first}
    assert disks.compare_with(booted, target(Traits())) == {
        "bad": 0,
        "words": f"{SIZE // 512} sectors hold what they must",
    }


def test_faults_end(booted: Any) -> None:
    disks.give(booted, target(Traits(faults=(Fault("write", 7, "ENOSPC"),))))
    faulty = booted.disks["target"].node_name
    end_faults(booted.machine, booted.disks["target"])
    assert carrier(booted) == {"root", f"{faulty}-sound"}
    nodes = {node["node-name"] for node in booted.machine.execute("query-named-block-nodes")}
    assert faulty not in nodes


@pytest.mark.parametrize(
    "wanted",
    [
        ScratchDisk.of("target", Layout.of_size(SIZE), Traits(on_error="stop")),
        ScratchDisk.of("target", Layout.of_size(SIZE), read_only=True),
        ScratchDisk.of("target", Layout.of_size(2 * SIZE), Traits(logged=True)),
    ],
    ids=["shape", "read-only", "size"],
)
def test_what_cannot_change(booted: Any, wanted: ScratchDisk) -> None:
    """Where a disk can be plugged in, it has to be another one; elsewhere the machine starts over with it."""
    if can_be_plugged(booted.cell.platform):
        with pytest.raises(HostFault, match="the guest has disk target, which cannot become"):
            disks.give(booted, wanted)
        return
    assert disks.give(booted, wanted, ["target"]) == "there from the start of another machine"
    [(started,)] = booted.starts
    assert (started.name, started.node_name, started.traits) == ("target", "target", wanted.traits)
    assert started.path.stat().st_size == wanted.layout.size


def test_a_machine_that_starts_over_keeps_what_was_given(booted: Any) -> None:
    if can_be_plugged(booted.cell.platform):
        return
    disks.give(booted, ScratchDisk.of("other", Layout.of_size(SIZE)), ["target"])
    disks.give(booted, ScratchDisk.of("lone", Layout.of_size(SIZE)), [])
    assert [[disk.name for disk in started] for started in booted.starts] == [["target", "other"], ["lone"]]


def test_operations_leave_the_disk_carried(booted: Any) -> None:
    disk = target(Traits())
    disks.give(booted, disk)
    jobs.mirror(booted, disk)
    assert carrier(booted) == {"root", "target-mirror"}
    jobs.snapshot(booted, disk)
    jobs.commit(booted, disk)
    jobs.snapshot(booted, disk)
    jobs.revert(booted, disk)
    assert carrier(booted) == {"root", "target-mirror"}
    assert jobs.end_backup(booted, disk, disk.layout, jobs.begin_backup(booted, disk)) == {
        "bad": 0,
        "words": f"{SIZE // 512} sectors hold what they must",
    }
