"""How the comparison of two reports is shown: on the terminal, and as a page."""

from __future__ import annotations

import pytest

from fixtures.evidence.result import Failure
from fixtures.report.compare.comparison import compare
from fixtures.report.compare.comparison_html import render_comparison_html
from fixtures.report.compare.comparison_table import render_comparison_table
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories
from suites.selftest.support.compare_sample import GOOD, outcome, with_result


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for after in (stories.troubled_report(), stories.large_report()):
        shown = render_comparison_table(compare(sample.good_report(), after), width, colour=False)
        assert max(len(line) for line in shown.splitlines()) <= width
        assert "\x1b" not in shown


def test_hostile_text_cannot_inject_a_script() -> None:
    nasty = with_result(outcome("FAIL", failure=Failure("AssertionError", sample.HOSTILE)))
    page = render_comparison_html(compare(GOOD, nasty))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "\x1b" not in page
    assert "\x1b" not in render_comparison_table(compare(GOOD, nasty), 80, colour=False)
