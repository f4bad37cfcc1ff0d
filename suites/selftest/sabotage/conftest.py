"""Fixtures of the sabotage tests, beside ``victim``, ``alter`` and ``spoil`` of the tests above."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.pool.machine_pool import MachinePool
from suites.selftest.support.sabotaged_guest import SabotagedGuest, clone_with_all_devices


@pytest.fixture
def broken(pool: MachinePool, tmp_path: Path) -> Iterator[SabotagedGuest]:
    """A new clone of Debian on the platform that has every kind of device, with its live instance."""
    with clone_with_all_devices(pool, tmp_path) as device_victim:
        yield device_victim
