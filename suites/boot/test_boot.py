"""Booting: a cold machine reaches a login, and nothing goes wrong on the way."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.run.collection import MeasureVerb

# A platform's firmware -> what a guest says of it, and whether Secure Boot is enforced.
FIRMWARE = {"bios": ("bios", False), "uefi": ("uefi", False), "uefi-secure": ("uefi", True)}
# Seconds; a machine's own clock has whole ones.
CLOSE = 2.0


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.check("boot.reaches-login", level="mandatory")
def test_reaches_login(guest: Guest, measure: MeasureVerb) -> None:
    """From power-on the guest reaches firmware, boot loader, kernel, services and login, in this order."""
    stages = guest.boot_stages()
    assert [name for name, _ in stages] == ["firmware", "boot loader", "kernel", "services", "login"]
    for name, seconds in stages:
        measure(f"{name} after", seconds, "s")
    assert guest.startup_state() == "running"


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.check("boot.firmware-is-the-platforms", level="mandatory")
def test_the_firmware_is_the_platforms(guest: Guest) -> None:
    """The platform's firmware started the guest, Secure Boot enforced or not; the guest's word alone."""
    assert guest.firmware() == FIRMWARE[guest.cell.platform.firmware]


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.check("boot.clock-is-set", level="mandatory")
def test_clock_is_set(guest: Guest) -> None:
    """The guest has the time from its machine's own clock, and it is the host's."""
    assert abs(guest.clock.offset()) < CLOSE


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.check("boot.no-fatal-events", level="mandatory")
def test_no_fatal_events(guest: Guest) -> None:
    """Neither the console nor the journal complains of anything that the guest's YAML does not tolerate."""
    assert guest.unexpected_messages() == []
