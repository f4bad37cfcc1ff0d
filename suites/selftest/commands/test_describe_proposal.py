"""``ci/describe`` proposes a description that the catalog accepts, with a reason on each line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from fixtures.catalog.login_specs import Login
from fixtures.commands.describe.arguments import choose_id, parse
from fixtures.commands.describe.boot_check import load_description
from fixtures.commands.describe.boot_evidence import DeviceEvidence, Text
from fixtures.commands.describe.image_evidence import FileSystem
from fixtures.commands.describe.logged_in import missing_programs
from fixtures.commands.describe.proposal import Findings, Proposal, ProposedLine
from fixtures.commands.describe.proposed_lines import proposed_lines
from fixtures.commands.describe.yaml_text import render
from fixtures.core.errors import IronguestError, SuiteFault
from suites.selftest.support.describe_sample import (
    ESP,
    NTFS,
    PICTURE,
    asked,
    boot,
    findings,
    image,
    logged_in,
    root,
    text_of,
)

if TYPE_CHECKING:
    from pathlib import Path

OTHER = boot(
    platform="q35-uefi-virtio",
    login=logged_in(
        devices=(
            DeviceEvidence("e1000", "e1000", True),
            DeviceEvidence("VGA", "bochs-drm", True),
            DeviceEvidence("vmgenid", "", False),
        )
    ),
)


def test_drivers_say_where_they_were_bound() -> None:
    found = findings(None, boot(login=logged_in()), OTHER, login=Login(user="root", password="secret"))
    text = text_of(found)
    assert (
        re.search(r"^  e1000: e1000 +# bound on pc-bios-ide and q35-uefi-virtio$", text, re.MULTILINE)
        is not None
    )
    assert (
        re.search(r"^  i440FX: none +# seen without a driver on pc-bios-ide$", text, re.MULTILINE) is not None
    )
    assert "vmgenid:" not in text
    assert "reports no device for vmgenid" in asked(found)


@pytest.mark.parametrize(
    "found",
    [
        findings(),
        findings(None, boot()),
        findings(None, boot(login=logged_in()), OTHER, login=Login(user="root", password="secret # '\"")),
        findings(None, boot(login=logged_in(user="ada", needs_sudo=True, is_root=False, lacks=("perl",))), login=Login(user="ada")),
        findings(None, boot(**PICTURE)),
        findings(image(bios=False), boot(platform="q35-uefi-virtio", firmware="uefi")),
        findings(None, boot(serial=Text(), end="silent")),
        findings(login=Login(user="root", password="secret")),
        findings(None, boot(hardware_seconds=200.0)),
        findings(None, boot(login=logged_in()), login=Login(user="root"), passed=("pc-bios-ide",), today="2026-11-28", host="Debian 12: x"),
        findings(image(ESP, root(files={"/etc/os-release": 'ID=x\nPRETTY_NAME="#: [x]\x1b[31m {y}\u2028"\n'}))),
        findings(image(NTFS), login=Login(user="Administrator", password="secret")),
        findings(image(NTFS), boot(**PICTURE | {"end": "steady", "screen": Text(("Windows",))})),
        findings(image(FileSystem("the whole disk", ""), published="raw", drive="floppy", layout="no partition table")),
    ],
    ids=["not booted", "login", "shell", "sudo", "picture", "UEFI", "silent", "untried", "slow", "passed", "odd title", "Windows", "Windows booted", "unknown"],
)  # fmt: skip
def test_each_proposal_is_valid(found: Findings, tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text(text_of(found), encoding="utf-8")
    guest = load_description(tmp_path, "appliance")
    assert guest.id == "appliance"
    assert (guest.verified == ()) is (not found.passed)
    for line in text_of(found).splitlines():
        assert len(line) <= 110 or not line.lstrip().startswith("#"), line


def test_each_line_says_what_it_is_based_on() -> None:
    found = findings(None, boot(login=logged_in()), OTHER, login=Login(user="root", password="secret"))
    lines = [*proposed_lines(found)]
    entries = [entry for line in lines for entry in line.entries]
    assert [line.key for line in (*lines, *entries) if not line.basis] == []


def test_a_proposal_that_the_catalog_refuses_is_a_fault_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("id: appliance\nsystem: none\n", encoding="utf-8")
    with pytest.raises(SuiteFault, match="the proposed description is not valid"):
        load_description(tmp_path, "appliance")


def test_a_comment_cannot_be_ended_by_a_guest() -> None:
    line = ProposedLine("title", "x", "a\nid: evil\x1b[2K\rsystem: evil " + "y" * 200)
    assert yaml.safe_load(render(Proposal((line,), ("what?\nid: evil",)))) == {"title": "x"}


def test_missing_programs_are_named_as_in_yaml() -> None:
    assert missing_programs("bash\nkmod\nsystemd\nudev\nutil-linux\ncoreutils\nperl\npackages\n") == ()
    expected = ("bash", "kmod", "packages", "perl", "systemd", "udev", "util-linux")
    assert missing_programs("coreutils\n") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My Appliance_2.0.qcow2.xz", "my-appliance-2.0"),
        ("disk.IMG", "disk"),
        ("---.raw", "image"),
        ("debian-12.qcow2", "debian-12-image"),
    ],
)
def test_the_id_comes_from_the_name_of_the_image(name: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert choose_id(parse([str(tmp_path / name)]), {"debian-12"})[0] == expected


def test_an_id_of_a_shipped_guest_is_refused_where_it_was_chosen(tmp_path: Path) -> None:
    (tmp_path / "x.img").write_bytes(b"x")
    with pytest.raises(IronguestError, match="'debian-12' is that of a guest that is shipped"):
        choose_id(parse(["--id", "debian-12", str(tmp_path / "x.img")]), {"debian-12"})
