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
    yield SimpleNamespace(
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


def test_what_cannot_change_is_refused_or_there_from_the_start_of_another(booted: Any) -> None:
    started: list[Disk] = []
    booted.start_over = started.extend
    wanted = target(Traits(on_error="stop"))
    if can_be_plugged(booted.cell.platform):
        with pytest.raises(HostFault, match=r"disk target, which cannot become .*on_error='stop'"):
            disks.give(booted, wanted)
    else:
        assert disks.give(booted, wanted) == "there from the start of another machine"
        assert [(each.name, each.traits.on_error) for each in started] == [("target", "stop")]


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
