"""A prestarted clone is taken by a request for its cell, and ended otherwise."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from fixtures.core.errors import LaunchFailed
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.pool.prestart import Prestart, Prestarted

CLONE = cast("GuestInstance", object())


class FakeSlot:
    """Counts its releases, and keeps the machines that were ended in it."""

    def __init__(self) -> None:
        self.releases = 0
        self.ended: list[GuestInstance] = []

    def end_machine(self, instance: GuestInstance, *, failed: bool) -> None:
        assert not failed
        self.ended.append(instance)

    def release(self) -> None:
        self.releases += 1


@pytest.fixture
def slot() -> FakeSlot:
    return FakeSlot()


@pytest.fixture
def prestart() -> Prestart[FakeSlot]:
    return Prestart()


def start_clone() -> Prestarted:
    return CLONE, "started ahead"


def test_a_clone_is_taken_once(prestart: Prestart[FakeSlot], slot: FakeSlot) -> None:
    prestart.begin("cell", slot, start_clone)
    assert prestart.is_pending
    assert prestart.take("cell") == ((CLONE, "started ahead"), slot)
    assert prestart.take("cell") is None
    assert (slot.releases, slot.ended) == (0, [])
    prestart.close()


def test_a_clone_of_another_cell_is_ended(prestart: Prestart[FakeSlot], slot: FakeSlot) -> None:
    prestart.begin("cell", slot, start_clone)
    assert prestart.take("other") is None
    assert (slot.releases, slot.ended) == (1, [CLONE])
    prestart.close()


def test_close_ends_the_clone(prestart: Prestart[FakeSlot], slot: FakeSlot) -> None:
    prestart.begin("cell", slot, start_clone)
    prestart.close()
    assert (slot.releases, slot.ended) == (1, [CLONE])


def test_without_a_checkpoint_the_slot_is_released(prestart: Prestart[FakeSlot], slot: FakeSlot) -> None:
    prestart.begin("cell", slot, lambda: None)
    assert prestart.take("cell") is None
    assert (slot.releases, slot.ended) == (1, [])
    prestart.close()


def test_a_failed_start_releases_the_slot(prestart: Prestart[FakeSlot], slot: FakeSlot) -> None:
    def broken() -> Prestarted:
        raise LaunchFailed("no QEMU")

    prestart.begin("cell", slot, broken)
    assert prestart.take("cell") is None
    assert slot.releases == 1
    prestart.close()


def test_one_thread_starts_all_clones(prestart: Prestart[FakeSlot], slot: FakeSlot) -> None:
    threads: list[threading.Thread] = []

    def note() -> None:
        threads.append(threading.current_thread())

    for _ in range(3):
        prestart.begin("cell", slot, note)
        prestart.take("cell")
    assert len(set(threads)) == 1
    assert threads[0].is_alive()
    prestart.close()
