"""A failed check leaves the screen, its text and the packet capture in the bundle, and the bundle verifies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from PIL import Image

from fixtures.oracles import dhcp_leases
from suites.selftest.sabotage.test_sabotage_run import HANG, PROJECT, FinishedRun, own_guest, run
from suites.selftest.support.run_limit import RUN_LIMIT

# These runs take long, so they start early.
pytestmark = pytest.mark.boots

NAMES = ["answers.jsonl", "screen.png", "screen.txt", "net0.pcap"]


def evidence(finished: FinishedRun, check: str) -> dict[str, Path]:
    """The evidence files of a check, by file name."""
    return {Path(name).name: finished.bundle / name for name in finished.results[check]["evidence"]}


def verify(bundle: Path) -> subprocess.CompletedProcess[str]:
    command = [str(PROJECT / "ci" / "verify"), str(bundle)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_LIMIT)


def manifest(bundle: Path) -> set[Path]:
    lines = (bundle / "MANIFEST.sha256").read_text().splitlines()
    return {bundle / line.partition("  ")[2] for line in lines}


def guest_with_wrong_driver(tmp_path: Path) -> Path:
    """A copy of Debian's YAML with a driver that does not exist, so a healthy guest fails its check."""
    spec = yaml.safe_load((PROJECT / "guests" / "debian-12.yaml").read_text())
    spec |= {"id": "debian-undriven", "platforms": ["q35-uefi-virtio"]}
    spec["drivers"]["virtio-net-pci"] = "virtio_nut"
    guests = tmp_path / "guests"
    guests.mkdir()
    (guests / "debian-undriven.yaml").write_text(yaml.safe_dump(spec))
    return guests


def test_failed_check_leaves_screen_text_and_packets(tmp_path: Path) -> None:
    guests = guest_with_wrong_driver(tmp_path)
    selection = ["--guest=debian-undriven", "-k", "every_device_is_driven or kernel_is_the_vendors"]
    finished = run(tmp_path, "--accel=tcg", f"--guests-dir={guests}", *selection, "suites")
    driven, kernel = (
        finished.results["drivers.every-device-is-driven"],
        finished.results["integrity.kernel-is-the-vendors"],
    )
    assert (driven["outcome"], driven["failure"]["kind"]) == ("FAIL", "AssertionError")
    artifacts = evidence(finished, "drivers.every-device-is-driven")
    assert list(artifacts) == NAMES
    assert set(artifacts.values()) <= manifest(finished.bundle)
    with Image.open(artifacts["screen.png"]) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 1
    # The last text on the screen is also in the log of the console.
    last = artifacts["screen.txt"].read_text().split()[-1]
    assert any(
        last in log.read_text() for log in (finished.bundle / "evidence" / "machines").rglob("console.log")
    )
    assert set(dhcp_leases.leases(artifacts["net0.pcap"]).values()) == {"10.0.2.15"}
    page = (finished.bundle / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 1
    # A check that passes leaves only its answers.
    assert (kernel["outcome"], list(evidence(finished, "integrity.kernel-is-the-vendors"))) == (
        "PASS",
        NAMES[:1],
    )
    verified = verify(finished.bundle)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_failed_boot_leaves_screen_text_and_packets(tmp_path: Path) -> None:
    """They are in the bundle that verifies, and an exchanged screenshot is found."""
    guests = own_guest(tmp_path, HANG)
    selection = ["--guest=hang", "--platform=pc-bios-ide", "suites/boot"]
    finished = run(tmp_path, "--accel=tcg", f"--guests-dir={guests}", *selection)
    artifacts = evidence(finished, "boot.reaches-login")
    assert list(artifacts) == NAMES
    assert set(artifacts.values()) <= manifest(finished.bundle)
    # A blocked check has no machine, so it leaves only its answers.
    assert list(evidence(finished, "boot.no-fatal-events")) == NAMES[:1]
    verified = verify(finished.bundle)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    Image.new("RGB", (720, 400)).save(artifacts["screen.png"])
    exchanged = verify(finished.bundle)
    assert (exchanged.returncode, "screen.png" in exchanged.stdout) == (1, True)
