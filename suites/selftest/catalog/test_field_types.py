"""What is written in YAML becomes the values that are meant."""

from __future__ import annotations

from fixtures.catalog.specs import GuestSpec, PlatformSpec
from suites.selftest.catalog.test_validation import GUEST, PLATFORM, read


def test_units_are_converted() -> None:
    guest = read(GUEST + "timeouts: {boot: 2min, shutdown: 1.5s, command: 500ms}\n", GuestSpec)
    platform = read(PLATFORM.replace("1G", "64M"), PlatformSpec)
    assert isinstance(guest, GuestSpec)
    assert isinstance(platform, PlatformSpec)
    assert (guest.timeouts.boot, guest.timeouts.shutdown, guest.timeouts.command) == (120.0, 1.5, 0.5)
    assert platform.memory == 64 << 20


def test_blanks_in_what_the_console_prints_are_kept() -> None:
    guest = read(GUEST.replace("user: root", "user: root, prompt: 'name: '"), GuestSpec)
    assert isinstance(guest, GuestSpec)
    assert guest.login.prompt == "name: "
