"""The clock of a machine's deadlines: it does not count the time in which QEMU waits for a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.machine.cpu_clock import CpuClock, parse_run_delay, parse_stolen_times, read_run_delays

if TYPE_CHECKING:
    from collections.abc import Iterator

# Endless work on the CPU with the given number.
_BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


class SimulatedHost:
    """A host with a clock and with the waiting times of one process, both set by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.delays = {"1": 5.0, "2": 0.0}
        self.stolen = {"cpu0": 3.0, "cpu1": 7.0}
        monkeypatch.setattr("fixtures.machine.cpu_clock.host_clock", lambda: self.now)
        monkeypatch.setattr("fixtures.machine.cpu_clock.read_run_delays", lambda _: dict(self.delays))
        monkeypatch.setattr("fixtures.machine.cpu_clock.read_stolen_times", lambda: dict(self.stolen))

    def pass_seconds(self, seconds: float, **waits: float) -> None:
        """Advance the clock. ``waits`` are the seconds for which the threads ``t1``, ``t2``, ... waited."""
        self.now += seconds
        for thread, wait in waits.items():
            number = thread.removeprefix("t")
            self.delays[number] = self.delays.get(number, 0.0) + wait


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> SimulatedHost:
    return SimulatedHost(monkeypatch)


def test_the_second_number_is_the_waiting_time_in_nanoseconds() -> None:
    assert parse_run_delay("1054330 3548751000 17\n") == pytest.approx(3.548751)


def test_the_eighth_number_of_a_cpu_is_its_stolen_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.machine.cpu_clock._TICKS", 100)
    stat = """\
cpu  8356697 118947 802804 2235901 15394 0 19093 25416 7 0
cpu0 4178348 59473 401402 1117950 7697 0 9546 12708 3 0
cpu1 4178349 59474 401402 1117951 7697 0 9547 0 4 0
intr 8 0
"""
    assert parse_stolen_times(stat) == {"cpu0": 127.08, "cpu1": 0.0}
    assert parse_stolen_times("cpu 1 2 3 4\ncpu0 1 2 3 4\n") == {}


def test_without_competition_the_clock_is_the_hosts(host: SimulatedHost) -> None:
    clock = CpuClock(1)
    host.pass_seconds(10)
    assert (clock(), clock.waited) == (1010.0, 0.0)


def test_the_clock_stands_still_while_a_thread_waits(host: SimulatedHost) -> None:
    clock = CpuClock(1)
    deadline = Deadline.after(10.0, clock=clock)
    host.pass_seconds(12, t1=4)
    assert (deadline.elapsed, deadline.remaining, clock.waited) == (8.0, 2.0, 4.0)
    host.pass_seconds(1)
    assert deadline.sub_deadline(60.0).limit == 1.0
    host.pass_seconds(1)
    assert deadline.expired


def test_the_waits_of_all_threads_count(host: SimulatedHost) -> None:
    clock = CpuClock(1)
    host.pass_seconds(10, t1=2, t2=3, t3=1)
    assert clock.waited == 6.0


def test_the_largest_stolen_time_of_a_cpu_counts(host: SimulatedHost) -> None:
    clock = CpuClock(1)
    host.stolen = {"cpu0": 5.0, "cpu1": 10.0}
    host.pass_seconds(10, t1=1)
    assert clock.waited == 4.0


def test_a_thread_that_ended_does_not_turn_the_clock_back(host: SimulatedHost) -> None:
    clock = CpuClock(1)
    host.pass_seconds(4, t1=2)
    before = clock()
    del host.delays["1"]
    host.pass_seconds(1)
    assert (before, clock()) == (1002.0, 1003.0)


def test_every_deadline_expires_although_the_host_is_overloaded(host: SimulatedHost) -> None:
    deadline = Deadline.after(60.0, clock=CpuClock(1))
    host.pass_seconds(239, t1=239)
    assert not deadline.expired
    host.pass_seconds(2, t1=2)
    assert deadline.expired


def test_a_process_that_ended_has_no_waiting_times() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert read_run_delays(process.pid) == {}
    assert CpuClock(process.pid).waited == 0.0


@pytest.fixture
def competing_processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes that want the same CPU."""
    cpu = min(os.sched_getaffinity(0))
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY, str(cpu)]) for _ in range(2)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_the_kernel_counts_the_wait_of_a_real_process(
    competing_processes: list[subprocess.Popen[bytes]],
) -> None:
    clocks = [CpuClock(process.pid) for process in competing_processes]
    limit = Deadline.after(30.0)
    while any(clock.waited < 0.2 for clock in clocks):
        assert not limit.expired, (
            f"two processes share a CPU, but waited {[clock.waited for clock in clocks]} s"
        )
