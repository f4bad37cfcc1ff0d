"""The table in the terminal: its width, headings and colours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from fixtures.report.terminal.console import use_colour
from fixtures.report.terminal.table import render_table
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories

if TYPE_CHECKING:
    from fixtures.report.model.report import Report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
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
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    text = render_table(report, width, colour=False)
    assert max(len(line) for line in text.splitlines()) <= width
    assert text.isascii() or "\u2026" in text
    assert "\x1b" not in text
    assert report.verdict.name.replace("_", " ") in text


def test_two_cells_have_their_names_as_headings() -> None:
    lines = render_table(stories.troubled_report(), 80, colour=False, verbose=True).splitlines()
    assert lines[0].split() == ["debian-12", "debian-12"]
    assert lines[1].split() == ["@pc-bios-ide", "@q35-uefi-virtio"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:16]}
    assert rows["storage.write-reaches-disk"] == ["pass", "FAIL"]
    assert rows["boot.reaches-login"] == ["pass", "pass*"]
    assert rows["drivers.virtio-reaches-driver-ok"] == ["n/a", "pass"]
    assert rows["lifecycle.reset-reboots-once"] == ["(r)", "skip", "MISSING"]
    assert rows["performance.disk-write"] == ["(i)", "pass+"]


def test_ten_cells_have_numbers_as_headings() -> None:
    lines = render_table(stories.large_report(), 80, colour=False).splitlines()
    assert "  1  debian-12@pc-bios-ide" in lines
    rows = [line for line in lines if line.startswith("boot.property-number-05-holds")]
    assert rows[0].split() == ["boot.property-number-05-holds", "F", *["."] * 8, "M"]


def test_every_reason_of_the_verdict_is_printed() -> None:
    report = stories.troubled_report()
    text = " ".join(render_table(report, 80, colour=False).split())
    for reason in report.verdict.reasons:
        assert reason in text


def test_colour_depends_on_terminal_and_environment() -> None:
    report = stories.troubled_report()
    assert "\x1b[1;31m" in render_table(report, 80, colour=True)
    assert use_colour(Terminal(), {})
    assert not use_colour(Terminal(), {"NO_COLOR": "1"})
    assert not use_colour(Terminal(), {"TERM": "dumb"})
    assert not use_colour(io.StringIO(), {})


def test_environment_variables_do_not_override_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = render_table(sample.good_report(), 80, colour=False)
    for name, value in {"COLUMNS": "30", "FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert render_table(sample.good_report(), 80, colour=False) == plain
