"""Storage at the boundaries: large and tiny disks, ends of disks, many disks, and high unit numbers.

Large disks and ends of disks are mandatory: a stray write there destroys data. Few users have tiny disks,
very many disks or high unit numbers, so those are recommended.
"""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.storage import SEED, Copy
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import DiskOptions
from fixtures.oracles.disk_layout import DiskLayout

pytestmark = pytest.mark.needs("shell", "disk-tools")

MIB, TIB = 1 << 20, 1 << 40

LARGE = (2 * TIB + 64 * MIB) // 512
# Sector numbers that need one more bit: ATA had 28 bits once, SCSI 32 bits; 2 TiB are 2^32 sectors.
EDGES = [0, 1 << 28, 1 << 31, 1 << 32, LARGE]
AROUND = 32
MANY = 28
# Systems report different errors past the end.
REFUSALS = ("no space", "refused")


@pytest.mark.check("storage.large-disk-edges", level="mandatory")
def test_large_disk_edges(guest: Guest, attach_disk: AttachDisk) -> None:
    """On a disk larger than 2 TiB, writes at both ends and around sectors 2^28, 2^31, 2^32 are in place."""
    disk = attach_disk(ScratchDisk.named("large", DiskLayout.of_size(LARGE * 512, is_blank=True)))
    assert guest.storage.block_device(disk).size == LARGE * 512
    targets = [max(0, min(edge - AROUND // 2, LARGE - AROUND)) for edge in EDGES]
    extents = [(1000 * number, AROUND, target) for number, target in enumerate(targets, start=1)]
    source = guest.storage.attach_source_with(SEED, *extents)
    copies = [Copy(first, count, 512 * 8, to=target) for first, count, target in extents]
    guest.storage.copy_all(source, disk, copies)
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    for target in targets:
        expected = disk.layout.digest(target, AROUND)
        assert guest.storage.checksum_of_range(disk, target, AROUND) == expected


@pytest.mark.check("storage.past-the-end-is-refused", level="mandatory")
def test_past_the_end_is_refused(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A write at or past the end of a disk is refused, and the last sector can be written and read."""
    last = target_disk.layout.sectors - 1
    assert guest.storage.attempt_copy(source_disk, target_disk, Copy(last, 1, 512)) == "done"
    assert guest.storage.attempt_copy(source_disk, target_disk, Copy(0, 1, 512, to=last + 1)) in REFUSALS
    assert guest.storage.attempt_copy(source_disk, target_disk, Copy(0, 1, 512, to=last + 4096)) in REFUSALS
    assert guest.storage.attempt_copy(source_disk, target_disk, Copy(last - 7, 8, 4096)) == "done"
    comparison = guest.storage.compare_on_host(target_disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(target_disk) == target_disk.checksum()


@pytest.mark.parametrize("sectors", [1, 8, 63])
@pytest.mark.check("storage.tiny-disks", level="recommended")
def test_tiny_disks(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, sectors: int) -> None:
    """A disk of a few sectors has exactly this size, and all of its sectors can be written."""
    disk = attach_disk(ScratchDisk.named(f"tiny{sectors}", DiskLayout(sectors)))
    assert guest.storage.block_device(disk).size == sectors * 512
    guest.storage.copy_all(source_disk, disk, [Copy(0, sectors, 512)])
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.check("storage.many-disks", level="recommended")
def test_many_disks(guest: Guest) -> None:
    """With more disks than letters, the guest finds each by its serial number and writes to the right one."""
    if guest.storage.free_disk_slots <= MANY:
        slots = guest.storage.free_disk_slots
        pytest.skip(f"device_absent_by_design: {guest.cell.platform.id} takes {slots} more disks")
    disks = [ScratchDisk.named(f"many{number:02}", DiskLayout.of_size(MIB)) for number in range(MANY)]
    guest.storage.attach_many([guest.storage.source, *disks])
    copies = [Copy(100 * number, 9 + number, 512, to=number) for number in range(MANY)]
    guest.storage.copy_to_each(guest.storage.source, disks, copies)
    comparisons = [guest.storage.compare_on_host(disk) for disk in disks]
    assert [result.description for result in comparisons if result.bad_sectors] == []


@pytest.mark.parametrize("lun", [255, 256, 16383])
@pytest.mark.check("storage.high-unit-numbers", level="recommended")
def test_high_unit_numbers(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, lun: int) -> None:
    """The guest finds a disk whose logical unit number exceeds eight bits, and writes to no other disk."""
    low = attach_disk(ScratchDisk.named("low", DiskLayout.of_size(MIB), DiskOptions(lun=lun % 256)))
    high = (
        low
        if lun < 256
        else attach_disk(ScratchDisk.named("high", DiskLayout.of_size(MIB), DiskOptions(lun=lun)))
    )
    guest.storage.copy_all(source_disk, high, [Copy(5, 100, 512)])
    comparisons = [guest.storage.compare_on_host(disk) for disk in (low, high)]
    assert [result.description for result in comparisons if result.bad_sectors] == []
    assert guest.storage.checksum(high) == high.checksum()
