"""Sabotage of suites/storage/test_operations.py: operations that lose, change or keep too much."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest import disks as guest_disks
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.hardware_plan import target_disk_layout
from fixtures.lab.operations import block_jobs, scratch_disks
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.machine.disk_options import DEFAULT_DISK_OPTIONS
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.fault_injection import Alter, Spoil
from suites.storage import test_operations

# Disks misbehave in the same way on every platform, and the host compares them in the same way; one suffices.
pytestmark = pytest.mark.device("virtio-blk-*")


def test_bit_flip_during_a_pause_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.FlipsBit, 9000)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="sector 9000: bit flip"):
        test_operations.test_pause_loses_nothing(victim, source, victim.storage.attach(victim.storage.target))


def test_mirror_that_differs_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = block_jobs.mirror

    def mirror_and_zero_a_sector(instance: GuestInstance, disk: ScratchDisk) -> None:
        mirror(instance, disk)
        with instance.disks[disk.name].path.open("r+b") as file:
            file.seek(500 * 512)
            file.write(bytes(512))

    monkeypatch.setattr(block_jobs, "mirror", mirror_and_zero_a_sector)
    source, target = (victim.storage.attach(disk) for disk in (victim.storage.source, victim.storage.target))
    with pytest.raises(AssertionError, match="sector 500: zeroed"):
        test_operations.test_mirror_loses_nothing(victim, source, target)


def test_backup_of_a_later_moment_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, end = block_jobs.begin_backup, block_jobs.end_backup
    monkeypatch.setattr(block_jobs, "begin_backup", lambda instance, disk: 0)
    monkeypatch.setattr(
        block_jobs,
        "end_backup",
        lambda instance, disk, before, mark: end(instance, disk, before, begin(instance, disk)),
    )
    source, target = (victim.storage.attach(disk) for disk in (victim.storage.source, victim.storage.target))
    with pytest.raises(AssertionError, match="sector 30000: stray write"):
        test_operations.test_backup_is_of_one_moment(victim, source, target)


def test_snapshot_that_keeps_nothing_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep_nothing(instance: GuestInstance, disk: ScratchDisk) -> None:
        instance.disks[f"{disk.name}-base"] = instance.disks[disk.name]

    monkeypatch.setattr(block_jobs, "take_snapshot", keep_nothing)
    monkeypatch.setattr(block_jobs, "revert_to_snapshot", lambda instance, disk: None)
    source, target = (victim.storage.attach(disk) for disk in (victim.storage.source, victim.storage.target))
    with pytest.raises(AssertionError, match="sector 1000: stray write"):
        test_operations.test_snapshot_and_commit(victim, source, target)
    target.layout = target_disk_layout()
    victim.storage.attach(target)
    with pytest.raises(AssertionError, match=r"577 bad sectors in 1000\.\.50077"):
        test_operations.test_snapshot_and_return(victim, source, target)


def test_disk_that_does_not_grow_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_jobs, "resize", lambda instance, disk, size: None)
    monkeypatch.setattr(instance, "wait_until", lambda condition: condition(instance.system))
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="16777216"):
        test_operations.test_resize_keeps_data(victim, source, victim.storage.attach)


def test_discard_without_effect_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    alter(lambda disk: dataclasses.replace(disk, options=DEFAULT_DISK_OPTIONS))
    with pytest.raises(AssertionError, match="sector 4096: stray write"):
        test_operations.test_discard_gives_back(victim, source, victim.storage.attach, zero=False)


def test_file_system_damaged_by_an_unplug_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    detach_disk = scratch_disks.detach_disk

    def detach_and_damage(instance: GuestInstance, disk: ScratchDisk) -> object:
        released = detach_disk(instance, disk)
        with instance.disks[disk.name].path.open("r+b") as file:
            file.seek(64 << 10)
            file.write(b"\xff" * (512 << 10))
        return released

    monkeypatch.setattr(guest_disks, "detach_disk", detach_and_damage)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="not sound|record"):
        test_operations.test_unplug_while_mounted(victim, source, victim.storage.attach)
