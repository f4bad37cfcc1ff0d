"""Runs of pytest in their own process: the output and the report of runs that fail or cannot start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.evidence.redaction import MASK
from fixtures.host.hardware_assistance import detect_assistance
from suites.selftest.support.machine_sample import printing_code
from suites.selftest.support.paths import ROOT
from suites.selftest.support.run_limit import RUN_LIMIT

PROJECT = ROOT

PASSWORD = "open-sesame"
HANG = """\
id: hang
title: A boot sector that does nothing for ever
system: linux
arch: x86_64
image: {{path: {image}, format: raw}}
platforms: [pc-bios-ide, q35-uefi-virtio]
console: serial
login: {{user: root}}
drivers: {{}}
timeouts: {{boot: 5s, silence: 400ms}}
"""


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its exit status, its output, its results by check, and its bundle."""

    status: int
    output: str
    results: dict[str, dict[str, Any]]
    bundle: Path


def run(tmp_path: Path, *arguments: str) -> FinishedRun:
    """Run pytest in the project with a bundle, without the environment variables of this run."""
    bundle = tmp_path / "bundle"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "IRONGUEST_WORK"))
    }
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--bundle={bundle}", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_LIMIT,
    )
    results: dict[str, dict[str, Any]] = {}
    for part in (bundle / "results").glob("*.jsonl"):
        for line in part.read_text().splitlines():
            record = json.loads(line)
            if record["kind"] == "result":
                results[record["check"]] = record
    return FinishedRun(finished.returncode, finished.stdout + finished.stderr, results, bundle)


def own_guest(tmp_path: Path, text: str, code: bytes = b"\xeb\xfe") -> Path:
    """A guests directory with the guest ``hang``: its boot sector is ``code``, or an endless loop."""
    disk = tmp_path / "hang.raw"
    disk.write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + bytes((1 << 20) - 512))
    guests = tmp_path / "guests"
    guests.mkdir()
    (guests / "hang.yaml").write_text(text.format(image=disk))
    return guests


def test_hanging_boot_fails_and_blocks_other_checks(tmp_path: Path) -> None:
    """The guest prints its password. No output shows it."""
    text = HANG.replace("user: root", f"user: root, password: {PASSWORD}")
    guests = own_guest(tmp_path, text, printing_code(f"the password is {PASSWORD}.\r\n"))
    xml = tmp_path / "junit.xml"
    finished = run(
        tmp_path,
        "--accel=tcg",
        f"--guests-dir={guests}",
        "--guest=hang",
        "--platform=pc-bios-ide",
        f"--junitxml={xml}",
        "suites/boot",
    )
    reached, complaints = finished.results["boot.reaches-login"], finished.results["boot.no-fatal-events"]
    assert (reached["outcome"], reached["failure"]["kind"]) == ("FAIL", "BootTimeout")
    assert "hangs" in reached["failure"]["message"]
    assert "'firmware'" in reached["failure"]["message"]
    assert complaints["outcome"] == "BLOCKED"
    assert "NOT CERTIFIED" in finished.output
    cases = {case.get("name"): case for case in ElementTree.parse(xml).iter("testcase")}
    assert cases["test_reaches_login[hang@pc-bios-ide]"].find("failure") is not None
    assert cases["test_no_fatal_events[hang@pc-bios-ide]"].find("error") is not None
    assert (finished.bundle / "report.html").exists()
    assert f"the password is {MASK}." in finished.output
    files = [xml, *(path for path in finished.bundle.rglob("*") if path.is_file())]
    assert [path.name for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD not in finished.output


def test_disk_for_another_firmware_is_one_error_of_the_description(tmp_path: Path) -> None:
    """The mistake is named before anything boots, once; no check of the guest fails."""
    guests = own_guest(tmp_path, HANG)
    cell = ["--accel=tcg", "--guest=hang", "--platform=q35-uefi-virtio"]
    finished = run(tmp_path, f"--guests-dir={guests}", *cell, "suites/boot")
    (first, *others) = finished.results.values()
    assert (first["outcome"], first["failure"]["kind"]) == ("ERROR", "DescriptionMismatch")
    message = "the platform q35-uefi-virtio has firmware: uefi, which cannot boot the image hang.raw"
    assert message in first["failure"]["message"]
    assert "code in its boot sector, but no EFI system partition" in first["failure"]["message"]
    assert [result["outcome"] for result in others] == ["BLOCKED"] * len(others), finished.output
    assert len(others) >= 2, "expected several checks in suites/boot"


def test_kvm_that_cannot_run_a_guest_is_an_internal_error(tmp_path: Path) -> None:
    host = detect_assistance()
    if host.available or not host.usable:
        pytest.skip("this host's KVM either works or cannot be opened: nothing fails by itself here")
    # The firmware runs in long mode, and executes instructions that such a KVM cannot emulate.
    guests = own_guest(tmp_path, HANG)
    # A disk with boot code for a BIOS alone is refused on this platform.
    (tmp_path / "hang.raw").write_bytes(bytes(1 << 20))
    selection = ["--guest=hang", "--platform=q35-uefi-virtio", "-k", "reaches_login"]
    finished = run(tmp_path, "--accel=kvm", f"--guests-dir={guests}", *selection)
    reached = finished.results["boot.reaches-login"]
    assert (reached["outcome"], reached["failure"]["kind"]) == ("FAIL", "HypervisorInternalError")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--guest=debian-13"], "debian-12"),
        (["--platform=q36-uefi-virtio"], "q35-uefi-virtio"),
        (["--plan=defualt"], "default"),
        (["--guests-dir=/nowhere/at/all"], "/nowhere/at/all"),
        (["--accel=tcg", "--require-hardware-assist"], "hardware"),
    ],
)
def test_wrong_option_is_one_clear_message(tmp_path: Path, arguments: list[str], message: str) -> None:
    finished = run(tmp_path, *arguments, "suites/boot")
    assert finished.status == pytest.ExitCode.USAGE_ERROR
    assert message in finished.output
    assert "Traceback" not in finished.output
    assert finished.results == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("login:", "logn:", "hang.yaml:8: "),
        ("format: raw", "format: qcow2", "is of format raw"),
        ("hang.raw", "gone.raw", "does not exist"),
        ("image: {{path: {image}", "image: {{path: '${{NO_SUCH_VARIABLE}}/x.raw'", "NO_SUCH_VARIABLE"),
    ],
)
def test_wrong_description_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    guests = own_guest(tmp_path, HANG)
    file = guests / "hang.yaml"
    image = str(tmp_path / "hang.raw")
    text = HANG.replace(old, new).format(image=image) if "{{" in old else file.read_text().replace(old, new)
    file.write_text(text)
    finished = run(tmp_path, f"--guests-dir={guests}", "--guest=hang", "suites/boot")
    assert finished.status == pytest.ExitCode.USAGE_ERROR
    assert message in finished.output
    assert "Traceback" not in finished.output


def test_missing_qemu_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONGUEST_QEMU", "/no/such/qemu")
    finished = run(tmp_path, "--guest=debian-12", "suites/boot")
    assert finished.status == pytest.ExitCode.USAGE_ERROR
    assert "/no/such/qemu" in finished.output


def test_collection_starts_nothing_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    finished = run(tmp_path, "--collect-only", "-q", "--guest=debian-12", "suites/boot")
    assert (finished.status, finished.results) == (0, {})
    assert "test_reaches_login[debian-12@pc-bios-ide]" in finished.output
    assert list(temporary.iterdir()) == []
