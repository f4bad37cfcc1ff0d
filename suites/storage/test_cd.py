"""Storage: a CD drive gives what lies in it, byte for byte, and its tray obeys whom it should.

Mandatory is that a medium is read as it is, and that another one is not mistaken for it: systems and drivers
are installed from there. The lock of the tray needs the guest to play along: recommended.
"""

from __future__ import annotations

import pytest

from fixtures.guest.cd_drive import cd_medium
from fixtures.guest.guest import Guest
from fixtures.lab.operations.cd_tray import Tray
from fixtures.lab.operations.scratch_disks import AttachDisk

pytestmark = [pytest.mark.needs("shell", "cd"), pytest.mark.boots]

MIB = 1 << 20


@pytest.mark.check("storage.cd-media-are-read", level="mandatory")
def test_cd_media_are_read(guest: Guest, attach_disk: AttachDisk) -> None:
    """A medium is read byte for byte; so is another one in its place, and without any there is nothing."""
    disk = attach_disk(cd_medium(3 * MIB, seed=3))
    seen = guest.storage.block_device(disk)
    assert (seen.size, seen.logical_block, seen.removable) == (3 * MIB, 2048, True)
    assert guest.storage.checksum(disk) == disk.checksum()
    other = cd_medium(5 * MIB + 2048, seed=4)
    guest.cd_drive.exchange_medium(other)
    assert guest.storage.block_device(other).size == 5 * MIB + 2048
    assert guest.storage.checksum(other) == other.checksum()
    guest.cd_drive.remove_medium(other)
    assert guest.cd_drive.attempt_read(other) == "no medium"
    guest.cd_drive.insert_medium(disk)
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.check("storage.cd-tray-is-the-guests", level="recommended")
def test_cd_tray_is_the_guests(guest: Guest, attach_disk: AttachDisk) -> None:
    """A locked tray does not open at its button but when the guest, which hears of it, opens it."""
    disk = attach_disk(cd_medium(3 * MIB, seed=3))
    guest.cd_drive.lock_tray(disk)
    assert guest.cd_drive.tray(disk) == Tray(is_open=False, locked=True, holds=True)
    assert guest.cd_drive.press_eject_button(disk) == "locked"
    assert guest.cd_drive.guest_opens_tray(disk)
    guest.cd_drive.close_tray(disk)
    assert guest.storage.checksum(disk) == disk.checksum()
    guest.cd_drive.eject_from_guest(disk)
    assert guest.cd_drive.tray(disk).is_open
    guest.cd_drive.close_tray(disk)
    assert guest.storage.checksum(disk) == disk.checksum()
