"""Sabotage of storage.flushed-is-written on every bus, since each bus has its own flush command."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from suites.selftest.support.fault_injection import ignore_flushes
from suites.storage import test_durability


@pytest.mark.small_guest
@pytest.mark.needs("shell", "disk-tools")
def test_dropped_flush_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    ignore_flushes(monkeypatch)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match=r"after \d+ writes: sector 0: lost"):
        test_durability.test_flushed_is_written(victim, source, victim.storage.attach)
