"""Durability: what the guest was told is on the disk survives a power cut.

Mandatory is what every program that keeps data relies on: that a flush has done its work when it returns, and
that a journalling file system comes back sound with all that was made safe. FAT has no journal: that it can
be repaired and keeps what was made safe is recommended.
"""

from __future__ import annotations

import pytest

from fixtures.guest.durability import with_file_system
from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import DiskOptions
from fixtures.oracles.disk_layout import DiskLayout
from fixtures.oracles.filesystem_images import FileSystem

pytestmark = pytest.mark.needs("shell", "disk-tools")

LOGGED = DiskOptions(logged=True)
STEPS = [
    [Copy(0, 1, 512)],
    [Copy(2048, 64, 4096, how="synchronous")],
    [Copy(5000, 1000, 7777, how="buffered")],
    [Copy(9001, 777, 512 * 7), Copy(20000, 4096, 1 << 20)],
    [Copy(2048, 8, 512, how="buffered"), Copy(65535, 1, 512)],
]
RECORDS = 8


@pytest.mark.check("storage.flushed-is-written", level="mandatory")
def test_flushed_is_written(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """Whenever a flush returned to the guest, all that it covers was written before a flush of the disk."""
    disk = guest.storage.target
    disk.options = LOGGED
    before = attach_disk(disk).layout
    promises = []
    for step in STEPS:
        guest.storage.copy_all(source_disk, disk, step)
        promises.append(guest.durability.durable_layout(disk))
    kept = guest.durability.check_durable_layouts(disk, before, promises)
    assert kept.problems == ()
    assert kept.flushes >= len(STEPS)


@pytest.mark.boots
@pytest.mark.check("storage.killed-hypervisor-loses-nothing", level="mandatory")
def test_killed_hypervisor_loses_nothing(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """When QEMU is killed under load, all that was flushed is on the host and there after the next boot."""
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(32 << 20), format="qcow2"))
    safe = 20000
    guest.storage.copy_all(source_disk, disk, [Copy(0, 8000, 4096), Copy(8000, safe - 8000, 1 << 20)])
    guest.storage.start_copying(source_disk, disk, [Copy(safe, 40000, 4096)])
    guest.power.kill_hypervisor()
    assert guest.storage.image_problems(disk) == ""
    comparison = guest.storage.compare_range_on_host(disk, 0, safe)
    assert comparison.bad_sectors == 0, comparison.description
    guest.power.cold_boot()
    assert guest.startup_state() == "running"
    assert guest.storage.checksum_of_range(disk, 0, safe) == disk.layout.digest(0, safe)


def _survives_power_cuts(guest: Guest, source: ScratchDisk, attach_disk: AttachDisk, kind: FileSystem) -> None:
    if not guest.durability.can_mount(kind):
        pytest.skip(f"not_in_profile: {guest.cell.guest.id} knows no {kind}")
    disk = attach_disk(with_file_system("target", kind, options=LOGGED))
    guest.durability.mount(disk, "/mnt")
    records = [guest.durability.write_durable_file(source, disk, "/mnt", number) for number in range(RECORDS)]
    cuts = guest.durability.cut_power(disk, records, seed=11)
    assert cuts.problems == ()
    assert (cuts.flushes, cuts.cuts) >= (RECORDS, RECORDS)


@pytest.mark.needs("ext4")
@pytest.mark.check("storage.ext4-survives-power-cuts", level="mandatory")
def test_ext4_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """Wherever the power is cut, ext4 replays its journal, is sound, and has all files that were safe."""
    _survives_power_cuts(guest, source_disk, attach_disk, "ext4")


@pytest.mark.needs("xfs")
@pytest.mark.check("storage.xfs-survives-power-cuts", level="mandatory")
def test_xfs_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """Wherever the power is cut, XFS can be mounted again, is sound then, and has what was made safe."""
    _survives_power_cuts(guest, source_disk, attach_disk, "xfs")


@pytest.mark.needs("btrfs")
@pytest.mark.check("storage.btrfs-survives-power-cuts", level="mandatory")
def test_btrfs_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """Wherever the power is cut, Btrfs can be mounted again, is sound then, and has what was made safe."""
    _survives_power_cuts(guest, source_disk, attach_disk, "btrfs")


@pytest.mark.needs("vfat")
@pytest.mark.check("storage.vfat-survives-power-cuts", level="recommended")
def test_vfat_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """Wherever the power is cut, FAT can be repaired, and has every file that was made safe."""
    _survives_power_cuts(guest, source_disk, attach_disk, "vfat")
