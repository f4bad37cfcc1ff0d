"""Guests that extend others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage, FetchedImage, LocalImage
from suites.selftest.support.catalog_sample import error_lines, write

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.catalog.specs import GuestSpec

BASE = """\
id: base
title: Base
system: linux
arch: x86_64
image: {build: debian, suite: bookworm, size: 4G}
platforms: [p1, p2]
console: serial
login: {user: root, password: secret}
drivers: {e1000: e1000, VGA: bochs-drm}
known_messages: [{pattern: old, reason: harmless, reference: "https://old.example/"}]
timeouts: {boot: 60s, command: 5s}
verified: [{date: 2026-11-27, host: Debian 12, seen: everything}]
"""
CHILD = "id: child\ntitle: Child\nextends: base\n"
OWN_MESSAGE = '{pattern: new, reason: harmless, reference: "https://new.example/"}'


def load_guest(directory: Path, text: str, base: str = BASE) -> GuestSpec:
    write(directory / "base.yaml", base)
    write(directory / "child.yaml", CHILD + text)
    return Catalog.load([directory]).guests["child"]


def test_a_guest_without_own_values_equals_the_extended_one_and_was_not_verified(
    guests_directory: Path,
) -> None:
    child = load_guest(guests_directory, "")
    base = Catalog.load([guests_directory]).guests["base"]
    own = {"id": "child", "title": "Child", "extends": "base", "verified": None}
    assert child == base.model_copy(update=own)


def test_own_values_replace_inherited_ones(guests_directory: Path) -> None:
    child = load_guest(guests_directory, "platforms: [p2]\nlacks: [bash]\n")
    assert (child.platforms, child.lacks, child.console) == (("p2",), ("bash",), "serial")


def test_drivers_merge_by_device_model_and_none_is_no_removal(guests_directory: Path) -> None:
    child = load_guest(guests_directory, "drivers: {VGA: none, nvme: nvme}\n")
    assert child.drivers == {"e1000": "e1000", "VGA": "none", "nvme": "nvme"}


def test_login_and_timeouts_merge_by_key(guests_directory: Path) -> None:
    child = load_guest(guests_directory, "login: {user: tester}\ntimeouts: {boot: 90s}\n")
    assert (child.login.user, child.login.password) == ("tester", "secret")
    assert (child.timeouts.boot, child.timeouts.command) == (90, 5)


def test_known_messages_are_added(guests_directory: Path) -> None:
    child = load_guest(guests_directory, f"known_messages: [{OWN_MESSAGE}]\n")
    assert [message.pattern for message in child.known_messages] == ["new", "old"]


def test_an_image_merges_by_key(guests_directory: Path) -> None:
    image = load_guest(guests_directory, "image: {suite: trixie}\n").image
    assert image == BuiltImage(build="debian", suite="trixie", size="4G")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "image"),
    [
        ("{build: busybox, suite: bookworm}", BuiltImage(build="busybox", suite="bookworm")),
        ("{path: a.qcow2}", LocalImage(path="a.qcow2")),
    ],
)
def test_an_image_with_a_source_replaces_the_inherited_one(
    guests_directory: Path, own: str, image: BuiltImage | LocalImage
) -> None:
    assert load_guest(guests_directory, f"image: {own}\n").image == image


def test_a_relative_path_starts_from_the_file_that_has_it(guests_directory: Path, tmp_path: Path) -> None:
    """The inherited path starts from the base's directory, and an own key from the child's."""
    image = '{url: "https://a.example/d.img", checksum_file: SUMS, signature: SUMS.gpg, key: keys/vendor.asc}'
    write(guests_directory / "base.yaml", BASE.replace("{build: debian, suite: bookworm, size: 4G}", image))
    write(guests_directory / "keys/vendor.asc", "")
    mine = tmp_path / "elsewhere" / "mine"
    write(mine / "child.yaml", CHILD)
    write(mine / "other.yaml", CHILD.replace("child", "other") + "image: {key: own.asc}\n")
    write(mine / "own.asc", "")
    catalog = Catalog.load([guests_directory, mine])
    for name, key in (("child", guests_directory / "keys/vendor.asc"), ("other", mine / "own.asc")):
        expanded = catalog.expand(catalog.guests[name]).image
        assert isinstance(expanded, FetchedImage)
        assert expanded.key is not None, "expected the path of the vendor's key"
        assert os.path.realpath(expanded.key) == str(key)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("extends: bse", ["3: extends: guest 'bse' is not described; did you mean 'base'?"]),
        ("extends: 5", ["3: extends: expected the id of a guest"]),
        ("extends: child", ["3: extends: a guest cannot extend itself: child -> child"]),
        ("extends: p1", ["3: extends: guest 'p1' is not described; known: a, b, base, child"]),
        ("extends: base\narch: x86", ["4: arch: expected 'x86_64', 'i386' or 'aarch64'; found 'x86'"]),
        ("extends: base\ndriver: {}", ["4: key 'driver' is unknown; did you mean 'drivers'?"]),
        ("extends: base\nimage: {suit: x1}", ["4: image: key 'suit' is unknown; did you mean 'suite'?"]),
        ("extends: base\ndrivers: [a]", ["4: drivers: expected a mapping of keys to values; found a list"]),
        ("extends: base\nknown_messages: [{pattern: a, reason: b}]", ["4: known_messages.0: missing key 'reference' (in mapping that starts at line 4)"]),
        ("extends: base\nimage: {build: busybox, suite: bookworm, packages: [fio]}", ["4: image.updates: an image of BusyBox has no packages of its own"]),
        ("extends: base\nsystem: none", ["1: screen: expected the text of the screen when the guest is ready, for system 'none'; found nothing"]),
        ("extends: base\narch: aarch64", ["1: platforms.0: p1 does not fit: its machine 'pc' is of x86_64, child is of aarch64", "1: platforms.1: p2 does not fit: its machine 'pc' is of x86_64, child is of aarch64"]),
    ],
)  # fmt: skip
def test_a_mistake_has_the_line_of_the_file_with_the_mistake(
    guests_directory: Path, text: str, messages: list[str]
) -> None:
    write(guests_directory / "base.yaml", BASE)
    write(guests_directory / "child.yaml", f"id: child\ntitle: Child\n{text}\n")
    assert error_lines(guests_directory) == [f"guests/child.yaml:{message}" for message in messages]


def test_an_inherited_mistake_is_reported_once(guests_directory: Path) -> None:
    write(guests_directory / "base.yaml", BASE.replace("x86_64", "x86"))
    write(guests_directory / "child.yaml", CHILD)
    assert error_lines(guests_directory) == [
        "guests/base.yaml:4: arch: expected 'x86_64', 'i386' or 'aarch64'; found 'x86'",
        "guests/child.yaml:3: extends: guest 'base' has errors itself",
    ]


def test_a_platform_among_the_guests_is_still_recognised(guests_directory: Path) -> None:
    write(guests_directory / "q.yaml", "id: q\ntitle: Q\nextends: p1\ncpu: host\n")
    assert error_lines(guests_directory) == [
        "guests/q.yaml:1: describes a platform, not a guest; move the file to guests/platforms"
    ]
