"""Runs of pytest on generated tests, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci.benchmarks.figures import CannotMeasure
from fixtures.evidence.worker_results import read_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci.benchmarks.workbench import Workbench
    from fixtures.evidence.result import CheckResult

PROJECT = Path(__file__).resolve().parents[2]
# Seconds; longer than the longest run: 100 clones and the making of their checkpoint.
_RUN = 900.0
_LEAVE = 30.0

# Writes the peak memory of each process to a file.
_CONFTEST = """\
import os
import pathlib
import re
import time

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    worker = os.environ.get("PYTEST_XDIST_WORKER", "controller")
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]
    pathlib.Path(__file__).with_name(f"peak-{worker}").write_text(peak)


@pytest.fixture
def awaited(request, measure):
    began = time.monotonic()
    guest = request.getfixturevalue("guest")
    measure("waited", time.monotonic() - began, "s")
    return guest
"""
_CHECK = '''

@pytest.mark.check("bench.number-{number:03}", level="informational")
def test_number_{number:03}(cell, awaited):
    """The guest runs a trivial command."""
    assert awaited.ask("{command}") == ""
'''


@dataclass(frozen=True)
class Ran:
    """A finished run: results by start time, total seconds, and each process's peak memory in MiB."""

    results: tuple[CheckResult, ...]
    seconds: float
    peaks: dict[str, float]

    @property
    def workers(self) -> tuple[float, ...]:
        """The peak memory of the processes that ran checks."""
        found = tuple(peak for name, peak in self.peaks.items() if name != "controller")
        return found or tuple(self.peaks.values())

    @property
    def waited(self) -> tuple[float, ...]:
        """Seconds that checks waited for their guests, without each worker's first check.

        The first check of a worker also verifies the checkpoint.
        """
        seen: set[str] = set()
        waits = []
        for result in self.results:
            if result.worker in seen:
                waits += [measure.value for measure in result.measures if measure.name == "waited"]
            seen.add(result.worker)
        return tuple(waits)


def began(result: CheckResult) -> float:
    """The Unix time at which a check started."""
    return datetime.fromisoformat(result.started).timestamp()


def taken(results: Sequence[CheckResult]) -> float:
    """Seconds from the start of the first check to the end of the last; excludes the start of pytest."""
    return max(began(result) + result.seconds for result in results) - min(map(began, results))


def rate(results: Sequence[CheckResult]) -> float:
    """Checks a second."""
    return len(results) / taken(results)


def steady_rate(results: Sequence[CheckResult]) -> float | None:
    """Checks a second after each worker's first check, which verifies the checkpoint."""
    first: dict[str, CheckResult] = {}
    for result in sorted(results, key=began):
        first.setdefault(result.worker, result)
    warm = max(began(result) + result.seconds for result in first.values())
    rest = [result for result in results if began(result) >= warm]
    return None if not rest else len(rest) / (max(began(each) + each.seconds for each in rest) - warm)


def pytest_command(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a pytest run."""
    # Compiled modules are kept, as for users.
    ours = ("PYTEST", "IRONGUEST_WORK", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments], environment


def run(command: list[str], environment: dict[str, str]) -> float:
    """Run pytest; returns its seconds. Raises CannotMeasure with the end of its output if it fails."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ctrl-C reaches only this process; it tells pytest, which ends its machines.
        start_new_session=True,
        text=True,
    )
    try:
        output = process.communicate(timeout=_RUN)[0]
    except subprocess.TimeoutExpired as error:
        raise CannotMeasure(f"pytest did not end within {_RUN:g} s: {' '.join(command)}") from error
    finally:
        _end(process)
    if process.returncode != 0:
        tail = "\n".join(output.splitlines()[-25:])
        raise CannotMeasure(f"pytest ended with exit status {process.returncode}:\n{tail}")
    return time.monotonic() - started


def _end(process: subprocess.Popen[str]) -> None:
    """End pytest, its workers and their machines."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_LEAVE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_checks(bench: Workbench, count: int, workers: int, command: str = "true") -> Ran:
    """Run ``count`` checks, each on its own clone, which only run ``command`` in the guest."""
    here = bench.directory("checks")
    (here / "conftest.py").write_text(_CONFTEST)
    checks = "".join(_CHECK.format(number=number, command=command) for number in range(count))
    (here / "test_numbers.py").write_text("import pytest\n" + checks)
    bundle = here / "bundle"
    line, environment = pytest_command(
        "-c",
        str(PROJECT / "pyproject.toml"),
        f"--guest={bench.cell.guest.id}",
        f"--platform={bench.cell.platform.id}",
        f"--bundle={bundle}",
        # Otherwise pytest-xdist leaves a directory behind.
        f"--basetemp={here / 'basetemp'}",
        # One worker: no pytest-xdist.
        f"-n{0 if workers == 1 else workers}",
        str(here),
    )
    seconds = run(line, environment)
    results = tuple(sorted(read_results(bundle / "results"), key=began))
    passed = sum(result.outcome == "PASS" for result in results)
    if passed != count:
        raise CannotMeasure(f"{passed} of {count} trivial checks passed")
    peaks = {path.name.removeprefix("peak-"): int(path.read_text()) / 1024 for path in here.glob("peak-*")}
    return Ran(results, seconds, peaks)
