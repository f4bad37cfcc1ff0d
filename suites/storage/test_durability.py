"""Durability: flushed data survives a power cut and the end of the hypervisor.

Every program that keeps data relies on flushes and on journalling file systems, so they are mandatory. FAT
has no journal: repair and survival of flushed files are recommended.
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
    [Copy(2048, 64, 4096, mode="synchronous")],
    [Copy(5000, 1000, 7777, mode="buffered")],
    [Copy(9001, 777, 512 * 7), Copy(20000, 4096, 1 << 20)],
    [Copy(2048, 8, 512, mode="buffered"), Copy(65535, 1, 512)],
]
FILES = 8


@pytest.mark.check("storage.flushed-is-written", level="mandatory")
def test_flushed_is_written(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """When a flush returns to the guest, the host's disk has been flushed after all data that it covers."""
    disk = guest.storage.target
    disk.options = LOGGED
    before = attach_disk(disk).layout
    durable = []
    for step in STEPS:
        guest.storage.copy_all(source_disk, disk, step)
        durable.append(guest.durability.durable_layout(disk))
    result = guest.durability.check_durable_layouts(disk, before, durable)
    assert result.problems == ()
    assert result.flushes >= len(STEPS), "flushes in the log of the disk"


@pytest.mark.boots
@pytest.mark.check("storage.killed-hypervisor-loses-nothing", level="mandatory")
def test_killed_hypervisor_loses_nothing(
    guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk
) -> None:
    """When QEMU is killed under load, all flushed data is on the host's disk, and there at the next boot."""
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(32 << 20), format="qcow2"))
    flushed = 20000
    guest.storage.copy_all(source_disk, disk, [Copy(0, 8000, 4096), Copy(8000, flushed - 8000, 1 << 20)])
    guest.storage.start_copying(source_disk, disk, [Copy(flushed, 40000, 4096)])
    guest.power.kill_hypervisor()
    assert guest.storage.image_problems(disk) == ""
    comparison = guest.storage.compare_range_on_host(disk, 0, flushed)
    assert comparison.bad_sectors == 0, comparison.description
    guest.power.cold_boot()
    assert guest.startup_state() == "running"
    assert guest.storage.checksum_of_range(disk, 0, flushed) == disk.layout.digest(0, flushed)


def _survives_power_cuts(
    guest: Guest, source: ScratchDisk, attach_disk: AttachDisk, kind: FileSystem
) -> None:
    if not guest.durability.can_mount(kind):
        pytest.skip(f"not_in_profile: {guest.cell.guest.id} cannot mount {kind}")
    disk = attach_disk(with_file_system("target", kind, options=LOGGED))
    guest.durability.mount(disk, "/mnt")
    files = [guest.durability.write_durable_file(source, disk, "/mnt", number) for number in range(FILES)]
    cuts = guest.durability.cut_power(disk, files, seed=11)
    assert cuts.problems == ()
    assert (cuts.flushes, cuts.cuts) >= (FILES, FILES), "flushes in the log, and simulated power cuts"


@pytest.mark.needs("ext4")
@pytest.mark.check("storage.ext4-survives-power-cuts", level="mandatory")
def test_ext4_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """After a power cut at any point, ext4 replays its journal, is sound, and holds all flushed files."""
    _survives_power_cuts(guest, source_disk, attach_disk, "ext4")


@pytest.mark.needs("xfs")
@pytest.mark.check("storage.xfs-survives-power-cuts", level="mandatory")
def test_xfs_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """After a power cut at any point, XFS can be mounted, is sound, and holds all flushed files."""
    _survives_power_cuts(guest, source_disk, attach_disk, "xfs")


@pytest.mark.needs("btrfs")
@pytest.mark.check("storage.btrfs-survives-power-cuts", level="mandatory")
def test_btrfs_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """After a power cut at any point, Btrfs can be mounted, is sound, and holds all flushed files."""
    _survives_power_cuts(guest, source_disk, attach_disk, "btrfs")


@pytest.mark.needs("vfat")
@pytest.mark.check("storage.vfat-survives-power-cuts", level="recommended")
def test_vfat_survives_power_cuts(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """After a power cut at any point, FAT can be repaired, and holds all flushed files."""
    _survives_power_cuts(guest, source_disk, attach_disk, "vfat")
