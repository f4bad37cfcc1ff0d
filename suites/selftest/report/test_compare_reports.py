"""Comparison of two reports: the reported differences, and the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.commands.compare import gate_reasons
from fixtures.evidence.result import Failure, Measure, Outcome
from fixtures.report.compare.comparison import Comparison, compare
from fixtures.report.compare.comparison_html import render_comparison_html
from fixtures.report.compare.comparison_json import as_data
from fixtures.report.compare.comparison_summary import summarise_comparison
from fixtures.report.compare.comparison_table import render_comparison_table
from fixtures.report.compare.transitions import TransitionKind
from fixtures.report.model.report import Report
from suites.selftest.report.test_waiver_matching import waiver
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories
from suites.selftest.support.compare_sample import BIOS, CHECK, GOOD, KNOWN, UEFI, outcome, with_result


def one(before: Report, after: Report, kind: Any) -> Any:
    matches = compare(before, after).transitions_of(kind)
    assert [(transition.cell, transition.check) for transition in matches] == [(UEFI, CHECK)]
    return matches[0]


def text(comparison: Comparison) -> str:
    return " ".join(render_comparison_table(comparison, 200, colour=False).split())


@pytest.mark.parametrize(
    "report",
    [GOOD, sample.good_report(), stories.troubled_report(), stories.large_report()],
    ids=["known", "good", "troubled", "large"],
)
def test_a_report_does_not_differ_from_itself(report: Report) -> None:
    same = compare(report, report)
    assert same.nothing_changed
    assert (same.worse, same.deviations, gate_reasons(same, "comparable")) == ((), (), "")
    assert {transition.kind for transition in same.transitions} == {"unchanged"}
    assert not any(timing.judgement for timing in same.timings)
    assert text(same).endswith("Nothing changed.")


OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(
    ["PASS", "FAIL", "ERROR", "BLOCKED", "MISSING", "SKIP"]
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Reports with any outcomes and times, and with repeated attempts."""
    results = []
    for item in sample.good_results():
        for name in draw(st.lists(OUTCOMES, min_size=0, max_size=2)):
            if name != "MISSING":
                failure = Failure("AssertionError", "differs") if name == "FAIL" else None
                reason: Any = ("operator_excluded", "") if name == "SKIP" else None
                seconds = draw(st.floats(0.001, 100))
                results.append(replace(item, outcome=name, failure=failure, reason=reason, seconds=seconds))
    return sample.report_of(results, host=KNOWN)


@settings(max_examples=25)
@given(reports())
def test_no_generated_report_differs_from_itself(report: Report) -> None:
    same = compare(report, report)
    assert same.nothing_changed
    assert as_data(same)["transitions"] == []


@settings(max_examples=25)
@given(reports(), reports())
def test_swapping_the_reports_reverses_the_transitions(before: Report, after: Report) -> None:
    there, back = compare(before, after), compare(after, before)
    reverses: dict[TransitionKind, TransitionKind] = {
        "regressed": "fixed",
        "new": "gone",
        "changed": "changed",
    }
    for kind, reverse in reverses.items():
        assert {(t.cell, t.check) for t in there.transitions_of(kind)} == {
            (t.cell, t.check) for t in back.transitions_of(reverse)
        }
    # Both directions can be worse: tests regressed in one, and the verdict is worse in the other.
    assert (
        not (there.worse and back.worse)
        or there.transitions_of("regressed")
        or back.transitions_of("regressed")
    )
    as_data(there)
    render_comparison_html(there)


@pytest.mark.parametrize("name", ["FAIL", "ERROR", "BLOCKED"])
def test_a_lost_pass_regressed_and_a_new_pass_is_fixed(name: Outcome) -> None:
    bad = with_result(outcome(name))
    assert one(GOOD, bad, "regressed").after.outcome == name
    assert one(bad, GOOD, "fixed").before.outcome == name
    assert gate_reasons(compare(GOOD, bad), "regressions")
    assert not gate_reasons(compare(bad, GOOD), "regressions")
    assert not gate_reasons(compare(GOOD, bad), "never")


