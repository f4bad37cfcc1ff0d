"""The spare clone: taken by whoever wants it, ended when nobody does, and never in the way."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from fixtures.core.errors import LaunchFailed
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.pool.prestart import Prestart, Prestarted

CLONE = cast("GuestInstance", object())


class MachineDirectories:
    """What was taken of the host, and the machines that were ended there."""

    def __init__(self) -> None:
        self.left = 0
        self.over: list[GuestInstance] = []

    def end_machine(self, instance: GuestInstance, *, failed: bool) -> None:
        assert not failed
        self.over.append(instance)

    def release(self) -> None:
        self.left += 1


@pytest.fixture
def place() -> MachineDirectories:
    return MachineDirectories()


@pytest.fixture
def spare() -> Prestart[MachineDirectories]:
    return Prestart()


def started() -> Prestarted:
    return CLONE, "started ahead"


def test_it_is_taken_once(spare: Prestart[MachineDirectories], place: MachineDirectories) -> None:
    spare.begin("cell", place, started)
    assert spare.is_pending
    assert spare.take("cell") == ((CLONE, "started ahead"), place)
    assert spare.take("cell") is None
    assert (place.left, place.over) == (0, [])
    spare.close()


def test_nobody_wants_one_of_another_cell(
    spare: Prestart[MachineDirectories], place: MachineDirectories
) -> None:
    spare.begin("cell", place, started)
    assert spare.take("other") is None
    assert (place.left, place.over) == (1, [CLONE])
    spare.close()


def test_the_end_ends_it(spare: Prestart[MachineDirectories], place: MachineDirectories) -> None:
    spare.begin("cell", place, started)
    spare.close()
    assert (place.left, place.over) == (1, [CLONE])


def test_where_there_is_no_checkpoint_there_is_none(
    spare: Prestart[MachineDirectories], place: MachineDirectories
) -> None:
    spare.begin("cell", place, lambda: None)
    assert spare.take("cell") is None
    assert (place.left, place.over) == (1, [])
    spare.close()


def test_one_that_does_not_start_is_no_harm(
    spare: Prestart[MachineDirectories], place: MachineDirectories
) -> None:
    def broken() -> Prestarted:
        raise LaunchFailed("no QEMU")

    spare.begin("cell", place, broken)
    assert spare.take("cell") is None
    assert place.left == 1
    spare.close()


def test_all_are_started_by_one_thread(
    spare: Prestart[MachineDirectories], place: MachineDirectories
) -> None:
    threads: list[threading.Thread] = []

    def note() -> None:
        threads.append(threading.current_thread())

    for _ in range(3):
        spare.begin("cell", place, note)
        spare.take("cell")
    assert len(set(threads)) == 1
    assert threads[0].is_alive()
    spare.close()
