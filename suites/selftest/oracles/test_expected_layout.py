from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import errors
from fixtures.oracles import disk_pattern, scratch_files
from fixtures.oracles.disk_layout import DiskLayout, Extent

if TYPE_CHECKING:
    from pathlib import Path

SECTORS = 40


@st.composite
def extents(draw: st.DrawFn) -> Extent:
    first = draw(st.integers(0, SECTORS - 1))
    count = draw(st.integers(1, SECTORS - first))
    origin = draw(st.none() | st.integers(0, 100))
    return Extent(first, count, draw(st.integers(0, 3)), draw(st.integers(0, 3)), origin)


@given(st.lists(extents(), max_size=8), st.integers(0, SECTORS), st.integers(0, SECTORS))
def test_later_writes_replace_earlier_writes(written: list[Extent], start: int, stop: int) -> None:
    layout = DiskLayout(SECTORS, tuple(written), sentinel_seed=5)
    disk = disk_pattern.sentinel(0, SECTORS, 5)
    for extent in written:
        origin = extent.first if extent.origin is None else extent.origin
        disk[extent.first : extent.end] = disk_pattern.pattern(
            extent.seed, extent.generation, origin, extent.count
        )
    first, end = sorted((start, stop))
    assert np.array_equal(layout.expected(first, end - first), disk[first:end])
    assert layout.runs[0].first == 0
    assert layout.runs[-1].end == SECTORS
    assert all(left.end == right.first for left, right in zip(layout.runs, layout.runs[1:], strict=False))
    assert layout.digest(first, end - first) == f"sha256:{hashlib.sha256(disk[first:end].data).hexdigest()}"


def test_writing_makes_a_new_layout() -> None:
    blank = DiskLayout.of_size(1 << 20)
    written = blank.with_written(8, 2, seed=7).with_written(8, 1, seed=7, generation=2, origin=0)
    assert (blank.sectors, blank.written, blank.size) == (2048, (), 1 << 20)
    assert written.written == (Extent(8, 2, 7, 1), Extent(8, 1, 7, 2, 0))


def test_a_copied_sector_records_its_origin() -> None:
    source = DiskLayout(100).with_written(50, 10, seed=7, origin=20)
    target = DiskLayout(100).with_written(20, 10, seed=7)
    assert np.array_equal(source.expected(50, 10), target.expected(20, 10))


def test_chunks_cover_the_whole_disk() -> None:
    layout = DiskLayout(disk_pattern.CHUNK_SECTORS + 5).with_written(
        disk_pattern.CHUNK_SECTORS - 1, 3, seed=1
    )
    chunks = [(sector, rows.copy()) for sector, rows in layout.chunks()]
    assert [(sector, len(rows)) for sector, rows in chunks] == [
        (0, disk_pattern.CHUNK_SECTORS),
        (disk_pattern.CHUNK_SECTORS, 5),
    ]
    assert np.array_equal(np.concatenate([rows for _, rows in chunks]), layout.expected(0, layout.sectors))


def test_invalid_layouts_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        DiskLayout(10).with_written(8, 3, seed=1)
    with pytest.raises(ValueError, match="at least one sector"):
        DiskLayout(10).with_written(8, 0, seed=1)
    with pytest.raises(ValueError, match="64-bit"):
        DiskLayout(10).with_written(8, 1, seed=1 << 64)
    with pytest.raises(ValueError, match="whole sectors"):
        DiskLayout.of_size(1000)
    with pytest.raises(ValueError, match="at least one sector"):
        DiskLayout.of_size(0)
    with pytest.raises(ValueError, match="not on a disk"):
        DiskLayout(10).expected(5, 6)


def test_a_scratch_file_has_the_layouts_content(tmp_path: Path) -> None:
    layout = DiskLayout(3000).with_written(100, 50, seed=7)
    path = tmp_path / "disk.raw"
    scratch_files.create_scratch_file(path, layout)
    assert path.read_bytes() == layout.expected(0, 3000).tobytes()
    with pytest.raises(FileExistsError):
        scratch_files.create_scratch_file(path, layout)
    assert path.stat().st_size == layout.size


def test_a_full_file_system_is_reported_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: DiskLayout, *range_: int) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DiskLayout, "chunks", full)
    with pytest.raises(errors.NoSpace, match="no room for a scratch disk of 512 bytes"):
        scratch_files.create_scratch_file(tmp_path / "disk.raw", DiskLayout(1))
    assert list(tmp_path.iterdir()) == []
