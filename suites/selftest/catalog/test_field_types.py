"""Texts with a unit become numbers; blanks in prompts are kept."""

from __future__ import annotations

from fixtures.catalog.specs import GuestSpec, PlatformSpec
from suites.selftest.catalog.test_validation import GUEST, PLATFORM, parse_spec


def test_units_are_converted() -> None:
    guest = parse_spec(GUEST + "timeouts: {boot: 2min, shutdown: 1.5s, command: 500ms}\n", GuestSpec)
    platform = parse_spec(PLATFORM.replace("1G", "64M"), PlatformSpec)
    assert isinstance(guest, GuestSpec)
    assert isinstance(platform, PlatformSpec)
    assert (guest.timeouts.boot, guest.timeouts.shutdown, guest.timeouts.command) == (120.0, 1.5, 0.5)
    assert platform.memory == 64 << 20


def test_blanks_at_the_end_of_a_prompt_are_kept() -> None:
    guest = parse_spec(GUEST.replace("user: root", "user: root, prompt: 'name: '"), GuestSpec)
    assert isinstance(guest, GuestSpec)
    assert guest.login.prompt == "name: "
