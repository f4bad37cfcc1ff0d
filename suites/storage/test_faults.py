"""Storage faults: each error reaches the program that made the request, and no other data is lost.

Programs rely on every "done", so no error may be swallowed: mandatory. A host's storage can fill up or stall.
So it is mandatory, too, that a stopped machine resumes without loss, and that a slow disk causes no error.
"""

from __future__ import annotations

from typing import Any, Literal

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import DiskOptions, Fault
from fixtures.oracles.disk_layout import DiskLayout
from fixtures.systems.base.storage import TransferMode

pytestmark = pytest.mark.needs("shell", "disk-tools")

SIZE = 32 << 20
BAD = 6000


def _faulty(
    guest: Guest, attach_disk: AttachDisk, layout: DiskLayout, *faults: Fault, **options: Any
) -> ScratchDisk:
    disk = attach_disk(ScratchDisk.named("target", layout, DiskOptions(faults=faults, **options)))
    guest.storage.expect_errors(disk)
    return disk


@pytest.mark.expects_complaints("i/o error")
@pytest.mark.check("storage.read-error-is-reported", level="mandatory")
def test_read_error_is_reported(guest: Guest, attach_disk: AttachDisk) -> None:
    """A sector that cannot be read causes an error for reads of this sector, and for no other read."""
    layout = DiskLayout.of_size(SIZE).with_written(0, SIZE // 512, seed=5)
    disk = _faulty(guest, attach_disk, layout, Fault("read", BAD))
    assert guest.storage.attempt_read(disk, BAD - 64, 64, block=512) == "done"
    assert guest.storage.attempt_read(disk, BAD, 1, block=512) == "I/O error"
    assert guest.storage.attempt_read(disk, BAD - 8, 16) == "I/O error"
    assert guest.storage.attempt_read(disk, BAD + 1, 64, block=512) == "done"
    assert guest.storage.checksum_of_range(disk, 0, BAD) == disk.layout.digest(0, BAD)


@pytest.mark.parametrize("mode", ["direct", "buffered", "synchronous"])
@pytest.mark.expects_complaints("i/o error")
@pytest.mark.check("storage.write-error-is-reported", level="mandatory")
def test_write_error_is_reported(
    guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, mode: TransferMode
) -> None:
    """A sector that cannot be written causes an error for its write, at the latest when it is flushed."""
    disk = _faulty(guest, attach_disk, DiskLayout.of_size(SIZE), Fault("write", BAD))
    bad = Copy(BAD, 1, 512, mode=mode)
    assert guest.storage.attempt_copy(source_disk, disk, bad) == "I/O error"
    assert guest.storage.attempt_copy(source_disk, disk, Copy(BAD - 64, 64, 512)) == "done"
    assert guest.storage.attempt_copy(source_disk, disk, Copy(BAD + 8, 64, 512)) == "done"
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description


@pytest.mark.expects_complaints("i/o error")
@pytest.mark.check("storage.flush-error-is-reported", level="mandatory")
def test_flush_error_is_reported(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A failed flush is reported to the program that requested it."""
    disk = _faulty(guest, attach_disk, DiskLayout.of_size(SIZE), Fault("flush"))
    assert guest.storage.attempt_copy(source_disk, disk, Copy(BAD, 64, 4096)) == "I/O error"


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.check("storage.stops-on-error-and-goes-on", level="mandatory")
def test_stops_on_error_and_goes_on(
    guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, error: Literal["EIO", "ENOSPC"]
) -> None:
    """The machine stops when its storage fails or is full, and resumes without loss once it works again."""
    fault = Fault("write", BAD, error)
    disk = _faulty(guest, attach_disk, DiskLayout.of_size(SIZE), fault, on_error="stop")
    copies = [Copy(0, 4096), Copy(4096, 4096, 64 << 10), Copy(20000, 20000, 64 << 10)]
    stop = guest.storage.copy_until_machine_stops(source_disk, disk, copies)
    assert (stop.run_state, stop.operation, stop.action) == ("io-error", "write", "stop")
    assert stop.no_space == (error == "ENOSPC"), f"QEMU reports {stop} after {error}"
    guest.storage.remove_faults(disk)
    guest.storage.wait_for_copying(disk)
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description


@pytest.mark.check("storage.slow-is-not-broken", level="mandatory")
def test_slow_is_not_broken(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A disk that is slow, within the timeouts of drivers, causes no error and loses no data."""
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(SIZE), DiskOptions(limit=20)))
    guest.storage.copy_all(source_disk, disk, [Copy(1000 * job, 40, 4096) for job in range(8)], parallel=True)
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert [message for message in guest.unexpected_messages() if "error" in message] == []
