from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import errors
from fixtures.oracles import disk_pattern
from fixtures.oracles.disk_comparison import Comparison, CorruptionKind, compare_disk, compare_sectors
from fixtures.oracles.disk_layout import DiskLayout
from fixtures.oracles.scratch_files import create_scratch_file

if TYPE_CHECKING:
    from pathlib import Path

SECTORS = 6400
FIRST, COUNT = 2048, 64
LAYOUT = DiskLayout(SECTORS).with_written(FIRST, COUNT, seed=7, generation=2)
BAD = 2050


def disk() -> disk_pattern.Sectors:
    return LAYOUT.expected(0, SECTORS)


def compare_with_layout(sector: int, content: disk_pattern.Sectors) -> Comparison:
    actual = disk()
    actual[sector] = content
    return compare_sectors(actual, LAYOUT)


def test_a_good_disk() -> None:
    found = compare_sectors(disk(), LAYOUT)
    assert found.is_equal
    assert (found.first_bad_sector, found.bad_count, found.kinds) == (None, 0, ())
    assert found.disk_map == "." * 64
    assert found.describe() == "6400 sectors have their expected content"


def new() -> disk_pattern.Sectors:
    return sector_of(LAYOUT.expected(BAD, 1))


def sector_of(sector_words: disk_pattern.Sectors) -> disk_pattern.Sectors:
    return sector_words.reshape(64)


def halves(first: disk_pattern.Sectors, second: disk_pattern.Sectors) -> disk_pattern.Sectors:
    return np.concatenate([first[:32], second[32:]])


