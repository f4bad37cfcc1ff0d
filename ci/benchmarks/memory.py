"""Benchmark of the memory of clones: proportional set size (Pss) of each QEMU process."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ci.benchmarks.figures import CannotMeasure, Figure

if TYPE_CHECKING:
    from ci.benchmarks.workbench import Workbench

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_SEVERAL = 4


def parse_pss(rollup: str) -> float:
    """The proportional set size in the text of a ``smaps_rollup``, in MiB; raises CannotMeasure."""
    found = _PSS.search(rollup)
    if found is None:
        raise CannotMeasure("smaps_rollup has no field Pss")
    return int(found[1]) / 1024


def _clones(bench: Workbench, count: int) -> list[float]:
    """The memory of each of ``count`` simultaneous clones, after a command, in MiB."""
    with ExitStack() as stack:
        pids = []
        for _ in range(count):
            instance, _ = stack.enter_context(bench.pool()).acquire(bench.machine_request)
            instance.shell.run("true")
            pids.append(instance.machine.pid)
        return [parse_pss(Path(f"/proc/{pid}/smaps_rollup").read_text()) for pid in pids]


def measure(bench: Workbench) -> list[Figure]:
    """Measure the memory of a single clone, and of each of several."""
    alone: list[float] = []
    each: list[float] = []
    for repetition in range(times := bench.times(3, 1)):
        bench.tell(f"memory of clones, {repetition + 1} of {times}")
        alone += _clones(bench, 1)
        each += _clones(bench, _SEVERAL)
    what = f"memory (Pss) of the QEMU of each of {_SEVERAL} clones at once; against one alone"
    return [Figure("memory", what, "MiB", tuple(each), tuple(alone), against="one alone")]
