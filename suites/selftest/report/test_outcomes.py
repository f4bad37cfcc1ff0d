"""Entries of missing, repeated, parametrised and unplanned results, and merged facts of several workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.report.model.merged_facts import merge_facts
from fixtures.report.model.outcomes import Entry, PlannedResult, build_entries
from suites.selftest.support import report_sample as sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fixtures.evidence.result import CheckResult, Outcome

CELL = sample.CELLS[0]
CHECK = "drivers.every-device-is-driven"
PLANNED = PlannedResult(CELL, CHECK, "mandatory")


def only(planned: Iterable[PlannedResult], results: Iterable[CheckResult]) -> Entry:
    (entry,) = build_entries(planned, results)
    return entry


def attempt(*outcomes: Outcome) -> list[CheckResult]:
    return [sample.result(CHECK, outcome=outcome) for outcome in outcomes]


def test_a_planned_check_without_a_result_is_missing() -> None:
    entry = only([PLANNED], [])
    assert entry.outcome == "MISSING"
    assert entry.planned
    assert entry.instances[0].attempts == ()


def test_a_lost_instance_of_a_check_is_missing() -> None:
    ids = ["test_x[blk]", "test_x[net]"]
    planned = [replace(PLANNED, nodeid=nodeid) for nodeid in ids]
    entry = only(planned, [sample.result(CHECK, nodeid=ids[0])])
    assert [instance.outcome for instance in entry.instances] == ["PASS", "MISSING"]
    assert entry.outcome == "MISSING"


def test_an_unplanned_result_is_kept_and_marked() -> None:
    entry = only([], [sample.result("storage.trim", level="recommended")])
    assert (entry.planned, entry.outcome, entry.level) == (False, "PASS", "recommended")


@pytest.mark.parametrize(
    ("outcomes", "effective", "flaky"),
    [
        (["PASS"], "PASS", False),
        (["FAIL", "PASS"], "PASS", True),
        (["PASS", "FAIL"], "FAIL", True),
        (["FAIL", "FAIL"], "FAIL", False),
        (["ERROR", "PASS"], "PASS", True),
        (["PASS", "ERROR"], "ERROR", True),
        (["FAIL", "ERROR"], "FAIL", True),
        (["FAIL", "SKIP"], "FAIL", True),
        (["FAIL", "ERROR", "PASS"], "PASS", True),
    ],
)
def test_the_decisive_attempt_gives_the_outcome(
    outcomes: list[Outcome], effective: Outcome, flaky: bool
) -> None:
    entry = only([PLANNED], attempt(*outcomes))
    assert (entry.outcome, entry.flaky) == (effective, flaky)
    assert [item.outcome for item in entry.instances[0].attempts] == outcomes


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["PASS", "PASS"], "PASS"),
        (["PASS", "FAIL", "ERROR"], "FAIL"),
        (["ERROR", "MISSING"], "ERROR"),
        (["PASS", "BLOCKED"], "BLOCKED"),
        (["PASS", "SKIP"], "SKIP"),
    ],
)
def test_the_worst_instance_gives_the_outcome(outcomes: list[Outcome], worst: Outcome) -> None:
    results = [
        sample.result(CHECK, outcome=outcome, nodeid=f"test_x[{number}]")
        for number, outcome in enumerate(outcomes)
    ]
    entry = only([PLANNED], results)
    assert entry.outcome == worst
    assert not entry.flaky
    assert [instance.outcome for instance in entry.instances] == outcomes


def test_a_not_applicable_instance_does_not_hide_a_pass() -> None:
    skip = sample.result(CHECK, outcome="SKIP", reason=("device_absent_by_design", ""), nodeid="b")
    assert only([PLANNED], [sample.result(CHECK, nodeid="a"), skip]).outcome == "PASS"
    assert only([PLANNED], [skip]).not_applicable


def test_the_level_comes_from_the_plan_and_the_stricter_of_two_counts() -> None:
    assert only([PLANNED], [sample.result(CHECK, level="informational")]).level == "mandatory"
    assert only([replace(PLANNED, level="recommended"), PLANNED], []).level == "mandatory"


def test_entries_follow_the_cells_and_the_plan() -> None:
    entries = sample.report_of(list(reversed(sample.good_results()))).entries
    assert [(entry.cell, entry.check) for entry in entries] == [
        (cell, check) for cell in sample.CELLS for check in sample.CHECKS
    ]


def test_facts_of_two_workers_are_merged() -> None:
    first = replace(sample.cell_facts(), kernel={}, boots=((("login", 9.0),),))
    second = replace(sample.cell_facts(), boots=((("login", 9.5),),))
    (facts,) = merge_facts([first, second])
    assert facts.boots == ((("login", 9.0),), (("login", 9.5),))
    assert facts.kernel == second.kernel
    assert facts.image == sample.cell_facts().image


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (sample.SHA_A, sample.SHA_A, (sample.SHA_A, sample.SHA_A)),
        (sample.SHA_B, sample.SHA_B, (sample.SHA_A, sample.SHA_B)),
        (sample.SHA_A, sample.SHA_B, (sample.SHA_A, sample.SHA_B)),
        (sample.SHA_A, None, (sample.SHA_A, None)),
        (None, sample.SHA_A, (None, sample.SHA_A)),
    ],
)
def test_a_different_digest_of_one_worker_is_kept(
    before: str | None, after: str | None, expected: tuple[str | None, str | None]
) -> None:
    other = sample.cell_facts()
    changed = replace(other, image=other.image | {"digest_before": before, "digest_after": after})
    (facts,) = merge_facts([sample.cell_facts(), changed])
    assert (facts.image["digest_before"], facts.image["digest_after"]) == expected
