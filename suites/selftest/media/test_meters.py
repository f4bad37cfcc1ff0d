"""Meters: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import re

import pytest

from fixtures.media.meters import open_meter

ADDRESS = "fetching https://vendor.example/a/very/long/address/of/an/image/that/no/line/holds/disk.qcow2.xz"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_in_one_line_and_removes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("TERM", "xterm")
    lines: list[str] = []
    with open_meter(lines.append) as meter:
        meter(ADDRESS, 5 << 20, 20 << 20)
        meter(ADDRESS, 10 << 20, 20 << 20)
        meter("unpacking the image of g", 0, 0)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    rows = [row for row in re.split(r"[\r\n]+", text) if row.strip()]
    assert lines == []
    assert rows[-1].startswith("unpacking the image of g")
    assert all(re.match("(fetching https://vendor.*\u2026|unpacking) ?", row) for row in rows), rows
    assert all(len(row) <= 90 for row in rows)
    # The last thing on the terminal is the removal of the bar, and the cursor is shown again.
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in terminal.getvalue()


def test_elsewhere_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    lines: list[str] = []
    with open_meter(lines.append) as meter:
        meter("fetching a", 5 << 20, 20 << 20)
        meter("fetching b", 5 << 20, 0)
    assert lines == []  # nothing yet: most transfers are over before the first interval
