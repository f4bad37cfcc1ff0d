"""Guests that are known by their screens, as YAML describes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import LocalImage
from fixtures.catalog.specs import NOBODY, GuestSpec
from fixtures.catalog.validation import validate
from fixtures.catalog.yaml_source import load
from fixtures.core.errors import CatalogError
from suites.selftest.support.paths import ROOT

GUEST = """\
id: x
title: Something that boots
system: none
arch: x86_64
image: {path: floppy.img, format: raw, drive: floppy}
platforms: [pc-bios-ide]
console: vga-text
screen:
  steps: [{when: "Press F2", press: "<f2>"}]
  shows: 'A:\\\\>$'
  probe: {press: "ver<enter>", expect: version}
"""


def spec(directory: Path, text: str) -> GuestSpec:
    file = directory / "x.yaml"
    file.write_text(text)
    return validate(load(file), GuestSpec)


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(CatalogError) as caught:
        spec(directory, text)
    return "\n".join(line.partition("x.yaml:")[2] for line in caught.value.message.splitlines())


def test_a_guest_in_a_dozen_lines(tmp_path: Path) -> None:
    guest = spec(tmp_path, GUEST)
    assert (guest.drive, guest.has_shell, guest.login, guest.drivers) == ("floppy", False, NOBODY, {})
    assert guest.screen is not None
    assert (guest.screen.layout, guest.screen.powers_off) == ("us", False)
    assert [step.press for step in guest.screen.steps] == ["<f2>"]


def test_nobody_logs_in_only_where_nobody_can(tmp_path: Path) -> None:
    words = refusal(tmp_path, GUEST.replace("system: none", "system: linux"))
    assert "missing key 'login'" in words
    assert "missing key 'drivers'" in words


@pytest.mark.parametrize("console", ["vga-text", "framebuffer", "serial"])
def test_a_guest_without_a_shell_has_a_screen(tmp_path: Path, console: str) -> None:
    text = GUEST.partition("screen:")[0].replace("vga-text", console)
    assert "expected what the screen shows when the guest is ready, for system 'none'" in refusal(
        tmp_path, text
    )


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "<f2>",
            "<F2>",
            "steps.0.press: expected keys like <enter>, <f2> or <ctrl-alt-delete>; found <F2>",
        ),
        ("ver<enter>", "ver<", "screen.answer.press: expected a key in angle brackets, like <enter>"),
        ("shows: version", "shows: '('", "screen.answer.shows: not a regular expression"),
        ("drive: floppy", "drive: tape", "image.drive: expected 'disk', 'cdrom' or 'floppy'; found 'tape'"),
        ("  steps", "  stesp", "screen: key 'stesp' is unknown; did you mean 'steps'?"),
        ("  answer:", "  layout: dvorak\n  answer:", "screen.layout: expected 'us', 'de' or 'fr'"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in GUEST
    assert message in refusal(tmp_path, GUEST.replace(right, wrong))


def test_the_example_is_read_and_is_short() -> None:
    root = ROOT / "guests"
    catalog = Catalog.load([root, root / "examples"])
    guest = catalog.expand(catalog.guests["freedos"], {"IRONGUEST_IMAGES": "/images"})
    assert isinstance(guest.image, LocalImage)
    assert (guest.image.path, guest.drive, guest.system) == ("/images/freedos.img", "floppy", "dos")
    lines = (root / "examples" / "freedos.yaml").read_text().splitlines()
    assert sum(not line.lstrip().startswith("#") for line in lines) < 20
    # Without its medium it is nobody's by default.
    assert "freedos" not in Catalog.load([root]).guests
