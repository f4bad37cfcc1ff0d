"""Booting: a cold machine reaches a login, without errors on the way."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.run.collection import MeasureVerb

pytestmark = [pytest.mark.cold, pytest.mark.read_only]

# The firmware in a platform's YAML, and the report of a guest that it started.
FIRMWARE = {"bios": "bios", "uefi": "uefi without Secure Boot", "uefi-secure": "uefi with Secure Boot"}
STAGES = ("firmware", "boot loader", "kernel", "services", "login")
# Seconds. The real-time clock of a machine counts whole seconds.
CLOCK_TOLERANCE = 2.0


@pytest.mark.check("boot.reaches-login", level="mandatory")
def test_reaches_login(guest: Guest, measure: MeasureVerb) -> None:
    """From power-on the guest reaches its login; the stages of the boot that it shows are in their order."""
    stages = guest.boot_stages()
    shown = [name for name, _ in stages]
    # A quiet kernel and a boot loader on the screen print nothing: such a stage is not shown.
    assert shown == [name for name in STAGES if name in shown]
    assert shown[-1] == "login"
    for name, seconds in stages:
        measure(f"{name} after", seconds, "s")
    assert guest.startup_state() == "running"


@pytest.mark.check("boot.firmware-is-the-platforms", level="mandatory")
def test_the_firmware_is_the_platforms(guest: Guest) -> None:
    """The guest reports the platform's firmware and Secure Boot state; the only witness is the guest."""
    assert guest.firmware() == FIRMWARE[guest.cell.platform.firmware_kind]


@pytest.mark.check("boot.clock-is-set", level="mandatory")
def test_clock_is_set(guest: Guest) -> None:
    """The guest's clock shows the host's time after a cold boot."""
    offset = guest.clock.offset_after_boot(CLOCK_TOLERANCE)
    assert abs(offset) < CLOCK_TOLERANCE, f"the guest's clock is {offset} s ahead of the host's"


@pytest.mark.check("boot.no-fatal-events", level="mandatory")
def test_no_fatal_events(guest: Guest) -> None:
    """Console, log and services show no error beyond the known messages in the guest's YAML."""
    assert guest.unexpected_messages() == []
