"""Life cycle: the guest restarts and turns off when told to, exactly once."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.power import CLEAN_SHUTDOWN


@pytest.mark.boots
@pytest.mark.check("lifecycle.guest-reboots-once", level="mandatory")
def test_guest_reboots_once(guest: Guest) -> None:
    """The guest's own reboot command resets the machine exactly once, and a new kernel reaches its login."""
    boot_id = guest.boot_id()
    assert str(guest.power.reboot()) == "1 reset, requested by the guest"
    assert guest.boot_id() != boot_id, "boot ids after and before the restart"


@pytest.mark.boots
@pytest.mark.check("lifecycle.reset-reboots-once", level="mandatory")
def test_reset_reboots_once(guest: Guest) -> None:
    """A reset by the host is exactly one reset, and a new kernel reaches its login."""
    boot_id = guest.boot_id()
    assert str(guest.power.reset()) == "1 reset, requested by the host"
    assert guest.boot_id() != boot_id, "boot ids after and before the restart"


@pytest.mark.needs("power-button")
@pytest.mark.check("lifecycle.shuts-down-by-acpi", level="mandatory")
def test_shuts_down_by_acpi(guest: Guest) -> None:
    """The ACPI power button makes the guest turn the machine off once, and QEMU exits cleanly."""
    assert str(guest.power.press_power_button()) == CLEAN_SHUTDOWN


@pytest.mark.check("lifecycle.shuts-down-by-command", level="recommended")
def test_shuts_down_by_command(guest: Guest) -> None:
    """The guest's own shutdown command turns the machine off once, and QEMU exits cleanly."""
    assert str(guest.power.shut_down()) == CLEAN_SHUTDOWN
