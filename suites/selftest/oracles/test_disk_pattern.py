from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.oracles import disk_pattern

NUMBER = st.integers(0, (1 << 64) - 1)
SECTOR_NUMBER = st.integers(0, 1 << 40)


def test_a_sector_records_its_identity() -> None:
    (sector,) = disk_pattern.pattern(seed=7, generation=3, first_sector=2048, count=1)
    assert sector.tobytes()[:8] == b"IRONGUES"
    assert [int(word) for word in sector[1:4]] == [2048, 7, 3]
    assert sector.nbytes == 512


def test_the_sentinel_records_its_sector() -> None:
    (sector,) = disk_pattern.sentinel(first_sector=99, count=1)
    assert sector.tobytes()[:8] == b"IRONVOID"
    assert int(sector[1]) == 99


def test_the_pattern_never_changes() -> None:
    # Old records could not be replayed with another pattern.
    content = disk_pattern.pattern(7, 1, 0, 3000).tobytes() + disk_pattern.sentinel(0, 3000).tobytes()
    assert (
        hashlib.sha256(content).hexdigest()
        == "dfdc337ee47a41e2dfaf30b07b8c6d68650a3d2b40512f54b81da803d6d3a483"
    )


@given(seed=NUMBER, generation=NUMBER, first=SECTOR_NUMBER, count=st.integers(1, 20))
def test_a_range_equals_its_single_sectors(seed: int, generation: int, first: int, count: int) -> None:
    rows = disk_pattern.pattern(seed, generation, first, count)
    single = [disk_pattern.pattern(seed, generation, first + index, 1) for index in range(count)]
    assert np.array_equal(rows, np.concatenate(single))


def test_a_range_longer_than_a_chunk_is_seamless() -> None:
    count = 2 * disk_pattern.CHUNK_SECTORS + 3
    rows = disk_pattern.pattern(1, 1, 10, count)
    for index in (0, disk_pattern.CHUNK_SECTORS - 1, disk_pattern.CHUNK_SECTORS, count - 1):
        assert np.array_equal(rows[index], disk_pattern.pattern(1, 1, 10 + index, 1)[0])


@given(
    one=st.tuples(st.booleans(), NUMBER, NUMBER, SECTOR_NUMBER),
    other=st.tuples(st.booleans(), NUMBER, NUMBER, SECTOR_NUMBER),
)
def test_sectors_of_different_identity_differ_in_every_word_of_filler(
    one: tuple[bool, int, int, int], other: tuple[bool, int, int, int]
) -> None:
    def sector(written: bool, seed: int, generation: int, number: int) -> disk_pattern.Sectors:
        return (
            disk_pattern.pattern(seed, generation, number, 1)
            if written
            else disk_pattern.sentinel(number, 1, seed)
        )

    def identity(written: bool, seed: int, generation: int, number: int) -> tuple[int, ...]:
        return (written, seed, generation if written else 0, number)

    differ = (sector(*one) != sector(*other))[0, disk_pattern.HEADER :]
    assert differ.all() == (identity(*one) != identity(*other))
    assert differ.any() == differ.all()


def test_a_given_array_is_filled_and_returned() -> None:
    room = disk_pattern.allocate(4)
    assert disk_pattern.pattern(1, 2, 3, 4, room) is room
    assert np.array_equal(room, disk_pattern.pattern(1, 2, 3, 4))


def test_are_intact_checks_the_whole_sector() -> None:
    sectors = np.concatenate(
        [disk_pattern.pattern(1, 1, 0, 2), disk_pattern.sentinel(5, 2), np.zeros((1, 64), dtype="<u8")]
    )
    assert disk_pattern.are_intact(sectors).tolist() == [True, True, True, True, False]
    sectors[0, 63] ^= np.uint64(1)
    sectors[1, 1] += np.uint64(1)
    sectors[2, 4] ^= np.uint64(1)
    sectors[3, 0] ^= np.uint64(1)
    assert disk_pattern.are_intact(sectors).tolist() == [False] * 5


def test_header_values_have_64_bits() -> None:
    with pytest.raises(OverflowError):
        disk_pattern.pattern(-1, 0, 0, 1)
    with pytest.raises(OverflowError):
        disk_pattern.pattern(0, 1 << 64, 0, 1)