def test_a_missing_result_is_a_regression_although_it_has_no_nodeid() -> None:
    lost = with_result(None)
    assert one(GOOD, lost, "regressed").after.outcome == "MISSING"
    assert one(lost, GOOD, "fixed")


def test_a_missing_check_stands_for_all_of_its_tests() -> None:
    pair = [outcome("PASS", nodeid=f"suites/storage/test.py::test[{case}-{UEFI}]") for case in "ab"]
    others = [item for item in sample.good_results() if (item.cell, item.check) != (UEFI, CHECK)]
    two = sample.report_of([*others, *pair], host=KNOWN)
    matches = compare(two, with_result(None)).transitions_of("regressed")
    assert [transition.nodeid for transition in matches] == [item.nodeid for item in pair]
    assert "[a]" in text(compare(two, with_result(None)))
    one_less = sample.report_of([*others, pair[0]], host=KNOWN)
    assert compare(two, one_less).worse == ("1 that passed is gone",)


def test_a_test_that_moved_to_another_file_is_recognised() -> None:
    moved = with_result(outcome("PASS", nodeid="suites/other/test_new.py::test_it"))
    assert not compare(GOOD, moved).transitions_of("new")
    assert not compare(GOOD, moved).transitions_of("gone")


def test_a_skip_or_failure_with_another_reason_is_a_change() -> None:
    skips = [
        with_result(outcome("SKIP", reason=(code, "")))
        for code in ("host_lacks_hyperv_enlightenments", "device_absent_by_design")
    ]
    assert one(GOOD, skips[0], "changed")
    assert "host_lacks_hyperv_enlightenments" in text(compare(*skips))
    fails = [with_result(outcome("FAIL", failure=Failure("AssertionError", text))) for text in ("one", "two")]
    assert one(fails[0], fails[1], "changed")
    assert compare(*fails).worse == ()


def test_a_newly_flaky_test_is_reported_and_closes_no_gate() -> None:
    others = [item for item in sample.good_results() if (item.cell, item.check) != (UEFI, CHECK)]
    flaky = sample.report_of([*others, outcome("FAIL"), outcome("PASS")], host=KNOWN)
    comparison = compare(GOOD, flaky)
    sections = summarise_comparison(comparison).transitions
    assert [transition.check for transition in sections["newly_flaky"]] == [CHECK]
    assert comparison.before.verdict.name == "CERTIFIED"
    assert comparison.after.verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert compare(GOOD, flaky).worse == ()
    assert "newly_flaky" not in summarise_comparison(compare(flaky, GOOD)).transitions


def test_a_waived_regression_is_reported_and_closes_no_gate() -> None:
    failed = outcome("FAIL", failure=Failure("AssertionError", "the checksum differs"))
    accepted = waiver(
        check=CHECK,
        guest="debian-12",
    )
    waived = with_result(failed, waivers=(accepted,))
    comparison = compare(GOOD, waived)
    assert one(GOOD, waived, "regressed").after.effective == "WAIVED"
    assert comparison.worse == ()
    summary = summarise_comparison(compare(with_result(failed), waived))
    assert [transition.check for transition in summary.transitions["waiver_changed"]] == [CHECK]
    assert compare(waived, with_result(failed)).worse == (
        "the verdict was CERTIFIED WITH CONDITIONS, and is NOT CERTIFIED",
    )


def test_a_lost_pass_closes_the_gate_unless_the_plan_differs() -> None:
    fewer = [item for item in sample.CHECKS if item != CHECK]
    smaller = sample.report_of(
        [item for item in sample.good_results() if item.check != CHECK],
        plan=sample.plan(*((check, sample.CHECKS[check][1]) for check in fewer)),
        planned=[result for result in sample.planned() if result.check != CHECK],
        host=KNOWN,
    )
    comparison = compare(GOOD, smaller)
    assert len(comparison.transitions_of("gone")) == 2
    assert comparison.worse == ()
    assert comparison.subject_differs == ("plan",)
    assert gate_reasons(comparison, "comparable") == "the runs cannot be compared: they differ in plan"


