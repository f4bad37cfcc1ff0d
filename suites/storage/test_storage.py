"""Storage: the host finds what the guest writes, and the guest reads what the host wrote."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk


@pytest.mark.check("storage.write-reaches-disk", level="mandatory")
def test_a_write_reaches_the_disk(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """Data that the guest copies and flushes is on the host's disk byte for byte; the rest is untouched."""
    guest.storage.copy(source_disk, target_disk, first=2048, count=16384)
    guest.storage.copy(source_disk, target_disk, first=40001, count=7)
    comparison = guest.storage.compare_on_host(target_disk)
    assert comparison.bad_sectors == 0, comparison.description


@pytest.mark.check("storage.host-pattern-reads-back", level="mandatory")
def test_the_hosts_pattern_reads_back(guest: Guest, source_disk: ScratchDisk) -> None:
    """The guest reads a whole disk exactly as the host wrote it."""
    assert guest.storage.checksum(source_disk) == source_disk.checksum()
