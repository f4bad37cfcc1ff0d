"""Write logs of QEMU 7.2's blklogwrites, and the entries that survive a power cut."""

from __future__ import annotations

import io
import struct

import pytest

from fixtures.core.errors import MediaFault
from fixtures.oracles import write_log
from fixtures.oracles.write_log import DISCARD, FLUSH, FUA, Entry
from suites.selftest.support.paths import SAMPLES

# Made with qemu-io: a write of two sectors of 03 at sector 1, a flush, two sectors of zeros at sector 8, the first
# write again followed by a flush, and the final flush.
SAMPLE = SAMPLES / "write-log" / "qemu-7.2.log"


def sample() -> memoryview:
    return memoryview(SAMPLE.read_bytes())


def test_a_log_of_qemu() -> None:
    entries = write_log.parse(sample())
    assert [(each.first, each.count, each.flags) for each in entries] == [
        (1, 2, 0),
        (0, 0, FLUSH),
        (8, 2, 0),
        (1, 2, 0),
        (0, 0, FLUSH),
        (0, 0, FLUSH),
    ]
    assert write_log.count_entries(bytes(sample()[:32])) == 6
    disk = io.BytesIO(b"x" * 512 * 12)
    write_log.apply(sample(), entries, disk)
    assert disk.getvalue() == b"x" * 512 + b"\3" * 1024 + b"x" * 512 * 5 + bytes(1024) + b"x" * 1024


def test_a_log_with_larger_blocks_is_converted_to_sectors() -> None:
    head = struct.pack("<QQQL", write_log.MAGIC, 1, 2, 4096).ljust(4096, b"\0")
    write = struct.pack("<QQQQ", 3, 1, FUA, 4096).ljust(4096, b"\0") + b"y" * 4096
    discard = struct.pack("<QQQQ", 5, 2, DISCARD, 0).ljust(4096, b"\0")
    log = memoryview(head + write + discard)
    entries = write_log.parse(log)
    assert entries == (Entry(24, 8, FUA, 8192), Entry(40, 16, DISCARD, None))
    disk = io.BytesIO(b"x" * 4096 * 8)
    write_log.apply(log, entries, disk)
    assert disk.getvalue() == b"x" * 4096 * 3 + b"y" * 4096 + b"x" * 4096 + bytes(8192) + b"x" * 4096


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (b"", "expected a header of 28 bytes, found 0"),
        (bytes(512), "found 0x0 and 0"),
        (bytes(sample()[:8]) + b"\2" + bytes(sample()[9:]), "and 2"),
        (bytes(sample()[:24]) + b"\1" + bytes(sample()[25:]), "513 bytes"),
        (bytes(sample()[:1024]), "truncated within entry 0 of 6"),
        (bytes(sample()[:2048]), "truncated before entry 1 of 6"),
        (bytes(sample()[:536]) + b"\7" + bytes(sample()[537:]), "entry 0 has 7 bytes of data, expected 2"),
    ],
)
def test_a_damaged_log_is_refused(log: bytes, message: str) -> None:
    with pytest.raises(MediaFault, match=message):
        write_log.parse(memoryview(log))


def test_an_empty_log_has_no_entries() -> None:
    assert write_log.count_entries(b"") == 0
    assert write_log.count_entries(bytes(32)) == 0


A, B, C = (Entry(at, 1, 0, 0) for at in range(3))
SAFE = Entry(9, 1, FUA, 0)
ALL = Entry(0, 0, FLUSH, None)
BOTH = Entry(5, 1, FLUSH, 0)


@pytest.mark.parametrize(
    ("entries", "position", "durable"),
    [
        ((), 0, ()),
        ((A, B, C), 3, ()),
        ((A, ALL, B), 3, (A,)),
        ((A, ALL, B, ALL, C), 4, (A, ALL, B)),
        ((A, SAFE, B), 3, (SAFE,)),
        ((A, BOTH, B), 3, (A,)),
        ((A, B, ALL), 2, ()),
    ],
)
def test_durable_entries(entries: tuple[Entry, ...], position: int, durable: tuple[Entry, ...]) -> None:
    assert write_log.durable_entries(entries, position) == durable


def test_cut_positions() -> None:
    entries = (A, B, ALL, C, A, B, ALL, C)
    assert list(write_log.cut_positions(entries, between=0)) == [3, 7, 8]
    assert list(write_log.cut_positions(entries, between=4)) == [2, 3, 4, 6, 7, 8]
    assert list(write_log.cut_positions((), between=4)) == []
