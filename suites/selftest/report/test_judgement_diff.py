"""Differences between a recorded and a replayed judgement."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fixtures.evidence.complaint import Complaint
from fixtures.evidence.result import CheckResult, Failure, Measure
from fixtures.report.model.judgement_diff import DifferenceKind, compare_reports, compare_results
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories

FAILURE = Failure(
    "AssertionError", "assert 1 == 2", detail="traceback", last_lines=("last",), rerun_command="pytest x"
)
PASSED = CheckResult(
    check="a.b",
    title="It holds.",
    level="mandatory",
    cell="x@y",
    nodeid="t.py::t[x@y]",
    outcome="PASS",
    started="2026-01-01T00:00:00+00:00",
    seconds=3.0,
    worker="gw0",
    measures=(Measure("speed", math.nan, "1/s"),),
    evidence=("evidence/x@y/a.b/answers.jsonl",),
    start="cold boot",
    start_seconds=1.5,
)
FAILED = replace(PASSED, outcome="FAIL", failure=FAILURE)
DIVERGED = replace(PASSED, outcome="ERROR", failure=Failure("RecordDiverged", "a.jsonl:3: another question"))
SKIPPED = replace(PASSED, outcome="SKIP", reason=("not_in_profile", "no"))


def elsewhere(result: CheckResult) -> CheckResult:
    """The same result from another process at another time."""
    failure = result.failure and replace(result.failure, detail="other", rerun_command="")
    times = {"started": "2027-01-01T00:00:00+00:00", "seconds": 0.01, "worker": "main"}
    return replace(result, failure=failure, evidence=(), **times)  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [PASSED, FAILED, SKIPPED], ids=lambda result: result.outcome)
def test_equal_results_give_no_difference(result: CheckResult) -> None:
    assert compare_results([result, result], [elsewhere(result), elsewhere(result)]) == []


@pytest.mark.parametrize(
    ("recorded", "replayed", "kind"),
    [
        (PASSED, FAILED, "outcome"),
        (FAILED, PASSED, "outcome"),
        (PASSED, SKIPPED, "outcome"),
        (FAILED, replace(FAILED, failure=replace(FAILURE, message="assert 1 == 3")), "failure"),
        (FAILED, replace(FAILED, failure=replace(FAILURE, kind="BootTimeout")), "failure"),
        (FAILED, replace(FAILED, failure=replace(FAILURE, last_lines=())), "failure"),
        (PASSED, DIVERGED, "diverged"),
        (replace(PASSED, outcome="ERROR", failure=FAILURE), DIVERGED, "diverged"),
        (PASSED, replace(DIVERGED, failure=Failure("EvidenceDamaged", "a.jsonl:1: cut off")), "damaged"),
        (SKIPPED, replace(SKIPPED, reason=("device_absent_by_design", "no")), "reason"),
        (PASSED, replace(PASSED, level="recommended"), "level"),
        (PASSED, replace(PASSED, start_seconds=0.1), "start"),
        (PASSED, replace(PASSED, measures=(Measure("speed", 1.0, "1/s"),)), "measures"),
        (PASSED, replace(PASSED, complaints=(Complaint("x", "error", True, 1, ("y",)),)), "complaints"),
    ],
)
def test_each_difference_is_reported_once(
    recorded: CheckResult, replayed: CheckResult, kind: DifferenceKind
) -> None:
    kinds = [difference.kind for difference in compare_results([recorded], [replayed])]
    assert kinds[0] == kind
    assert kinds == [kind] or kinds == ["outcome", "reason"]


def test_missing_and_extra_results() -> None:
    (missing,) = compare_results([PASSED, FAILED], [PASSED])
    assert (missing.kind, missing.recorded) == ("missing", "FAIL (AssertionError: assert 1 == 2)")
    (extra,) = compare_results([], [FAILED])
    assert (extra.kind, extra.replayed) == ("extra", "FAIL (AssertionError: assert 1 == 2)")
    # An interrupted check has answers and no result.
    assert compare_results([], [DIVERGED]) == []


def test_a_recorded_exception_is_compared_by_class_and_message() -> None:
    recorded = replace(FAILED, outcome="ERROR", failure=Failure("ZeroDivisionError", "by zero"))
    replayed = replace(recorded, failure=Failure("RecordedException", "ZeroDivisionError: by zero"))
    assert compare_results([recorded], [replayed]) == []
    other = replace(recorded, failure=Failure("RecordedException", "KeyError: x"))
    assert [difference.kind for difference in compare_results([recorded], [other])] == ["failure"]


def test_facts_about_cells_are_compared() -> None:
    for report in (sample.good_report(), stories.troubled_report()):
        assert compare_reports(report, report) == []
    report = sample.good_report()
    first, *rest = report.cells
    other = replace(report, cells=(replace(first, kernel={**first.kernel, "taint": 64}), *rest))
    (difference,) = compare_reports(report, other)
    assert (difference.kind, difference.cell) == ("facts", first.cell)
    assert str(difference).startswith(f"{first.cell}: facts: recorded {{")
