"""How far a run is, as text: what is counted, what is said of a test, and what fits on the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.run.run_progress import Finished, Planned, Tally

BIOS, UEFI = "debian-12@pc-bios-ide", "debian-12@q35-uefi-virtio"
PLANNED = {
    f"{check}[{cell}]": Planned(check, cell)
    for cell in (BIOS, UEFI)
    for check in ("boot.reaches-login", "storage.write-reaches-disk", "network.dhcp")
}


def run(tally: Tally, test: str, outcome: str = "PASS", reason: str = "") -> Finished | None:
    tally.start(test, 0)
    for phase in ("PASS", outcome, "PASS"):
        tally.note(test, phase, 0.4, reason if phase == outcome else "")
    return tally.finish(test)


def many(cells: int) -> dict[str, Planned]:
    return {f"t{number}": Planned("area.check", f"guest-{number}@platform") for number in range(cells)}


def test_at_first_all_is_to_do() -> None:
    assert Tally(PLANNED).lines(0, 200, 3) == [f"[0/6] {BIOS} 0/3 done · {UEFI} 0/3 done"]


def test_cells_tell_what_is_done_running_and_failed() -> None:
    tally = Tally(PLANNED)
    run(tally, f"boot.reaches-login[{BIOS}]")
    run(tally, f"boot.reaches-login[{UEFI}]", "FAIL", "it hangs")
    run(tally, f"network.dhcp[{UEFI}]", "SKIP", "device_absent_by_design: no card")
    tally.start(f"storage.write-reaches-disk[{UEFI}]", 100.0)
    tally.start(f"network.dhcp[{BIOS}]", 103.9)
    tally.start(f"storage.write-reaches-disk[{BIOS}]", 50.0)
    (line,) = tally.lines(112.2, 250, 3)
    bios, uefi = line.split(" · ")
    assert bios == f"[3/6] {BIOS} 1/3 done, running network.dhcp 8 s, storage.write-reaches-disk 62 s"
    assert uefi == f"{UEFI} 2/3 done, 1 failed, running storage.write-reaches-disk 12 s"
    assert "storage.write-reaches-disk 3 min 20 s" in tally.lines(250.0, 250, 3)[0]


def test_what_does_not_fit_beside_goes_below() -> None:
    tally = Tally(PLANNED)
    tally.start(f"network.dhcp[{UEFI}]", 1.0)
    assert tally.lines(1.0, 70, 3) == [
        f"[0/6] {BIOS} 0/3 done",
        f"      {UEFI} 0/3 done, running network.dhcp 0 s",
    ]


def test_with_room_for_one_line_the_cell_that_runs_has_it() -> None:
    tally = Tally(PLANNED)
    run(tally, f"boot.reaches-login[{BIOS}]", "FAIL")
    tally.start(f"network.dhcp[{UEFI}]", 1.0)
    assert tally.lines(1.0, 90, 1) == [
        f"[1/6] {UEFI} 0/3 done, running network.dhcp 0 s · 1 more cell, 1 failed"
    ]


def test_no_room_at_all_cuts_the_line() -> None:
    assert Tally(PLANNED).lines(0, 20, 1) == ["[0/6] debian-12@pc-…"]


def test_many_cells_are_counted() -> None:
    tally = Tally(many(40))
    tally.start("t30", 0)
    assert tally.lines(5, 80, 2) == [
        "[ 0/40] guest-0@platform 0/1 done · guest-1@platform 0/1 done",
        "        guest-30@platform 0/1 done, running area.check 5 s · 37 more cells",
    ]


@given(cells=st.integers(1, 30), width=st.integers(1, 120), most=st.integers(1, 4))
def test_it_never_takes_more_room_than_there_is(cells: int, width: int, most: int) -> None:
    tally = Tally(many(cells))
    tally.start("t0", 0)
    lines = tally.lines(1, width, most)
    assert 1 <= len(lines) <= most
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
def test_the_worst_phase_counts(phases: list[tuple[str, str]], outcome: str, reason: str) -> None:
    tally = Tally(PLANNED)
    test = f"network.dhcp[{BIOS}]"
    tally.start(test, 0)
    for phase, why in phases:
        tally.note(test, phase, 0.5, why)
    assert tally.finish(test) == Finished(
        outcome, "network.dhcp", BIOS, 0.5 * len(phases), reason, number=1, total=6
    )


def test_columns_are_as_wide_as_the_plan_needs() -> None:
    tally = Tally(PLANNED)
    finished = run(tally, f"network.dhcp[{BIOS}]", "FAIL", "no lease")
    assert finished is not None
    assert finished.counter == "[1/6]"
    assert tally.words(finished) == f"network.dhcp                {BIOS}      1.2 s  no lease"
    assert Finished("PASS", "x", "y", 1, number=7, total=126).counter == "[  7/126]"


def test_a_test_that_is_no_check_is_told_but_not_counted() -> None:
    tally = Tally(PLANNED)
    finished = run(tally, "test_x.py::test_y")
    assert finished is not None
    assert (finished.check, finished.counter) == ("test_x.py::test_y", "")
    assert tally.lines(0, 200, 1)[0].startswith("[0/6]")


def test_a_test_that_ends_twice_is_counted_once() -> None:
    tally = Tally(PLANNED)
    test = f"network.dhcp[{BIOS}]"
    assert run(tally, test, "ERROR") is not None
    assert tally.finish(test) is None
    second = run(tally, test)
    assert second is not None
    assert second.number == 1


def test_the_age_of_a_test_is_since_its_start() -> None:
    tally = Tally(PLANNED)
    tally.start("t", 5.0)
    assert (tally.age("t", 7.5), tally.age("unknown", 7.5)) == (2.5, 0.0)
