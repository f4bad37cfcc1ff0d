"""Sparse copies have the same content, a digest that does not depend on holes, and no blocks of zeros."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import NoSpace
from fixtures.media.sparse_files import copy_sparse, sparse_digest

BLOCK = 64 << 10
CHUNK = 4 << 20


def write_file(path: Path, size: int, marks: list[int]) -> Path:
    """A sparse file with a nonzero byte at each offset of ``marks``."""
    with path.open("wb") as file:
        file.truncate(size)
        for mark in marks:
            file.seek(mark)
            file.write(b"x")
    return path


@given(
    size=st.integers(1, 3 * CHUNK),
    positions=st.lists(st.floats(0, 1, exclude_max=True), max_size=6),
)
def test_a_copy_has_the_same_content_and_digest(
    tmp_path_factory: pytest.TempPathFactory, size: int, positions: list[float]
) -> None:
    directory = tmp_path_factory.mktemp("copy")
    source = write_file(directory / "source", size, [int(position * size) for position in positions])
    digest = copy_sparse(source, directory / "copy")
    assert (directory / "copy").read_bytes() == source.read_bytes()
    assert digest == sparse_digest(source) == sparse_digest(directory / "copy")


def test_the_digest_does_not_depend_on_holes(tmp_path: Path) -> None:
    holes = write_file(tmp_path / "holes", 8 << 20, [5 << 20])
    (tmp_path / "zeroes").write_bytes(holes.read_bytes())
    assert holes.stat().st_blocks < (tmp_path / "zeroes").stat().st_blocks
    assert sparse_digest(holes) == sparse_digest(tmp_path / "zeroes")
    copy_sparse(tmp_path / "zeroes", tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_blocks * 512 <= BLOCK


@pytest.mark.parametrize(
    ("size", "marks"), [(1 << 20, [7]), (1 << 20, []), ((1 << 20) + 1, [0]), (1 << 20, [BLOCK])]
)
def test_different_files_have_different_digests(tmp_path: Path, size: int, marks: list[int]) -> None:
    one = write_file(tmp_path / "one", 1 << 20, [0])
    assert sparse_digest(one) != sparse_digest(write_file(tmp_path / "other", size, marks))


def test_a_full_disk_raises_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(NoSpace, match="no space for a copy of"):
        copy_sparse(write_file(tmp_path / "one", 1 << 20, [0]), tmp_path / "copy")
