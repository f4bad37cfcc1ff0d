"""The text of a terminal's screen, rendered from raw output and from log files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.rendering import last_screen, render

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"", []),
        (b"one\r\ntwo", ["one", "two"]),
        (b"0%\r50%\r100%", ["100%"]),
        (b"\x1b[2;3Hx\x1b[1;1Hy", ["y", "  x"]),
        (b"old\x1b[2J\x1b[Hnew", ["new"]),
        (b"\x1b[01;31mred\x1b[0m", ["red"]),
        (b"\x1b[?2004h# ", ["#"]),
        ("né".encode(), ["né"]),
        (b"n\xe9n", ["n\ufffdn"]),
        # The UEFI shell positions the cursor before each character.
        (b"".join(b"\x1b[04;%02dH%c" % (column, 64 + column) for column in (3, 1, 2)), ["", "", "", "ABC"]),
    ],
)
def test_output_is_rendered(output: bytes, expected: list[str]) -> None:
    assert render(output) == expected + [""] * (25 - len(expected))


def test_a_screen_keeps_the_last_lines() -> None:
    lines = render(b"".join(b"%d\r\n" % number for number in range(100)))
    assert (len(lines), lines[0], lines[-2], lines[-1]) == (25, "76", "99", "")
    assert render(b"x" * 81, columns=80, lines=2) == ["x" * 80, "x"]


def test_the_end_of_a_long_log_is_rendered(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"flood of words\r\n" * 100_000 + b"the end")
    assert last_screen(log).splitlines()[-2:] == ["flood of words", "the end"]
    log.write_bytes(b"x" * 1_000_000)
    assert last_screen(log).splitlines()[0] == "x" * 80


def test_an_empty_log_is_an_empty_screen(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"")
    assert last_screen(log) == "\n"
