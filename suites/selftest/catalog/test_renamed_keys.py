"""Old names of YAML keys: the message names the new key."""

from __future__ import annotations

import pytest

from fixtures.catalog.specs import GuestSpec
from suites.selftest.catalog.test_validation import GUEST, error_message

RENAMED_KEYS = [
    ("drivers: {e1000: e1000}", "drivers: {}\nbudget: {boot: 60s}", [
        "x.yaml:10: key 'budget' is now called 'timeouts'",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\ntolerates: []\ntimeout: {}", [
        "x.yaml:10: key 'tolerates' is now called 'known_messages'",
        "x.yaml:11: key 'timeout' is unknown; did you mean 'timeouts'?",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nscreen:\n  on_the_way: []\n  shows: a\n  answer: {}", [
        "x.yaml:11: screen: key 'on_the_way' is now called 'steps'",
        "x.yaml:12: screen: key 'shows' is now called 'ready'",
        "x.yaml:13: screen: key 'answer' is now called 'probe'",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nscreen:\n  ready: a\n  probe: {press: a, shows: b}", [
        "x.yaml:12: screen.probe: key 'shows' is now called 'expect'",
    ]),
    # The new name of another mapping's key is not suggested.
    ("drivers: {e1000: e1000}", "drivers: {}\nshows: a", [
        ("x.yaml:10: key 'shows' is unknown; known: agent, arch, console, drivers, extends, fails, id, image, known_messages, "
        "lacks, login, platforms, requires, screen, seed, steps, system, timeouts, title, verified"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("valid", "invalid", "messages"), RENAMED_KEYS)
def test_the_message_for_an_old_key_names_the_new_one(valid: str, invalid: str, messages: list[str]) -> None:
    assert error_message(GUEST.replace(valid, invalid), GuestSpec).splitlines() == messages
