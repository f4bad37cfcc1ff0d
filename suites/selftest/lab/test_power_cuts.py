"""What a power cut leaves of a disk whose writes were logged: all that was flushed, and any of the rest."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from fixtures.lab.operations.power_cuts import CrashImageBuilder
from fixtures.oracles import write_log
from fixtures.oracles.write_log import FLUSH, FUA

# (sector, flags): a sector is written with its number in the log; None is a flush alone.
REQUESTS = [(0, 0), (1, 0), (None, FLUSH), (2, 0), (3, FUA), (4, 0), (None, FLUSH), (5, 0)]


def log() -> memoryview:
    """A log of those requests."""
    blocks = [struct.pack("<QQQL", write_log.MAGIC, 1, len(REQUESTS), 512)]
    for number, (sector, flags) in enumerate(REQUESTS, 1):
        blocks.append(struct.pack("<QQQQ", sector or 0, int(sector is not None), flags, 0))
        blocks += [] if sector is None else [bytes([number]) * 512]
    return memoryview(b"".join(block.ljust(512, b"\0") for block in blocks))


def left(place: Path, position: int, seed: int) -> list[int]:
    """The first byte of each sector after a power cut."""
    place.mkdir()
    base = place / "base.raw"
    base.write_bytes(bytes(8 * 512))
    written = log()
    disk = CrashImageBuilder(base, written, write_log.parse(written), place).build(
        position, random.Random(seed)
    )
    return list(disk.read_bytes()[::512])


def test_what_was_flushed_is_there_and_the_rest_may_be(tmp_path: Path) -> None:
    seen = [left(tmp_path / str(seed), 6, seed) for seed in range(24)]
    # Flushed, flushed, loose, written with Force Unit Access, loose, not yet written.
    assert {(disk[0], disk[1], disk[3], disk[5]) for disk in seen} == {(1, 2, 5, 0)}
    assert {(disk[2], disk[4]) for disk in seen} == {(0, 0), (0, 6), (4, 0), (4, 6)}


def test_right_after_a_flush_nothing_is_loose(tmp_path: Path) -> None:
    # The cut comes before what follows the flush; the flush itself is what settles.
    assert {tuple(left(tmp_path / f"{seed}", 8, seed)[:5]) for seed in range(8)} == {(1, 2, 4, 5, 6)}


def test_one_cut_after_another_goes_on_from_what_was_settled(tmp_path: Path) -> None:
    base = tmp_path / "base.raw"
    base.write_bytes(bytes(8 * 512))
    written = log()
    builder = CrashImageBuilder(base, written, write_log.parse(written), tmp_path)
    rng = random.Random(1)
    disks = [list(builder.build(position, rng).read_bytes()[::512]) for position in (1, 4, 8)]
    assert [disk[1] for disk in disks] == [0, 2, 2]
    assert disks[2][:5] == [1, 2, 4, 5, 6]
