"""What carries a disk is exchanged while the machine has it: on every kind of disk, with QEMU and no guest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.core.errors import HostFault
from fixtures.lab.operations import block_jobs, scratch_disks
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.machine.block_devices import can_hotplug_disk
from fixtures.machine.disk_options import DiskOptions, Fault
from fixtures.machine.hardware import Disk
from fixtures.machine.hotplug import stop_fault_injection
from fixtures.machine.machine import Machine
from fixtures.oracles.disk_layout import DiskLayout
from suites.selftest.support import machine_sample

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
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
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


def carrier(instance: Any) -> set[str]:
    """The nodes that carry the disks of the machine."""
    blocks = instance.machine.execute("query-block")
    return {block["inserted"]["node-name"] for block in blocks if "inserted" in block}


def target(options: DiskOptions, **more: Any) -> ScratchDisk:
    return ScratchDisk.of("target", DiskLayout.of_size(SIZE), options, **more)


def test_a_disk_is_carried_by_what_a_check_wants(instance: Any) -> None:
    wanted = target(DiskOptions(cache="none", aio="native", logged=True, limit=100), format="qcow2")
    assert scratch_disks.attach_disk(instance, wanted) == "carried by another node"
    first = instance.disks["target"].node_name
    assert carrier(instance) == {"root", first}
    assert (
        scratch_disks.attach_disk(instance, target(DiskOptions(discards=True))) == "carried by another node"
    )
    assert carrier(instance) == {"root", instance.disks["target"].node_name} != {"root", first}
    assert scratch_disks.compare_with_layout(instance, target(DiskOptions())) == {
        "bad": 0,
        "words": f"{SIZE // 512} sectors hold what they must",
    }


def test_faults_end(instance: Any) -> None:
    scratch_disks.attach_disk(instance, target(DiskOptions(faults=(Fault("write", 7, "ENOSPC"),))))
    faulty = instance.disks["target"].node_name
    stop_fault_injection(instance.machine, instance.disks["target"])
    assert carrier(instance) == {"root", f"{faulty}-sound"}
    nodes = {node["node-name"] for node in instance.machine.execute("query-named-block-nodes")}
    assert faulty not in nodes


@pytest.mark.parametrize(
    "wanted",
    [
        ScratchDisk.of("target", DiskLayout.of_size(SIZE), DiskOptions(on_error="stop")),
        ScratchDisk.of("target", DiskLayout.of_size(SIZE), read_only=True),
        ScratchDisk.of("target", DiskLayout.of_size(2 * SIZE), DiskOptions(logged=True)),
    ],
    ids=["shape", "read-only", "size"],
)
def test_what_cannot_change(instance: Any, wanted: ScratchDisk) -> None:
    """Where a disk can be plugged in, it has to be another one; elsewhere the machine starts over with it."""
    if can_hotplug_disk(instance.cell.platform):
        with pytest.raises(HostFault, match="the guest has disk target, which cannot become"):
            scratch_disks.attach_disk(instance, wanted)
        return
    assert (
        scratch_disks.attach_disk(instance, wanted, ["target"]) == "there from the start of another machine"
    )
    [(started,)] = instance.starts
    assert (started.name, started.node_name, started.options) == ("target", "target", wanted.options)
    assert started.path.stat().st_size == wanted.layout.size


def test_a_machine_that_starts_over_keeps_what_was_given(instance: Any) -> None:
    if can_hotplug_disk(instance.cell.platform):
        return
    scratch_disks.attach_disk(instance, ScratchDisk.of("other", DiskLayout.of_size(SIZE)), ["target"])
    scratch_disks.attach_disk(instance, ScratchDisk.of("lone", DiskLayout.of_size(SIZE)), [])
    assert [[disk.name for disk in started] for started in instance.starts] == [["target", "other"], ["lone"]]


def test_operations_leave_the_disk_carried(instance: Any) -> None:
    disk = target(DiskOptions())
    scratch_disks.attach_disk(instance, disk)
    block_jobs.mirror(instance, disk)
    assert carrier(instance) == {"root", "target-mirror"}
    block_jobs.take_snapshot(instance, disk)
    block_jobs.commit_snapshot(instance, disk)
    block_jobs.take_snapshot(instance, disk)
    block_jobs.revert_to_snapshot(instance, disk)
    assert carrier(instance) == {"root", "target-mirror"}
    assert block_jobs.end_backup(instance, disk, disk.layout, block_jobs.begin_backup(instance, disk)) == {
        "bad": 0,
        "words": f"{SIZE // 512} sectors hold what they must",
    }
