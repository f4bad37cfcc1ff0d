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

# Disks misbehave in the same way on every platform, and the host compares them in the same way; one suffices.
pytestmark = pytest.mark.device("virtio-blk-*")


def without_faults(disk: Disk) -> Disk:
    """The same disk without its injected errors."""
    return dataclasses.replace(disk, options=dataclasses.replace(disk.options, faults=()))


def test_error_that_spreads_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.FailsNeighbour, test_faults.BAD)
    with pytest.raises(AssertionError, match="assert 'I/O error' == 'done'"):
        test_faults.test_read_error_is_reported(victim, victim.storage.attach)


def test_swallowed_error_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    alter(without_faults)
    attach = victim.storage.attach
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_read_error_is_reported(victim, attach)
    assert victim.storage.detach(ScratchDisk.named("target", victim.storage.target.layout))
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_write_error_is_reported(victim, source, attach, "buffered")
    assert victim.storage.detach(ScratchDisk.named("target", victim.storage.target.layout))
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_flush_error_is_reported(victim, source, attach)


def test_write_lost_in_a_stop_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.LosesWrite, test_faults.BAD)
    with pytest.raises(AssertionError, match="sector 6000: lost"):
        test_faults.test_stops_on_error_and_goes_on(victim, source, victim.storage.attach, "EIO")


def test_bit_flip_of_a_slow_disk_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.FlipsBit, 1010)
    with pytest.raises(AssertionError, match="sector 1010: bit flip"):
        test_faults.test_slow_is_not_broken(victim, source, victim.storage.attach)
