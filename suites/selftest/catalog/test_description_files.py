"""The files in a catalog's directories: descriptions, images and ignored files; every other file is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.core.project import SHIPPED_GUESTS
from suites.selftest.support.catalog_sample import error_lines, guest, plan, platform, write
from suites.selftest.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "text", "messages"),
    [
        ("c.yaml", guest("d", "p1"), ["guests/c.yaml:1: id: expected 'c', the name of the file; found 'd'"]),
        ("c.yaml", guest("c", "p1", "p22"), [
            "guests/c.yaml:6: platforms.1: platform 'p22' is not described; did you mean 'p2'?"]),
        ("c.yaml", guest("c", "zzz"), [
            "guests/c.yaml:6: platforms.0: platform 'zzz' is not described; known: p1, p2, p3"]),
        ("c.yml", "", [
            "guests/c.yml: is not read; the name of a description ends in .yaml: rename it to c.yaml"]),
        ("platforms/p4.YAML", "", [
            "guests/platforms/p4.YAML: is not read; the name of a description ends in .yaml: rename it to p4.yaml"]),
        ("c.qcow2", "", [
            ("guests/c.qcow2: is not read; descriptions are named *.yaml, and no guest's image is this file: "
            "correct image.path of its guest, or move the file elsewhere")]),
        ("platforms/old/p.yaml", "", [
            "guests/platforms/old: this directory is not read; move its descriptions to guests/platforms"]),
        ("platform/p.yaml", "", [
            ("guests/platform: this directory is not read; rename it or move it elsewhere; "
            "did you mean 'platforms'?")]),
        ("p4.yaml", platform("p4"), ["guests/p4.yaml:1: describes a platform, not a guest; move the file to guests/platforms"]),
        ("platforms/c.yaml", guest("c", "p1"), [
            "guests/platforms/c.yaml:1: describes a guest, not a platform; move the file to guests"]),
        ("platforms/x.yaml", plan("x", "a@*"), [
            "guests/platforms/x.yaml:1: describes a plan, not a platform; move the file to guests/plans"]),
        ("waivers", "", ["guests/waivers: is not a directory"]),
        ("c.yaml/x", "", ["guests/c.yaml: is a directory, not a YAML file"]),
        ("plans/x.yaml", plan("x", "c@*"), [
            "guests/plans/x.yaml:3: cells.0: cell 'c@*' matches nothing; known: a@p1, a@p2, b@p2"]),
        ("plans/x.yaml", plan("x", "a@p1", "a@p3"), [
            "guests/plans/x.yaml:3: cells.1: cell 'a@p3' is not described; did you mean 'a@p2'?"]),
    ],
)  # fmt: skip
def test_every_unread_file_and_every_mismatch_is_an_error(
    guests_directory: Path, name: str, text: str, messages: list[str]
) -> None:
    write(guests_directory / name, text)
    assert error_lines(guests_directory) == messages


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "plans/README.md", "waivers/README.md", "notes.txt", "README", "LICENSE"),
        *("SHA256SUMS", "SHA512SUMS", "d.qcow2.sha256", "d.sha512", "d.asc", "d.sig", "d.gpg"),
        *(".x.yml", "platforms/.gitkeep", ".a.yaml.swp", "a.yaml~", "#a.yaml#", "a.yaml.bak", "a.yaml.orig"),
    ],
)
def test_files_that_nobody_mistakes_for_descriptions_are_ignored(guests_directory: Path, name: str) -> None:
    write(guests_directory / name, "anything")
    assert len(Catalog.load([guests_directory]).cells()) == 3


def installed(**paths: str) -> str:
    keys = "".join(f"  {key}: {value}\n" for key, value in paths.items())
    text = guest("c", "p1", image=f"\n  install: windows\n  index: 1\n{keys}".rstrip())
    return text.replace("system: linux", "system: windows").replace("user: root", "user: root, password: x")


@pytest.mark.parametrize(
    ("text", "file"),
    [
        (guest("c", "p1", image="{path: c.qcow2}"), "c.qcow2"),
        (guest("c", "p1", image="{path: ./images/c.qcow2}"), "images/c.qcow2"),
        (guest("c", "p1", image="{path: '${HERE}/c.qcow2'}"), "c.qcow2"),
        (installed(medium="c.iso"), "c.iso"),
        (installed(medium="/x.iso", installed="c.qcow2"), "c.qcow2"),
        (installed(medium="/x.iso", drivers="{path: virtio-win.iso, folder: 2k22}"), "virtio-win.iso"),
        (installed(medium="/x.iso", features="fod.iso"), "fod.iso"),
    ],
)
def test_an_image_of_a_guest_may_lie_beside_its_description(
    guests_directory: Path, monkeypatch: pytest.MonkeyPatch, text: str, file: str
) -> None:
    monkeypatch.setenv("HERE", str(guests_directory))
    write(guests_directory / "c.yaml", text)
    write(guests_directory / file, "")
    assert "c@p1" in {cell.id for cell in Catalog.load([guests_directory]).cells()}


def test_the_first_example_of_the_readme(tmp_path: Path) -> None:
    example = (ROOT / "README.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    write(tmp_path / "my-guest.yaml", example)
    write(tmp_path / "my-guest.qcow2", "")
    assert "my-guest" in Catalog.load([SHIPPED_GUESTS, tmp_path]).guests


def test_another_file_beside_an_image_is_an_error(guests_directory: Path) -> None:
    write(guests_directory / "c.yaml", guest("c", "p1", image="{path: c.qcow2}"))
    for name in ("c.qcow2", "c.qcow", "d.qcow2"):
        write(guests_directory / name, "")
    messages = error_lines(guests_directory)
    assert [message.partition(":")[0] for message in messages] == ["guests/c.qcow", "guests/d.qcow2"]


def test_the_image_of_a_guest_in_another_directory(guests_directory: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write(mine / "c.yaml", guest("c", "p1", image="{path: ../guests/c.qcow2}"))
    write(guests_directory / "c.qcow2", "")
    assert len(Catalog.load([guests_directory, mine]).cells()) == 4


def test_a_directory_with_images_alone_describes_nothing(guests_directory: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    write(guests_directory / "c.yaml", guest("c", "p1", image="{path: ../images/c.qcow2}"))
    write(images / "c.qcow2", "")
    assert error_lines(guests_directory, images) == [
        "images: describes nothing; expected *.yaml files of guests"
    ]


def test_the_image_of_an_invalid_guest_is_not_reported(guests_directory: Path) -> None:
    write(guests_directory / "c.yaml", guest("c", "p1", image="{path: c.qcow2}").replace("x86_64", "x86"))
    write(guests_directory / "c.qcow2", "")
    (message,) = error_lines(guests_directory)
    assert message.startswith("guests/c.yaml:4: arch: expected")


@pytest.mark.parametrize("path", ["'${NO_SUCH_VARIABLE}/c.qcow2'", "'${HOME'", "'${}c.qcow2'"])
def test_a_path_without_a_value_names_no_image(guests_directory: Path, path: str) -> None:
    write(guests_directory / "c.yaml", guest("c", "p1", image=f"{{path: {path}}}"))
    write(guests_directory / "c.qcow2", "")
    (message,) = error_lines(guests_directory)
    assert message.startswith("guests/c.qcow2: is not read")
