"""Storage: places where sizes and addresses stop fitting into fewer bits, and the ends of disks.

Mandatory is that no write goes astray on a large disk and that none goes past the end of one. Tiny disks,
very many disks and high unit numbers are what only some users have: recommended.
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
# 28 bits were enough for a sector's number in ATA once, 32 bits in SCSI; 2 TiB are 2 to the 32 sectors.
EDGES = [0, 1 << 28, 1 << 31, 1 << 32, LARGE]
AROUND = 32
MANY = 28
# Systems differ in what they call it.
REFUSALS = ("no space", "refused")


@pytest.mark.check("storage.large-disk-edges", level="mandatory")
def test_large_disk_edges(guest: Guest, attach_disk: AttachDisk) -> None:
    """On a disk of more than 2 TiB, writes around 2^28, 2^31, 2^32 sectors and its ends stay in place."""
    disk = attach_disk(ScratchDisk.named("large", DiskLayout.of_size(LARGE * 512, blank=True)))
    assert guest.storage.block_device(disk).size == LARGE * 512
    places = [max(0, min(edge - AROUND // 2, LARGE - AROUND)) for edge in EDGES]
    extents = [(1000 * (at + 1), AROUND, place) for at, place in enumerate(places)]
    source = guest.storage.attach_source_with(SEED, *extents)
    copies = [Copy(first, count, 512 * 8, to=place) for first, count, place in extents]
    guest.storage.copy_all(source, disk, copies)
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    for place in places:
        expected = disk.layout.digest(place, AROUND)
        assert guest.storage.checksum_of_range(disk, place, AROUND) == expected


@pytest.mark.check("storage.past-the-end-is-refused", level="mandatory")
def test_past_the_end_is_refused(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A write that starts at the end, or past it, is refused; the last sector can be written and read."""
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
    """A disk of a few sectors has just those, and all of them can be written."""
    disk = attach_disk(ScratchDisk.named(f"tiny{sectors}", DiskLayout(sectors)))
    assert guest.storage.block_device(disk).size == sectors * 512
    guest.storage.copy_all(source_disk, disk, [Copy(0, sectors, 512)])
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.check("storage.many-disks", level="recommended")
def test_many_disks(guest: Guest) -> None:
    """With more disks than letters, each is found by its serial number and holds what was written to it."""
    if guest.storage.free_disk_slots <= MANY:
        pytest.skip(
            f"device_absent_by_design: {guest.cell.platform.id} takes {guest.storage.free_disk_slots} more disks"
        )
    disks = [ScratchDisk.named(f"many{number:02}", DiskLayout.of_size(MIB)) for number in range(MANY)]
    guest.storage.attach_many([guest.storage.source, *disks])
    copies = [Copy(100 * number, 9 + number, 512, to=number) for number in range(MANY)]
    guest.storage.copy_to_each(guest.storage.source, disks, copies)
    found = [guest.storage.compare_on_host(disk) for disk in disks]
    assert [each.description for each in found if each.bad_sectors] == []


@pytest.mark.parametrize("lun", [255, 256, 16383])
@pytest.mark.check("storage.high-unit-numbers", level="recommended")
def test_high_unit_numbers(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, lun: int) -> None:
    """A disk with a logical unit number of more than eight bits is found, and no other is written to."""
    low = attach_disk(ScratchDisk.named("low", DiskLayout.of_size(MIB), DiskOptions(lun=lun % 256)))
    high = low if lun < 256 else attach_disk(ScratchDisk.named("high", DiskLayout.of_size(MIB), DiskOptions(lun=lun)))
    guest.storage.copy_all(source_disk, high, [Copy(5, 100, 512)])
    found = [guest.storage.compare_on_host(disk) for disk in (low, high)]
    assert [each.description for each in found if each.bad_sectors] == []
    assert guest.storage.checksum(high) == high.checksum()
