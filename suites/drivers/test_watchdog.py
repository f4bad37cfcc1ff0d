"""The watchdog: it expires when the guest stops feeding it, and only then."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "watchdog")

# Seconds. The guest feeds the watchdog for longer than the timeout.
TIMEOUT = 8
FED = 12


@pytest.mark.device("i6300esb", "ib700", "itco")
@pytest.mark.check("drivers.watchdog-barks-when-not-fed", level="mandatory")
def test_watchdog_expires_when_not_fed(guest: Guest) -> None:
    """The watchdog does not expire while the guest feeds it, even past its timeout, but does afterwards."""
    run = guest.devices.watchdog.start(timeout=TIMEOUT, fed_for=FED)
    assert run.driver == run.expected_driver
    assert run.expired_while_fed == 0, run
    assert run.expired_afterwards >= 1, run
