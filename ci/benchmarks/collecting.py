"""Benchmark of collection: the whole command, against pytest alone with the same number of tests."""

from __future__ import annotations

from operator import sub
from typing import TYPE_CHECKING

from ci.benchmarks.figures import Figure, Target
from ci.benchmarks.runs import PROJECT, pytest_command, run

if TYPE_CHECKING:
    from pathlib import Path

    from ci.benchmarks.workbench import Workbench

# Pairs of the number of cells and the number of checks.
SHAPES = ((1, 1), (10, 10), (100, 10), (100, 100))
_TRIAL = SHAPES[:2]

_GUEST = """\
id: bench-{number:03}
title: Number {number}
system: linux
arch: x86_64
image: {{build: debian, suite: bookworm}}
platforms: [q35-uefi-virtio]
console: serial
login: {{user: root, password: secret}}
drivers: {{}}
timeouts: {{boot: 60s}}
"""
_CHECK = '''

@pytest.mark.check("bench.number-{number:03}", level="informational")
def test_number_{number:03}(guest):
    """Number {number}."""
'''
_PLAIN = '''

@pytest.mark.parametrize("cell", CELLS)
def test_number_{number:03}(cell):
    """Number {number}."""
'''


def write_harness(here: Path, cells: int, checks: int) -> list[str]:
    """Write guests and checks; returns pytest's arguments."""
    guests = here / "guests"
    guests.mkdir()
    for number in range(cells):
        (guests / f"bench-{number:03}.yaml").write_text(_GUEST.format(number=number))
    test = here / "test_harness.py"
    test.write_text("import pytest\n" + "".join(_CHECK.format(number=number) for number in range(checks)))
    settled = ["-c", str(PROJECT / "pyproject.toml")]
    return [*settled, f"--guests-dir={guests}", "--guest=bench-*", "--collect-only", str(test)]


def write_plain(here: Path, cells: int, checks: int) -> list[str]:
    """Write the same number of tests without the harness; returns pytest's arguments."""
    test = here / "test_plain.py"
    head = f"import pytest\n\nCELLS = [f'bench-{{number:03}}@q35-uefi-virtio' for number in range({cells})]\n"
    test.write_text(head + "".join(_PLAIN.format(number=number) for number in range(checks)))
    (here / "plain.ini").write_text("[pytest]\n")
    return ["-c", str(here / "plain.ini"), "-p", "no:fixtures.plugin.hooks", "--collect-only", str(test)]


def measure(bench: Workbench) -> list[Figure]:
    """Measure the time of the whole command as the number of cell-checks grows."""
    lines: dict[int, tuple[list[str], list[str]]] = {}
    for cells, checks in bench.choose(SHAPES, SHAPES, _TRIAL):
        here = bench.directory("collect")
        lines[cells * checks] = write_harness(here, cells, checks), write_plain(here, cells, checks)
    harness: dict[int, list[float]] = {count: [] for count in lines}
    plain: dict[int, list[float]] = {count: [] for count in lines}
    bench.tell("collecting: compiling the imported modules")
    for line in lines[1]:
        run(*pytest_command(*line))
    for repetition in range(times := bench.times(5, 2)):
        # Each repetition has all sizes, so that load of other programs affects all of them.
        for count, (ours, theirs) in lines.items():
            bench.tell(f"collecting {count:,}, {repetition + 1} of {times}")
            harness[count].append(run(*pytest_command(*ours)))
            plain[count].append(run(*pytest_command(*theirs)))
    return _figures(harness, plain)


def _figures(harness: dict[int, list[float]], plain: dict[int, list[float]]) -> list[Figure]:
    largest = max(harness)
    figures = [
        Figure(
            f"collect.{count}",
            f"collecting {count:,} cell-checks, the whole command",
            "s",
            tuple(seconds),
            tuple(plain[count]),
            against="pytest alone",
            target=Target("median", "at most", 3) if count == largest else None,
            series="" if count == 1 else "seconds to collect",
            count=count,
        )
        for count, seconds in harness.items()
    ]
    less = Figure(
        "collect.less-start",
        f"... {largest:,}, without the start of pytest",
        "s",
        tuple(map(sub, harness[largest], harness[1])),
        tuple(map(sub, plain[largest], plain[1])),
        against="pytest alone",
    )
    return [*figures, less]
