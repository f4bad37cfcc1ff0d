"""A guest with one device of every kind, for those who break them; and the answers that it gave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.catalog.catalog import Catalog
from fixtures.evidence.record import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab import Wish
from fixtures.outside import Outside
from fixtures.settings import SHIPPED_GUESTS

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.booted import Booted
    from fixtures.lab import Lab


@dataclass(frozen=True)
class Victim:
    """A guest as a check would get it, and the live cell behind it."""

    guest: Guest
    booted: Booted


@contextmanager
def victim(lab: Lab, place: Path, *, own_memory: bool = False) -> Iterator[Victim]:
    """A new clone of Debian on the platform that has everything."""
    (cell,) = Catalog.load([SHIPPED_GUESTS]).select(["debian-12"], ["q35-uefi-everything"])
    booted, _ = lab.machine(Wish(cell, cold=False, group=None, own_memory=own_memory))
    record = LiveRecord(place / "answers.jsonl")
    try:
        yield Victim(Guest(cell, Outside(record, booted)), booted)
    finally:
        record.close()
        lab.leave(None)
