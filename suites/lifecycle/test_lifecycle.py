"""Life cycle: the guest restarts and turns off when it is told to, once, and by its own doing."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest


@pytest.mark.boots
@pytest.mark.check("lifecycle.guest-reboots-once", level="mandatory")
def test_guest_reboots_once(guest: Guest) -> None:
    """A restart from within resets the machine exactly once, and a new kernel reaches its login."""
    before = guest.boot_id()
    restart = guest.power.reboot()
    assert (restart.resets, restart.asked_by_guest) == (1, True)
    assert guest.boot_id() != before


@pytest.mark.boots
@pytest.mark.check("lifecycle.reset-reboots-once", level="mandatory")
def test_reset_reboots_once(guest: Guest) -> None:
    """A reset from without is exactly one reset, and a new kernel reaches its login."""
    before = guest.boot_id()
    restart = guest.power.reset()
    assert (restart.resets, restart.asked_by_guest) == (1, False)
    assert guest.boot_id() != before


@pytest.mark.needs("power-button")
@pytest.mark.check("lifecycle.shuts-down-by-acpi", level="mandatory")
def test_shuts_down_by_acpi(guest: Guest) -> None:
    """When the power button is pressed the guest turns the machine off, once, and QEMU leaves in order."""
    shutdown = guest.power.press_power_button()
    assert (shutdown.asked_by_guest, shutdown.reason) == (True, "guest-shutdown")
    assert shutdown.shutdowns == 1
    assert shutdown.exit == "left with exit status 0"


@pytest.mark.check("lifecycle.shuts-down-by-command", level="recommended")
def test_shuts_down_by_command(guest: Guest) -> None:
    """Told by its own command, the guest turns the machine off, once, and QEMU leaves in order."""
    shutdown = guest.power.shut_down()
    assert (shutdown.asked_by_guest, shutdown.reason) == (True, "guest-shutdown")
    assert (shutdown.shutdowns, shutdown.exit) == (1, "left with exit status 0")
