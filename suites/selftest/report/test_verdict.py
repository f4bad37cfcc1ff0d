"""The verdict: its truth table, the order of its reasons, and empty runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.host_layers import ParentKind
from fixtures.report.model.report_json import as_data, from_data
from fixtures.report.verdict.verdict import EXIT_CODES
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories

if TYPE_CHECKING:
    from fixtures.evidence.result import Outcome
    from fixtures.report.model.report import Report

UEFI = sample.CELLS[1]
MANDATORY = "storage.write-reaches-disk"
RECOMMENDED = "network.payload-intact"


def with_outcome(check: str, outcome: Outcome | None, reason: str = "", **changes: Any) -> Report:
    """A good report with one result of the second cell replaced; None removes the result."""
    results = []
    for item in sample.good_results():
        if (item.check, item.cell) != (check, UEFI):
            results.append(item)
        elif outcome is not None:
            results.append(replace(item, outcome=outcome, reason=(reason, "because") if reason else None))  # type: ignore[arg-type]
    return sample.report_of(results, **changes)


def images(before: str | None, after: str | None) -> list[Any]:
    good = sample.cell_facts(sample.CELLS[0])
    other = sample.cell_facts(UEFI)
    return [good, replace(other, image=other.image | {"digest_before": before, "digest_after": after})]


@pytest.mark.parametrize(
    ("check", "outcome", "reason", "verdict"),
    [
        (MANDATORY, "PASS", "", "CERTIFIED"),
        (MANDATORY, "FAIL", "", "NOT_CERTIFIED"),
        (MANDATORY, "ERROR", "", "INCOMPLETE"),
        (MANDATORY, "BLOCKED", "", "INCOMPLETE"),
        (MANDATORY, None, "", "INCOMPLETE"),
        (MANDATORY, "SKIP", "", "INCOMPLETE"),
        (MANDATORY, "SKIP", "operator_excluded", "INCOMPLETE"),
        (MANDATORY, "SKIP", "host_lacks_hyperv_enlightenments", "INCOMPLETE"),
        (MANDATORY, "SKIP", "license_media_absent", "INCOMPLETE"),
        (MANDATORY, "SKIP", "channel_not_available", "INCOMPLETE"),
        (MANDATORY, "SKIP", "not_in_profile", "CERTIFIED"),
        (MANDATORY, "SKIP", "device_absent_by_design", "CERTIFIED"),
        (RECOMMENDED, "FAIL", "", "CERTIFIED_WITH_CONDITIONS"),
        (RECOMMENDED, None, "", "CERTIFIED_WITH_CONDITIONS"),
        (RECOMMENDED, "ERROR", "", "CERTIFIED_WITH_CONDITIONS"),
        (RECOMMENDED, "SKIP", "device_absent_by_design", "CERTIFIED"),
    ],
)
def test_one_result_decides_the_verdict(check: str, outcome: Outcome, reason: str, verdict: str) -> None:
    report = with_outcome(check, outcome, reason)
    assert report.verdict.name == verdict
    assert report.verdict.reasons
    if verdict in {"NOT_CERTIFIED", "INCOMPLETE", "CERTIFIED_WITH_CONDITIONS"}:
        assert check in report.verdict.reasons[0]
        assert UEFI in report.verdict.reasons[0]


def test_a_certificate_counts_its_results() -> None:
    assert sample.good_report().verdict.reasons == (
        "All 22 mandatory results on 2 cells passed at the first attempt.",
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (sample.SHA_A, sample.SHA_A, "CERTIFIED"),
        (sample.SHA_A, sample.SHA_B, "INVALID"),
        (sample.SHA_A, None, "INVALID"),
        (None, sample.SHA_A, "INVALID"),
        (None, None, "INVALID"),
    ],
)
def test_an_image_must_be_known_unchanged(before: str | None, after: str | None, verdict: str) -> None:
    assert sample.good_report(cells=images(before, after)).verdict.name == verdict


def test_a_cell_that_ran_without_facts_is_invalid() -> None:
    assert sample.good_report(cells=[sample.cell_facts(sample.CELLS[0])]).verdict.name == "INVALID"


def test_a_cell_without_results_gets_one_sentence() -> None:
    first = sample.CELLS[0]
    report = sample.report_of(sample.good_results((first,)), cells=[sample.cell_facts(first)])
    assert report.verdict.name == "INCOMPLETE"
    assert report.verdict.reasons == (f"No mandatory check passed or failed on {UEFI}: 11 MISSING.",)


def test_a_failure_decides_although_other_checks_did_not_run() -> None:
    results = [item for item in sample.good_results() if item.check != "boot.reaches-login"]
    results[5] = replace(results[5], outcome="FAIL")
    verdict = sample.report_of(results, narrowed=("-k storage",)).verdict
    assert verdict.name == "NOT_CERTIFIED"
    assert "failed" in verdict.reasons[0]
    assert verdict.reasons[1] == "The plan was narrowed: -k storage."
    assert "has no result" in verdict.reasons[2]


def test_untrusted_evidence_decides_and_other_reasons_follow() -> None:
    verdict = with_outcome(MANDATORY, "FAIL", cells=images(sample.SHA_A, sample.SHA_B)).verdict
    assert verdict.name == "INVALID"
    assert verdict.reasons == (
        f"The base image changed during the run on {UEFI}.",
        f"Mandatory check {MANDATORY} failed on {UEFI}.",
    )


@pytest.mark.parametrize("changes", [{"narrowed": ("--platform q35-*",)}, {"plan": None}])
def test_a_narrowed_or_missing_plan_is_incomplete(changes: dict[str, Any]) -> None:
    assert sample.good_report(**changes).verdict.name == "INCOMPLETE"


def test_an_empty_run_is_incomplete() -> None:
    report = sample.report_of([], planned=(), cells=[])
    assert report.verdict.name == "INCOMPLETE"
    assert report.summary.planned == 0


def test_a_run_without_mandatory_checks_is_incomplete() -> None:
    planned = [item for item in sample.planned() if item.level != "mandatory"]
    results = [item for item in sample.good_results() if item.level != "mandatory"]
    assert sample.report_of(results, planned=planned).verdict.name == "INCOMPLETE"


def test_a_cell_with_only_not_applicable_checks_is_incomplete() -> None:
    results = [
        replace(item, outcome="SKIP", reason=("device_absent_by_design", "arm64"))
        if item.cell == UEFI
        else item
        for item in sample.good_results()
    ]
    verdict = sample.report_of(results).verdict
    assert verdict.name == "INCOMPLETE"
    assert verdict.reasons == (f"No mandatory check passed or failed on {UEFI}: 11 not applicable.",)


def test_a_pass_at_the_second_attempt_is_a_condition() -> None:
    results = sample.good_results()
    verdict = sample.report_of([replace(results[0], outcome="FAIL"), *results]).verdict
    assert verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert "only after a repeated attempt" in verdict.reasons[0]


def test_a_failure_outside_the_plan_is_a_condition() -> None:
    outside = sample.result("platform.clock-runs-true", UEFI, "FAIL")
    verdict = sample.report_of([*sample.good_results(), outside]).verdict
    assert verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert "outside the plan" in verdict.reasons[0]


@pytest.mark.parametrize("outcome", ["PASS", "FAIL"])
def test_without_hardware_assistance_nothing_is_certified(outcome: Outcome) -> None:
    host = sample.host_facts(accelerator="tcg", hardware_assisted=False)
    report = with_outcome(RECOMMENDED, outcome, host=host)
    assert report.verdict.name == "PROVISIONAL"
    assert "tcg" in report.verdict.reasons[0]
    assert any(RECOMMENDED in reason for reason in report.verdict.reasons) == (outcome == "FAIL")


def test_without_hardware_assistance_a_failure_is_a_failure() -> None:
    host = sample.host_facts(accelerator="tcg", hardware_assisted=False)
    assert with_outcome(MANDATORY, "FAIL", host=host).verdict.name == "NOT_CERTIFIED"


def test_exit_codes() -> None:
    assert EXIT_CODES == {
        "CERTIFIED": 0,
        "CERTIFIED_WITH_CONDITIONS": 0,
        "PROVISIONAL": 0,
        "NOT_CERTIFIED": 1,
        "INCOMPLETE": 2,
        "INVALID": 3,
    }
    assert stories.troubled_report().verdict.exit_code == 1


@pytest.mark.parametrize(
    "report",
    [
        sample.good_report(),
        stories.troubled_report(),
        stories.large_report(),
        sample.report_of([], planned=(), cells=[]),
    ],
    ids=["good", "troubled", "large", "empty"],
)
def test_the_counts_add_up(report: Report) -> None:
    summary = report.summary
    assert summary.planned == sum(summary.by_outcome.values())
    assert summary.planned == sum(sum(level.values()) for level in summary.by_level.values())
    assert summary.planned == summary.executed + summary.not_executed
    assert summary.not_applicable <= summary.by_outcome["SKIP"]
    assert summary.planned + summary.outside_plan == len(report.entries)


@pytest.mark.parametrize(
    ("kind", "name", "verdict", "words"),
    [
        ("none", "", "CERTIFIED", "passed at the first attempt"),
        ("hypervisor", "KVM", "CERTIFIED_WITH_CONDITIONS", "The host is itself a guest of KVM"),
        ("hypervisor", "Hyper-V", "CERTIFIED_WITH_CONDITIONS", "The host is itself a guest of Hyper-V"),
        ("emulator", "QEMU's software emulation (TCG)", "PROVISIONAL", "guest of QEMU's software emulation"),
        ("unknown", "an unknown hypervisor", "PROVISIONAL", "guest of an unknown hypervisor"),
    ],
)
def test_the_layer_below_the_host_limits_the_verdict(
    kind: ParentKind, name: str, verdict: str, words: str
) -> None:
    """The host's own facts say that hardware assistance is proven: an emulator emulates it convincingly."""
    host = sample.host_facts(parent_kind=kind, parent_hypervisor=name)
    report = sample.report_of(sample.good_results(), host=host)
    assert report.verdict.name == verdict
    assert words in report.verdict.reasons[0]
    assert from_data(as_data(report)).verdict == report.verdict
