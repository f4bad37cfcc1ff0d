"""Killed workers: only their own check is lost, nothing is left behind, and the next run works."""

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
from suites.selftest.support.run_limit import RUN_LIMIT

# These runs take long, so they start early.
pytestmark = pytest.mark.boots

# Runs on the same cell, one after the other: two at once would make its checkpoint, or wait for it.
ON_DEBIAN = pytest.mark.xdist_group("debian-12@q35-uefi-virtio")

# Never set: its timed wait is a pause.
NEVER = threading.Event()


class Run:
    """A run with one worker, in a process group of its own."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.bundle = directory / "bundle"
        self.directory = directory
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "IRONGUEST_WORK"))
        }
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n1", f"--bundle={self.bundle}"]
        self._process = subprocess.Popen(
            [*command, *arguments],
            cwd=PROJECT,
            env={**inherited, **environment, "TMPDIR": str(directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for_machine(self, argument: str, *, except_of: int = 0) -> int:
        """Wait for a QEMU process with ``argument`` in its command line; returns the pid of its worker.

        ``except_of`` is the pid of a worker whose machines do not count.
        """
        deadline = Deadline.after(RUN_LIMIT)
        while not deadline.expired:
            for _, parent, line in processes():
                is_of_run = "qemu" in line and str(self.directory) in line and parent not in {1, except_of}
                if is_of_run and argument in line:
                    return parent
            assert self._process.poll() is None, self._process.communicate()[0]
            NEVER.wait(0.005)
        raise AssertionError(
            f"no QEMU process with {argument!r} in its command line within {deadline.limit:g} s"
        )

    def wait_for_end(self) -> str:
        """Wait for the end of the run; returns its output."""
        return self._process.communicate(timeout=RUN_LIMIT)[0]

    def results(self) -> dict[str, dict[str, Any]]:
        """The results in the report, by check."""
        report = json.loads((self.bundle / "report.json").read_text())
        return {
            entry["check"]: entry["instances"][0]["attempts"][-1]
            for entry in report["results"]
            if entry["instances"]
        }


def processes() -> list[tuple[int, int, str]]:
    """All processes as (pid, parent's pid, command line)."""
    entries = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                status = (directory / "stat").read_text()
                line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            entries.append((int(directory.name), int(status.rpartition(")")[2].split()[1]), line))
    return entries


def assert_clean(directory: Path) -> None:
    """Assert that neither a machine of a run nor its directory is left."""
    assert [line for _, _, line in processes() if "qemu" in line and str(directory) in line] == []
    assert list(directory.glob("ironguest-*")) == []


def test_worker_killed_during_a_checkpoint(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    guests = own_guest(tmp_path, HANG.replace("silence: 400ms", "silence: 1s"))
    arguments = ["--accel=tcg", f"--guests-dir={guests}", "--guest=hang", "--platform=pc-bios-ide"]
    run = Run(tmp_path, *arguments, "suites/storage/test_storage.py", XDG_CACHE_HOME=str(cache))
    worker = run.wait_for_machine("memory-backend-file")
    os.kill(worker, signal.SIGKILL)
    # The next worker finds the incomplete checkpoint, and makes a new one.
    run.wait_for_machine("memory-backend-file", except_of=worker)
    output = run.wait_for_end()
    outcomes = sorted((result["outcome"], result["failure"]["kind"]) for result in run.results().values())
    assert outcomes == [("ERROR", "WorkerDied"), ("FAIL", "BootTimeout")], output
    assert_clean(tmp_path)
    left = [path.name for path in (cache / "ironguest/checkpoints").iterdir()]
    assert [name for name in left if not name.endswith(".lock")] == []


@ON_DEBIAN
def test_worker_killed_during_the_start_of_a_clone(tmp_path: Path) -> None:
    arguments = ["--guest=debian-12", "--platform=q35-uefi-virtio", "suites/integrity", "suites/drivers"]
    run = Run(tmp_path, *arguments, "-k", "kernel_is or driven")
    worker = run.wait_for_machine("-incoming defer")
    os.kill(worker, signal.SIGKILL)
    output = run.wait_for_end()
    results = run.results()
    outcomes = sorted(result["outcome"] for result in results.values())
    assert outcomes == ["ERROR", "PASS"], output
    lost = next(result for result in results.values() if result["outcome"] == "ERROR")
    assert lost["failure"]["kind"] == "WorkerDied"
    assert_clean(tmp_path)
    checkpoints = cache_root() / "checkpoints"
    # Another worker may make the first checkpoint of another cell now.
    names = {path.name for path in checkpoints.iterdir()}
    assert [name for name in names if name.startswith(".") and name[1:].partition(".")[0] in names] == []


@ON_DEBIAN
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_ended_run_leaves_nothing(tmp_path: Path, signal_: signal.Signals) -> None:
    arguments = ["--guest=debian-12", "--platform=q35-uefi-virtio", "suites/network"]
    run = Run(tmp_path, *arguments)
    run.wait_for_machine("-incoming defer")
    run._process.send_signal(signal_)
    run.wait_for_end()
    assert_clean(tmp_path)
