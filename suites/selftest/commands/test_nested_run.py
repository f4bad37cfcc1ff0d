"""``ci/nested`` for real: a host is emulated with AMD-V, and the small guest runs under its KVM.

Each test boots a host and takes a quarter of an hour to an hour, so they run on request only.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures.channels.shells.shell import run_check
from fixtures.commands.nested.__main__ import main
from fixtures.commands.nested.host_machine import HostRun
from fixtures.core.argument_parser import USAGE_ERROR
from fixtures.report.bundle.report_files import load_report
from fixtures.report.model.report import Report
from suites.selftest.support.paths import ROOT

pytestmark = [
    pytest.mark.boots,
    pytest.mark.skipif(
        "IRONGUEST_LONG_TESTS" not in os.environ,
        reason="boots an emulated host, up to an hour: IRONGUEST_LONG_TESTS=1 runs it",
    ),
]

# Not pc-bios-ide: there the boot loader reads the kernel word by word, 330,000 exits of KVM.
CELL = "debian-12-busybox@q35-bios-virtio-transitional"
PLAN = f"""\
id: nested
title: The small guest under KVM
cells: ["{CELL}"]
checks:
  - {{id: boot.reaches-login, level: mandatory}}
  - {{id: boot.no-fatal-events, level: mandatory}}
  - {{id: integrity.base-image-unchanged, level: mandatory}}
  - {{id: storage.write-reaches-disk, level: mandatory}}
  - {{id: network.payload-intact, level: mandatory}}
  - {{id: lifecycle.guest-reboots-once, level: mandatory}}
  - {{id: lifecycle.shuts-down-by-acpi, level: mandatory}}
"""


def nested(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``ci/nested``, whose temporary files go to a directory of its own."""
    temporary = directory / "tmp"
    temporary.mkdir()
    return subprocess.run(
        [ROOT / "ci/nested", "--out", "out", *arguments],
        cwd=directory, env={**os.environ, "TMPDIR": str(temporary)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip


def story(done: subprocess.CompletedProcess[str], report: Report) -> str:
    """What the run said, for the message of a failed assertion."""
    failures = [
        attempt.failure.message
        for entry in report.entries
        for instance in entry.instances
        for attempt in instance.attempts
        if attempt.failure is not None
    ]
    return "\n".join([*failures, done.stdout[-4000:], done.stderr[-2000:]])


def test_a_guest_under_kvm_on_an_emulated_host_is_provisional(tmp_path: Path) -> None:
    (tmp_path / "guests/plans").mkdir(parents=True)
    (tmp_path / "guests/plans/nested.yaml").write_text(PLAN)
    done = nested(tmp_path, "--plan=nested", "--guests-dir=guests")
    assert (tmp_path / "out/report.json").exists(), f"no report: {done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    report = load_report(tmp_path / "out")
    outcomes = {entry.check: entry.outcome for entry in report.entries}
    assert set(outcomes.values()) == {"PASS"}, story(done, report)
    assert len(outcomes) == 7
    # Hardware assistance was used, and an emulator below proves nothing.
    assert (report.host.accelerator, report.host.parent_kind) == ("kvm", "emulator")
    assert not report.host.hardware_assisted
    assert (done.returncode, report.verdict.name) == (0, "PROVISIONAL")
    assert report.verdict.reasons[0] == (
        "Hardware assistance was not proven: the host is itself a guest of QEMU's software emulation (TCG), "
        "so its virtualization extensions may be emulated."
    )
    starts = {
        attempt.start
        for entry in report.entries
        for instance in entry.instances
        for attempt in instance.attempts
    }
    assert any(start.startswith("clone of a checkpoint") for start in starts), starts
    # pytest's output came through, and nothing stays behind.
    assert "PROVISIONAL" in done.stdout
    assert f"bundle: {tmp_path / 'out'}" in done.stderr or "bundle: out" in done.stderr
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == []


def test_faults_of_kvm_are_named_on_an_emulated_host(tmp_path: Path) -> None:
    guest, platform = CELL.split("@")
    test = "suites/selftest/sabotage/test_sabotage_kvm.py"
    done = nested(tmp_path, test, f"--guest={guest}", f"--platform={platform}", "-n0")
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    # None of them was skipped.
    assert "2 passed" in done.stdout, done.stdout[-4000:]


def test_a_missing_module_of_kvm_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    start = HostRun.start

    def start_without_module(self: HostRun, arguments: Sequence[str]) -> None:
        run_check(self._shell, "modprobe -r kvm_amd && ! test -e /sys/module/kvm_amd")
        start(self, arguments)

    monkeypatch.setattr(HostRun, "start", start_without_module)
    guest, platform = CELL.split("@")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        status = main([f"--guest={guest}", f"--platform={platform}", f"--out={tmp_path / 'out'}"])
    finally:
        signal.signal(signal.SIGTERM, handler)
    message = capfd.readouterr().err
    assert status == USAGE_ERROR, message
    assert "the nested host cannot run guests under KVM:" in message
    assert "/dev/kvm does not exist: load the module kvm_amd" in message
