"""Workers that are killed: only their own check is lost, nothing is left behind, and the next run works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.deadline import Deadline
from fixtures.media.cache import cache_root
from suites.selftest.sabotage.test_sabotage_run import HANG, PROJECT, own_guest

NEVER = threading.Event()


class Run:
    """A run with one worker, in a process group of its own."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.bundle = directory / "bundle"
        self.directory = directory
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "IRONGUEST_WORK"))
        }
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n1", f"--bundle={self.bundle}"]
        self._process = subprocess.Popen(
            [*command, *arguments],
            cwd=PROJECT,
            env={**kept, **environment, "TMPDIR": str(directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def machine(self, sign: str, *, not_of: int = 0) -> int:
        """The worker that started the first QEMU with ``sign`` in its command line."""
        deadline = Deadline.after(120.0)
        while not deadline.expired:
            for _, parent, line in processes():
                ours = "qemu" in line and str(self.directory) in line and parent not in {1, not_of}
                if ours and sign in line:
                    return parent
            assert self._process.poll() is None, self._process.communicate()[0]
            NEVER.wait(0.005)
        raise AssertionError(f"no machine with {sign} came")

    def end(self) -> str:
        """What the run printed."""
        return self._process.communicate(timeout=240)[0]

    def results(self) -> dict[str, dict[str, Any]]:
        """The results in the report, by check."""
        report = json.loads((self.bundle / "report.json").read_text())
        return {
            entry["check"]: entry["instances"][0]["attempts"][-1]
            for entry in report["results"]
            if entry["instances"]
        }


def processes() -> list[tuple[int, int, str]]:
    """All processes: id, parent's id, command line."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                status = (place / "stat").read_text()
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found.append((int(place.name), int(status.rpartition(")")[2].split()[1]), line))
    return found


def assert_clean(directory: Path) -> None:
    """No machine of a run is left, and neither is its directory."""
    assert [line for _, _, line in processes() if "qemu" in line and str(directory) in line] == []
    assert list(directory.glob("ironguest-*")) == []


def test_killed_while_it_makes_a_checkpoint(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    guests = own_guest(tmp_path, HANG.replace("silence: 400ms", "silence: 1s"))
    arguments = ["--accel=tcg", f"--guests-dir={guests}", "--guest=hang", "--platform=pc-bios-ide"]
    run = Run(tmp_path, *arguments, "suites/storage/test_storage.py", XDG_CACHE_HOME=str(cache))
    worker = run.machine("memory-backend-file")
    os.kill(worker, signal.SIGKILL)
    # The one that takes over finds what the first one left, and makes the checkpoint anew.
    run.machine("memory-backend-file", not_of=worker)
    output = run.end()
    outcomes = sorted((result["outcome"], result["failure"]["kind"]) for result in run.results().values())
    assert outcomes == [("ERROR", "WorkerDied"), ("FAIL", "BootTimeout")], output
    assert_clean(tmp_path)
    left = [path.name for path in (cache / "ironguest/checkpoints").iterdir()]
    assert [name for name in left if not name.endswith(".lock")] == []


def test_killed_while_it_starts_a_clone(tmp_path: Path) -> None:
    arguments = ["--guest=debian-12", "--platform=q35-uefi-virtio", "suites/integrity", "suites/drivers"]
    run = Run(tmp_path, *arguments, "-k", "kernel or driven")
    worker = run.machine("-incoming defer")
    os.kill(worker, signal.SIGKILL)
    output = run.end()
    results = run.results()
    outcomes = sorted(result["outcome"] for result in results.values())
    assert outcomes == ["ERROR", "PASS"], output
    lost = next(result for result in results.values() if result["outcome"] == "ERROR")
    assert lost["failure"]["kind"] == "WorkerDied"
    assert_clean(tmp_path)
    assert [path for path in (cache_root() / "checkpoints").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_leaves_nothing(tmp_path: Path, signal_: signal.Signals) -> None:
    arguments = ["--guest=debian-12", "--platform=q35-uefi-virtio", "suites/network"]
    run = Run(tmp_path, *arguments)
    run.machine("-incoming defer")
    run._process.send_signal(signal_)
    run.end()
    assert_clean(tmp_path)
