"""The line of a screen in which a guest waits: with a cursor that can be read, and in a picture of one."""

from __future__ import annotations

import pytest

from fixtures.channels.boot.prompts import match_prompt
from fixtures.channels.boot.screen_login import cursor_line
from fixtures.channels.screen.displays import ScreenSnapshot


@pytest.mark.parametrize("cursor", ["", " ", " _", "_", " |", "\u2588"])
def test_a_prompt_in_a_picture_is_one_whatever_its_cursor_looks_like(cursor: str) -> None:
    snapshot = ScreenSnapshot(("Debian GNU/Linux 12", f"debian login:{cursor}"), None, "picture")
    line = cursor_line(snapshot, is_settled=True)
    prompt = match_prompt(line)
    assert line == "debian login: "
    assert prompt is not None, f"expected a prompt in {line!r}"
    assert prompt.kind == "login"


def test_a_readable_cursor_tells_the_line() -> None:
    snapshot = ScreenSnapshot(("debian login: ", "[ 5.0] a message"), (0, 14), "text")
    assert cursor_line(snapshot, is_settled=False) == "debian login: "


def test_a_picture_that_changes_has_no_line_yet() -> None:
    snapshot = ScreenSnapshot(("debian login: ",), None, "picture")
    assert cursor_line(snapshot, is_settled=False) == ""
