"""Whole runs with guests that need an installation: missing media, and installations that fail."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import InstalledImage
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.run.settings import Request, read_settings
from suites.selftest.sabotage.test_sabotage_run import PROJECT, run
from suites.selftest.support.simulated_installer import SimulatedInstaller

if TYPE_CHECKING:
    from pathlib import Path

PLAN = """\
id: both
title: A guest whose medium is not here
cells: ["licensed@*"]
checks:
  - {id: boot.reaches-login, level: mandatory}
  - {id: boot.no-fatal-events, level: recommended}
"""
GUEST = """\
id: licensed
title: A guest that is installed
system: windows
arch: x86_64
image:
  install: windows
  medium: {medium}
  index: 1
  size: 1M
  installed: {installed}
platforms: [{platform}]
console: sac
login: {{user: Administrator, password: open-sesame}}
drivers: {{}}
"""


def shelf(
    tmp_path: Path, medium: str, *, platform: str = "pc-bios-ide", installed: str = "none.qcow2"
) -> str:
    guests = tmp_path / "guests"
    (guests / "plans").mkdir(parents=True)
    (guests / "licensed.yaml").write_text(GUEST.format(medium=medium, platform=platform, installed=installed))
    (guests / "plans/both.yaml").write_text(PLAN)
    return f"--guests-dir={guests}"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("IRONGUEST_IMAGES", raising=False)


def test_a_plan_without_its_media_is_incomplete(tmp_path: Path) -> None:
    done = run(tmp_path, "--accel=tcg", shelf(tmp_path, "gone.iso"), "--plan=both")
    assert done.status == 2
    words = f"the installation medium {tmp_path / 'guests/gone.iso'} does not exist"
    assert {name: (each["outcome"], each["reason"]) for name, each in done.results.items()} == {
        name: ("SKIP", ["license_media_absent", words])
        for name in ("boot.reaches-login", "boot.no-fatal-events")
    }
    report = json.loads((done.bundle / "report.json").read_text())
    assert report["verdict"]["name"] == "INCOMPLETE"
    # ci/verify judges the run again without the medium.
    judged = subprocess.run(
        [PROJECT / "ci/verify", done.bundle], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    assert judged.stdout.endswith("Verified. The verdict is INCOMPLETE.\n"), judged.stdout + judged.stderr


def test_a_failed_installation_is_one_error_and_blocks_the_other_checks(tmp_path: Path) -> None:
    medium = SimulatedInstaller(words="IRONGUEST-SETUP failed: no such edition\r\n").write(
        tmp_path / "medium.iso"
    )
    done = run(tmp_path, "--accel=tcg", shelf(tmp_path, str(medium)), "--plan=both")
    assert done.status == 2
    reached, events = done.results["boot.reaches-login"], done.results["boot.no-fatal-events"]
    first, second = sorted([reached, events], key=lambda each: str(each["outcome"]), reverse=True)
    assert (first["outcome"], first["failure"]["kind"]) == ("ERROR", "InstallerRefused")
    assert "the installation failed: no such edition" in first["failure"]["message"]
    assert second["outcome"] == "BLOCKED"
    assert "licensed@pc-bios-ide has no image" in second["failure"]["message"]
    consoles = list(done.bundle.glob("evidence/machines/*/licensed@pc-bios-ide/installation/console.log"))
    assert len(consoles) == 1
    # The password of the answer file is nowhere in the bundle.
    files = [path for path in done.bundle.rglob("*") if path.is_file()]
    assert [path for path in files if b"open-sesame" in path.read_bytes()] == []


def test_unavailable_enlightenments_skip_the_check(tmp_path: Path) -> None:
    disk = tmp_path / "windows.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    guests = shelf(tmp_path, "gone.iso", platform="q35-uefi-enlightened", installed=str(disk))
    done = run(tmp_path, "--accel=tcg", guests, "--guest=licensed", "suites/boot", "-k", "reaches_login")
    reached = done.results["boot.reaches-login"]
    assert reached["outcome"] == "SKIP"
    assert reached["reason"] == [
        "host_lacks_hyperv_enlightenments",
        (
            "platform q35-uefi-enlightened requests Hyper-V enlightenments; they need KVM, and this run uses"
            " software emulation"
        ),
    ]


def test_a_run_without_a_selection_leaves_out_guests_without_media() -> None:
    settings = read_settings(Request())
    licensed = {cell.id for cell in settings.without_media}
    every = Catalog.load([SHIPPED_GUESTS]).cells()
    assert licensed == {cell.id for cell in every if isinstance(cell.guest.image, InstalledImage)}
    assert licensed.isdisjoint(cell.id for cell in settings.cells)
    words = settings.left_out_lines()[0]
    assert words.startswith(f"  left out: {len(licensed)} cells without media, of windows-10, windows-11, ")
    assert read_settings(Request(guests=("debian-12",))).left_out_lines() == []


@pytest.mark.parametrize(
    "request_",
    [
        Request(guests=("windows-*",)),
        Request(plan="windows-server"),
        Request(platforms=("q35-uefi-secure-inbox",)),
    ],
    ids=["guest", "plan", "nothing-else"],
)
def test_a_selection_keeps_guests_without_media(request_: Request) -> None:
    settings = read_settings(request_)
    assert settings.cells != ()
    assert settings.without_media == ()


def test_a_guest_with_its_medium_is_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "medium.iso").write_bytes(b"")
    shelf(tmp_path, str(tmp_path / "medium.iso"))
    settings = read_settings(Request(guests_dirs=(tmp_path / "guests",)))
    assert "licensed@pc-bios-ide" in {cell.id for cell in settings.cells}
    assert "licensed@pc-bios-ide" not in {cell.id for cell in settings.without_media}
