"""The progress of a run as text: counts, the line of a finished test, and the lines that fit on a screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.run.run_progress import FinishedTest, PlannedCheck, RunProgress

BIOS, UEFI = "debian-12@pc-bios-ide", "debian-12@q35-uefi-virtio"
PLANNED = {
    f"{check}[{cell}]": PlannedCheck(check, cell)
    for cell in (BIOS, UEFI)
    for check in ("boot.reaches-login", "storage.write-reaches-disk", "network.dhcp")
}


def run(progress: RunProgress, test: str, outcome: str = "PASS", reason: str = "") -> FinishedTest | None:
    progress.start(test, 0)
    for phase in ("PASS", outcome, "PASS"):
        progress.record_phase(test, phase, 0.4, reason if phase == outcome else "")
    return progress.finish(test)


def many(cells: int) -> dict[str, PlannedCheck]:
    return {f"t{number}": PlannedCheck("area.check", f"guest-{number}@platform") for number in range(cells)}


def test_at_first_nothing_is_done() -> None:
    assert RunProgress(PLANNED).lines(0, 200, 3) == [f"[0/6] {BIOS} 0/3 done · {UEFI} 0/3 done"]


def test_a_cell_shows_what_is_done_failed_and_running() -> None:
    progress = RunProgress(PLANNED)
    run(progress, f"boot.reaches-login[{BIOS}]")
    run(progress, f"boot.reaches-login[{UEFI}]", "FAIL", "it hangs")
    run(progress, f"network.dhcp[{UEFI}]", "SKIP", "device_absent_by_design: no card")
    progress.start(f"storage.write-reaches-disk[{UEFI}]", 100.0)
    progress.start(f"network.dhcp[{BIOS}]", 103.9)
    progress.start(f"storage.write-reaches-disk[{BIOS}]", 50.0)
    (line,) = progress.lines(112.2, 250, 3)
    bios, uefi = line.split(" · ")
    assert bios == f"[3/6] {BIOS} 1/3 done, running network.dhcp 8 s, storage.write-reaches-disk 62 s"
    assert uefi == f"{UEFI} 2/3 done, 1 failed, running storage.write-reaches-disk 12 s"
    assert "storage.write-reaches-disk 3 min 20 s" in progress.lines(250.0, 250, 3)[0]


def test_a_cell_that_does_not_fit_gets_a_line_of_its_own() -> None:
    progress = RunProgress(PLANNED)
    progress.start(f"network.dhcp[{UEFI}]", 1.0)
    assert progress.lines(1.0, 70, 3) == [
        f"[0/6] {BIOS} 0/3 done",
        f"      {UEFI} 0/3 done, running network.dhcp 0 s",
    ]


def test_a_single_line_shows_the_running_cell() -> None:
    progress = RunProgress(PLANNED)
    run(progress, f"boot.reaches-login[{BIOS}]", "FAIL")
    progress.start(f"network.dhcp[{UEFI}]", 1.0)
    assert progress.lines(1.0, 90, 1) == [
        f"[1/6] {UEFI} 0/3 done, running network.dhcp 0 s · 1 more cell, 1 failed"
    ]


def test_a_narrow_terminal_cuts_the_line() -> None:
    assert RunProgress(PLANNED).lines(0, 20, 1) == ["[0/6] debian-12@pc-…"]


def test_cells_without_room_are_counted() -> None:
    progress = RunProgress(many(40))
    progress.start("t30", 0)
    assert progress.lines(5, 80, 2) == [
        "[ 0/40] guest-0@platform 0/1 done · guest-1@platform 0/1 done",
        "        guest-30@platform 0/1 done, running area.check 5 s · 37 more cells",
    ]


@given(cells=st.integers(1, 30), width=st.integers(1, 120), limit=st.integers(1, 4))
def test_lines_never_exceed_width_and_limit(cells: int, width: int, limit: int) -> None:
    progress = RunProgress(many(cells))
    progress.start("t0", 0)
    lines = progress.lines(1, width, limit)
    assert 1 <= len(lines) <= limit
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("phases", "outcome", "reason"),
    [
        ([("PASS", ""), ("PASS", ""), ("PASS", "")], "PASS", ""),
        ([("PASS", ""), ("FAIL", "first\nsecond"), ("PASS", "")], "FAIL", "first"),
        ([("PASS", ""), ("FAIL", "the cause"), ("ERROR", "what follows")], "FAIL", "the cause"),
        ([("PASS", ""), ("PASS", ""), ("ERROR", "\n left behind \n")], "ERROR", "left behind"),
        ([("SKIP", "no card"), ("PASS", "")], "SKIP", "no card"),
        ([("SKIP", "no card"), ("ERROR", "at the end")], "ERROR", "at the end"),
        ([("PASS", ""), ("FAIL", "a \x1b[31mred\x1b[0m\x07 guest")], "FAIL", "a red guest"),
        ([("FAIL", "")], "FAIL", ""),
    ],
)
def test_the_first_bad_phase_decides(phases: list[tuple[str, str]], outcome: str, reason: str) -> None:
    progress = RunProgress(PLANNED)
    test = f"network.dhcp[{BIOS}]"
    progress.start(test, 0)
    for phase, phase_reason in phases:
        progress.record_phase(test, phase, 0.5, phase_reason)
    assert progress.finish(test) == FinishedTest(
        outcome, "network.dhcp", BIOS, 0.5 * len(phases), reason, number=1, total=6
    )


def test_columns_are_as_wide_as_the_longest_names_in_the_plan() -> None:
    progress = RunProgress(PLANNED)
    finished = run(progress, f"network.dhcp[{BIOS}]", "FAIL", "no lease")
    assert finished is not None
    assert finished.counter == "[1/6]"
    assert progress.describe(finished) == f"network.dhcp                {BIOS}      1.2 s  no lease"
    assert FinishedTest("PASS", "x", "y", 1, number=7, total=126).counter == "[  7/126]"


def test_a_test_that_is_not_a_check_is_shown_but_not_counted() -> None:
    progress = RunProgress(PLANNED)
    finished = run(progress, "test_x.py::test_y")
    assert finished is not None
    assert (finished.check, finished.counter) == ("test_x.py::test_y", "")
    assert progress.lines(0, 200, 1)[0].startswith("[0/6]")


def test_a_test_that_runs_twice_is_counted_once() -> None:
    progress = RunProgress(PLANNED)
    test = f"network.dhcp[{BIOS}]"
    assert run(progress, test, "ERROR") is not None
    assert progress.finish(test) is None
    second = run(progress, test)
    assert second is not None
    assert second.number == 1


def test_the_age_of_a_test_counts_from_its_start() -> None:
    progress = RunProgress(PLANNED)
    progress.start("t", 5.0)
    assert (progress.age("t", 7.5), progress.age("unknown", 7.5)) == (2.5, 0.0)


def test_the_cause_of_blocked_checks_is_shown_once_for_each_cell() -> None:
    progress = RunProgress(PLANNED)
    reasons = []
    for test in PLANNED:
        finished = run(progress, test, "BLOCKED", "did not boot before: stuck")
        assert finished is not None, f"{test}: expected a finished test"
        reasons.append((finished.cell, finished.reason))
    assert reasons == [
        (cell, reason)
        for cell in (BIOS, UEFI)
        for reason in ("did not boot before: stuck", "same cause", "same cause")
    ]
