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


@pytest.mark.parametrize(
    ("boot", "expected"),
    [
        (
            (("firmware", 0.0), ("boot loader", 2.0), ("kernel", 3.0), ("services", 6.0), ("login", 10.0)),
            [("firmware", 1), ("boot loader", 2), ("kernel", 3), ("services", 4)],
        ),
        # GRUB is only on the screen, and the kernel is quiet.
        (
            (("firmware", 0.0), ("login", 10.0)),
            [("not shown separately: firmware, boot loader, kernel, services", 0)],
        ),
        (
            (("firmware", 0.0), ("boot loader", 2.0), ("services", 6.0), ("login", 10.0)),
            [("firmware", 1), ("not shown separately: boot loader, kernel", 0), ("services", 4)],
        ),
        (
            (("kernel", 2.0), ("services", 4.0), ("login", 10.0)),
            [("not shown separately: firmware, boot loader", 0), ("kernel", 3), ("services", 4)],
        ),
        ((("boot loader", 2.0), ("kernel", 10.0)), [("firmware", 1), ("boot loader", 2)]),
        # A guest that has only a screen.
        ((("firmware", 0.0), ("ready", 10.0)), [("not shown", 0)]),
        ((("firmware", 0.0), ("on the way", 4.0), ("ready", 10.0)), [("not shown", 0), ("on the way", 2)]),
    ],
)
def test_stages_that_were_not_shown_are_no_part_of_the_stage_before(
    boot: tuple[tuple[str, float], ...], expected: list[tuple[str, int]]
) -> None:
    chart = boot_bar(boot, 10.0)
    assert [(segment.name, segment.tone) for segment in chart.segments] == expected
    assert chart.segments[0].x == PLOT_LEFT
    assert chart.end_x == PLOT_LEFT + PLOT_WIDTH


def test_a_quiet_boot_is_labelled_and_its_stages_are_in_the_text() -> None:
    chart = boot_bar((("firmware", 0.0), ("kernel", 1.0), ("login", 10.0)), 10.0)
    assert [segment.label for segment in chart.segments] == ["", "not shown"]
    assert chart.text == (
        "not shown separately: firmware, boot loader 1.00 s · not shown separately: kernel, services 9.00 s"
    )


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
