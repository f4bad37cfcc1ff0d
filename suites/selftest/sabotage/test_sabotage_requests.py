"""Sabotage of suites/storage/test_requests.py: disks that lose, tear, flip, swap or misdirect sectors."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest.guest import Guest
from fixtures.machine.disk_options import DEFAULT_DISK_OPTIONS
from fixtures.systems.base.storage import FioResult
from fixtures.systems.linux.storage import LinuxStorage
from suites.selftest.sabotage.test_sabotage_boundaries import grow
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.fault_injection import Alter, Spoil
from suites.storage import test_requests

# Disks misbehave in the same way on every platform, and the host compares them in the same way; one suffices.
pytestmark = pytest.mark.device("virtio-blk-*")


MISBEHAVIOURS = [
    (bad.LosesWrite, 3000, r"sector 3000: lost \(still the sentinel\); 1 bad sector"),
    (bad.TearsWrite, 3000, r"sector 3000: torn \(256 of 512 bytes right\)"),
    (bad.FlipsBit, 3000, r"sector 3000: bit flip \(1 bit differs\)"),
    (bad.ZeroesSector, 3000, r"sector 3000: zeroed"),
    (bad.SwapsSectors, 3000, r"sector 3000: misdirected \(from sector 3001.*; 2 bad sectors"),
    (bad.MisdirectsWrite, 25350, r"sector 25350: lost .*1 lost, 1 misdirected"),
    (bad.ReadsStale, 3000, r"sha256:"),
]


@pytest.mark.parametrize(
    ("kind", "sector", "message"), MISBEHAVIOURS, ids=lambda value: getattr(value, "__name__", "")
)
def test_misbehaving_disk_is_named(
    victim: Guest, spoil: Spoil, kind: type[bad.OneSectorFault], sector: int, message: str
) -> None:
    spoil(kind, sector)
    source = victim.storage.attach(victim.storage.source)
    target = victim.storage.attach(victim.storage.target)
    with pytest.raises(AssertionError, match=message):
        test_requests.test_requests_of_every_shape(victim, source, target)


def test_lost_sector_of_a_512e_disk_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.LosesWrite, 72)
    with pytest.raises(AssertionError, match="sector 72: lost"):
        test_requests.test_sector_sizes(victim, source, victim.storage.attach, (512, 4096))


def test_wrong_sector_size_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    alter(lambda disk: dataclasses.replace(disk, options=DEFAULT_DISK_OPTIONS))
    with pytest.raises(AssertionError, match=r"\(512, 512, "):
        test_requests.test_sector_sizes(victim, source, victim.storage.attach, (4096, 4096))


def test_bit_flip_behind_a_cache_is_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.FlipsBit, 3000)
    with pytest.raises(AssertionError, match="sector 3000: bit flip"):
        test_requests.test_caches_and_formats(
            victim, source, victim.storage.attach, "writethrough", "threads", "raw"
        )


def test_fio_that_wrote_nothing_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest has no fio. A replacement reports success, and writes nothing."""
    target = victim.storage.attach(victim.storage.target)
    size = 16384 * 512
    monkeypatch.setattr(LinuxStorage, "has_fio", lambda tools: True)
    monkeypatch.setattr(LinuxStorage, "run_fio", lambda *_, within: FioResult(0, size, size))
    with pytest.raises(AssertionError, match=r"\[8192, 8200, 8208, 8216, 8224\] == \[\]"):
        test_requests.test_fio_verifies(victim, target, 4096)
    monkeypatch.setattr(LinuxStorage, "run_fio", lambda *_, within: FioResult(84, size, 0))
    with pytest.raises(AssertionError, match="error: 84 != 0"):
        test_requests.test_fio_verifies(victim, target, 4096)


def test_writable_disk_instead_of_a_read_only_one_is_found(victim: Guest, alter: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    alter(lambda disk: dataclasses.replace(disk, read_only=False))
    with pytest.raises(AssertionError, match="read_only=False"):
        test_requests.test_read_only_refuses_writes(victim, source, victim.storage.attach)


def test_disk_of_another_size_is_found(victim: Guest, alter: Alter) -> None:
    alter(grow)
    with pytest.raises(AssertionError, match="IGC3PO"):
        test_requests.test_shown_as_given(victim)