def test_a_different_hypervisor_is_reported_and_leaves_runs_comparable() -> None:
    newer = with_result(outcome("PASS"), host=replace(KNOWN, qemu="QEMU 8", qemu_version="8.0.0"))
    comparison = compare(GOOD, newer)
    assert [(deviation.component, deviation.part) for deviation in comparison.deviations] == [
        ("hypervisor", "qemu"),
        ("hypervisor", "version"),
    ]
    assert not comparison.same_configuration
    assert gate_reasons(comparison, "comparable") == ""
    assert "The two runs differ in hypervisor." in text(comparison)
    assert "7.2.13 -> 8.0.0" in text(comparison)


@pytest.mark.parametrize(
    ("changes", "component"),
    [
        ({"host": replace(KNOWN, hardware_assisted=False)}, "host"),
        ({"host": replace(KNOWN, firmware=())}, "firmware"),
        ({"run": sample.run_info(commit="0" * 40)}, "suite"),
        (
            {
                "cells": [
                    sample.cell_facts(BIOS),
                    replace(sample.cell_facts(UEFI), image={"digest_before": sample.SHA_B}),
                ]
            },
            "images",
        ),
        ({"plan": None}, "plan"),
    ],
)
def test_a_difference_in_each_component_is_reported(changes: dict[str, Any], component: str) -> None:
    comparison = compare(GOOD, with_result(outcome("PASS"), **changes))
    assert {deviation.component for deviation in comparison.deviations} == {component}
    assert comparison.configurations[0].key != comparison.configurations[1].key
    assert "same configuration" not in text(comparison)


def test_configurations_with_unknown_parts_do_not_count_as_equal() -> None:
    assert "had the same configuration" in text(compare(GOOD, GOOD))
    dirty = with_result(outcome("PASS"), run=sample.run_info(dirty=True))
    unknown = compare(dirty, dirty)
    assert unknown.configurations[0].key == unknown.configurations[1].key
    assert not unknown.same_configuration
    assert "these parts are unknown" in text(unknown)


def boots(*seconds: float) -> Any:
    return tuple((("firmware", 0.1), ("login", value)) for value in seconds)


def test_slower_boots_and_measures_are_reported() -> None:
    def report(boot: tuple[float, ...], rates: tuple[float, ...]) -> Report:
        attempts = [
            outcome(
                "PASS",
                start="restored clone",
                start_seconds=0.25,
                measures=(Measure("rate", value, "MB/s"), Measure("frames", value, "")),
            )
            for value in rates
        ]
        others = [item for item in sample.good_results() if (item.cell, item.check) != (UEFI, CHECK)]
        cells = [sample.cell_facts(BIOS), sample.cell_facts(UEFI, boots=boots(*boot))]
        return sample.report_of([*others, *attempts], cells=cells, host=KNOWN)

    comparison = compare(report((9, 9.1, 9.2), (100, 101, 102)), report((12, 12.1, 12.2), (50, 51, 52)))
    assert [
        (timing.quantity.name, timing.quantity.kind) for timing in comparison.timings_judged("slower")
    ] == [
        ("rate", "measure"),
        ("login", "boot"),
    ]
    assert [timing.quantity.name for timing in comparison.timings_judged("higher", "lower")] == ["frames"]
    starts = [timing for timing in comparison.timings if timing.quantity.kind == "start"]
    assert [timing.change.basis for timing in starts] == ["single values"], (
        "one machine, looked at three times"
    )
    assert comparison.worse == ()
    assert "boot to login on debian-12@q35-uefi-virtio 9.1 s (9 to 9.2, n = 3) -> 12.1 s" in text(comparison)
