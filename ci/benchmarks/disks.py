"""Benchmark of comparing a written disk with its pattern on the host, against ``cmp`` of two equal files."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np

from ci.benchmarks.figures import CannotMeasure, Figure, Target
from fixtures.oracles.disk_comparison import compare_disk
from fixtures.oracles.disk_layout import DiskLayout
from fixtures.oracles.scratch_files import create_scratch_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ci.benchmarks.workbench import Workbench

_SEED = 7


def _write(layout: DiskLayout, path: Path) -> None:
    with path.open("wb") as file:
        for _, words in layout.chunks():
            file.write(words.data)


def _making(layout: DiskLayout) -> float:
    began = time.monotonic()
    for _ in layout.chunks():
        pass
    return time.monotonic() - began


def _comparing(layout: DiskLayout, path: Path) -> float:
    began = time.monotonic()
    comparison = compare_disk(path, layout)
    seconds = time.monotonic() - began
    if not comparison.is_equal:
        raise CannotMeasure(f"the disk differs from its pattern: {comparison.describe()}")
    return seconds


def _cmp(one: Path, other: Path) -> float:
    began = time.monotonic()
    done = subprocess.run(["cmp", one, other], check=False, capture_output=True, text=True)
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise CannotMeasure(f"cmp: {done.stdout.strip() or done.stderr.strip()}")
    return seconds


def _copying(room: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    began = time.monotonic()
    np.copyto(room, other)
    return time.monotonic() - began


def _sparse(bench: Workbench, here: Path) -> Figure:
    """Compare a sparse disk of 3 TiB with one MiB of data in each of many places."""
    layout = DiskLayout.of_size(3 << 40, is_blank=True)
    for place in range(64):
        layout = layout.with_written(place * (layout.sectors // 64), 2048, _SEED)
    path = here / "sparse.raw"
    create_scratch_file(path, layout)
    samples = tuple(_comparing(layout, path) for _ in range(bench.times(7, 3)))
    path.unlink()
    return Figure("compare.sparse", "comparing a sparse disk of 3 TiB", "s", samples)


def measure(bench: Workbench) -> list[Figure]:
    """Measure throughput with the files in the page cache."""
    size = bench.choose(512, 256, 16) << 20
    here = bench.directory("disks")
    layout = DiskLayout.of_size(size)
    layout = layout.with_written(0, layout.sectors, _SEED)
    bench.tell(f"comparing {size >> 20} MiB")
    paths = here / "disk.raw", here / "same.raw"
    for path in paths:
        _write(layout, path)
    compared, by_cmp, made, copied = [], [], [], []
    room, other = (np.ones(size // 8, dtype=np.uint64) for _ in range(2))
    for _ in range(bench.times(7, 3)):
        compared.append(size / 1e9 / _comparing(layout, paths[0]))
        by_cmp.append(size / 1e9 / _cmp(*paths))
        made.append(size / 1e9 / _making(layout))
        copied.append(size / 1e9 / _copying(room, other))
    for path in paths:
        path.unlink()
    return [
        Figure(
            "compare",
            "comparing a written disk with its pattern; by hand: cmp of two files",
            "GB/s",
            tuple(compared),
            tuple(by_cmp),
            target=Target("median", "at least", 1),
        ),
        Figure(
            "compare.pattern",
            "... of which making the pattern; against copying the same amount of memory",
            "GB/s",
            tuple(made),
            tuple(copied),
            against="memcpy",
        ),
        Figure(
            "compare.memory",
            "comparing a written disk with its pattern, against copying the same amount of memory",
            "GB/s",
            tuple(compared),
            tuple(copied),
            against="memcpy",
        ),
        _sparse(bench, here),
    ]
