"""Checks of storage on disks that misbehave: each must fail, and name what became of the data."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fixtures import disks, jobs, power
from fixtures.booted import Booted, target_layout
from fixtures.disks import ScratchDisk
from fixtures.guest import disks as guest_disks
from fixtures.guest.guest import Guest
from fixtures.host.tools import ask, require_tool
from fixtures.machine.hardware import Disk
from fixtures.machine.traits import USUAL
from suites.selftest import misbehaving_disk as bad
from suites.storage import test_boundaries, test_durability, test_faults, test_operations, test_requests

Change = Callable[[Disk], Disk]
Alter = Callable[[Change], None]
Spoil = Callable[[type[bad._OneSector], int], None]


@pytest.fixture
def alter(monkeypatch: pytest.MonkeyPatch) -> Alter:
    """Make something else of each disk that a check gives to the guest, but for the source."""
    make = disks._make

    def altering(change: Change) -> None:
        def made(booted: Booted, disk: ScratchDisk) -> Disk:
            whole = make(booted, disk)
            return whole if disk.name == "source" else change(whole)

        monkeypatch.setattr(disks, "_make", made)

    # What is usual is not made, but taken from where it lies.
    monkeypatch.setattr(ScratchDisk, "is_usual", property(lambda disk: disk.name == "source"))
    return altering


@pytest.fixture
def spoil(alter: Alter) -> Iterator[Spoil]:
    """Have each disk of a check carried by one that misbehaves at one sector."""
    # The path of a socket is short (unix(7)).
    with tempfile.TemporaryDirectory(prefix="nbd-") as directory, ExitStack() as servers:

        def spoiling(kind: type[bad._OneSector], sector: int) -> None:
            def served(disk: Disk) -> Disk:
                place = Path(directory) / disk.path.name
                server = servers.enter_context(bad.Server(kind(disk.path, sector), place))
                return dataclasses.replace(disk, server=server.path)

            alter(served)

        yield spoiling


def without_faults(disk: Disk) -> Disk:
    """Errors that nobody hears of."""
    return dataclasses.replace(disk, traits=dataclasses.replace(disk.traits, faults=()))


SPOILED = [
    (bad.Loses, 3000, r"sector 3000: lost \(still the sentinel\); 1 bad sector"),
    (bad.Tears, 3000, r"sector 3000: torn \(256 of 512 bytes right\)"),
    (bad.Flips, 3000, r"sector 3000: bit flip \(1 bit differs\)"),
    (bad.Zeroes, 3000, r"sector 3000: zeroed"),
    (bad.Swaps, 3000, r"sector 3000: misdirected \(from sector 3001.*; 2 bad sectors"),
    (bad.Misdirects, 25350, r"sector 25350: lost .*1 lost, 1 misdirected"),
    (bad.ReadsStale, 3000, r"sha256:"),
]


@pytest.mark.parametrize(("kind", "sector", "said"), SPOILED, ids=lambda each: getattr(each, "__name__", ""))
def test_a_spoiled_sector_is_named(
    victim: Guest, spoil: Spoil, kind: type[bad._OneSector], sector: int, said: str
) -> None:
    spoil(kind, sector)
    source = victim.storage.give(victim.storage.source)
    target = victim.storage.give(victim.storage.target)
    with pytest.raises(AssertionError, match=said):
        test_requests.test_requests_of_every_shape(victim, source, target)


def test_a_sector_lost_on_large_sectors_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.give(victim.storage.source)
    spoil(bad.Loses, 72)
    with pytest.raises(AssertionError, match="sector 72: lost"):
        test_requests.test_sector_sizes(victim, source, victim.storage.give, (512, 4096))


def test_sectors_of_another_size_are_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.give(victim.storage.source)
    alter(lambda disk: dataclasses.replace(disk, traits=USUAL))
    with pytest.raises(AssertionError, match=r"\(512, 512, "):
        test_requests.test_sector_sizes(victim, source, victim.storage.give, (4096, 4096))


def test_a_bit_flipped_behind_a_cache_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.give(victim.storage.source)
    spoil(bad.Flips, 3000)
    with pytest.raises(AssertionError, match="sector 3000: bit flip"):
        test_requests.test_caches_and_formats(
            victim, source, victim.storage.give, "writethrough", "threads", "raw"
        )


def test_a_read_only_disk_that_is_not_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.give(victim.storage.source)
    alter(lambda disk: dataclasses.replace(disk, read_only=False))
    with pytest.raises(AssertionError, match="read_only=False"):
        test_requests.test_read_only_refuses_writes(victim, source, victim.storage.give)


def grow(disk: Disk) -> Disk:
    """Have a disk end later than it says."""
    with disk.path.open("r+b") as file:
        file.truncate(disk.path.stat().st_size + (1 << 20))
    return disk


def test_a_disk_of_another_size_is_found(victim: Guest, alter: Alter) -> None:
    alter(grow)
    with pytest.raises(AssertionError, match="IGC3PO"):
        test_requests.test_shown_as_given(victim, victim.storage.give)


def test_a_disk_that_goes_on_past_its_end_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.give(victim.storage.source)
    alter(grow)
    with pytest.raises(AssertionError, match="assert 'done' == 'no space'"):
        test_boundaries.test_past_the_end_is_refused(
            victim, source, victim.storage.give(victim.storage.target)
        )


def test_an_address_with_too_few_bits_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.Wraps, 1 << 32)
    with pytest.raises(AssertionError, match=r"misdirected \(from sector 42949672"):
        test_boundaries.test_large_disk_edges(victim, victim.storage.give)


def test_a_lost_sector_of_a_tiny_disk_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.give(victim.storage.source)
    spoil(bad.Loses, 7)
    with pytest.raises(AssertionError, match="sector 7: lost"):
        test_boundaries.test_tiny_disks(victim, source, victim.storage.give, 8)


def test_two_disks_exchanged_among_many_are_found(victim: Guest, alter: Alter) -> None:
    other = {"IGMANY01": "IGMANY02", "IGMANY02": "IGMANY01"}
    alter(lambda disk: dataclasses.replace(disk, serial=other.get(disk.serial, disk.serial)))
    with pytest.raises(AssertionError, match=r"(?s)lost.*misdirected"):
        test_boundaries.test_many_disks(victim)


def test_an_error_that_spreads_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.Fails, test_faults.BAD)
    with pytest.raises(AssertionError, match="assert 'I/O error' == 'done'"):
        test_faults.test_read_error_is_reported(victim, victim.storage.give)


def test_a_swallowed_error_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.give(victim.storage.source)
    alter(without_faults)
    give = victim.storage.give
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_read_error_is_reported(victim, give)
    assert victim.storage.take(ScratchDisk.of("target", victim.storage.target.layout))
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_write_error_is_reported(victim, source, give, "buffered")
    assert victim.storage.take(ScratchDisk.of("target", victim.storage.target.layout))
    with pytest.raises(AssertionError, match="assert 'done' == 'I/O error'"):
        test_faults.test_flush_error_is_reported(victim, source, give)


def test_a_write_lost_over_a_stop_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.give(victim.storage.source)
    spoil(bad.Loses, test_faults.BAD)
    with pytest.raises(AssertionError, match="sector 6000: lost"):
        test_faults.test_stops_on_error_and_goes_on(victim, source, victim.storage.give, "EIO")


def test_a_bit_flipped_by_a_slow_disk_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.give(victim.storage.source)
    spoil(bad.Flips, 1010)
    with pytest.raises(AssertionError, match="sector 1010: bit flip"):
        test_faults.test_slow_is_not_broken(victim, source, victim.storage.give)


def give_without_flushes(victim: Guest) -> Callable[[ScratchDisk], ScratchDisk]:
    """Gives disks whose cache the guest does not know of, so that it never flushes it."""

    def give(disk: ScratchDisk) -> ScratchDisk:
        given = victim.storage.give(disk)
        name = victim.storage.seen(given).name
        victim.ask(f"echo 'write through' >/sys/block/{name}/queue/write_cache")
        return given

    return give


def test_a_flush_that_never_comes_is_found(victim: Guest) -> None:
    source = victim.storage.give(victim.storage.source)
    with pytest.raises(AssertionError, match="promise 1: sector 0: lost"):
        test_durability.test_flushed_is_written(victim, source, give_without_flushes(victim))


@pytest.mark.parametrize(
    "check", [test_durability.test_ext4_survives_power_cuts, test_durability.test_vfat_survives_power_cuts]
)
def test_files_that_a_power_cut_would_take_are_found(
    victim: Guest, check: Callable[[Guest, ScratchDisk, Callable[[ScratchDisk], ScratchDisk]], None]
) -> None:
    source = victim.storage.give(victim.storage.source)
    with pytest.raises(AssertionError, match="power cut after .* writes: (record|not sound)"):
        check(victim, source, give_without_flushes(victim))


def test_a_bit_flipped_over_a_pause_is_found(victim: Guest, spoil: Spoil) -> None:
    spoil(bad.Flips, 9000)
    source = victim.storage.give(victim.storage.source)
    with pytest.raises(AssertionError, match="sector 9000: bit flip"):
        test_operations.test_pause_loses_nothing(victim, source, victim.storage.give(victim.storage.target))


def test_a_mirror_that_differs_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = jobs.mirror

    def mirror_and_forget(booted: Booted, disk: ScratchDisk) -> None:
        mirror(booted, disk)
        with booted.disks[disk.name].path.open("r+b") as file:
            file.seek(500 * 512)
            file.write(bytes(512))

    monkeypatch.setattr(jobs, "mirror", mirror_and_forget)
    source, target = (victim.storage.give(each) for each in (victim.storage.source, victim.storage.target))
    with pytest.raises(AssertionError, match="sector 500: zeroed"):
        test_operations.test_mirror_loses_nothing(victim, source, target)


def test_a_backup_of_a_later_moment_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, end = jobs.begin_backup, jobs.end_backup
    monkeypatch.setattr(jobs, "begin_backup", lambda booted, disk: 0)
    monkeypatch.setattr(
        jobs, "end_backup", lambda booted, disk, before, mark: end(booted, disk, before, begin(booted, disk))
    )
    source, target = (victim.storage.give(each) for each in (victim.storage.source, victim.storage.target))
    with pytest.raises(AssertionError, match="sector 30000: stray write"):
        test_operations.test_backup_is_of_one_moment(victim, source, target)


def test_a_snapshot_that_keeps_nothing_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep_nothing(booted: Booted, disk: ScratchDisk) -> None:
        booted.disks[f"{disk.name}-base"] = booted.disks[disk.name]

    monkeypatch.setattr(jobs, "snapshot", keep_nothing)
    monkeypatch.setattr(jobs, "revert", lambda booted, disk: None)
    source, target = (victim.storage.give(each) for each in (victim.storage.source, victim.storage.target))
    with pytest.raises(AssertionError, match="sector 1000: stray write"):
        test_operations.test_snapshot_and_commit(victim, source, target)
    target.layout = target_layout()
    victim.storage.give(target)
    with pytest.raises(AssertionError, match="sector 50001: stray write"):
        test_operations.test_snapshot_and_return(victim, source, target)


def test_a_disk_that_does_not_grow_is_found(
    victim: Guest, booted: Booted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "resize", lambda booted, disk, size: None)
    monkeypatch.setattr(booted, "notices", lambda seen: seen(booted.system))
    source = victim.storage.give(victim.storage.source)
    with pytest.raises(AssertionError, match="16777216"):
        test_operations.test_resize_keeps_data(victim, source, victim.storage.give)


def test_a_discard_that_does_nothing_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.give(victim.storage.source)
    alter(lambda disk: dataclasses.replace(disk, traits=USUAL))
    with pytest.raises(AssertionError, match="sector 4096: stray write"):
        test_operations.test_discard_gives_back(victim, source, victim.storage.give, zero=False)


def test_a_file_system_damaged_by_an_unplug_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    take = disks.take

    def take_and_damage(booted: Booted, disk: ScratchDisk) -> object:
        answer = take(booted, disk)
        with booted.disks[disk.name].path.open("r+b") as file:
            file.seek(64 << 10)
            file.write(b"\xff" * (512 << 10))
        return answer

    monkeypatch.setattr(guest_disks, "take", take_and_damage)
    source = victim.storage.give(victim.storage.source)
    with pytest.raises(AssertionError, match="not sound|record"):
        test_operations.test_unplug_while_mounted(victim, source, victim.storage.give)


def test_what_a_killed_hypervisor_had_not_written_is_found(
    victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = power.kill

    def kill_and_lose(booted: Booted) -> None:
        kill(booted)
        words = ("-f", "qcow2", "-c", "write -z 51200 512", booted.disks["target"].path)
        ask([require_tool("qemu-io"), *words])

    monkeypatch.setattr(power, "kill", kill_and_lose)
    source = victim.storage.give(victim.storage.source)
    with pytest.raises(AssertionError, match="sector 100: zeroed"):
        test_durability.test_killed_hypervisor_loses_nothing(victim, source, victim.storage.give)


def test_a_lost_sector_of_a_high_unit_is_found(victim: Guest, spoil: Spoil) -> None:
    if victim.cell.platform.model("disk") != "scsi-hd" or victim.storage.room == 0:
        pytest.skip("device_absent_by_design: this platform has no unit numbers to choose")
    source = victim.storage.give(victim.storage.source)
    spoil(bad.Loses, 9)
    with pytest.raises(AssertionError, match="sector 9: lost"):
        test_boundaries.test_high_unit_numbers(victim, source, victim.storage.give, 256)
