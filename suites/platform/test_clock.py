"""The clock: what goes by for the guest goes by for the host."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

REST = 10
# Seconds; some systems tell the time in whole ones.
LOOSE = 1.0


@pytest.mark.check("platform.clock-keeps-time", level="mandatory")
def test_clock_keeps_time(guest: Guest) -> None:
    """While the guest rests by its own timers, its clock and the host's go on by the same."""
    pace = guest.clock.measure_sleep(REST)
    assert pace.guest >= REST - LOOSE
    assert pace.host_minimum - LOOSE <= pace.guest <= pace.host_maximum + LOOSE
