"""Input: what is pressed, pointed at and moved on the host reaches the guest."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "input")


@pytest.mark.check("drivers.input-reaches-the-guest", level="mandatory")
def test_input_reaches_the_guest(guest: Guest) -> None:
    """A key, a place and a movement each arrive through the device that is for it, as they were sent."""
    assert guest.devices.input.act() == guest.devices.input.expected()
