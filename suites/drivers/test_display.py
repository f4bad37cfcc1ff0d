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


@pytest.mark.device("VGA", "*-vga", "bochs-display", "virtio-gpu-*")
@pytest.mark.check("drivers.display-changes-its-mode", level="mandatory")
def test_the_display_changes_its_mode(guest: Guest) -> None:
    """QEMU's screen follows the guest into two other modes, shows what it paints there, and comes back."""
    display = guest.devices.display
    usual = display.size()
    modes = display.other_modes(usual, 2)
    assert len(modes) == 2
    for seed, mode in enumerate(modes, start=3):
        changed = display.change(mode, seed)
        assert (changed.size, changed.corner.seen) == (mode, changed.corner.painted)
        assert display.change_back(usual) == usual