def flipped(*bits: int) -> disk_pattern.Sectors:
    sector_words = new()
    for bit in bits:
        sector_words[bit // 64] ^= np.uint64(1 << (bit % 64))
    return sector_words


ZEROS = np.zeros(64, dtype="<u8")
NOISE = np.random.default_rng(1).integers(0, 1 << 64, 64, dtype=np.uint64)
LOST = sector_of(disk_pattern.sentinel(BAD, 1))
OLDER = sector_of(disk_pattern.pattern(7, 1, BAD, 1))
OTHER = sector_of(disk_pattern.pattern(8, 2, BAD, 1))
NEIGHBOUR = sector_of(disk_pattern.pattern(7, 2, BAD + 1, 1))
FAR_SENTINEL = sector_of(disk_pattern.sentinel(9, 1))

CONTENTS: dict[str, tuple[disk_pattern.Sectors, CorruptionKind, str]] = {
    "lost": (LOST, CorruptionKind.LOST, "lost (still the sentinel)"),
    "older": (OLDER, CorruptionKind.STALE, "stale (seed 7 generation 1, expected 7 generation 2)"),
    "other-seed": (OTHER, CorruptionKind.STALE, "stale (seed 8 generation 2"),
    "neighbour": (
        NEIGHBOUR,
        CorruptionKind.MISDIRECTED,
        "misdirected (from sector 2051, seed 7 generation 2)",
    ),
    "far-sentinel": (FAR_SENTINEL, CorruptionKind.MISDIRECTED, "misdirected (from sector 9,"),
    "new-lost": (halves(new(), LOST), CorruptionKind.TORN, "torn (256 of 512 bytes right)"),
    "new-older": (halves(new(), OLDER), CorruptionKind.TORN, "torn (256 of 512 bytes right)"),
    "older-new": (halves(OLDER, new()), CorruptionKind.TORN, "torn ("),
    "new-zeros": (halves(new(), ZEROS), CorruptionKind.TORN, "torn (256 of 512 bytes right)"),
    "zeros-new": (halves(ZEROS, new()), CorruptionKind.TORN, "torn (256 of 512 bytes right)"),
    "new-noise": (halves(new(), NOISE), CorruptionKind.TORN, "torn (256 of 512 bytes right)"),
    "zeros": (ZEROS, CorruptionKind.ZEROED, "zeroed (nothing but zeros)"),
    "bit": (flipped(4000), CorruptionKind.FLIPPED, "bit flip (1 bit differs)"),
    "header-bit": (flipped(70), CorruptionKind.FLIPPED, "bit flip (1 bit differs)"),
    "bits": (flipped(1, 500, 900), CorruptionKind.FLIPPED, "bit flip (3 bits differ)"),
    "noise": (NOISE, CorruptionKind.GARBAGE, "garbage (starts with "),
    "ones": (~ZEROS, CorruptionKind.GARBAGE, "garbage (starts with ff ff ff"),
    "older-lost": (halves(OLDER, LOST), CorruptionKind.GARBAGE, "garbage (starts with 49 52 4f 4e"),
}


@pytest.mark.parametrize(("content", "kind", "message"), CONTENTS.values(), ids=list(CONTENTS))
def test_every_kind_of_corruption_is_recognised(
    content: disk_pattern.Sectors, kind: CorruptionKind, message: str
) -> None:
    found = compare_with_layout(BAD, content)
    assert found.kinds == ((kind, 1),)
    assert (found.is_equal, found.first_bad_sector, found.last_bad_sector) == (False, BAD, BAD)
    assert message in found.describe()
    assert found.disk_map == "." * 20 + kind.letter + "." * 43


def test_every_kind_is_tested() -> None:
    assert {kind for _, kind, _ in CONTENTS.values()} == set(CorruptionKind) - {CorruptionKind.STRAY}


def test_a_write_outside_its_range_is_stray() -> None:
    found = compare_with_layout(FIRST + COUNT, disk_pattern.pattern(7, 2, FIRST + COUNT, 1)[0])
    assert found.kinds == ((CorruptionKind.STRAY, 1),)
    assert "stray write (seed 7 generation 2 where nothing should be written)" in found.describe()


def test_a_misplaced_write_is_two_faults() -> None:
    actual = disk()
    actual[FIRST : FIRST + 8] = disk_pattern.sentinel(FIRST, 8)
    actual[100:108] = disk_pattern.pattern(7, 2, FIRST, 8)
    found = compare_sectors(actual, LAYOUT)
    assert found.kinds == ((CorruptionKind.LOST, 8), (CorruptionKind.MISDIRECTED, 8))
    assert found.describe() == (
        "sector 100: misdirected (from sector 2048, seed 7 generation 2);"
        " 16 bad sectors in 100..2055 of 6400 (8 lost, 8 misdirected)\n"
        "[.M..................L...........................................]"
    )


def test_another_sentinel_seed_is_stale() -> None:
    found = compare_sectors(disk_pattern.sentinel(0, 8, seed=3), DiskLayout(8, sentinel_seed=4))
    assert found.kinds == ((CorruptionKind.STALE, 8),)


def test_a_copy_is_compared_by_its_recorded_sector() -> None:
    layout = DiskLayout(100).with_written(50, 10, seed=7, origin=20)
    actual = layout.expected(0, 100)
    assert compare_sectors(actual, layout).is_equal
    actual[50] = disk_pattern.sentinel(50, 1)[0]
    actual[51] = disk_pattern.pattern(7, 1, 51, 1)[0]
    actual[52] = disk_pattern.pattern(7, 0, 22, 1)[0]
    assert compare_sectors(actual, layout).kinds == (
        (CorruptionKind.LOST, 1),
        (CorruptionKind.STALE, 1),
        (CorruptionKind.MISDIRECTED, 1),
    )


def test_the_map_shows_the_most_frequent_kind_and_fits_a_small_disk() -> None:
    actual = disk_pattern.pattern(1, 1, 0, 128)
    actual[0] = 0
    actual[127:] = 0
    actual[2:4] = disk_pattern.sentinel(2, 2)
    layout = DiskLayout(128).with_written(0, 128, seed=1)
    assert compare_sectors(actual, layout).disk_map == "ZL" + "." * 61 + "Z"
    assert compare_sectors(np.zeros((3, 64), dtype="<u8"), DiskLayout(3)).disk_map == "ZZZ"


@given(data=st.binary(min_size=512, max_size=512), sector=st.integers(0, SECTORS - 1))
def test_any_other_content_is_found(data: bytes, sector: int) -> None:
    content = np.frombuffer(data, dtype="<u8")
    right = bool(np.array_equal(content, LAYOUT.expected(sector, 1)[0]))
    assert compare_sectors(data, LAYOUT, sector).is_equal == right


@given(bit=st.integers(0, 4095), sector=st.integers(0, SECTORS - 1))
def test_every_bit_flip_is_found(bit: int, sector: int) -> None:
    sector_words = LAYOUT.expected(sector, 1)
    sector_words[0, bit // 64] ^= np.uint64(1 << (bit % 64))
    assert compare_sectors(sector_words.tobytes(), LAYOUT, sector).kinds == ((CorruptionKind.FLIPPED, 1),)


def test_a_part_of_a_disk() -> None:
    found = compare_sectors(bytearray(512 * 4), LAYOUT, first_sector=FIRST + 1)
    assert (found.first_sector, found.sectors, found.first_bad_sector) == (FIRST + 1, 4, FIRST + 1)
    assert found.kinds == ((CorruptionKind.ZEROED, 4),)
    assert compare_sectors(memoryview(disk()[10:20].tobytes()), LAYOUT, 10).is_equal


@pytest.mark.parametrize(
    ("size", "first", "message"),
    [(0, 0, "whole sectors"), (513, 0, "whole sectors"), (1024, 6399, "not on a disk")],
)
def test_invalid_ranges_are_refused(size: int, first: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_sectors(bytes(size), LAYOUT, first)


def test_a_disk_file(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    create_scratch_file(path, LAYOUT)
    assert compare_disk(path, LAYOUT).is_equal
    with path.open("r+b") as file:
        file.seek(512 * SECTORS - 1)
        last = file.read(1)
        file.seek(512 * SECTORS - 1)
        file.write(bytes([last[0] ^ 0x81]))
    found = compare_disk(path, LAYOUT)
    assert (found.first_bad_sector, found.bad_count) == (SECTORS - 1, 1)
    assert found.disk_map[-1] == "B"


@pytest.mark.parametrize("size", [0, LAYOUT.size - 512, LAYOUT.size + 512])
def test_a_disk_file_of_another_size_is_not_compared(tmp_path: Path, size: int) -> None:
    path = tmp_path / "disk.raw"
    create_scratch_file(path, LAYOUT)
    with path.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(errors.MediaFault, match=f"has {size} bytes, expected {LAYOUT.size}"):
        compare_disk(path, LAYOUT)


HUGE = DiskLayout.of_size((3 << 40) + 4096, is_blank=True).with_written((1 << 32) - 3, 8, seed=7)


def test_a_sparse_disk_of_three_tebibytes(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    create_scratch_file(path, HUGE)
    assert path.stat().st_blocks < 64
    assert compare_disk(path, HUGE).is_equal
    with path.open("r+b") as file:
        file.seek(((1 << 32) - 1) * 512)
        file.write(bytes(512))
        file.seek((1 << 28) * 512)
        file.write(disk_pattern.pattern(7, 1, 1 << 32, 1).tobytes())
    found = compare_disk(path, HUGE)
    assert found.kinds == ((CorruptionKind.LOST, 1), (CorruptionKind.MISDIRECTED, 1))
    assert "misdirected (from sector 4294967296, seed 7 generation 1)" in found.describe()


def test_a_missing_write_to_a_blank_disk_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    create_scratch_file(path, DiskLayout.of_size(HUGE.size, is_blank=True))
    found = compare_disk(path, HUGE)
    assert found.kinds == ((CorruptionKind.LOST, 8),)
    assert "lost (still zeros)" in found.describe()


def test_discarded_sectors_must_be_zeros() -> None:
    layout = LAYOUT.with_zeros(FIRST, 4)
    actual = disk()
    assert compare_sectors(actual, layout).kinds == ((CorruptionKind.STRAY, 4),)
    actual[FIRST : FIRST + 4] = 0
    assert compare_sectors(actual, layout).is_equal
    assert compare_sectors(actual, LAYOUT).kinds == ((CorruptionKind.ZEROED, 4),)


def test_a_resized_disk() -> None:
    grown = LAYOUT.resized((SECTORS + 2) * 512)
    zeros = np.zeros((2, 64), dtype="<u8")
    actual = np.concatenate([disk(), zeros])
    assert compare_sectors(actual, grown).is_equal
    with pytest.raises(ValueError, match="cannot be resized"):
        LAYOUT.resized(512)
