"""Input devices: key strokes, positions and movements that the host sends reach the guest."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk

pytestmark = pytest.mark.needs("shell", "input")


@pytest.mark.check("drivers.input-reaches-the-guest", level="mandatory")
def test_input_reaches_the_guest(guest: Guest) -> None:
    """A key stroke, a position and a movement each arrive unchanged through the device that is for it."""
    assert guest.devices.input.send_events() == guest.devices.input.expected_events()


@pytest.mark.needs("busy-unplug")
@pytest.mark.check("drivers.keyboard-complete-and-in-order", level="mandatory")
def test_keyboard_complete_and_in_order(guest: Guest, source_disk: ScratchDisk) -> None:
    """Every key of three layouts and every click arrives once, in order, while the guest reads a disk."""
    assert guest.devices.hotplug.start_reading(source_disk) > 0, "reads of the load"
    sequences = guest.devices.input_sequences
    for model in sequences.models:
        assert sequences.send(model) == sequences.expected(model), f"reports of {model}"
