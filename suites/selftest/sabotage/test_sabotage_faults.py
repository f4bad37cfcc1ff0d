"""Sabotage of suites/storage/test_faults.py: errors that spread, errors that are swallowed, and lost writes."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.machine.hardware import Disk
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.fault_injection import Alter, Spoil
from suites.storage import test_faults

# The same disks misbehave on any platform, and are judged by the same; one will do.
pytestmark = pytest.mark.device("virtio-blk-*")


def without_faults(disk: Disk) -> Disk:
    """Errors that nobody hears of."""
    return dataclasses.replace(disk, options=dataclasses.replace(disk.options, faults=()))


def test_an_error_that_spreads_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.Fails, test_faults.BAD)
    with pytest.raises(AssertionError, match="assert 'I/O error' == 'done'"):
        test_faults.test_read_error_is_reported(victim, victim.storage.attach)


def test_a_swallowed_error_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    alter(without_faults)
    give = victim.storage.attach
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_read_error_is_reported(victim, give)
    assert victim.storage.detach(ScratchDisk.named("target", victim.storage.target.layout))
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_write_error_is_reported(victim, source, give, "buffered")
    assert victim.storage.detach(ScratchDisk.named("target", victim.storage.target.layout))
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_flush_error_is_reported(victim, source, give)


def test_a_write_lost_over_a_stop_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.Loses, test_faults.BAD)
    with pytest.raises(AssertionError, match="sector 6000: lost"):
        test_faults.test_stops_on_error_and_goes_on(victim, source, victim.storage.attach, "EIO")


def test_a_bit_flipped_by_a_slow_disk_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.Flips, 1010)
    with pytest.raises(AssertionError, match="sector 1010: bit flip"):
        test_faults.test_slow_is_not_broken(victim, source, victim.storage.attach)
