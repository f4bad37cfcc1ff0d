"""A check that fails leaves the screen, the console's text and the packets, and the bundle is whole with them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from PIL import Image

from fixtures.oracles import dhcp_leases
from suites.selftest.sabotage.test_sabotage_run import HANG, PROJECT, Finished, own_guest, run

NAMES = ["answers.jsonl", "screen.png", "screen.txt", "net0.pcap"]


def files(done: Finished, check: str) -> dict[str, Path]:
    """The evidence of a check by its names."""
    return {Path(name).name: done.bundle / name for name in done.results[check]["evidence"]}


def verify(bundle: Path) -> subprocess.CompletedProcess[str]:
    command = [str(PROJECT / "ci" / "verify"), str(bundle)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def manifest(bundle: Path) -> set[Path]:
    lines = (bundle / "MANIFEST.sha256").read_text().splitlines()
    return {bundle / line.partition("  ")[2] for line in lines}


def undriven(tmp_path: Path) -> Path:
    """Debian under another name, with a driver's name that it does not know: a true answer fails its check."""
    spec = yaml.safe_load((PROJECT / "guests" / "debian-12.yaml").read_text())
    spec |= {"id": "debian-undriven", "platforms": ["q35-uefi-virtio"]}
    spec["drivers"]["virtio-net-pci"] = "virtio_nut"
    guests = tmp_path / "guests"
    guests.mkdir()
    (guests / "debian-undriven.yaml").write_text(yaml.safe_dump(spec))
    return guests


def test_a_failing_check_on_a_real_guest_leaves_all_three(tmp_path: Path) -> None:
    guests = undriven(tmp_path)
    wanted = ["--guest=debian-undriven", "-k", "every_device_is_driven or kernel_is_the_vendors"]
    done = run(tmp_path, "--accel=tcg", f"--guests-dir={guests}", *wanted, "suites")
    driven, kernel = (
        done.results["drivers.every-device-is-driven"],
        done.results["integrity.kernel-is-the-vendors"],
    )
    assert (driven["outcome"], driven["failure"]["kind"]) == ("FAIL", "AssertionError")
    left = files(done, "drivers.every-device-is-driven")
    assert list(left) == NAMES
    assert set(left.values()) <= manifest(done.bundle)
    with Image.open(left["screen.png"]) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 1
    # The answer that failed the check, as it came over the line.
    last = left["screen.txt"].read_text().split()[-1]
    assert any(
        last in log.read_text() for log in (done.bundle / "evidence" / "machines").rglob("console.log")
    )
    assert set(dhcp_leases.leases(left["net0.pcap"]).values()) == {"10.0.2.15"}
    page = (done.bundle / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 1
    # A check that passes leaves its answers.
    assert (kernel["outcome"], list(files(done, "integrity.kernel-is-the-vendors"))) == ("PASS", NAMES[:1])
    verified = verify(done.bundle)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_boot_that_fails_leaves_all_three_as_well(tmp_path: Path) -> None:
    guests = own_guest(tmp_path, HANG)
    wanted = ["--guest=hang", "--platform=pc-bios-ide", "suites/boot"]
    done = run(tmp_path, "--accel=tcg", f"--guests-dir={guests}", *wanted)
    left = files(done, "boot.reaches-login")
    assert list(left) == NAMES
    assert set(left.values()) <= manifest(done.bundle)
    # What is blocked by it has no machine to look at.
    assert list(files(done, "boot.no-fatal-events")) == NAMES[:1]
    verified = verify(done.bundle)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_picture_that_was_exchanged_is_found(tmp_path: Path) -> None:
    guests = own_guest(tmp_path, HANG)
    done = run(
        tmp_path,
        "--accel=tcg",
        f"--guests-dir={guests}",
        "--guest=hang",
        "--platform=pc-bios-ide",
        "suites/boot",
    )
    Image.new("RGB", (720, 400)).save(files(done, "boot.reaches-login")["screen.png"])
    verified = verify(done.bundle)
    assert (verified.returncode, "screen.png" in verified.stdout) == (1, True)
