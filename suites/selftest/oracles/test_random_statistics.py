"""Statistics of random bytes and of their rate: healthy sources, and sources with each fault."""

from __future__ import annotations

import os

import pytest

from fixtures.oracles.random_statistics import most_within, statistics_of


def test_random_bytes_have_no_problem() -> None:
    """The alibi: the host's own random bytes, many times."""
    assert [problems for _ in range(50) if (problems := statistics_of(os.urandom(3072)).problems)] == []


def test_a_block_that_is_handed_out_twice_is_found() -> None:
    data = os.urandom(3008)
    assert statistics_of(data + data[640:704]).problems == ("4 blocks of 16 bytes are repetitions",)


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 12,
        bytes(byte & 0x7F for byte in os.urandom(3072)),
    ],
    ids=["too-even", "seven-bits"],
)
def test_unlikely_byte_values_are_found(data: bytes) -> None:
    assert any("chi-square" in problem for problem in statistics_of(data).problems)


def test_too_few_bytes_are_no_statistics() -> None:
    with pytest.raises(ValueError, match="need 2048 bytes, got 2047"):
        statistics_of(bytes(2047))


@pytest.mark.parametrize(
    ("times", "most"),
    [
        ([], 0),
        ([(0.0, 64)], 64),
        ([(0.0, 64), (0.5, 64), (1.0, 64)], 128),
        ([(0.0, 512), (0.99, 512), (1.98, 512)], 1024),
        ([(0.0, 64), (5.0, 64), (5.1, 64), (5.2, 64), (9.0, 64)], 192),
    ],
)
def test_most_bytes_within_a_second(times: list[tuple[float, int]], most: int) -> None:
    assert most_within(times, 1.0) == most
