from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import errors
from fixtures.oracles import disk_pattern
from fixtures.oracles.disk_comparison import Comparison, Kind, compare, compare_disk
from fixtures.oracles.disk_layout import Layout
from fixtures.oracles.scratch_files import lay_down

if TYPE_CHECKING:
    from pathlib import Path

SECTORS = 6400
FIRST, COUNT = 2048, 64
LAYOUT = Layout(SECTORS).with_written(FIRST, COUNT, seed=7, generation=2)
BAD = 2050


def disk() -> disk_pattern.Words:
    return LAYOUT.expected(0, SECTORS)


def compare_with(sector: int, content: disk_pattern.Words) -> Comparison:
    actual = disk()
    actual[sector] = content
    return compare(actual, LAYOUT)


def test_a_good_disk() -> None:
    found = compare(disk(), LAYOUT)
    assert found.equal
    assert (found.first_bad_sector, found.bad_count, found.kinds) == (None, 0, ())
    assert found.disk_map == "." * 64
    assert found.describe() == "6400 sectors hold what they must"


def new() -> disk_pattern.Words:
    return sector_of(LAYOUT.expected(BAD, 1))


def sector_of(words: disk_pattern.Words) -> disk_pattern.Words:
    return words.reshape(64)


def halves(first: disk_pattern.Words, second: disk_pattern.Words) -> disk_pattern.Words:
    return np.concatenate([first[:32], second[32:]])


