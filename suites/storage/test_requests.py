"""Storage requests: every size, position and kind of request, on every kind of disk, arrives intact.

Every guest makes requests of all sizes from its first boot on, and platforms are sold with all of these block
sizes, caches and formats, so they are mandatory. Sizes and serial numbers are mandatory, too: a guest that
cannot tell two disks apart writes to the wrong one.
"""

from __future__ import annotations

from typing import Literal, get_args

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import Aio, BlockSize, Cache, DiskOptions
from fixtures.oracles.disk_layout import DiskLayout
from fixtures.systems.base.storage import FioResult, TransferMode

pytestmark = pytest.mark.needs("shell", "disk-tools")

KIB, MIB = 1 << 10, 1 << 20
MODES: tuple[TransferMode, ...] = get_args(TransferMode)

SIZES = [
    Copy(0, 1, 512),
    Copy(1, 63, 512),
    Copy(63, 9, 4608),
    Copy(101, 999, 1536),
    Copy(2048, 2048, 64 * KIB),
    Copy(4097, 4095, 128 * KIB),
    Copy(9001, 16384, 4 * MIB),
    Copy(65535, 1, 512),
]
UNALIGNED = [
    Copy(30001, 333, 777, mode="buffered"),
    Copy(31007, 1001, 3333, mode="buffered"),
    Copy(33333, 4000, 65537, mode="buffered"),
]
# Sectors all over the disk, far from each other, in no order.
SCATTERED = [Copy(40000 + 9973 * step % 8000, 1 + step % 7, 512, mode="synchronous") for step in range(24)]
PARALLEL = [Copy(50000 + 1500 * job, 1500, (job % 4 + 1) * 4 * KIB) for job in range(8)]


@pytest.mark.check("storage.requests-of-every-shape", level="mandatory")
def test_requests_of_every_shape(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """Requests from one sector to 4 MiB, unaligned, scattered and parallel, all arrive on the host's disk."""
    guest.storage.copy_all(source_disk, target_disk, [*SIZES, *UNALIGNED])
    guest.storage.copy_all(source_disk, target_disk, SCATTERED)
    guest.storage.copy_all(source_disk, target_disk, PARALLEL, parallel=True)
    comparison = guest.storage.compare_on_host(target_disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(target_disk) == target_disk.checksum()


BLOCKS = {"512n": (512, 512), "512e": (512, 4096), "4Kn": (4096, 4096)}
UNITS = [(0, 1, 1), (3, 5, 1), (9, 100, 3), (255, 511, 64), (1024, 1024, 1024)]


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=list(BLOCKS))
@pytest.mark.check("storage.sector-sizes", level="mandatory")
def test_sector_sizes(
    guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, blocks: tuple[BlockSize, BlockSize]
) -> None:
    """A disk reports its sector sizes, and handles requests in units of its sectors and of other sizes."""
    logical, physical = blocks
    options = DiskOptions(logical_block=logical, physical_block=physical)
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(32 * MIB), options))
    device = guest.storage.block_device(disk)
    assert (device.logical_block, device.physical_block, device.size) == (logical, physical, 32 * MIB)
    unit = logical // 512
    copies = [Copy(unit * first, unit * count, logical * block) for first, count, block in UNITS]
    guest.storage.copy_all(source_disk, disk, [*copies, Copy(20001, 37, 777, mode="buffered")])
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.parametrize("format_", ["raw", "qcow2"])
@pytest.mark.parametrize(
    ("cache", "aio"),
    [
        ("writeback", "threads"),
        ("writethrough", "threads"),
        ("none", "native"),
        ("none", "io_uring"),
        ("directsync", "native"),
    ],
)
@pytest.mark.check("storage.caches-and-formats", level="mandatory")
def test_caches_and_formats(
    guest: Guest,
    source_disk: ScratchDisk,
    attach_disk: AttachDisk,
    cache: Cache,
    aio: Aio,
    format_: Literal["raw", "qcow2"],
) -> None:
    """With every host cache mode, asynchronous I/O engine and image format, writes arrive and read back."""
    options = DiskOptions(cache=cache, aio=aio)
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(32 * MIB), options, format=format_))
    guest.storage.copy_all(source_disk, disk, [*SIZES, *UNALIGNED])
    guest.storage.copy_all(source_disk, disk, PARALLEL, parallel=True)
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.needs("fio")
@pytest.mark.parametrize("block", [4 * KIB, 64 * KIB])
@pytest.mark.check("storage.fio-verifies", level="recommended")
def test_fio_verifies(guest: Guest, target_disk: ScratchDisk, block: int) -> None:
    """The guest's fio verifies the blocks that it wrote, and the host finds the same blocks on the disk."""
    if not guest.storage.has_fio():
        pytest.skip(f"not_in_profile: {guest.cell.guest.id} has no fio")
    first, count = 8192, 16384
    result = guest.storage.run_fio(target_disk, first, count, block)
    assert result == FioResult(error=0, written=count * 512, read=count * 512)
    assert guest.storage.mismatches_after_fio(target_disk, first, count, block) == []
    end, last = first + count, target_disk.layout.sectors
    for start, length in ((0, first), (end, last - end)):
        comparison = guest.storage.compare_range_on_host(target_disk, start, length)
        assert comparison.bad_sectors == 0, comparison.description


@pytest.mark.check("storage.read-only-refuses-writes", level="mandatory")
def test_read_only_refuses_writes(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A read-only disk reports itself as read-only, reads correctly, and refuses every kind of write."""
    layout = DiskLayout.of_size(8 * MIB).with_written(100, 1000, seed=3)
    disk = attach_disk(ScratchDisk.named("readonly", layout, read_only=True))
    device = guest.storage.block_device(disk)
    assert device.read_only, f"expected a read-only disk, the guest sees {device!r}"
    for mode in MODES:
        outcome = guest.storage.attempt_copy(source_disk, disk, Copy(2048, 64, 4096, mode=mode))
        assert outcome != "done", f"{mode} write to a read-only disk"
    assert guest.storage.checksum(disk) == disk.checksum()
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description


@pytest.mark.check("storage.shown-as-given", level="mandatory")
def test_shown_as_given(guest: Guest) -> None:
    """Each disk reports its size and serial number, also where both are unusual."""
    sizes = {"A": 1 * MIB, "LONGER-NAME-20": 3 * MIB + 512, "C3PO": 257 * MIB}
    disks = [ScratchDisk.named(name, DiskLayout.of_size(size, is_blank=True)) for name, size in sizes.items()]
    guest.storage.attach_many(disks)
    assert {disk.serial: guest.storage.block_device(disk).size for disk in disks} == {
        disk.serial: disk.layout.size for disk in disks
    }
