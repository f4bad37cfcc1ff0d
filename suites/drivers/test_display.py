"""The display: QEMU's screen shows what the guest paints, in the mode that the guest sets."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "framebuffer")


@pytest.mark.check("drivers.display-shows-what-is-painted", level="mandatory")
def test_the_display_shows_what_the_guest_paints(guest: Guest) -> None:
    """Noise that the guest paints into its framebuffer appears on QEMU's screen, pixel for pixel."""
    for seed in (1, 2):
        area = guest.devices.display.paint(seed)
        assert area.shown == area.painted


@pytest.mark.device("VGA", "*-vga", "bochs-display", "virtio-gpu-*")
@pytest.mark.check("drivers.display-changes-its-mode", level="mandatory")
def test_the_display_changes_its_mode(guest: Guest) -> None:
    """QEMU's screen follows the guest into two other modes, shows what it paints there, and comes back."""
    display = guest.devices.display
    initial = display.size()
    modes = display.other_modes(initial, 2)
    assert len(modes) == 2, f"modes of the guest other than {initial}: {modes}"
    for seed, mode in enumerate(modes, start=3):
        change = display.change_mode(mode, seed)
        assert (change.size, change.area.shown) == (mode, change.area.painted)
        assert display.restore_mode(initial) == initial
