"""The holes of a file: none, in the middle, at the end, and on a file system that cannot tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.oracles import disk_holes
from fixtures.oracles.disk_holes import UNIT, find_holes, punch_hole, reports_holes


@pytest.mark.parametrize(
    "holes",
    [
        [],
        [(0, UNIT)],
        [(7 * UNIT, UNIT)],
        [(UNIT, UNIT), (4 * UNIT, 2 * UNIT)],
        [(0, 8 * UNIT)],
    ],
)
def test_holes_are_found_to_the_byte(tmp_path: Path, holes: list[tuple[int, int]]) -> None:
    if not reports_holes(tmp_path):
        pytest.skip("the file system of the temporary directory does not report holes")
    path = tmp_path / "disk"
    path.write_bytes(b"x" * 8 * UNIT)
    with path.open("r+b") as file:
        for offset, length in holes:
            punch_hole(file.fileno(), offset, length)
    assert find_holes(path) == holes
    assert path.stat().st_size == 8 * UNIT


def test_a_file_system_that_cannot_punch_holes_reports_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, offset: int, length: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(disk_holes, "punch_hole", refuse)
    assert not reports_holes(tmp_path)
    monkeypatch.setattr(disk_holes, "punch_hole", lambda *_: None)
    assert not reports_holes(tmp_path)
    assert os.listdir(tmp_path) == []
