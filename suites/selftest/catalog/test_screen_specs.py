"""Guests that YAML describes by their screens."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.consistency import unmet_requirements
from fixtures.catalog.image_sources import LocalImage
from fixtures.catalog.login_specs import NO_LOGIN
from fixtures.catalog.specs import GuestSpec
from fixtures.catalog.validation import validate
from fixtures.catalog.yaml_source import load
from fixtures.core.errors import CatalogError
from fixtures.core.project import SHIPPED_GUESTS
from suites.selftest.support.paths import ROOT

GUEST = """\
id: x
title: A guest without a shell
system: none
arch: x86_64
image: {path: floppy.img, format: raw, drive: floppy}
platforms: [pc-bios-ide]
console: vga-text
screen:
  steps: [{when: "Press F2", press: "<f2>"}]
  ready: 'A:\\\\>$'
  probe: {press: "ver<enter>", expect: version}
"""


def spec(directory: Path, text: str) -> GuestSpec:
    file = directory / "x.yaml"
    file.write_text(text)
    return validate(load(file), GuestSpec)


def error_message(directory: Path, text: str) -> str:
    with pytest.raises(CatalogError) as caught:
        spec(directory, text)
    return "\n".join(line.partition("x.yaml:")[2] for line in caught.value.message.splitlines())


def test_a_minimal_guest(tmp_path: Path) -> None:
    guest = spec(tmp_path, GUEST)
    assert (guest.drive, guest.has_shell, guest.login, guest.drivers) == ("floppy", False, NO_LOGIN, {})
    assert guest.screen is not None, "expected the screen of the YAML"
    assert (guest.screen.layout, guest.screen.powers_off) == ("us", False)
    assert [step.press for step in guest.screen.steps] == ["<f2>"]


@pytest.mark.parametrize(
    ("console", "platform", "is_refused"),
    [
        ("vga-text", "q35-uefi-virtio", True),
        ("framebuffer", "q35-uefi-virtio", False),
        ("vga-text", "pc-bios-ide", False),
    ],
)
def test_a_text_mode_needs_a_bios(tmp_path: Path, console: str, platform: str, *, is_refused: bool) -> None:
    guest = spec(tmp_path, GUEST.replace("console: vga-text", f"console: {console}"))
    messages = list(unmet_requirements(guest, Catalog.load([SHIPPED_GUESTS]).platforms[platform]))
    expected = (
        "its firmware is 'uefi', which sets a graphics mode, and console: vga-text reads text modes only;"
    )
    assert [message.startswith(expected) for message in messages] == [True] * is_refused


def test_a_typing_rate_and_a_claim_of_frames(tmp_path: Path) -> None:
    plain, claiming = spec(tmp_path, GUEST), spec(tmp_path, f"{GUEST}  typing: 2.5/s\n  sends_frames: true\n")
    assert plain.screen is not None
    assert (plain.screen.typing, plain.screen.sends_frames) == (None, False)
    assert claiming.screen is not None
    assert (claiming.screen.typing, claiming.screen.sends_frames) == (2.5, True)


@pytest.mark.parametrize("rate", ["10", "0/s", "fast", "10/min", "1001/s"])
def test_a_mistake_in_a_typing_rate(tmp_path: Path, rate: str) -> None:
    assert "expected a number of keys per second" in error_message(tmp_path, f"{GUEST}  typing: {rate}\n")


def test_only_a_system_without_login_may_omit_login_and_drivers(tmp_path: Path) -> None:
    message = error_message(tmp_path, GUEST.replace("system: none", "system: linux"))
    assert "missing key 'login'" in message
    assert "missing key 'drivers'" in message


@pytest.mark.parametrize("console", ["vga-text", "framebuffer", "serial"])
def test_a_guest_without_a_shell_needs_a_screen(tmp_path: Path, console: str) -> None:
    text = GUEST.partition("screen:")[0].replace("vga-text", console)
    expected = "expected the text of the screen when the guest is ready, for system 'none'"
    assert expected in error_message(tmp_path, text)


@pytest.mark.parametrize(
    ("valid", "invalid", "message"),
    [
        (
            "<f2>",
            "<F2>",
            "steps.0.press: expected keys like <enter>, <f2> or <ctrl-alt-delete>; found <F2>",
        ),
        ("ver<enter>", "ver<", "screen.probe.press: expected a key in angle brackets, like <enter>"),
        ("expect: version", "expect: '('", "screen.probe.expect: not a regular expression"),
        (
            'press: "<f2>"',
            'press: "<f2>", password: sesame',
            "screen.steps.0.password: expected either press or password",
        ),
        (', press: "<f2>"', "", "screen.steps.0.password: expected either press or password; found nothing"),
        (
            'press: "<f2>"',
            "password: 4711",
            "screen.steps.0.password: expected text; put it in quotes",
        ),
        ("drive: floppy", "drive: tape", "image.drive: expected 'disk', 'cdrom' or 'floppy'; found 'tape'"),
        ("  steps", "  stesp", "screen: key 'stesp' is unknown; did you mean 'steps'?"),
        ("  probe:", "  layout: dvorak\n  probe:", "screen.layout: expected 'us', 'de' or 'fr'"),
    ],
)
def test_a_mistake_in_the_screen(tmp_path: Path, valid: str, invalid: str, message: str) -> None:
    assert valid in GUEST
    assert message in error_message(tmp_path, GUEST.replace(valid, invalid))


def test_a_guest_that_prints_and_reads_on_different_channels(tmp_path: Path) -> None:
    guest = spec(tmp_path, GUEST.replace("console: vga-text", "console: {read: serial, type: keyboard}"))
    assert (guest.output, guest.input) == ("serial", "keyboard")
    names = ("serial", "vga-text", "framebuffer")
    guests = [spec(tmp_path, GUEST.replace("console: vga-text", f"console: {name}")) for name in names]
    assert [guest.output for guest in guests] == list(names)
    assert [guest.input for guest in guests] == ["serial", "keyboard", "keyboard"]


@pytest.mark.parametrize(
    ("console", "message"),
    [
        ("vga", "console: expected 'serial', 'sac', 'vga-text', 'framebuffer' or 'ssh'; found 'vga'"),
        ("{read: serial}", "console: missing key 'type' (in mapping that starts at line 7)"),
        (
            "{read: sac, type: serial}",
            "console.read: expected 'serial', 'vga-text' or 'framebuffer'; found 'sac'",
        ),
        ("{read: serial, type: mouse}", "console.type: expected 'serial' or 'keyboard'; found 'mouse'"),
        ("{read: serial, typ: serial}", "console: key 'typ' is unknown; did you mean 'type'?"),
        ("[serial]", "console: expected 'serial', 'sac', 'vga-text', 'framebuffer' or 'ssh'; found a list"),
    ],
)
def test_a_mistake_in_the_console(tmp_path: Path, console: str, message: str) -> None:
    assert message in error_message(tmp_path, GUEST.replace("console: vga-text", f"console: {console}"))


def test_a_shell_prints_and_reads_on_one_terminal(tmp_path: Path) -> None:
    text = GUEST.partition("screen:")[0].replace("system: none", "system: linux")
    text = text.replace("console: vga-text", "console: {read: serial, type: keyboard}")
    text += "login: {user: root, password: secret}\ndrivers: {}\n"
    message = error_message(tmp_path, text)
    assert "console: expected one name, as system 'linux' has a shell" in message


def test_the_example_is_valid_and_short() -> None:
    root = ROOT / "guests"
    catalog = Catalog.load([root, root / "examples"])
    guest = catalog.expand(catalog.guests["freedos"], {"IRONGUEST_IMAGES": "/images"})
    assert isinstance(guest.image, LocalImage)
    assert (guest.image.path, guest.drive, guest.system) == ("/images/freedos.img", "floppy", "dos")
    lines = (root / "examples" / "freedos.yaml").read_text().splitlines()
    assert sum(not line.lstrip().startswith("#") for line in lines) < 20
    # The default catalog does not contain it, since users have to provide the medium.
    assert "freedos" not in Catalog.load([root]).guests