def flipped(*bits: int) -> disk_pattern.Words:
    words = new()
    for bit in bits:
        words[bit // 64] ^= np.uint64(1 << (bit % 64))
    return words


ZEROS = np.zeros(64, dtype="<u8")
NOISE = np.random.default_rng(1).integers(0, 1 << 64, 64, dtype=np.uint64)
LOST = sector_of(disk_pattern.sentinel(BAD, 1))
OLDER = sector_of(disk_pattern.make(7, 1, BAD, 1))
OTHER = sector_of(disk_pattern.make(8, 2, BAD, 1))
NEIGHBOUR = sector_of(disk_pattern.make(7, 2, BAD + 1, 1))
FAR_SENTINEL = sector_of(disk_pattern.sentinel(9, 1))

CONTENTS: dict[str, tuple[disk_pattern.Words, Kind, str]] = {
    "lost": (LOST, Kind.LOST, "lost (still the sentinel)"),
    "older": (OLDER, Kind.STALE, "stale (seed 7 generation 1, expected 7 generation 2)"),
    "other-seed": (OTHER, Kind.STALE, "stale (seed 8 generation 2"),
    "neighbour": (NEIGHBOUR, Kind.MISDIRECTED, "misdirected (from sector 2051, seed 7 generation 2)"),
    "far-sentinel": (FAR_SENTINEL, Kind.MISDIRECTED, "misdirected (from sector 9,"),
    "new-lost": (halves(new(), LOST), Kind.TORN, "torn (256 of 512 bytes right)"),
    "new-older": (halves(new(), OLDER), Kind.TORN, "torn (256 of 512 bytes right)"),
    "older-new": (halves(OLDER, new()), Kind.TORN, "torn ("),
    "new-zeros": (halves(new(), ZEROS), Kind.TORN, "torn (256 of 512 bytes right)"),
    "zeros-new": (halves(ZEROS, new()), Kind.TORN, "torn (256 of 512 bytes right)"),
    "new-noise": (halves(new(), NOISE), Kind.TORN, "torn (256 of 512 bytes right)"),
    "zeros": (ZEROS, Kind.ZEROED, "zeroed (nothing but zeros)"),
    "bit": (flipped(4000), Kind.FLIPPED, "bit flip (1 bit differs)"),
    "header-bit": (flipped(70), Kind.FLIPPED, "bit flip (1 bit differs)"),
    "bits": (flipped(1, 500, 900), Kind.FLIPPED, "bit flip (3 bits differ)"),
    "noise": (NOISE, Kind.GARBAGE, "garbage (starts with "),
    "ones": (~ZEROS, Kind.GARBAGE, "garbage (starts with ff ff ff"),
    "older-lost": (halves(OLDER, LOST), Kind.GARBAGE, "garbage (starts with 49 52 4f 4e"),
}


@pytest.mark.parametrize(("content", "kind", "said"), CONTENTS.values(), ids=list(CONTENTS))
def test_every_kind_of_corruption_is_recognised(content: disk_pattern.Words, kind: Kind, said: str) -> None:
    found = compare_with(BAD, content)
    assert found.kinds == ((kind, 1),)
    assert (found.equal, found.first_bad_sector, found.last_bad_sector) == (False, BAD, BAD)
    assert said in found.describe()
    assert found.disk_map == "." * 20 + kind.letter + "." * 43


def test_every_kind_is_tested() -> None:
    assert {kind for _, kind, _ in CONTENTS.values()} == set(Kind) - {Kind.STRAY}


def test_a_write_outside_of_its_range_is_a_stray_one() -> None:
    found = compare_with(FIRST + COUNT, disk_pattern.make(7, 2, FIRST + COUNT, 1)[0])
    assert found.kinds == ((Kind.STRAY, 1),)
    assert "stray write (seed 7 generation 2 where nobody should have written)" in found.describe()


def test_a_write_in_the_wrong_place_is_two_faults() -> None:
    actual = disk()
    actual[FIRST : FIRST + 8] = disk_pattern.sentinel(FIRST, 8)
    actual[100:108] = disk_pattern.make(7, 2, FIRST, 8)
    found = compare(actual, LAYOUT)
    assert found.kinds == ((Kind.LOST, 8), (Kind.MISDIRECTED, 8))
    assert (found.count(Kind.LOST), found.count(Kind.TORN)) == (8, 0)
    assert found.describe() == (
        "sector 100: misdirected (from sector 2048, seed 7 generation 2);"
        " 16 bad sectors in 100..2055 of 6400 (8 lost, 8 misdirected)\n"
        "[.M..................L...........................................]"
    )


def test_another_background_is_stale() -> None:
    found = compare(disk_pattern.sentinel(0, 8, seed=3), Layout(8, background=4))
    assert found.kinds == ((Kind.STALE, 8),)


def test_a_copy_that_bears_another_place_is_judged_by_that() -> None:
    layout = Layout(100).with_written(50, 10, seed=7, origin=20)
    actual = layout.expected(0, 100)
    assert compare(actual, layout).equal
    actual[50] = disk_pattern.sentinel(50, 1)[0]
    actual[51] = disk_pattern.make(7, 1, 51, 1)[0]
    actual[52] = disk_pattern.make(7, 0, 22, 1)[0]
    assert compare(actual, layout).kinds == ((Kind.LOST, 1), (Kind.STALE, 1), (Kind.MISDIRECTED, 1))


def test_the_map_shows_the_most_frequent_kind_and_fits_a_small_disk() -> None:
    actual = disk_pattern.make(1, 1, 0, 128)
    actual[0] = 0
    actual[127:] = 0
    actual[2:4] = disk_pattern.sentinel(2, 2)
    layout = Layout(128).with_written(0, 128, seed=1)
    assert compare(actual, layout).disk_map == "ZL" + "." * 61 + "Z"
    assert compare(np.zeros((3, 64), dtype="<u8"), Layout(3)).disk_map == "ZZZ"


@given(data=st.binary(min_size=512, max_size=512), sector=st.integers(0, SECTORS - 1))
def test_any_other_content_is_found(data: bytes, sector: int) -> None:
    content = np.frombuffer(data, dtype="<u8")
    right = bool(np.array_equal(content, LAYOUT.expected(sector, 1)[0]))
    assert compare(data, LAYOUT, sector).equal == right


@given(bit=st.integers(0, 4095), sector=st.integers(0, SECTORS - 1))
def test_no_bit_flip_goes_unseen(bit: int, sector: int) -> None:
    words = LAYOUT.expected(sector, 1)
    words[0, bit // 64] ^= np.uint64(1 << (bit % 64))
    assert compare(words.tobytes(), LAYOUT, sector).kinds == ((Kind.FLIPPED, 1),)


def test_a_part_of_a_disk() -> None:
    found = compare(bytearray(512 * 4), LAYOUT, first_sector=FIRST + 1)
    assert (found.first_sector, found.sectors, found.first_bad_sector) == (FIRST + 1, 4, FIRST + 1)
    assert found.kinds == ((Kind.ZEROED, 4),)
    assert compare(memoryview(disk()[10:20].tobytes()), LAYOUT, 10).equal


@pytest.mark.parametrize(
    ("size", "first", "said"),
    [(0, 0, "whole sectors"), (513, 0, "whole sectors"), (1024, 6399, "not on a disk")],
)
def test_what_cannot_be_compared(size: int, first: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compare(bytes(size), LAYOUT, first)


def test_a_disk_file(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    lay_down(path, LAYOUT)
    assert compare_disk(path, LAYOUT).equal
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
    lay_down(path, LAYOUT)
    with path.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(errors.MediaFault, match=f"has {size} bytes, expected {LAYOUT.size}"):
        compare_disk(path, LAYOUT)


HUGE = Layout.of_size((3 << 40) + 4096, blank=True).with_written((1 << 32) - 3, 8, seed=7)


def test_a_sparse_disk_of_three_tebibytes(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    lay_down(path, HUGE)
    assert path.stat().st_blocks < 64
    assert compare_disk(path, HUGE).equal
    with path.open("r+b") as file:
        file.seek(((1 << 32) - 1) * 512)
        file.write(bytes(512))
        file.seek((1 << 28) * 512)
        file.write(disk_pattern.make(7, 1, 1 << 32, 1).tobytes())
    found = compare_disk(path, HUGE)
    assert found.kinds == ((Kind.LOST, 1), (Kind.MISDIRECTED, 1))
    assert "misdirected (from sector 4294967296, seed 7 generation 1)" in found.describe()


def test_what_was_never_written_to_a_blank_disk_is_found_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    lay_down(path, Layout.of_size(HUGE.size, blank=True))
    found = compare_disk(path, HUGE)
    assert found.kinds == ((Kind.LOST, 8),)
    assert "lost (still zeros)" in found.describe()


def test_what_was_discarded_must_be_zeros() -> None:
    layout = LAYOUT.with_zeros(FIRST, 4)
    actual = disk()
    assert compare(actual, layout).kinds == ((Kind.STRAY, 4),)
    actual[FIRST : FIRST + 4] = 0
    assert compare(actual, layout).equal
    assert compare(actual, LAYOUT).kinds == ((Kind.ZEROED, 4),)


def test_a_disk_that_grew() -> None:
    grown = LAYOUT.grown((SECTORS + 2) * 512)
    zeros = np.zeros((2, 64), dtype="<u8")
    actual = np.concatenate([disk(), zeros])
    assert compare(actual, grown).equal
    with pytest.raises(ValueError, match="does not grow"):
        LAYOUT.grown(512)
