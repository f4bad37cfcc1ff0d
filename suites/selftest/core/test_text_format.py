"""Text made fit to print, and numbers made fit to read; the geometry of the figures."""

from __future__ import annotations

import pytest

from fixtures.core.text_format import cap, clean, duration, instant, listed, size
from fixtures.report.html.chart import PLOT_LEFT, PLOT_WIDTH, bar, strip, ticks


@pytest.mark.parametrize(
    ("raw", "fit"),
    [
        (
            "plain text, \u00fcml\u00e4ut \u2713\n\tindented",
            "plain text, \u00fcml\u00e4ut \u2713\n\tindented",
        ),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b[?2004hprompt$ ", "prompt$ "),
        ("\x1b]0;title\x07shell", "shell"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1b(Bcharset", "charset"),
        ("\x1b]never ended\nnext line", "\nnext line"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("nul\x00 bell\x07 del\x7f nel\x85", "nul bell del nel"),
        ("\ud800\ufffe\uffff", ""),
        ("abc\u202egnp.exe\u2066", "abcgnp.exe"),
    ],
)
def test_clean(raw: str, fit: str) -> None:
    assert clean(raw) == fit
    assert clean(clean(raw)) == fit


def test_cap_keeps_both_ends_and_says_what_is_gone() -> None:
    text = "a" * 500 + "z" * 500
    capped = cap(text, 100)
    assert capped.startswith("a" * 25 + "\n")
    assert capped.endswith("\n" + "z" * 75)
    assert "[900 characters left out]" in capped
    assert cap(text, 1000) == text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcd"), "a, b, c and d"),
        (list("abcde"), "a, b, c and 2 more"),
    ],
)
def test_listed(words: list[str], sentence: str) -> None:
    assert listed(words) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.25, "0.25 s"),
        (12.61, "12.6 s"),
        (99.96, "1 min 40 s"),
        (185, "3 min 05 s"),
        (7620, "2 h 07 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_size_and_instant() -> None:
    assert size(128 << 30) == "128.0 GiB"
    assert size(1536) == "1.5 KiB"
    assert instant("2026-03-01T08:05:09.5Z") == "1 March 2026, 08:05:09 UTC"


def test_a_bar_covers_the_boot_from_power_on_to_its_end() -> None:
    boot = (("firmware", 0.1), ("boot loader", 2.0), ("kernel", 3.0), ("services", 6.0), ("login", 10.0))
    drawn = bar(boot, 20.0)
    assert [part.name for part in drawn.segments] == ["firmware", "boot loader", "kernel", "services"]
    assert drawn.segments[0].x == PLOT_LEFT
    for left, right in zip(drawn.segments, drawn.segments[1:], strict=False):
        assert left.x + left.width == pytest.approx(right.x)
    assert drawn.end == PLOT_LEFT + PLOT_WIDTH / 2
    assert drawn.total == "login at 10.0 s"
    assert drawn.line == "firmware 2.00 s · boot loader 1.00 s · kernel 3.00 s · services 4.00 s"


@pytest.mark.parametrize(
    "boot", [(), (("login", 4.0),), (("kernel", 0.0), ("login", 0.0)), (("b", 2.0), ("a", 1.0))]
)
def test_a_bar_of_an_odd_boot(boot: tuple[tuple[str, float], ...]) -> None:
    drawn = bar(boot, max((at for _, at in boot), default=0.0))
    assert all(part.width >= 0 for part in drawn.segments)


def test_time_before_a_boot_loader_is_firmware_and_before_anything_else_unobserved() -> None:
    assert bar((("boot loader", 2.0), ("login", 4.0)), 4.0).segments[0].name == "firmware"
    assert bar((("kernel", 2.0), ("login", 4.0)), 4.0).segments[0].name == "not observed"


@pytest.mark.parametrize(
    ("longest", "last"), [(12.6, "10 s"), (0.9, "0.8 s"), (60.0, "60 s"), (300.0, "300 s")]
)
def test_ticks_are_round_and_few(longest: float, last: str) -> None:
    marks = ticks(longest)
    assert marks[0].label == "0"
    assert marks[-1].label == last
    assert 3 <= len(marks) <= 7


def test_a_strip_names_its_slowest_cell() -> None:
    drawn = strip("a.b", [("x", 3.0), ("y", 1.0), ("z", 2.0)], 3.0, 100.0)
    assert (drawn.shortest, drawn.median, drawn.longest, drawn.slowest) == ("1.00 s", "2.00 s", "3.00 s", "x")
    assert drawn.dots[-1] == 96.0
    assert strip("a.b", [("x", 1.0), ("y", 2.0)], 3.0, 100.0).median == "1.50 s"
