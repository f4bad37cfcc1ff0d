"""Plugins that run tests again or end them: a repeated attempt is never lost, a timeout is an ERROR.

The plugins themselves are not installed here. The conftest of the inner runs does what pytest-rerunfailures
does, and a check ends as pytest-timeout ends one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suites.selftest.plugin.test_live_progress_run import result_lines
from suites.selftest.support.inner_run import InnerRun

RERUNS = """\
import pytest
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for is_last in (False, True):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        is_repeated = not is_last and any(report.failed for report in reports)
        for report in reports:
            if is_repeated and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if not is_repeated:
            return True

@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem, report, sched):
    sched.mark_test_pending(crashitem)
    report.outcome = "rerun"
"""
CHECKS = """\
from pathlib import Path

def is_first_attempt(name):
    mark = Path(__file__).with_name(name)
    is_first = not mark.exists()
    mark.touch()
    return is_first

@check("demo.flaky")
def test_flaky(cell):
    assert not is_first_attempt("flaky")

@check("demo.passes")
def test_passes(cell):
    pass

@check("demo.timeout")
def test_timeout(cell):
    if is_first_attempt("timeout"):
        pytest.fail("Timeout (>2.0s) from pytest-timeout.")
"""
DIES = """\
@check("demo.dies")
def test_dies(cell):
    if is_first_attempt("dies"):
        os._exit(3)
"""
AGAIN = "passed only after a repeated attempt on left@pc-bios-ide"


def attempts(bundle: Path) -> dict[str, list[tuple[str, str]]]:
    """The outcome and the kind of failure of each attempt, by check."""
    report: dict[str, Any] = json.loads((bundle / "report.json").read_text())
    return {
        entry["check"]: [
            (attempt["outcome"], (attempt["failure"] or {}).get("kind", ""))
            for instance in entry["instances"]
            for attempt in instance["attempts"]
        ]
        for entry in report["results"]
    }


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_repeated_attempt_is_a_condition(tmp_path: Path, workers: str) -> None:
    inner = InnerRun.create(tmp_path, CHECKS)
    (tmp_path / "conftest.py").write_text(RERUNS)
    output = inner.run(workers, "-k", "left", f"--bundle={tmp_path / 'bundle'}")
    assert attempts(tmp_path / "bundle") == {
        "demo.flaky": [("FAIL", "AssertionError"), ("PASS", "")],
        "demo.passes": [("PASS", "")],
        "demo.timeout": [("ERROR", "Failed"), ("PASS", "")],
    }
    assert " ".join(output.split()).count(AGAIN) == 2
    # A line for each attempt, with its own outcome.
    assert [line.partition("  left")[0] for line in result_lines(output.splitlines())] == [
        "[1/3] FAIL  demo.flaky  ",
        "[1/3] PASS  demo.flaky  ",
        "[2/3] PASS  demo.passes ",
        "[3/3] ERROR  demo.timeout",
        "[3/3] PASS  demo.timeout",
    ]


def test_a_check_whose_worker_died_and_that_passes_again_is_a_condition(tmp_path: Path) -> None:
    inner = InnerRun.create(tmp_path, CHECKS + DIES)
    (tmp_path / "conftest.py").write_text(RERUNS)
    # pytest-xdist's own scheduler: Ironguest's does not schedule such a test again.
    output = inner.run("-n1", "--dist=load", "-k", "left and dies", f"--bundle={tmp_path / 'bundle'}")
    assert attempts(tmp_path / "bundle") == {"demo.dies": [("ERROR", "WorkerDied"), ("PASS", "")]}
    assert AGAIN in " ".join(output.split())


def test_a_check_whose_worker_died_is_no_pass(tmp_path: Path) -> None:
    inner = InnerRun.create(tmp_path, CHECKS + DIES)
    output = inner.run("-n1", "-k", "left and dies", f"--bundle={tmp_path / 'bundle'}")
    assert attempts(tmp_path / "bundle") == {"demo.dies": [("ERROR", "WorkerDied")]}
    assert "1 failed" in output
