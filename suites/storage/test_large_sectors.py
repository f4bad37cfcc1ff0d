"""Disks with sectors of 4 KiB (4Kn): every request reaches the bytes that it is for, and no others.

A driver that confuses its units, sectors of 512 bytes and of the disk, writes or discards elsewhere.
"""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import DiskOptions
from fixtures.oracles.disk_layout import DiskLayout

pytestmark = pytest.mark.needs("shell", "disk-tools", "discard")

SIZE = 32 << 20
# Bytes of a sector, and sectors of 512 bytes in it.
SECTOR, UNIT = 4096, 8
LAST = SIZE // SECTOR - 1
# The first sector and the count of each request, in sectors of 4 KiB. No range touches another of its kind.
WRITTEN = [(0, 1), (3, 5), (9, 100), (1024, 1024), (LAST, 1)]
DISCARDED = [(1, 1), (7, 3), (512, 256), (1001, 999), (LAST - 5, 2)]
ZEROED = [(5, 1), (600, 64), (4000, 97), (LAST - 1, 2)]


@pytest.mark.check("storage.sectors-of-4-kib", level="mandatory")
def test_sectors_of_4_kib(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """On a 4Kn disk writes, discards and zeroing reach the bytes that were asked for, and no others."""
    options = DiskOptions(logical_block=4096, physical_block=4096, discards=True)
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(SIZE), options))
    unknown = guest.storage.holes_unknown_reason()
    if unknown is not None:
        pytest.skip(f"channel_not_available: {unknown}")
    assert guest.storage.block_device(disk).logical_block == SECTOR
    writes = [Copy(UNIT * first, UNIT * count, SECTOR) for first, count in WRITTEN]
    guest.storage.copy_all(source_disk, disk, writes)
    assert guest.storage.holes_on_host(disk) == [], "holes before the first discard"
    for first, count in DISCARDED:
        outcome = guest.storage.discard(disk, UNIT * first, UNIT * count)
        if outcome == "not supported":
            pytest.skip(f"device_absent_by_design: disks of {guest.cell.platform.id} do not support discard")
        assert outcome == "done"
    expected = [(SECTOR * first, SECTOR * count) for first, count in DISCARDED]
    assert guest.storage.holes_on_host(disk) == expected, "offset and length in bytes of what was discarded"
    for first, count in ZEROED:
        assert guest.storage.discard(disk, UNIT * first, UNIT * count, zero=True) == "done"
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()
