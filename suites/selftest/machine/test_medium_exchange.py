"""Replacing the block node of a disk of a running machine, for every disk model, with QEMU but no guest."""

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
    """The attributes of a GuestInstance that the operations use; the machine starts with a target disk."""
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
        directories=SimpleNamespace(work=tmp_path),
        cell=hardware.cell,
    )
    machine.end()


def top_nodes(instance: Any) -> set[str]:
    """Names of the top block nodes of the machine's disks."""
    blocks = instance.machine.execute("query-block")
    return {block["inserted"]["node-name"] for block in blocks if "inserted" in block}


def target(options: DiskOptions, **more: Any) -> ScratchDisk:
    return ScratchDisk.named("target", DiskLayout.of_size(SIZE), options, **more)


def test_attaching_a_disk_again_replaces_its_block_node(instance: Any) -> None:
    disk = target(DiskOptions(cache="none", aio="native", logged=True, limit=100), format="qcow2")
    assert scratch_disks.attach_disk(instance, disk) == "block node replaced"
    first = instance.disks["target"].node_name
    assert top_nodes(instance) == {"root", first}
    assert scratch_disks.attach_disk(instance, target(DiskOptions(discards=True))) == "block node replaced"
    assert top_nodes(instance) == {"root", instance.disks["target"].node_name} != {"root", first}
    assert scratch_disks.compare_with_layout(instance, target(DiskOptions())) == {
        "bad": 0,
        "words": f"{SIZE // 512} sectors have their expected content",
    }


def test_stop_fault_injection_removes_the_fault_layer(instance: Any) -> None:
    scratch_disks.attach_disk(instance, target(DiskOptions(faults=(Fault("write", 7, "ENOSPC"),))))
    faulty = instance.disks["target"].node_name
    stop_fault_injection(instance.machine, instance.disks["target"])
    assert top_nodes(instance) == {"root", f"{faulty}-sound"}
    nodes = {node["node-name"] for node in instance.machine.execute("query-named-block-nodes")}
    assert faulty not in nodes


@pytest.mark.parametrize(
    "wanted",
    [
        ScratchDisk.named("target", DiskLayout.of_size(SIZE), DiskOptions(on_error="stop")),
        ScratchDisk.named("target", DiskLayout.of_size(SIZE), read_only=True),
        ScratchDisk.named("target", DiskLayout.of_size(2 * SIZE), DiskOptions(logged=True)),
    ],
    ids=["guest-visible-option", "read-only", "size"],
)
def test_options_that_cannot_change_need_a_new_disk_or_a_new_machine(
    instance: Any, wanted: ScratchDisk
) -> None:
    """With hot-plug the operation is refused; without it, the machine starts over with the new disk."""
    if can_hotplug_disk(instance.cell.platform):
        with pytest.raises(HostFault, match="the guest has disk target, which cannot become"):
            scratch_disks.attach_disk(instance, wanted)
        return
    assert (
        scratch_disks.attach_disk(instance, wanted, ["target"]) == "present from the start of a new machine"
    )
    [(started,)] = instance.starts
    assert (started.name, started.node_name, started.options) == ("target", "target", wanted.options)
    assert started.path.stat().st_size == wanted.layout.size


def test_a_machine_that_starts_over_keeps_the_disks_given_before(instance: Any) -> None:
    if can_hotplug_disk(instance.cell.platform):
        return
    scratch_disks.attach_disk(instance, ScratchDisk.named("other", DiskLayout.of_size(SIZE)), ["target"])
    scratch_disks.attach_disk(instance, ScratchDisk.named("lone", DiskLayout.of_size(SIZE)), [])
    assert [[disk.name for disk in started] for started in instance.starts] == [["target", "other"], ["lone"]]


def test_block_jobs_leave_the_disk_with_a_block_node(instance: Any) -> None:
    disk = target(DiskOptions())
    scratch_disks.attach_disk(instance, disk)
    block_jobs.mirror(instance, disk)
    assert top_nodes(instance) == {"root", "target-mirror"}
    block_jobs.take_snapshot(instance, disk)
    block_jobs.commit_snapshot(instance, disk)
    block_jobs.take_snapshot(instance, disk)
    block_jobs.revert_to_snapshot(instance, disk)
    assert top_nodes(instance) == {"root", "target-mirror"}
    assert block_jobs.end_backup(instance, disk, disk.layout, block_jobs.begin_backup(instance, disk)) == {
        "bad": 0,
        "words": f"{SIZE // 512} sectors have their expected content",
    }
