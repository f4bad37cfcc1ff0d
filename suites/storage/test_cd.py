"""CD drives: media are read byte for byte, and the guest controls the tray.

Reading is mandatory, also after an exchange of the medium: systems and drivers are installed from CD. Control
of the tray needs the guest's cooperation, so it is recommended.
"""

from __future__ import annotations

import pytest

from fixtures.guest.cd_drive import cd_medium
from fixtures.guest.guest import Guest
from fixtures.lab.operations.cd_tray import Tray
from fixtures.lab.operations.scratch_disks import AttachDisk

pytestmark = [pytest.mark.needs("shell", "cd"), pytest.mark.boots]

MIB = 1 << 20


# The check reads an empty drive.
@pytest.mark.expects_complaints("i/o error")
@pytest.mark.check("storage.cd-media-are-read", level="mandatory")
def test_cd_media_are_read(guest: Guest, attach_disk: AttachDisk) -> None:
    """The guest reads a medium and its replacement byte for byte, and reports an empty drive as empty."""
    disk = attach_disk(cd_medium(3 * MIB, seed=3))
    device = guest.storage.block_device(disk)
    assert (device.size, device.logical_block, device.removable) == (3 * MIB, 2048, True)
    assert guest.storage.checksum(disk) == disk.checksum()
    replacement = cd_medium(5 * MIB + 2048, seed=4)
    guest.cd_drive.exchange_medium(replacement)
    assert guest.storage.block_device(replacement).size == 5 * MIB + 2048
    assert guest.storage.checksum(replacement) == replacement.checksum()
    guest.cd_drive.remove_medium(replacement)
    assert guest.cd_drive.attempt_read(replacement) == "no medium"
    guest.cd_drive.insert_medium(disk)
    assert guest.storage.checksum(disk) == disk.checksum()


@pytest.mark.needs("tray")
@pytest.mark.check("storage.cd-tray-is-the-guests", level="recommended")
def test_cd_tray_is_the_guests(guest: Guest, attach_disk: AttachDisk) -> None:
    """The button does not open a locked tray; the guest opens it instead, on the button or by a command."""
    disk = attach_disk(cd_medium(3 * MIB, seed=3))
    guest.cd_drive.lock_tray(disk)
    assert guest.cd_drive.tray(disk) == Tray(is_open=False, locked=True, holds=True)
    assert guest.cd_drive.press_eject_button(disk) == "locked"
    assert guest.cd_drive.guest_opens_tray(disk), "the guest did not open its tray on the button"
    guest.cd_drive.close_tray(disk)
    assert guest.storage.checksum(disk) == disk.checksum()
    guest.cd_drive.eject_from_guest(disk)
    tray = guest.cd_drive.tray(disk)
    assert tray.is_open, f"the guest's eject command left {tray}"
    guest.cd_drive.close_tray(disk)
    assert guest.storage.checksum(disk) == disk.checksum()
