"""CD drives that give another medium than the one in them, or let go of one that is locked."""

from __future__ import annotations

import pytest

from fixtures import cd_drive
from fixtures.booted import Booted
from fixtures.disks import ScratchDisk
from fixtures.guest.guest import Guest
from fixtures.machine.plugging import disk_id
from fixtures.systems.linux_storage import LinuxStorage
from suites.storage import test_cd


@pytest.mark.needs("shell", "disk-tools")
@pytest.mark.device("scsi-hd", "ide-hd")
def test_drives_that_misbehave_are_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All on one guest: to put a drive in may take a boot."""
    put = cd_drive.put_medium

    def put_and_damage(booted: Booted, disk: ScratchDisk) -> None:
        put(booted, disk)
        with booted.disks[disk.name].path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff")

    with monkeypatch.context() as broken:
        broken.setattr(cd_drive, "put_medium", put_and_damage)
        with pytest.raises(AssertionError, match="sha256:"):
            test_cd.test_cd_media_are_read(victim, victim.storage.give)

    def again(disk: ScratchDisk) -> ScratchDisk:
        victim.cd.exchange(disk)
        return disk

    with monkeypatch.context() as broken:
        broken.setattr(cd_drive, "take_medium", lambda booted, disk: None)
        broken.setattr(cd_drive, "put_medium", lambda booted, disk: None)
        with pytest.raises(AssertionError, match="5244928"):
            test_cd.test_cd_media_are_read(victim, again)

    def force(booted: Booted, disk: ScratchDisk) -> str:
        booted.machine.execute("eject", {"id": disk_id(booted.disks[disk.name]), "force": True})
        return "opened"

    with monkeypatch.context() as broken:
        broken.setattr(cd_drive, "press_button", force)
        with pytest.raises(AssertionError, match="'opened' == 'locked'"):
            test_cd.test_cd_tray_is_the_guests(victim, again)
    with monkeypatch.context() as broken:
        broken.setattr(LinuxStorage, "open_tray", lambda tools, device: None)
        with pytest.raises(AssertionError, match="is_open=False"):
            test_cd.test_cd_tray_is_the_guests(victim, again)
