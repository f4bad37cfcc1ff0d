"""The disks with a fault, accessed by QEMU's tools: each damages its sector and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.core.errors import HostFault
from fixtures.host.tools import require_tool, run_tool
from fixtures.oracles.disk_comparison import CorruptionKind, compare_disk
from fixtures.oracles.disk_layout import DiskLayout
from fixtures.oracles.scratch_files import create_scratch_file
from suites.selftest.support import misbehaving_disk as bad

LAYOUT = DiskLayout.of_size(1 << 20)
AFTER = LAYOUT.with_written(64, 512, seed=7)
SPOILED = {
    bad.LosesWrite: ((CorruptionKind.LOST, 1),),
    bad.TearsWrite: ((CorruptionKind.TORN, 1),),
    bad.FlipsBit: ((CorruptionKind.FLIPPED, 1),),
    bad.ZeroesSector: ((CorruptionKind.ZEROED, 1),),
    # A later request overwrites the sector that received the misdirected data.
    bad.MisdirectsWrite: ((CorruptionKind.LOST, 1),),
    bad.SwapsSectors: ((CorruptionKind.MISDIRECTED, 2),),
    bad.ReadsStale: (),
    bad.IgnoresRewrites: (),
    bad.FailsNeighbour: (),
}


def copy_to_disk(tmp_path: Path, kind: type[bad.OneSectorFault], sector: int) -> Path:
    """Copy a pattern over NBD to a disk with a fault; returns the disk's file."""
    source, target = tmp_path / "source.raw", tmp_path / "target.raw"
    create_scratch_file(source, AFTER)
    create_scratch_file(target, LAYOUT)
    with bad.NbdServer(kind(target, sector), tmp_path / "socket") as server:
        address = f"nbd+unix:///?socket={server.path}"
        arguments = ("convert", "-n", "-f", "raw", "-O", "raw", "-S", "0", source, address)
        run_tool([require_tool("qemu-img"), *arguments])
    return target


@pytest.mark.parametrize("kind", SPOILED, ids=lambda kind: kind.__name__)
def test_a_fault_damages_its_sector_only(tmp_path: Path, kind: type[bad.OneSectorFault]) -> None:
    comparison = compare_disk(copy_to_disk(tmp_path, kind, 100), AFTER)
    assert comparison.kinds == SPOILED[kind]
    assert comparison.first_bad_sector == (100 if SPOILED[kind] else None)


def test_the_client_sees_the_error(tmp_path: Path) -> None:
    target = tmp_path / "target.raw"
    create_scratch_file(target, LAYOUT)
    with bad.NbdServer(bad.FailsNeighbour(target, 100), tmp_path / "socket") as server:
        address = f"nbd+unix:///?socket={server.path}"
        output = run_tool([require_tool("qemu-io"), "-f", "raw", "-c", "read 0 51200", address])
        assert "read 51200/51200" in output
        with pytest.raises(HostFault, match="exit status 1"):
            run_tool([require_tool("qemu-io"), "-f", "raw", "-c", "read 51200 512", address])
