"""The misbehaving disks themselves, asked by QEMU's own tool: each spoils what it should, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.core.errors import HostFault
from fixtures.host.tools import ask, require_tool
from fixtures.oracles.disk_comparison import Kind, compare_disk
from fixtures.oracles.expected_content import Layout
from fixtures.oracles.scratch_files import lay_down
from suites.selftest.support import misbehaving_disk as bad

LAYOUT = Layout.of_size(1 << 20)
AFTER = LAYOUT.with_written(64, 512, seed=7)
SPOILED = {
    bad.Loses: ((Kind.LOST, 1),),
    bad.Tears: ((Kind.TORN, 1),),
    bad.Flips: ((Kind.FLIPPED, 1),),
    bad.Zeroes: ((Kind.ZEROED, 1),),
    # The place that it goes to is written by who has a right to it, afterwards.
    bad.Misdirects: ((Kind.LOST, 1),),
    bad.Swaps: ((Kind.MISDIRECTED, 2),),
    bad.ReadsStale: (),
    bad.RepeatsOld: (),
    bad.Fails: (),
}


def copied(tmp_path: Path, kind: type[bad._OneSector], sector: int) -> Path:
    """A disk of a kind after a pattern was copied to it over NBD."""
    source, target = tmp_path / "source.raw", tmp_path / "target.raw"
    lay_down(source, AFTER)
    lay_down(target, LAYOUT)
    with bad.Server(kind(target, sector), tmp_path / "socket") as server:
        place = f"nbd+unix:///?socket={server.path}"
        words = ("convert", "-n", "-f", "raw", "-O", "raw", "-S", "0", source, place)
        ask([require_tool("qemu-img"), *words])
    return target


@pytest.mark.parametrize("kind", SPOILED, ids=lambda kind: kind.__name__)
def test_what_a_disk_spoils(tmp_path: Path, kind: type[bad._OneSector]) -> None:
    found = compare_disk(copied(tmp_path, kind, 100), AFTER)
    assert found.kinds == SPOILED[kind]
    assert found.first_bad_sector == (100 if SPOILED[kind] else None)


def test_an_error_is_one_for_the_client(tmp_path: Path) -> None:
    target = tmp_path / "target.raw"
    lay_down(target, LAYOUT)
    with bad.Server(bad.Fails(target, 100), tmp_path / "socket") as server:
        place = f"nbd+unix:///?socket={server.path}"
        said = ask([require_tool("qemu-io"), "-f", "raw", "-c", "read 0 51200", place])
        assert "read 51200/51200" in said
        with pytest.raises(HostFault, match="exit status 1"):
            ask([require_tool("qemu-io"), "-f", "raw", "-c", "read 51200 512", place])
