"""Operations on disks: pause, mirror, backup, snapshot, resize, discard and unplug lose no data.

Operators pause, move, save and restore guests without their cooperation, so those operations are mandatory.
Resize, discard and unplug need the guest's cooperation: recommended.
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
# Small requests, so that the guest still writes during the operation.
SLOW_COPIES = [Copy(2048, 16384, 4096), Copy(30000, 8000, 8192), Copy(40001, 999, 512)]


def _assert_intact(guest: Guest, disk: ScratchDisk) -> None:
    comparison = guest.storage.compare_on_host(disk)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.check("storage.pause-loses-nothing", level="mandatory")
def test_pause_loses_nothing(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A guest whose machine is paused and resumed five times during its writes finishes them without loss."""
    guest.storage.start_copying(source_disk, target_disk, SLOW_COPIES)
    for _ in range(5):
        assert guest.disk_operations.pause_machine() == ["paused", "running"]
    guest.storage.wait_for_copying(target_disk)
    _assert_intact(guest, target_disk)


@pytest.mark.check("storage.mirror-loses-nothing", level="mandatory")
def test_mirror_loses_nothing(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A disk that is mirrored to another file during the guest's writes is intact there."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    guest.storage.start_copying(source_disk, target_disk, SLOW_COPIES)
    guest.disk_operations.mirror(target_disk)
    guest.storage.wait_for_copying(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(60000, 100, 512)])
    _assert_intact(guest, target_disk)


@pytest.mark.check("storage.backup-is-of-one-moment", level="mandatory")
def test_backup_is_of_one_moment(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A backup holds the disk as it was when the backup began, whatever the guest writes meanwhile."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    state = guest.disk_operations.begin_backup(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(50000, 8000), *SLOW_COPIES[1:]])
    backup = guest.disk_operations.end_backup(target_disk, state)
    assert backup.bad_sectors == 0, backup.description
    _assert_intact(guest, target_disk)


@pytest.mark.check("storage.snapshot-and-commit", level="mandatory")
def test_snapshot_and_commit(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """A snapshot does not change while the guest writes, and after a commit the disk holds all writes."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    snapshot = guest.disk_operations.snapshot(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(500, 1000, 4096), Copy(50001, 77, 512)])
    comparison = guest.disk_operations.compare_snapshot(target_disk, snapshot)
    assert comparison.bad_sectors == 0, comparison.description
    guest.storage.start_copying(source_disk, target_disk, SLOW_COPIES)
    guest.disk_operations.commit(target_disk)
    guest.storage.wait_for_copying(target_disk)
    _assert_intact(guest, target_disk)


@pytest.mark.check("storage.snapshot-and-return", level="mandatory")
def test_snapshot_and_return(guest: Guest, source_disk: ScratchDisk, target_disk: ScratchDisk) -> None:
    """After a return to a snapshot, guest and host see the old content, and the disk can be written."""
    guest.storage.copy_all(source_disk, target_disk, [Copy(0, 1000)])
    snapshot = guest.disk_operations.snapshot(target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(500, 1000, 4096), Copy(50001, 77, 512)])
    guest.disk_operations.revert(target_disk, snapshot)
    _assert_intact(guest, target_disk)
    guest.storage.copy_all(source_disk, target_disk, [Copy(700, 10, 512)])
    _assert_intact(guest, target_disk)


@pytest.mark.check("storage.resize-keeps-data", level="recommended")
def test_resize_keeps_data(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A disk that grows while the guest uses it keeps its data, and its new end can be written."""
    disk = ScratchDisk.named("growing", DiskLayout.of_size(16 * MIB))
    reason = guest.disk_operations.resize_unavailable_reason(disk)
    if reason is not None:
        pytest.skip(f"device_absent_by_design: {reason}")
    disk = attach_disk(disk)
    guest.storage.copy_all(source_disk, disk, [Copy(0, 2000, 4096), Copy(32767, 1, 512)])
    guest.disk_operations.resize(disk, 24 * MIB)
    assert guest.storage.block_device(disk).size == 24 * MIB
    guest.storage.copy_all(source_disk, disk, [Copy(32760, 100, 4096), Copy(24 * 2048 - 1, 1, 512)])
    _assert_intact(guest, disk)


@pytest.mark.needs("discard")
@pytest.mark.parametrize("zero", [False, True], ids=["discard", "write-zeroes"])
@pytest.mark.check("storage.discard-gives-back", level="recommended")
def test_discard_gives_back(
    guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk, zero: bool
) -> None:
    """Discarded and zeroed ranges read as zeros, other data stays, and the host gets discarded space back."""
    disk = attach_disk(ScratchDisk.named("target", DiskLayout.of_size(SIZE), DiskOptions(discards=True)))
    guest.storage.copy_all(source_disk, disk, [Copy(0, 40000)])
    before = guest.storage.allocated_bytes_on_host(disk)
    ending = guest.storage.discard(disk, 4096, 16384, zero=zero)
    if ending == "not supported":
        pytest.skip(f"device_absent_by_design: disks of {guest.cell.platform.id} do not support discard")
    assert ending == "done"
    _assert_intact(guest, disk)
    if not zero:
        freed = before - guest.storage.allocated_bytes_on_host(disk)
        assert freed >= 16384 * 512, "bytes that the host got back"


@pytest.mark.needs("ext4")
@pytest.mark.expects_complaints("i/o error", "file system error")
@pytest.mark.check("storage.unplug-while-mounted", level="recommended")
def test_unplug_while_mounted(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A guest survives the unplug of a mounted disk, and the disk holds all flushed files."""
    if guest.storage.free_disk_slots == 0:
        pytest.skip(f"device_absent_by_design: {guest.cell.platform.id} cannot hot-plug disks")
    disk = attach_disk(with_file_system("pulled", "ext4", options=DiskOptions(logged=True)))
    guest.durability.mount(disk, "/mnt")
    files = [guest.durability.write_durable_file(source_disk, disk, "/mnt", number) for number in range(3)]
    assert guest.storage.detach(disk), f"the guest did not release disk {disk.name}"
    assert disk.serial not in {device.serial for device in guest.storage.block_devices()}
    assert guest.startup_state() == "running"
    assert guest.durability.check_detached_disk(disk, files).problems == ()
