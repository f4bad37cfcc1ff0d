"""The statistics of a balloon: their names in QEMU, figures that are missing, and differences that count."""

from __future__ import annotations

import subprocess

import pytest

from fixtures.core.errors import AnswerNotUnderstood, GuestFault
from fixtures.guest.device_kinds.balloon import MemoryStatistics, parse_statistics
from fixtures.systems.base.device_answers import MemoryFigures
from fixtures.systems.linux.virtio_devices import allocate_command, parse_memory_figures

REPORTED = {
    "stat-total-memory": 1000,
    "stat-free-memory": 500,
    "stat-available-memory": 700,
    "stat-disk-caches": 200,
    "stat-swap-in": 0,
}
FIGURES = MemoryFigures(total=1000, free=500, available=700, caches=200)


def test_the_statistics_have_their_figures() -> None:
    assert parse_statistics(REPORTED) == FIGURES


@pytest.mark.parametrize("value", [-1, 2**64 - 1])
def test_a_figure_that_the_guest_left_out_is_named(value: int) -> None:
    """QEMU shows it as -1 without a sign."""
    with pytest.raises(GuestFault, match="does not report stat-disk-caches"):
        parse_statistics({**REPORTED, "stat-disk-caches": value})


@pytest.mark.parametrize(
    ("balloon", "differences"),
    [
        (FIGURES, ()),
        (MemoryFigures(1000, 510, 690, 210), ()),
        (MemoryFigures(1001, 500, 700, 200), ("total: 1001 bytes by the balloon, 1000 by the kernel",)),
        (MemoryFigures(1000, 511, 700, 200), ("free: 511 bytes by the balloon, 500 by the kernel",)),
        (MemoryFigures(1000, 500, 700, 0), ("caches: 0 bytes by the balloon, 200 by the kernel",)),
    ],
    ids=["equal", "within", "total", "free", "caches"],
)
def test_differences(balloon: MemoryFigures, differences: tuple[str, ...]) -> None:
    assert MemoryStatistics(balloon, FIGURES).differences(10) == differences


def test_the_kernels_figures_are_parsed() -> None:
    answer = (
        "MemTotal:|975308\nMemFree:|700000\nMemAvailable:|800000\nBuffers:|1000\nCached:|90000\n"
        "SwapCached:|7\nend|6\n"
    )
    figures = parse_memory_figures(answer)
    assert figures == MemoryFigures(975308 << 10, 700000 << 10, 800000 << 10, 91007 << 10)
    with pytest.raises(AnswerNotUnderstood, match="rows for Buffers, Cached"):
        parse_memory_figures("MemTotal:|1\nMemFree:|1\nMemAvailable:|1\nSwapCached:|0\nend|4\n")


def test_a_program_that_gets_its_memory_says_how_much() -> None:
    command = allocate_command(3 << 20).replace("/run/systemd/system", "/absent")
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said == "3145728\n"
