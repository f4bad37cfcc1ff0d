"""Judgements of clocks: every fault is named, and a busy host or an unusual guest is not accused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fixtures.catalog.clock_bounds import ClockBounds
from fixtures.guest.clock_judges import (
    SECOND,
    Interval,
    TimedReading,
    closest,
    host_elapsed,
    judge_alarm,
    judge_elapsed,
    judge_rate,
    judge_runs,
    judge_steps,
)
from fixtures.systems.base.clock_answers import AlarmAnswer, ClockReading, ClockRun, KernelTimekeeping

BOUNDS = ClockBounds()
WALL = 1_795_855_124 * SECOND
NO_CORRECTION = KernelTimekeeping(1.0, is_slewing=False, leap="none")


def reading(seconds: float, *, wall: float | None = None, raw: float | None = None) -> ClockReading:
    """The clocks ``seconds`` after the first reading; the wall clock and the raw clock may differ."""
    monotonic = round(100 * SECOND + seconds * SECOND)
    return ClockReading(
        (monotonic, monotonic + 2_000, monotonic + 4_000),
        round(WALL + (seconds if wall is None else wall) * SECOND) + 1_000,
        round(90 * SECOND + (seconds if raw is None else raw) * SECOND) + 3_000,
    )


def timed(at: float, seconds: float, *, late: float = 0.0, wall: float | None = None) -> TimedReading:
    """A reading that the host asked for ``at`` its own time, and got ``late`` seconds later."""
    return TimedReading(round(at * SECOND), reading(seconds, wall=wall), round((at + 0.02 + late) * SECOND))


def test_the_closest_reading_counts() -> None:
    quick = timed(1.0, 0.0)
    assert closest([timed(0.0, 0.0, late=3.0), quick, timed(2.0, 0.0, late=0.5)]) == quick


def test_the_hosts_time_is_an_interval() -> None:
    assert str(host_elapsed(timed(0.0, 0.0), timed(10.0, 10.0))) == "9.980 to 10.020 s"


@pytest.mark.parametrize(
    ("guest", "problem"),
    [(10.0, False), (9.8, False), (10.2, False), (9.0, True), (11.0, True), (-1.0, True), (0.0, True)],
)
def test_a_clock_keeps_the_hosts_pace(guest: float, *, problem: bool) -> None:
    problems = judge_elapsed(timed(0.0, 0.0), timed(10.0, guest), BOUNDS)
    assert [text.split(" advanced")[0] for text in problems] == (
        ["the wall clock", "the monotonic clock"] if problem else []
    )


def test_a_late_answer_accuses_nobody() -> None:
    """A busy host answers 8 s late: the guest may have read its clock at any moment in between."""
    before = timed(0.0, 0.0)
    assert judge_elapsed(before, timed(10.0, 18.0, late=8.0), BOUNDS) == ()
    assert judge_elapsed(before, timed(10.0, 10.0, late=8.0), BOUNDS) == ()
    assert judge_elapsed(before, timed(10.0, 9.0, late=8.0), BOUNDS) != ()
    assert judge_elapsed(before, timed(10.0, 19.0, late=8.0), BOUNDS) != ()


def test_only_the_clock_at_fault_is_named() -> None:
    (problem,) = judge_elapsed(timed(0.0, 0.0), timed(10.0, 10.0, wall=7.0), BOUNDS)
    assert problem == (
        "the wall clock advanced by 7.000 s while the host's advanced by 9.980 to 10.020 s;"
        " expected 9.780 to 10.220 s"
    )


@pytest.mark.parametrize(
    ("guest", "problem"), [(4.0, False), (10.0, False), (6.0, False), (3.0, True), (11.0, True)]
)
def test_over_a_pause_a_clock_stands_still_or_goes_on(guest: float, *, problem: bool) -> None:
    paused = Interval(5.99 * SECOND, 6.01 * SECOND)
    problems = judge_elapsed(timed(0.0, 0.0), timed(10.0, guest), BOUNDS, paused)
    assert bool(problems) is problem
    assert all("of which the machine was paused for 5.990 to 6.010 s" in text for text in problems)


@pytest.mark.parametrize(
    ("wall", "problem"),
    [(10.0, None), (10.000_000_5, None), (12.0, "+1.99999"), (9.5, "-0.49999"), (10.001, "+0.00099")],
)
def test_a_set_wall_clock_is_found(wall: float, problem: str | None) -> None:
    problems = judge_steps(reading(0.0), reading(10.0, wall=wall))
    assert [text[:34] for text in problems] == (
        [] if problem is None else [f"the wall clock was set by {problem}"[:34]]
    )


@pytest.mark.parametrize(
    ("raw", "kernel", "problem"),
    [
        (10.0, NO_CORRECTION, False),
        # chrony corrects a clock that is 40 ppm fast, and says so.
        (10.0004, KernelTimekeeping(1 - 40e-6, is_slewing=False, leap="none"), False),
        # adjtime(3) works off an offset.
        (10.004, replace(NO_CORRECTION, is_slewing=True), False),
        # A leap second that is smeared over a day, which the kernel does not state.
        (10.000_116, NO_CORRECTION, True),
        (10.01, replace(NO_CORRECTION, is_slewing=True), True),
        (0.0, NO_CORRECTION, True),
        # A tick of 9000 us, which the kernel states.
        (11.111111, KernelTimekeeping(0.9, is_slewing=False, leap="none"), True),
    ],
)
def test_a_correction_that_the_kernel_does_not_state_is_found(
    raw: float, kernel: KernelTimekeeping, *, problem: bool
) -> None:
    assert bool(judge_rate(reading(0.0), reading(10.0, raw=raw), kernel, "none", BOUNDS)) is problem


def test_a_leap_second_is_due_on_the_host_too() -> None:
    kernel = replace(NO_CORRECTION, leap="insert")
    assert judge_rate(reading(0.0), reading(10.0), kernel, "insert", BOUNDS) == ()
    (problem,) = judge_rate(reading(0.0), reading(10.0), kernel, "none", BOUNDS)
    assert problem == "the kernel is about to insert a leap second, and the host's kernel is not (none)"


def runs(**changes: Any) -> list[ClockRun]:
    """Runs of a healthy guest with two processors; ``changes`` are fields of the last one."""
    healthy = [
        ClockRun(clock, "system call", processors, 2000, 0, 0, 900, 65_000)
        for processors in ((0,), (1,), (0, 1))
        for clock in ("wall", "monotonic")
    ]
    return [*healthy[:-1], replace(healthy[-1], **changes)]


def test_healthy_runs_are_left_in_peace() -> None:
    assert judge_runs(runs(), 2, BOUNDS) == ()
    # A processor of a busy host stands still for seconds, and a clock of microseconds is no fault.
    assert judge_runs(runs(longest=9 * SECOND, finest=10_000), 2, BOUNDS) == ()
    assert judge_runs([run for run in runs() if run.processors == (0,)], 1, BOUNDS) == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"steps_back": 3, "furthest_back": -700}, "stepped back 3 times, by up to 700 ns"),
        ({"finest": 0, "longest": 0}, "stood still"),
        ({"finest": 4_000_000}, "advances in steps of at least 4000000 ns; expected at most 1000000 ns"),
    ],
)
def test_a_faulty_run_is_named(changes: dict[str, int], problem: str) -> None:
    assert judge_runs(runs(**changes), 2, BOUNDS) == (
        f"the monotonic clock, read 2000 times by system call on processors 0, 1 in turn, {problem}",
    )


def test_a_processor_that_was_not_asked_is_found() -> None:
    alone = [run for run in runs() if run.processors == (0,)]
    assert judge_runs(alone, 2, BOUNDS) == (
        "1 processors read both clocks; expected 2",
        "the processors read 0 clocks in turn; expected 2",
    )


ALARM = AlarmAnswer(1000, 4, fired=True, flags=0x20, rung=1004, waited=round(3.4 * SECOND))


@pytest.mark.parametrize(
    ("changes", "waited_for_host", "problem"),
    [
        ({}, 0.0, None),
        ({"waited": 8 * SECOND}, 0.0, None),
        ({"waited": 12 * SECOND}, 4.0, None),
        ({"waited": 12 * SECOND}, 0.0, "rang after 12.000 s; expected 2.870 to 9.000 s"),
        ({"waited": SECOND}, 0.0, "rang after 1.000 s"),
        ({"fired": False, "waited": 34 * SECOND}, 0.0, "no interrupt within 34.0 s, for an alarm after 4 s"),
        ({"flags": 0x10}, 0.0, "the interrupt has the flags 0x10"),
        ({"rung": 1003}, 0.0, "the real-time clock showed 1003 when its alarm for 1004 rang"),
    ],
)
def test_an_alarm_rings_at_its_time(
    changes: dict[str, Any], waited_for_host: float, problem: str | None
) -> None:
    problems = judge_alarm(replace(ALARM, **changes), waited_for_host, BOUNDS)
    assert len(problems) == (problem is not None)
    assert problem is None or problem in problems[0]
