"""A guest with a device of every kind, for tests that break its devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.catalog.catalog import Catalog
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.pool.machine_request import MachineRequest

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.lab.instance.guest_instance import GuestInstance
    from fixtures.lab.pool.machine_pool import MachinePool


@dataclass(frozen=True)
class SabotagedGuest:
    """A guest as a check gets it, and its machine."""

    guest: Guest
    instance: GuestInstance


@contextmanager
def clone_with_all_devices(
    pool: MachinePool,
    directory: Path,
    *,
    private_memory: bool = False,
    platform: str = "q35-uefi-everything",
) -> Iterator[SabotagedGuest]:
    """A new clone of Debian on the platform with a device of every kind, or on another ``platform``.

    Answers go to ``directory``.
    """
    (cell,) = Catalog.load([SHIPPED_GUESTS]).select(["debian-12"], [platform])
    instance, _ = pool.acquire(
        MachineRequest(cell, is_cold=False, group=None, has_private_memory=private_memory)
    )
    record = LiveRecord(directory / "answers.jsonl")
    try:
        yield SabotagedGuest(Guest(cell, RecordingProxy(record, instance)), instance)
    finally:
        record.close()
        pool.release(None)
