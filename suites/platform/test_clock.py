"""The clock: time passes for the guest as fast as for the host."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

# Seconds.
SLEEP = 10
# Seconds. Some systems report whole seconds only.
TOLERANCE = 1.0


@pytest.mark.check("platform.clock-keeps-time", level="mandatory")
def test_clock_keeps_time(guest: Guest) -> None:
    """While the guest sleeps by its own timers, as much time passes on its clock as on the host's."""
    elapsed = guest.clock.measure_sleep(SLEEP)
    assert elapsed.guest >= SLEEP - TOLERANCE, elapsed
    assert elapsed.host_minimum - TOLERANCE <= elapsed.guest <= elapsed.host_maximum + TOLERANCE, elapsed
