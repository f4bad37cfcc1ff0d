"""The geometry of the report's charts of boot times and durations."""

from __future__ import annotations

import pytest

from fixtures.report.html.chart import PLOT_LEFT, PLOT_WIDTH, boot_bar, duration_strip, ticks


def test_a_bar_covers_the_boot_from_power_on_to_its_end() -> None:
    boot = (("firmware", 0.1), ("boot loader", 2.0), ("kernel", 3.0), ("services", 6.0), ("login", 10.0))
    chart = boot_bar(boot, 20.0)
    assert [part.name for part in chart.segments] == ["firmware", "boot loader", "kernel", "services"]
    assert chart.segments[0].x == PLOT_LEFT
    for left, right in zip(chart.segments, chart.segments[1:], strict=False):
        assert left.x + left.width == pytest.approx(right.x)
    assert chart.end_x == PLOT_LEFT + PLOT_WIDTH / 2
    assert chart.end_label == "login at 10.0 s"
    assert chart.text == "firmware 2.00 s · boot loader 1.00 s · kernel 3.00 s · services 4.00 s"


@pytest.mark.parametrize(
    "boot", [(), (("login", 4.0),), (("kernel", 0.0), ("login", 0.0)), (("b", 2.0), ("a", 1.0))]
)
def test_a_bar_of_an_unusual_boot(boot: tuple[tuple[str, float], ...]) -> None:
    chart = boot_bar(boot, max((at for _, at in boot), default=0.0))
    assert all(part.width >= 0 for part in chart.segments)


def test_time_before_a_boot_loader_is_firmware_and_before_another_stage_not_observed() -> None:
    assert boot_bar((("boot loader", 2.0), ("login", 4.0)), 4.0).segments[0].name == "firmware"
    assert boot_bar((("kernel", 2.0), ("login", 4.0)), 4.0).segments[0].name == "not observed"


@pytest.mark.parametrize(
    ("longest", "last"), [(12.6, "10 s"), (0.9, "0.8 s"), (60.0, "60 s"), (300.0, "300 s")]
)
def test_ticks_are_round_and_few(longest: float, last: str) -> None:
    marks = ticks(longest)
    assert marks[0].label == "0"
    assert marks[-1].label == last
    assert 3 <= len(marks) <= 7


def test_a_strip_names_its_slowest_cell() -> None:
    chart = duration_strip("a.b", [("x", 3.0), ("y", 1.0), ("z", 2.0)], 3.0, 100.0)
    assert (chart.shortest, chart.median, chart.longest, chart.slowest_cell) == (
        "1.00 s",
        "2.00 s",
        "3.00 s",
        "x",
    )
    assert chart.dots[-1] == 96.0
    assert duration_strip("a.b", [("x", 1.0), ("y", 2.0)], 3.0, 100.0).median == "1.50 s"
