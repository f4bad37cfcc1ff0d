"""The display: what the guest paints is what QEMU shows."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "framebuffer")


@pytest.mark.check("drivers.display-shows-what-is-painted", level="mandatory")
def test_the_display_shows_what_the_guest_paints(guest: Guest) -> None:
    """Noise that the guest paints into its framebuffer is on QEMU's screen, pixel for pixel."""
    for seed in (1, 2):
        shown = guest.devices.display.paint(seed)
        assert shown.seen == shown.painted
