"""Sums of checks that did not run: one line for each reason, and details only on request."""

from __future__ import annotations

from dataclasses import replace

from fixtures.report.terminal.skip_summary import SkippedCheck, summarize_missing, summarize_skips
from fixtures.report.terminal.table import render_table
from suites.selftest.support import report_sample as sample

CELL = "mikeos@pc-bios-ide"
OTHER = "mikeos@q35-bios-sata"


def skip(check: str, code: str, cell: str = CELL, detail: str = "", need: str = "") -> SkippedCheck:
    return SkippedCheck(cell, check, code, detail, need)


def test_checks_with_the_same_reason_share_a_line() -> None:
    skips = [skip(f"storage.{number}", "no_shell_by_design", detail="no shell") for number in range(81)]
    assert summarize_skips(skips) == (f"81 checks need a shell, which mikeos does not have ({CELL})",)


def test_one_check_is_singular_and_several_guests_are_plural() -> None:
    assert summarize_skips([skip("a.b", "no_shell_by_design")]) == (
        f"1 check needs a shell, which mikeos does not have ({CELL})",
    )
    skips = [skip("a.b", "no_shell_by_design"), skip("a.b", "no_shell_by_design", "freedos@pc")]
    assert summarize_skips(skips) == (
        f"1 check needs a shell, which mikeos and freedos do not have ({CELL} and freedos@pc)",
    )


def test_the_sentence_follows_from_code_cell_and_need() -> None:
    skips = [
        skip("drivers.tpm", "device_absent_by_design", detail="no tpm-*"),
        skip("drivers.rng", "device_absent_by_design", OTHER, detail="no virtio-rng-*"),
        skip("screen.answers", "not_described", need="answer"),
        skip("drivers.reload", "not_in_profile", need="reload"),
    ]
    assert summarize_skips(skips) == (
        f"2 checks need devices that pc-bios-ide and q35-bios-sata do not have ({CELL} and {OTHER})",
        f"1 check needs facts that the YAML of mikeos does not state: answer ({CELL})",
        f"1 check needs functions that mikeos does not have: reload ({CELL})",
    )


def test_the_text_of_another_skip_is_a_part_of_its_line() -> None:
    skips = [
        skip("a.b", "license_media_absent", detail="put the medium at w2k22.iso"),
        skip("a.c", "license_media_absent", detail="put the medium at w2k22.iso"),
        skip("a.d", "", detail=""),
    ]
    assert summarize_skips(skips) == (
        f"2 checks were skipped: put the medium at w2k22.iso ({CELL})",
        f"1 check was skipped: no reason was recorded ({CELL})",
    )


def test_verbose_lines_list_the_checks_with_their_texts() -> None:
    skips = [
        skip("a.b", "device_absent_by_design", cell, detail="there is no tpm-*") for cell in (CELL, OTHER)
    ]
    assert summarize_skips(skips, verbose=True)[1:] == (f"  a.b on {CELL} and {OTHER}: there is no tpm-*",)


def test_missing_checks_are_counted_for_cells_that_miss_the_same() -> None:
    missing = [(cell, f"a.{number}") for cell in (CELL, OTHER) for number in range(85)]
    assert summarize_missing(missing) == (f"85 checks have no result ({CELL} and {OTHER})",)
    assert summarize_missing(missing[:1], verbose=True) == (f"1 check has no result ({CELL})", "  a.0")
    assert summarize_missing(missing[:1]) == (f"1 check has no result ({CELL}): a.0",)


def test_a_check_without_results_gets_no_row_unless_verbose() -> None:
    screen_only = sample.CELLS[0]
    results = [
        replace(result, outcome="SKIP", reason=("no_shell_by_design", "no shell"))
        if result.check.startswith("storage.")
        else result
        for result in sample.good_results((screen_only,))
        if not result.check.startswith("lifecycle.")
    ]
    planned = [item for item in sample.planned() if item.cell == screen_only]
    report = sample.report_of(results, planned=planned, cells=[sample.cell_facts(screen_only)])
    skipped = sum(check.startswith("storage.") for check in sample.CHECKS)
    missing = sum(check.startswith("lifecycle.") for check in sample.CHECKS)
    text = render_table(report, 200, colour=False)
    rows = {line.split()[0] for line in text.splitlines() if line.split()}
    assert not {row for row in rows if row.startswith(("storage.", "lifecycle."))}
    assert f"{skipped} checks need a shell, which debian-12 does not have ({screen_only})" in text
    assert f"{missing} checks have no result ({screen_only})" in text
    assert "report.html and pytest -v list these checks." in text
    verbose = render_table(report, 200, colour=False, verbose=True)
    assert {line.split()[0] for line in verbose.splitlines() if line.split()} >= set(sample.CHECKS)
    assert "pytest -v" not in verbose
