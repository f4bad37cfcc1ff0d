"""Storage: what an operator does to disks while their guest writes loses nothing and changes nothing else.

Mandatory is what happens to guests without being asked: to be paused, moved, saved and put back. Resizing,
discarding and unplugging need the guest to play along: recommended.
"""

from __future__ import annotations

import pytest

from fixtures.guest.durability import with_file_system
from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import DiskOptions
from fixtures.oracles.disk_layout import DiskLayout

pytestmark = pytest.mark.needs("shell", "disk-tools")

MIB = 1 << 20
SIZE = 32 * MIB
# Small requests: the guest is at it while things happen.
LONG = [Copy(2048, 16384, 4096), Copy(30000, 8000, 8192), Copy(40001, 999, 512)]


def _good(guest: Guest, disk: ScratchDisk) -> None:
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.check("storage.pause-loses-nothing", level="mandatory")
def test_pause_loses_nothing(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """Paused amid its writes and let go on, again and again, the guest finishes them as if nothing were."""
    guest.storage.start_copying(source_disk, target_disk, LONG)
    for _ in range(5):
        assert guest.disk_operations.pause_machine() == ["paused", "running"]
    guest.storage.wait_for_copying(target_disk)
    _good(guest, target_disk)


@pytest.mark.check("storage.mirror-loses-nothing", level="mandatory")
def test_mirror_loses_nothing(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A disk that is moved to another file while the guest writes is whole there."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    guest.storage.start_copying(source_disk, target_disk, LONG)
    guest.disk_operations.mirror(target_disk)
    guest.storage.wait_for_copying(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(60000, 100, 512)])
    _good(guest, target_disk)


@pytest.mark.check("storage.backup-is-of-one-moment", level="mandatory")
def test_backup_is_of_one_moment(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A backup holds the disk as it was when it began, whatever the guest writes to it meanwhile."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    begun = guest.disk_operations.begin_backup(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(50000, 8000), *LONG[1:]])
    backup = guest.disk_operations.end_backup(target_disk, begun)
    assert backup.bad_sectors == 0, backup.description
    _good(guest, target_disk)


@pytest.mark.check("storage.snapshot-and-commit", level="mandatory")
def test_snapshot_and_commit(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """What a snapshot keeps does not change while the guest writes; committed, all of it is on the disk."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    kept = guest.disk_operations.snapshot(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(500, 1000, 4096), Copy(50001, 77, 512)])
    comparison = guest.disk_operations.compare_snapshot(target_disk, kept)
    assert comparison.bad_sectors == 0, comparison.description
    guest.storage.start_copying(source_disk, target_disk, LONG)
    guest.disk_operations.commit(target_disk)
    guest.storage.wait_for_copying(target_disk)
    _good(guest, target_disk)


@pytest.mark.check("storage.snapshot-and-return", level="mandatory")
def test_snapshot_and_return(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """Back at a snapshot, the disk is as it was, for the guest and on the host, and can be written."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    kept = guest.disk_operations.snapshot(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(500, 1000, 4096), Copy(50001, 77, 512)])
    guest.disk_operations.revert(target_disk, kept)
    _good(guest, target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(700, 10, 512)])
    _good(guest, target_disk)


@pytest.mark.check("storage.resize-keeps-data", level="recommended")
def test_resize_keeps_data(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A disk that grows while it is used keeps what it holds, and its new end can be written."""
    disk = ScratchDisk.named("growing", DiskLayout.of_size(16 * MIB))
    why_not = guest.disk_operations.resize_unavailable_reason(disk)
    if why_not is not None:
        pytest.skip(f"device_absent_by_design: {why_not}")
    disk = attach_disk(disk)
    guest.storage.copy_all(source_disk, disk, [Copy(0, 2000, 4096), Copy(32767, 1, 512)])
    guest.disk_operations.resize(disk, 24 * MIB)
    assert guest.storage.block_device(disk).size == 24 * MIB
    guest.storage.copy_all(source_disk, disk, [Copy(32760, 100, 4096), Copy(24 * 2048 - 1, 1, 512)])
    _good(guest, disk)


@pytest.mark.needs("discard")
@pytest.mark.parametrize("zero", [False, True], ids=["discard", "write-zeroes"])
@pytest.mark.check("storage.discard-gives-back", level="recommended")
def test_discard_gives_back(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, zero: bool) -> None:
    """What the guest discards or zeroes reads as zeros, and all else stays; discarded room is the host's."""
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(SIZE), DiskOptions(discards=True)))
    guest.storage.copy_all(source_disk, disk, [Copy(0, 40000)])
    before = guest.storage.allocated_bytes_on_host(disk)
    ending = guest.storage.discard(disk, 4096, 16384, zero=zero)
    if ending == "not supported":
        pytest.skip(f"device_absent_by_design: disks of {guest.cell.platform.id} discard nothing")
    assert ending == "done"
    _good(guest, disk)
    if not zero:
        assert before - guest.storage.allocated_bytes_on_host(disk) >= 16384 * 512


@pytest.mark.needs("ext4")
@pytest.mark.check("storage.unplug-while-mounted", level="recommended")
def test_unplug_while_mounted(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A disk that is pulled while it is mounted does not take the guest along, and has all that was safe."""
    if guest.storage.free_disk_slots == 0:
        pytest.skip(f"device_absent_by_design: {guest.cell.platform.id} has its disks from the start")
    disk = attach_disk(with_file_system("pulled", "ext4", options=DiskOptions(logged=True)))
    guest.durability.mount(disk, "/mnt")
    records = [guest.durability.write_durable_file(source_disk, disk, "/mnt", number) for number in range(3)]
    assert guest.storage.detach(disk)
    assert disk.serial not in {each.serial for each in guest.storage.block_devices()}
    assert guest.startup_state() == "running"
    assert guest.durability.check_detached_disk(disk, records).problems == ()
