"""Input devices: key strokes, positions and movements that the host sends reach the guest."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "input")


@pytest.mark.check("drivers.input-reaches-the-guest", level="mandatory")
def test_input_reaches_the_guest(guest: Guest) -> None:
    """A key stroke, a position and a movement each arrive unchanged through the device that is for it."""
    assert guest.devices.input.send_events() == guest.devices.input.expected_events()
