"""Sabotage of the check of high unit numbers: lost writes, and unit numbers cut to eight bits."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest.guest import Guest
from fixtures.machine.hardware import Disk
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.fault_injection import Alter, Spoil
from suites.storage import test_boundaries

pytestmark = [
    pytest.mark.needs("shell", "disk-tools"),
    # Adapters that support more than a few units.
    pytest.mark.device("virtio-scsi-pci*"),
    pytest.mark.device("scsi-hd"),
]


def test_lost_sector_of_a_high_unit_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.LosesWrite, 9)
    with pytest.raises(AssertionError, match="sector 9: lost"):
        test_boundaries.test_high_unit_numbers(victim, source, victim.storage.attach, 256)


def test_unit_number_cut_to_eight_bits_is_found(victim: Guest, alter: Alter) -> None:
    """A guest that keeps only the low byte of a unit number writes to another disk."""

    def exchange_serials(disk: Disk) -> Disk:
        other = {"IGLOW": "IGHIGH", "IGHIGH": "IGLOW"}
        return dataclasses.replace(disk, serial=other.get(disk.serial, disk.serial))

    source = victim.storage.attach(victim.storage.source)
    alter(exchange_serials)
    with pytest.raises(AssertionError, match=r"(?s)lost.*stray write|stray write.*lost"):
        test_boundaries.test_high_unit_numbers(victim, source, victim.storage.attach, 256)
