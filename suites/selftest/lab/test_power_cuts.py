"""Crash images from a write log: all flushed writes, and any selection of the later writes."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from fixtures.lab.operations.power_cuts import CrashImageBuilder
from fixtures.oracles import write_log
from fixtures.oracles.write_log import FLUSH, FUA

# (sector, flags): the request writes its number in the log to the sector; None is a flush without data.
REQUESTS = [(0, 0), (1, 0), (None, FLUSH), (2, 0), (3, FUA), (4, 0), (None, FLUSH), (5, 0)]


def log() -> memoryview:
    """A write log of these requests."""
    blocks = [struct.pack("<QQQL", write_log.MAGIC, 1, len(REQUESTS), 512)]
    for number, (sector, flags) in enumerate(REQUESTS, 1):
        blocks.append(struct.pack("<QQQQ", sector or 0, int(sector is not None), flags, 0))
        blocks += [] if sector is None else [bytes([number]) * 512]
    return memoryview(b"".join(block.ljust(512, b"\0") for block in blocks))


def crash_image(directory: Path, position: int, seed: int) -> list[int]:
    """The first byte of each sector after a power cut."""
    directory.mkdir()
    base = directory / "base.raw"
    base.write_bytes(bytes(8 * 512))
    written = log()
    disk = CrashImageBuilder(base, written, write_log.parse(written), directory).build(
        position, random.Random(seed)
    )
    return list(disk.read_bytes()[::512])


def test_flushed_writes_survive_and_others_may(tmp_path: Path) -> None:
    seen = [crash_image(tmp_path / str(seed), 6, seed) for seed in range(24)]
    # Flushed, flushed, unflushed, written with Force Unit Access, unflushed, not yet written.
    assert {(disk[0], disk[1], disk[3], disk[5]) for disk in seen} == {(1, 2, 5, 0)}
    assert {(disk[2], disk[4]) for disk in seen} == {(0, 0), (0, 6), (4, 0), (4, 6)}


def test_a_cut_after_a_flush_loses_nothing(tmp_path: Path) -> None:
    # The cut comes right after the flush, before the next write.
    assert {tuple(crash_image(tmp_path / f"{seed}", 8, seed)[:5]) for seed in range(8)} == {(1, 2, 4, 5, 6)}


def test_later_cuts_reuse_the_settled_image(tmp_path: Path) -> None:
    base = tmp_path / "base.raw"
    base.write_bytes(bytes(8 * 512))
    written = log()
    builder = CrashImageBuilder(base, written, write_log.parse(written), tmp_path)
    rng = random.Random(1)
    disks = [list(builder.build(position, rng).read_bytes()[::512]) for position in (1, 4, 8)]
    assert [disk[1] for disk in disks] == [0, 2, 2]
    assert disks[2][:5] == [1, 2, 4, 5, 6]
