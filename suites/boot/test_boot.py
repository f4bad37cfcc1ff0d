"""Booting: a cold machine reaches a login, and nothing goes wrong on the way."""

from __future__ import annotations

import pytest

from fixtures.collected import MeasureVerb
from fixtures.guest import Guest


@pytest.mark.cold
@pytest.mark.looks
@pytest.mark.check("boot.reaches-login", level="mandatory")
def test_reaches_login(guest: Guest, measure: MeasureVerb) -> None:
    """From power-on the guest reaches firmware, boot loader, kernel, services and login, in this order."""
    stages = guest.boot_stages()
    assert [name for name, _ in stages] == ["firmware", "boot loader", "kernel", "services", "login"]
    for name, seconds in stages:
        measure(f"{name} after", seconds, "s")
    assert guest.is_up() == "running"


@pytest.mark.cold
@pytest.mark.looks
@pytest.mark.check("boot.no-fatal-events", level="mandatory")
def test_no_fatal_events(guest: Guest) -> None:
    """Neither the console nor the journal complains of anything that the guest's YAML does not tolerate."""
    assert guest.complaints() == []
