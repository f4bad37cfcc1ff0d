"""The watchdog: it barks when it is not fed, and only then."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "watchdog")

# Seconds; more than the timeout.
FED = 12


@pytest.mark.device("i6300esb", "ib700", "itco")
@pytest.mark.check("drivers.watchdog-barks-when-not-fed", level="mandatory")
def test_the_watchdog_barks_when_it_is_not_fed(guest: Guest) -> None:
    """By QEMU, nothing happens for longer than the timeout while the guest feeds it; then it barks."""
    watched = guest.devices.watchdog.start(timeout=8, fed_for=FED)
    assert watched.driver == watched.expected_driver
    assert watched.while_fed == 0
    assert watched.left_alone >= 1
