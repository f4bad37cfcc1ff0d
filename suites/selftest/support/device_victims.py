"""A guest with one device of every kind, for those who break them; and the answers that it gave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.catalog.catalog import Catalog
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.pool import MachineRequest
from fixtures.lab.recording_proxy import RecordingProxy

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.lab.instance import GuestInstance
    from fixtures.lab.pool import MachinePool


@dataclass(frozen=True)
class Victim:
    """A guest as a check would get it, and the live cell behind it."""

    guest: Guest
    instance: GuestInstance


@contextmanager
def victim(pool: MachinePool, place: Path, *, private_memory: bool = False) -> Iterator[Victim]:
    """A new clone of Debian on the platform that has everything."""
    (cell,) = Catalog.load([SHIPPED_GUESTS]).select(["debian-12"], ["q35-uefi-everything"])
    instance, _ = pool.machine(MachineRequest(cell, cold=False, group=None, private_memory=private_memory))
    record = LiveRecord(place / "answers.jsonl")
    try:
        yield Victim(Guest(cell, RecordingProxy(record, instance)), instance)
    finally:
        record.close()
        pool.leave(None)
