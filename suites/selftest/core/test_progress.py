"""Progress lines that several processes of a run write."""

from __future__ import annotations

from pathlib import Path

from fixtures.core.progress import FileProgress, ProgressReader


def test_what_all_processes_say_is_written_once(tmp_path: Path) -> None:
    one, other, reader = FileProgress(tmp_path), FileProgress(tmp_path), ProgressReader(tmp_path)
    one.once("machines wait")
    other.once("machines wait")
    other("left: boots")
    one("left: boots")
    one.once("machines wait")
    one.once("right: still waiting")
    assert reader.lines() == ["machines wait", "left: boots", "left: boots", "right: still waiting"]


def test_an_unfinished_line_is_left_for_the_next_call(tmp_path: Path) -> None:
    reader = ProgressReader(tmp_path)
    assert reader.lines() == []
    FileProgress(tmp_path)("first")
    with (tmp_path / "progress.log").open("a", encoding="utf-8") as file:
        file.write("sec")
        file.flush()
        assert reader.lines() == ["first"]
        file.write("ond\n")
    assert reader.lines() == ["second"]
