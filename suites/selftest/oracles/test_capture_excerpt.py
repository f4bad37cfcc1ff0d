"""Excerpts of packet captures: the first and last complete frames within a size limit."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import SuiteFault
from fixtures.oracles.capture_excerpt import copy_excerpt
from fixtures.oracles.packet_capture import frames


def capture(path: Path, sizes: list[int], order: str = "<", tail: bytes = b"") -> Path:
    """A capture with frames of these sizes; the time of each frame is its number."""
    with path.open("wb") as file:
        file.write(struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 320, 1))
        for number, size in enumerate(sizes):
            file.write(
                struct.pack(f"{order}IIII", number, 0, size, size + 1000) + bytes([number % 256]) * size
            )
        file.write(tail)
    return path


def frame_numbers(path: Path) -> list[int]:
    return [int(frame.time) for frame in frames(path)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_small_capture_is_copied_completely(tmp_path: Path, order: str) -> None:
    source = capture(tmp_path / "net0.pcap", [60, 0, 320], order)
    assert copy_excerpt(source, tmp_path / "copy.pcap", 1 << 20) == 0
    assert (tmp_path / "copy.pcap").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("tail", [b"\0" * 7, struct.pack("<IIII", 9, 9, 60, 60) + b"half"])
def test_an_incomplete_frame_is_left_out(tmp_path: Path, tail: bytes) -> None:
    source = capture(tmp_path / "net0.pcap", [60, 60], tail=tail)
    assert copy_excerpt(source, tmp_path / "copy.pcap", 1 << 20) == 0
    assert frame_numbers(tmp_path / "copy.pcap") == [0, 1]


def test_a_large_capture_keeps_its_beginning_and_end(tmp_path: Path) -> None:
    # With 100 bytes a frame, a quarter of the limit holds two and a half frames.
    source = capture(tmp_path / "net0.pcap", [84] * 100)
    assert copy_excerpt(source, tmp_path / "copy.pcap", 24 + 1000) == 90
    assert frame_numbers(tmp_path / "copy.pcap") == [0, 1, *range(92, 100)]


@given(sizes=st.lists(st.integers(0, 300), max_size=40), limit=st.integers(24, 3000))
def test_an_excerpt_is_a_capture_within_its_limit(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int
) -> None:
    directory = tmp_path_factory.mktemp("excerpt")
    omitted = copy_excerpt(capture(directory / "net0.pcap", sizes), directory / "copy.pcap", limit)
    numbers = frame_numbers(directory / "copy.pcap")
    assert (directory / "copy.pcap").stat().st_size <= limit
    assert len(numbers) + omitted == len(sizes)
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3\xb2\xa1", b"x" * 100])
def test_a_file_that_is_no_capture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net0.pcap").write_bytes(content)
    with pytest.raises(SuiteFault, match="is not a pcap"):
        copy_excerpt(tmp_path / "net0.pcap", tmp_path / "copy.pcap", 1000)
