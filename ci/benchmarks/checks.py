"""Benchmark of trivial checks, each on a pristine guest: rate, growth with their number, and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci.benchmarks.figures import Figure, Target, in_turn
from ci.benchmarks.runs import Ran, rate, run_checks, steady_rate, taken

if TYPE_CHECKING:
    from ci.benchmarks.workbench import Workbench

_BOTH = (1, 2)


def measure(bench: Workbench) -> list[Figure]:
    """Measure rates and memory with one worker and with two."""
    ran: dict[int, list[Ran]] = {workers: [] for workers in _BOTH}
    count = bench.choose(60, 20, 4)
    for repetition in range(times := bench.times(3, 1)):
        for workers in in_turn(_BOTH, repetition):
            bench.tell(f"{count} trivial checks, workers: {workers}, {repetition + 1} of {times}")
            ran[workers].append(run_checks(bench, count, workers))
    rates = {workers: tuple(rate(each.results) for each in ran[workers]) for workers in _BOTH}
    return [
        Figure(
            "checks",
            "trivial checks, each on a guest of its own, two workers; against one worker",
            "1/s",
            rates[2],
            rates[1],
            against="one worker",
            target=Target("median", "at least", 5),
        ),
        Figure(
            "checks.workers",
            "two workers against one",
            "1/s",
            rates[2],
            rates[1],
            against="one worker",
            target=Target("ratio", "at least", 1.7),
        ),
        *_steady_figure(ran),
        Figure(
            "checks.start",
            "time of a run before its first check and after its last",
            "s",
            tuple(each.seconds - taken(each.results) for each in ran[2]),
            tuple(each.seconds - taken(each.results) for each in ran[1]),
            against="one worker",
        ),
        Figure(
            "checks.memory",
            "peak memory of a worker (of two); against a process without workers",
            "MiB",
            tuple(peak for each in ran[2] for peak in each.workers),
            tuple(peak for each in ran[1] for peak in each.workers),
            against="one process",
            target=Target("median", "at most", 120),
        ),
        Figure(
            "checks.controller",
            "peak memory of the controller of two workers",
            "MiB",
            tuple(each.peaks["controller"] for each in ran[2]),
        ),
    ]


def _steady_figure(ran: dict[int, list[Ran]]) -> list[Figure]:
    """The rate after each worker's first check; none where a short run has no check after that."""
    rates = {
        workers: tuple(found for each in runs if (found := steady_rate(each.results)) is not None)
        for workers, runs in ran.items()
    }
    if not rates[2]:
        return []
    return [
        Figure(
            "checks.steady",
            "... after each worker has verified the checkpoint",
            "1/s",
            rates[2],
            rates[1],
            against="one worker",
        )
    ]


def measure_waiting(bench: Workbench) -> list[Figure]:
    """Measure the wait for a guest after a check of a second, when a clone can be started ahead."""
    count = bench.choose(10, 5, 3)
    bench.tell(f"{count} checks of a second each")
    ran = run_checks(bench, count, 1, command="sleep 1")
    return [
        Figure(
            "spare",
            "waiting for a guest, after a check of a second; a clone could be started ahead",
            "s",
            ran.waited,
            target=Target("median", "at most", 0.1),
        )
    ]


def measure_growth(bench: Workbench) -> list[Figure]:
    """Measure the seconds for each check as their number grows."""
    figures = []
    for workers in _BOTH:
        for count in bench.choose((1, 10, 100), (1, 10), (1, 2)):
            bench.tell(f"growth: {count} trivial checks, workers: {workers}")
            ran = run_checks(bench, count, workers)
            name = "one worker" if workers == 1 else "two workers"
            figures.append(
                Figure(
                    f"growth.{workers}.{count}",
                    f"a check, of {count}, {name}, with the start of pytest",
                    "s",
                    (ran.seconds / count,),
                    series=f"seconds a check, {name}",
                    count=count,
                )
            )
    return figures
