"""The pattern that fio writes, and fio's output."""

from __future__ import annotations

import io
import json

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.oracles import fio_pattern
from fixtures.systems.base.storage import FioResult
from fixtures.systems.linux import fio


def test_a_block_holds_its_offset() -> None:
    block = fio_pattern.expected_block(0x11000, 4096)
    assert (len(block), block[:16], block[-16:]) == (4096, b"ironfio:\x00\x10\x01" + bytes(5), block[:16])


def disk() -> bytearray:
    """Two unwritten blocks, and eight blocks of fio's pattern."""
    return bytearray(8192) + b"".join(
        fio_pattern.expected_block(offset, 4096) for offset in range(8192, 40960, 4096)
    )


def test_correct_blocks() -> None:
    assert fio_pattern.find_wrong_blocks(io.BytesIO(disk()), 8192, 32768, 4096) == []


def test_wrong_blocks_are_found() -> None:
    spoiled = disk()
    spoiled[12288 + 77] ^= 1
    spoiled[20480:24576] = fio_pattern.expected_block(24576, 4096)
    assert fio_pattern.find_wrong_blocks(io.BytesIO(spoiled), 8192, 32768, 4096) == [12288, 20480]
    assert fio_pattern.find_wrong_blocks(io.BytesIO(bytes(40960)), 0, 40960, 4096) == [
        0,
        4096,
        8192,
        12288,
        16384,
    ]
    assert fio_pattern.find_wrong_blocks(io.BytesIO(disk()[:-100]), 8192, 32768, 4096) == [36864]


def test_the_output_of_fio() -> None:
    job = {"error": 84, "write": {"io_bytes": 4096}, "read": {"io_bytes": 512}}
    answer = "fio: a warning\n" + json.dumps({"fio version": "fio-3.33", "jobs": [job]})
    assert fio.parse(answer) == FioResult(84, 4096, 512)


@pytest.mark.parametrize("answer", ["", "fio: not found", "{", '{"jobs": []}', '{"jobs": [{"error": 0}]}'])
def test_other_output_is_refused(answer: str) -> None:
    with pytest.raises(AnswerNotUnderstood, match="bytes written"):
        fio.parse(answer)
