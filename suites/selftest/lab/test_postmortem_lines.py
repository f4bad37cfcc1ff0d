"""The last lines of a console in a postmortem show the fatal line, however much the guest prints after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.transcript import Transcript
from fixtures.lab.instance.postmortem import last_lines

if TYPE_CHECKING:
    from pathlib import Path

PANIC = "[   12.512345] Kernel panic - not syncing: sysrq triggered crash"


@pytest.mark.parametrize(
    ("registers", "first"), [(3, [PANIC]), (11, [PANIC]), (12, [PANIC, "[...]"]), (40, [PANIC, "[...]"])]
)
def test_fatal_line_precedes_the_last_lines(tmp_path: Path, registers: int, first: list[str]) -> None:
    transcript = Transcript(tmp_path, ())
    lines = [PANIC, *(f"[   12.612345] R{index}: 0000" for index in range(registers))]
    transcript.feed("".join(f"{line}\r\n" for line in lines).encode())
    assert list(last_lines(transcript)) == [*first, *lines[1:][-12:]]
    transcript.close()


def test_healthy_console_has_its_last_lines_only(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, ())
    transcript.feed(b"".join(b"line %d\n" % index for index in range(20)))
    assert last_lines(transcript) == tuple(f"line {index}" for index in range(8, 20))
    transcript.close()
