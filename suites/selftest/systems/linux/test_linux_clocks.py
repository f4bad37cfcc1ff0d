"""The clocks of Linux: scripts that run on this host, and the parsers of their answers."""

from __future__ import annotations

import time

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.systems.base.clock_answers import AlarmAnswer, ClockReading, ClockRun, KernelTimekeeping
from fixtures.systems.linux import clocks
from fixtures.systems.linux.clocks import LinuxClocks
from suites.selftest.support.host_shell import HostShell


def test_the_clocks_of_this_host_are_read() -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns()
    reading = LinuxClocks(HostShell()).read()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns()
    assert before[0] < reading.monotonic[0] < reading.monotonic[1] < reading.monotonic[2] < after[0]
    assert before[1] < reading.wall < after[1]


def test_the_clocks_of_this_host_are_read_often() -> None:
    runs = LinuxClocks(HostShell()).read_often(200)
    assert {run.way for run in runs} == {"system call", "library"}
    assert {run.clock for run in runs} == {"wall", "monotonic"}
    assert {run.reads for run in runs} == {200}
    assert all(run.finest > 0 for run in runs), runs


def test_the_kernel_of_this_host_states_its_corrections() -> None:
    assert LinuxClocks(HostShell()).timekeeping().stated_rate == pytest.approx(1.0, abs=0.11)


def test_a_reading_is_parsed() -> None:
    answer = "clocks|43692046726160|1795855124164497748|43692046728283|43691947244144|43692046730013\nend|1\n"
    assert clocks.parse_reading(answer) == ClockReading(
        (43692046726160, 43692046728283, 43692046730013), 1795855124164497748, 43691947244144
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("0|0|64|10000", KernelTimekeeping(1.0, is_slewing=False, leap="none")),
        ("-12|-2621440|8193|10000", KernelTimekeeping(1 - 40e-6, is_slewing=True, leap="none")),
        ("0|0|16|9000", KernelTimekeeping(0.9, is_slewing=False, leap="insert")),
        ("0|0|32|10000", KernelTimekeeping(1.0, is_slewing=False, leap="delete")),
    ],
)
def test_corrections_are_parsed(row: str, expected: KernelTimekeeping) -> None:
    assert clocks.parse_timekeeping(f"adjtimex|{row}\nend|1\n") == expected


def test_runs_are_parsed() -> None:
    answer = "run|0|library|1|2000|1|-12000|1000|65000\nrun|1|system call|0,1|2000|0|0|900|65000\nend|2\n"
    assert clocks.parse_runs(answer) == (
        ClockRun("wall", "library", (1,), 2000, 1, -12000, 1000, 65000),
        ClockRun("monotonic", "system call", (0, 1), 2000, 0, 0, 900, 65000),
    )


def test_a_bash_without_the_time_has_no_run() -> None:
    assert clocks.parse_runs("end|0\n") == ()


def test_an_alarm_is_parsed() -> None:
    answer = "alarm|1000|1|32|1004|3400000000\nend|1\n"
    assert clocks.parse_alarm(answer, 4) == AlarmAnswer(1000, 4, True, 32, 1004, 3_400_000_000)


@pytest.mark.parametrize(
    ("answer", "numbers"), [("0\n", (0,)), ("0-1\n", (0, 1)), ("0-2,4,6-7\n", (0, 1, 2, 4, 6, 7))]
)
def test_processors_are_parsed(answer: str, numbers: tuple[int, ...]) -> None:
    assert clocks.parse_processors(answer) == numbers


@pytest.mark.parametrize(
    "answer",
    [
        "clocks|1|2|3|4\nend|1\n",
        "clocks|1|2|3|4|x\nend|1\n",
        "clocks|1|2|3|4|5\n",
        "watches|1|2|3|4|5\nend|1\n",
        "clock_gettime: Invalid argument\n",
    ],
)
def test_another_answer_is_not_understood(answer: str) -> None:
    with pytest.raises(AnswerNotUnderstood, match="clocks: expected"):
        clocks.parse_reading(answer)
