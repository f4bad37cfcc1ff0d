"""A run on several QEMUs: the verdict of each, the differences between them, and how both are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.catalog.waivers import WaiverSpec
from fixtures.core.errors import HostFault
from fixtures.report.compare.comparison import compare
from fixtures.report.compare.qemu_rows import qemu_rows
from fixtures.report.html.render import render_html
from fixtures.report.model.qemu_reports import qemu_labels, qemu_verdicts, report_of_qemu
from fixtures.report.model.report_json import as_data, from_data
from fixtures.report.model.schema import ReportInvalid
from fixtures.report.terminal.table import render_table
from suites.selftest.support import qemus_sample as sample
from suites.selftest.support import report_sample

OLD, NEW = (qemu.label for qemu in sample.QEMUS)


def test_each_qemu_has_its_verdict_and_the_run_has_the_worst() -> None:
    results = [item for item in sample.results() if item.check != "boot.no-fatal-events"]
    results += [report_sample.result("boot.no-fatal-events", cell) for cell in sample.CELLS]
    report = report_sample.report_of(
        results,
        host=sample.host(),
        planned=report_sample.planned(sample.CELLS),
        cells=[report_sample.cell_facts(cell) for cell in sample.CELLS],
    )
    verdicts = {each.label: each.verdict for each in qemu_verdicts(report)}
    assert report.verdict.name == "NOT_CERTIFIED"
    assert {label: verdict.name for label, verdict in verdicts.items()} == {
        OLD: "CERTIFIED_WITH_CONDITIONS",
        NEW: "NOT_CERTIFIED",
    }
    assert verdicts[NEW].reasons == (f"Mandatory check {sample.REGRESSED} failed on {sample.BASES[1]}.",)
    data = as_data(report)
    assert [each["label"] for each in data["qemu_verdicts"]] == [OLD, NEW]
    assert from_data(data) == report


def test_an_edited_verdict_of_a_qemu_does_not_load() -> None:
    data = as_data(sample.report())
    data["qemu_verdicts"][0]["verdict"]["name"] = "CERTIFIED"
    with pytest.raises(ReportInvalid, match=r"report\.qemu_verdicts does not follow"):
        from_data(data)
    del data["qemu_verdicts"]
    with pytest.raises(ReportInvalid, match=r"report\.qemu_verdicts does not follow"):
        from_data(data)


def test_a_run_with_one_qemu_is_reported_as_before() -> None:
    report = report_sample.good_report()
    data = as_data(report)
    assert "qemus" not in data["host"]
    assert "qemu_verdicts" not in data
    assert qemu_labels(report) == ()
    assert qemu_rows(report) == ()
    assert "between these QEMUs" not in render_table(report, 100, colour=False)
    assert 'id="qemus"' not in render_html(report)
    with pytest.raises(HostFault, match=r"no results of QEMU 7\.2: its cells name no QEMU"):
        report_of_qemu(report, "7.2")


def test_a_qemu_that_the_report_lacks_is_named() -> None:
    with pytest.raises(HostFault, match=r"no results of QEMU 9\.0: it has 7\.2 and 10\.0"):
        report_of_qemu(sample.report(), "9.0")


def test_the_same_failure_on_both_is_no_difference() -> None:
    states = {(row.check, row.cell): row.state for row in qemu_rows(sample.report())}
    different = [key for key, state in states.items() if state == "different"]
    assert sorted(different) == [(sample.FIXED, sample.BASES[0]), (sample.REGRESSED, sample.BASES[1])]
    # The message of this failure has the id of the cell, and with it the QEMU.
    assert states["boot.no-fatal-events", sample.BASES[0]] == "same"
    assert len(states) == len(report_sample.CHECKS) * len(sample.BASES)


def test_another_failure_on_the_other_is_a_difference() -> None:
    results = [
        sample.failed(item, "another") if (item.check, item.cell) == ("boot.no-fatal-events", sample.NEW[0])
        else item
        for item in sample.results()
    ]  # fmt: skip
    report = report_sample.report_of(results, host=sample.host(), planned=report_sample.planned(sample.CELLS))
    assert "boot.no-fatal-events" in {row.check for row in qemu_rows(report) if row.state == "different"}


def test_a_cell_on_one_qemu_is_compared_with_none() -> None:
    cells = (*sample.OLD, sample.NEW[0])
    report = report_sample.report_of(
        report_sample.good_results(cells), host=sample.host(), planned=report_sample.planned(cells)
    )
    rows = {row.cell: row.state for row in qemu_rows(report)}
    assert rows == {sample.BASES[0]: "same", sample.BASES[1]: "partial"}


def test_the_qemus_of_one_run_are_compared_like_two_runs() -> None:
    report = sample.report()
    comparison = compare(report_of_qemu(report, OLD), report_of_qemu(report, NEW))
    assert [each.check for each in comparison.transitions_of("regressed")] == [sample.REGRESSED]
    assert [each.check for each in comparison.transitions_of("fixed")] == [sample.FIXED]
    assert {each.kind for each in comparison.transitions} == {"regressed", "fixed", "unchanged"}
    assert {each.component for each in comparison.deviations} == {"hypervisor", "firmware"}
    assert comparison.subject_differs == ()
    assert comparison.configurations[0].unknown == ()


def test_the_comparison_of_runs_on_several_qemus_names_the_one_that_changed() -> None:
    newer = sample.host(qemus=(sample.QEMUS[0], replace(sample.QEMUS[1], digest="sha256:" + "ab" * 32)))
    comparison = compare(sample.report(), sample.report(host=newer))
    assert [(each.component, each.part) for each in comparison.deviations] == [
        ("hypervisor", f"{NEW} for x86_64")
    ]


def test_a_waiver_for_versions_of_qemu_applies_to_the_cells_of_these() -> None:
    waiver = WaiverSpec.model_validate(
        {
            "id": "w-1", "guest": "debian-12", "check": "boot.no-fatal-events",
            "failure": {"kind": "AssertionError", "pattern": "soft lockup"}, "when": {"qemu": "<8"},
            "reason": "r", "reference": "x", "owner": "a", "approved_by": "b",
            "created": "2026-10-01", "expires": "2026-12-01",
        }
    )  # fmt: skip
    for changed, cells in (
        (waiver, [sample.OLD[0]]),
        (waiver.model_copy(update={"when": None, "guest": f"debian-12@*#{NEW}"}), [sample.NEW[0]]),
        (waiver.model_copy(update={"when": None, "guest": "debian-12@*"}), [sample.OLD[0], sample.NEW[0]]),
    ):
        report = sample.report(waivers=[changed])
        assert [entry.cell for entry in report.entries if entry.effective == "WAIVED"] == cells
        assert from_data(as_data(report)) == report


def test_the_terminal_shows_verdicts_and_differences() -> None:
    lines = render_table(sample.report(), 120, colour=False).splitlines()
    start = lines.index(f"QEMU {OLD}: NOT CERTIFIED")
    assert lines[start:] == [
        f"QEMU {OLD}: NOT CERTIFIED",
        f"QEMU {NEW}: NOT CERTIFIED",
        "2 results differ between these QEMUs.",
        f"  {sample.REGRESSED} on {sample.BASES[1]}: {OLD} pass, {NEW} FAIL",
        f"  {sample.FIXED} on {sample.BASES[0]}: {OLD} FAIL, {NEW} pass",
    ]


def test_the_page_lists_the_differences_before_what_is_the_same() -> None:
    page = render_html(sample.report())
    section = page[page.index('<section id="qemus">') :]
    section = section[: section.index("</section>")]
    headings = ["Different on these QEMUs (2)", "The same on every QEMU"]
    places = [section.index(heading) for heading in headings]
    assert places == sorted(places)
    different, same = section[places[0] : places[1]], section[places[1] :]
    assert sample.REGRESSED in different
    assert sample.FIXED in different
    assert "3 bad sectors" not in different  # only the first line of a failure
    assert "boot.no-fatal-events" in same
    assert section.count("QEMU emulator version 10.0.13") == 1
    # The id of a cell is not broken within a sentence, its QEMU included.
    assert f'<span class="name-of">{sample.NEW[1]}</span>' in page


def test_hostile_text_of_a_qemu_cannot_inject_a_script() -> None:
    nasty = replace(sample.QEMUS[0], name=report_sample.HOSTILE)
    page = render_html(sample.report(host=sample.host(qemus=(nasty, sample.QEMUS[1]))))
    assert "<script" not in page
    assert "\x1b" not in page
