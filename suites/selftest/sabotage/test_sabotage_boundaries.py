"""Sabotage of suites/storage/test_boundaries.py: too few address bits, larger disks, exchanged disks."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest.guest import Guest
from fixtures.machine.hardware import Disk
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.fault_injection import Alter, Spoil
from suites.storage import test_boundaries

# Disks misbehave in the same way on every platform, and the host compares them in the same way; one suffices.
pytestmark = pytest.mark.device("virtio-blk-*")


def grow(disk: Disk) -> Disk:
    """Make a disk 1 MiB larger than the check expects."""
    with disk.path.open("r+b") as file:
        file.truncate(disk.path.stat().st_size + (1 << 20))
    return disk


def test_disk_that_continues_past_its_end_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    alter(grow)
    with pytest.raises(AssertionError, match="assert 'done' in "):
        test_boundaries.test_past_the_end_is_refused(
            victim, source, victim.storage.attach(victim.storage.target)
        )


def test_address_with_too_few_bits_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.WrapsAddresses, 1 << 32)
    with pytest.raises(AssertionError, match=r"misdirected \(from sector 42949672"):
        test_boundaries.test_large_disk_edges(victim, victim.storage.attach)


def test_lost_sector_of_a_tiny_disk_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.LosesWrite, 7)
    with pytest.raises(AssertionError, match="sector 7: lost"):
        test_boundaries.test_tiny_disks(victim, source, victim.storage.attach, 8)


def test_exchanged_disks_among_many_are_found(
    victim: Guest, alter: Alter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four disks are enough to exchange two, and save time.
    monkeypatch.setattr(test_boundaries, "MANY", 4)
    other = {"IGMANY01": "IGMANY02", "IGMANY02": "IGMANY01"}
    alter(lambda disk: dataclasses.replace(disk, serial=other.get(disk.serial, disk.serial)))
    with pytest.raises(AssertionError, match=r"(?s)lost.*misdirected"):
        test_boundaries.test_many_disks(victim)
