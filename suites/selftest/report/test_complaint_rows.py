"""Complaints of guests in report.json, on the page and in the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fixtures.evidence.complaint import Complaint
from fixtures.report.html.render import render_html
from fixtures.report.model.complaint_rows import complaint_rows
from fixtures.report.model.report_json import as_data, from_data
from fixtures.report.terminal.table import render_table
from suites.selftest.support import report_sample as sample
from suites.selftest.support.html_reader import read_html

if TYPE_CHECKING:
    from fixtures.report.model.report import Report

WARNING = Complaint("kernel warning", "complaint", False, 1, (f"WARNING: {sample.HOSTILE}",))
EXPECTED = Complaint("i/o error", "error", True, 5, ("I/O error, dev vdb", "I/O error, dev vdb"))
LOCKUP = Complaint("soft lockup", "error", False, 56, ("BUG: soft lockup - CPU#1 stuck for 26s!",))


def report_with(*complaints: Complaint) -> Report:
    results = sample.good_results()
    results[0] = replace(results[0], complaints=complaints)
    return sample.report_of(results)


def terminal(report: Report, *, verbose: bool) -> str:
    return " ".join(render_table(report, 100, colour=False, verbose=verbose).split())


def test_a_report_keeps_complaints() -> None:
    report = report_with(WARNING, EXPECTED)
    data = as_data(report)
    attempts = [entry["instances"][0]["attempts"][0] for entry in data["results"]]
    assert attempts[0]["complaints"][1] == {
        "name": "i/o error",
        "severity": "error",
        "expected": True,
        "count": 5,
        "lines": ["I/O error, dev vdb", "I/O error, dev vdb"],
    }
    # As in the reports of older versions.
    assert all("complaints" not in attempt for attempt in attempts[1:])
    assert complaint_rows(from_data(data)) == complaint_rows(report)


def test_what_fails_a_check_comes_first() -> None:
    effects = {row.name: row.effect for row in complaint_rows(report_with(EXPECTED, WARNING, LOCKUP))}
    assert list(effects.items()) == [
        ("soft lockup", "fails the check"),
        ("kernel warning", "only reported"),
        ("i/o error", "expected by the check"),
    ]


def test_the_page_shows_all_complaints() -> None:
    reader = read_html(render_html(report_with(WARNING, EXPECTED)))
    text = " ".join("".join(reader.text).split())
    assert "Complaints of guests" in text
    for words in (
        "kernel warning",
        "only reported",
        "expected by the check",
        "<script>alert('guest')</script>",
    ):
        assert words in text
    assert "Complaints of guests" not in render_html(sample.good_report())


def test_the_terminal_lists_complaints_on_request() -> None:
    report = report_with(WARNING, EXPECTED)
    assert "The guests complained during 1 check. report.html and pytest -v list" in terminal(
        report, verbose=False
    )
    text = terminal(report, verbose=True)
    assert "The guests complained during 1 check: " in text
    assert "kernel warning (only reported, 1 line): WARNING: " in text
    assert "i/o error" not in text
    assert "complained" not in terminal(report_with(EXPECTED), verbose=True)
