"""Every mistake in a description has a message with file and line, in words of YAML and not of pydantic."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog import yaml_source
from fixtures.catalog.field_types import Spec
from fixtures.catalog.serialization import to_plain
from fixtures.catalog.specs import GuestSpec, PlanSpec, PlatformSpec
from fixtures.catalog.validation import validate
from fixtures.catalog.verification import Verification
from fixtures.core.errors import CatalogError

GUEST = """\
id: tiny
title: A tiny guest
system: linux
arch: x86_64
image: {build: debian, suite: bookworm}
platforms: [pc]
console: serial
login: {user: root, password: secret}
drivers: {e1000: e1000}
"""
PLATFORM = """\
id: pc
title: A PC
machine: pc
firmware: bios
cpu: host
cpus: 2
memory: 1G
devices: {disk: ide-hd, nic: e1000}
"""
PLAN = """\
id: default
title: A plan
cells: ["tiny@*"]
checks:
  - {id: boot.reaches-login, level: mandatory}
  - {id: boot.no-fatal-events, level: recommended}
"""
KINDS: dict[type[Spec], str] = {GuestSpec: GUEST, PlatformSpec: PLATFORM, PlanSpec: PLAN}


def parse_spec(text: str, model: type[Spec]) -> Spec:
    return validate(yaml_source.parse(text.encode(), Path("x.yaml")), model)


def error_message(text: str, model: type[Spec]) -> str:
    with pytest.raises(CatalogError) as caught:
        parse_spec(text, model)
    return caught.value.message


@pytest.mark.parametrize("model", KINDS)
def test_a_valid_description_is_read(model: type[Spec]) -> None:
    parse_spec(KINDS[model], model)


GUEST_MISTAKES = [
    ("platforms: [pc]", "platfroms: [pc]", [
        "x.yaml:1: missing key 'platforms' (in mapping that starts at line 1)",
        "x.yaml:6: key 'platfroms' is unknown; did you mean 'platforms'?",
    ]),
    ("console: serial", "console: serial\nzzz: 1", [
        ("x.yaml:8: key 'zzz' is unknown; known: agent, arch, console, drivers, extends, fails, id, image, known_messages,"
        " lacks, login, platforms, requires, screen, seed, steps, system, timeouts, title, verified"),
    ]),
    ("title: A tiny guest", "title: 12", ["x.yaml:2: title: expected text; found 12; put it in quotes"]),
    ("title: A tiny guest", "title: 1.10", ["x.yaml:2: title: expected text; found 1.10; put it in quotes"]),
    ("title: A tiny guest", "title: true", ["x.yaml:2: title: expected text; found true; put it in quotes"]),
    ("title: A tiny guest", "title:", ["x.yaml:2: title: expected text; found nothing"]),
    ("title: A tiny guest", "title: ' '", ["x.yaml:2: title: expected text that is not empty; found ' '"]),
    ("title: A tiny guest", 'title: "a\\nb"', [
        "x.yaml:2: title: expected one line of printable text; found 'a\\nb'",
    ]),
    ("title: A tiny guest", "title: [a]", ["x.yaml:2: title: expected text; found a list"]),
    ("id: tiny", "id: Tiny", [
        "x.yaml:1: id: expected an id of lower-case letters, digits, dots and dashes; found 'Tiny'",
    ]),
    ("arch: x86_64", "arch: amd64", ["x.yaml:4: arch: expected 'x86_64', 'i386' or 'aarch64'; found 'amd64'"]),
    ("platforms: [pc]", "platforms: pc", ["x.yaml:6: platforms: expected a list; found 'pc'"]),
    ("platforms: [pc]", "platforms: []", [
        "x.yaml:6: platforms: expected at least 1 in the list; found an empty list",
    ]),
    ("platforms: [pc]", "platforms: [pc, q35, pc]", ["x.yaml:6: platforms: 'pc' is listed more than once"]),
    ("platforms: [pc]", "platforms:\n  - pc\n  - 35", [
        "x.yaml:8: platforms.1: expected text; found 35; put it in quotes",
    ]),
    ("login: {user: root, password: secret}", "login: root", [
        "x.yaml:8: login: expected a mapping of keys to values; found 'root'",
    ]),
    ("login: {user: root, password: secret}", "login:", [
        "x.yaml:8: login: expected a mapping of keys to values; found nothing",
    ]),
    ("login: {user: root, password: secret}", "login:\n  usr: root", [
        "x.yaml:9: login: key 'usr' is unknown; did you mean 'user'?",
        "x.yaml:9: login: missing key 'user' (in mapping that starts at line 9)",
    ]),
    ("login: {user: root, password: secret}", "login: {user: root, password: 1234}", [
        "x.yaml:8: login.password: expected text; put it in quotes",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {e1000: }", [
        "x.yaml:9: drivers.e1000: expected text; found nothing",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {' ': e1000}", [
        "x.yaml:9: drivers: key ' ': expected text that is not empty",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {'[key]': 1}", [
        "x.yaml:9: drivers.[key]: expected text; found 1; put it in quotes",
    ]),
    ("drivers: {e1000: e1000}", "drivers: [e1000]", [
        "x.yaml:9: drivers: expected a mapping of keys to values; found a list",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\ntimeouts: {boot: 60}", [
        "x.yaml:10: timeouts.boot: expected a duration with its unit, like 500ms, 30s or 2min; found 60",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\ntimeouts: {boot: 1:30}", [
        "x.yaml:10: timeouts.boot: expected a duration with its unit, like 500ms, 30s or 2min; found '1:30'",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\ntimeouts: {boot: 0s}", [
        "x.yaml:10: timeouts.boot: expected a duration with its unit, like 500ms, 30s or 2min; found '0s'",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nverified: yesterday", [
        "x.yaml:10: verified: expected a list; found 'yesterday'",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nverified:\n  - {date: 2026-13-01, host: h}", [
        "x.yaml:11: verified.0.date: expected a date, like 2026-12-01; found '2026-13-01'",
        "x.yaml:11: verified.0: missing key 'seen' (in mapping that starts at line 11)",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nknown_messages:\n  - {pattern: '(', reason: r, reference: f}", [
        ("x.yaml:11: known_messages.0.pattern: not a regular expression: missing ), unterminated subpattern at"
        " position 0; found '('"),
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nknown_messages:\n  - {pattern: 'a|b*', reason: r, reference: f}", [
        ("x.yaml:11: known_messages.0.pattern: expected a regular expression that does not match everything;"
        " found 'a|b*'"),
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nknown_messages:\n  - {pattern: '[[a]', reason: r, reference: f}", [
        ("x.yaml:11: known_messages.0.pattern: not a regular expression: Possible nested set at position 1;"
        " found '[[a]'"),
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nfails:\n  - {pattern: '(', meaning: m}\n  - {pattern: a}\n  - a", [
        ("x.yaml:11: fails.0.pattern: not a regular expression: missing ), unterminated subpattern at position 0;"
         " found '('"),
        "x.yaml:12: fails.1: missing key 'meaning' (in mapping that starts at line 12)",
        "x.yaml:13: fails.2: expected a mapping of keys to values; found 'a'",
    ]),
    ("drivers: {e1000: e1000}", "drivers: {}\nknown_messages:\n  - {pattern: a}\n  - b", [
        "x.yaml:11: known_messages.0: missing key 'reason' (in mapping that starts at line 11)",
        "x.yaml:11: known_messages.0: missing key 'reference' (in mapping that starts at line 11)",
        "x.yaml:12: known_messages.1: expected a mapping of keys to values; found 'b'",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("valid", "invalid", "messages"), GUEST_MISTAKES)
def test_a_mistake_in_a_guest(valid: str, invalid: str, messages: list[str]) -> None:
    assert valid in GUEST
    assert error_message(GUEST.replace(valid, invalid), GuestSpec).splitlines() == messages


PLATFORM_MISTAKES = [
    ("memory: 1G", "memory: 1024", [
        "x.yaml:7: memory: expected a size with its unit, like 64M or 1G; found 1024",
    ]),
    ("memory: 1G", "memory: 1GB", [
        "x.yaml:7: memory: expected a size with its unit, like 64M or 1G; found '1GB'",
    ]),
    ("memory: 1G", "memory: " + "9" * 5000 + "G", [
        "x.yaml:7: memory: expected a size with its unit, like 64M or 1G; found '" + "9" * 59 + "…'",
    ]),
    ("cpus: 2", "cpus: 0", ["x.yaml:6: cpus: expected at least 1; found 0"]),
    ("cpus: 2", "cpus: 100", ["x.yaml:6: cpus: expected at most 64; found 100"]),
    ("cpus: 2", "cpus: '2'", ["x.yaml:6: cpus: expected a whole number; found '2'"]),
    ("cpus: 2", "cpus: 2.0", ["x.yaml:6: cpus: expected a whole number; found 2.0"]),
    ("cpus: 2", "cpus: true", ["x.yaml:6: cpus: expected a whole number; found true"]),
    ("cpus: 2", "cpus: 010", ["x.yaml:6: cpus: expected a whole number; found '010'"]),
    ("machine: pc", "machine: i440fx", ["x.yaml:3: machine: expected 'pc', 'q35' or 'virt'; found 'i440fx'"]),
    ("firmware: bios", "firmware: BIOS", [
        "x.yaml:4: firmware: expected 'bios', 'uefi' or 'uefi-secure'; found 'BIOS'",
    ]),
    ("{disk: ide-hd, nic: e1000}", "{dsk: ide-hd}", [
        "x.yaml:8: devices: key 'dsk' is unknown; did you mean 'disk'?",
    ]),
    ("{disk: ide-hd, nic: e1000}", "{disk: }", [
        "x.yaml:8: devices.disk: expected a device model, or a list of them; found nothing",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("valid", "invalid", "messages"), PLATFORM_MISTAKES)
def test_a_mistake_in_a_platform(valid: str, invalid: str, messages: list[str]) -> None:
    assert error_message(PLATFORM.replace(valid, invalid), PlatformSpec).splitlines() == messages


PLAN_MISTAKES = [
    ("boot.no-fatal-events", "boot.reaches-login", [
        "x.yaml:4: checks: 'boot.reaches-login' is listed more than once",
    ]),
    ("boot.no-fatal-events", "Boot", [
        "x.yaml:6: checks.1.id: expected a check's id, like storage.write-reaches-disk; found 'Boot'",
    ]),
    ("level: recommended", "level: optional", [
        "x.yaml:6: checks.1.level: expected 'mandatory', 'recommended' or 'informational'; found 'optional'",
    ]),
    ('["tiny@*"]', '["tiny@*", "tiny@*"]', ["x.yaml:3: cells: 'tiny@*' is listed more than once"]),
]  # fmt: skip


@pytest.mark.parametrize(("valid", "invalid", "messages"), PLAN_MISTAKES)
def test_a_mistake_in_a_plan(valid: str, invalid: str, messages: list[str]) -> None:
    assert error_message(PLAN.replace(valid, invalid), PlanSpec).splitlines() == messages


def test_all_mistakes_are_in_one_error_sorted_by_line() -> None:
    text = PLATFORM.replace("1G", "1").replace("cpus: 2", "cpus: x").replace("title: A PC\n", "")
    assert error_message(text, PlatformSpec).splitlines() == [
        "x.yaml:1: missing key 'title' (in mapping that starts at line 1)",
        "x.yaml:5: cpus: expected a whole number; found 'x'",
        "x.yaml:6: memory: expected a size with its unit, like 64M or 1G; found 1",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("never", ()),
        ("~", None),
        ("[]", ()),
        (
            "[{date: 2026-11-27, host: A host, seen: boot}]",
            (Verification(date="2026-11-27", host="A host", seen="boot"),),
        ),
    ],
)
def test_a_guest_says_when_it_was_verified_or_never(
    value: str, expected: tuple[Verification, ...] | None
) -> None:
    guest = parse_spec(f"{GUEST}verified: {value}\n", GuestSpec)
    assert isinstance(guest, GuestSpec)
    assert guest.verified == expected
    assert GuestSpec.model_validate(to_plain(guest)).verified == expected
