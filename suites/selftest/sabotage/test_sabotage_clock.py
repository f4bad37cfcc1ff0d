"""Sabotage of suites/platform/test_clock.py: a clock that jumps, and a sleep that ends early."""

from __future__ import annotations

import pytest

from suites.platform import test_clock
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_clock_that_jumps_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_clock, "SLEEP", 4)
    test_clock.test_clock_keeps_time(broken.guest)
    broken.guest.run_check("( sleep 1; date -s '+30 seconds' ) >/dev/null 2>&1 &")
    with pytest.raises(AssertionError, match=r"ElapsedTime\(guest=3"):
        test_clock.test_clock_keeps_time(broken.guest)


def test_sleep_that_ends_early_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_clock, "SLEEP", 4)
    broken.guest.run_check("mount --bind /bin/true /bin/sleep")
    with pytest.raises(AssertionError, match="ElapsedTime"):
        test_clock.test_clock_keeps_time(broken.guest)
