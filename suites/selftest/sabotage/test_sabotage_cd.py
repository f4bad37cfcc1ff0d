"""Sabotage of suites/storage/test_cd.py: wrong media, and trays that ignore their lock or the guest."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.operations import cd_tray
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.systems.linux.storage import LinuxStorage
from suites.storage import test_cd


@pytest.mark.needs("shell", "disk-tools")
@pytest.mark.device("scsi-hd", "ide-hd")
def test_misbehaving_cd_drives_are_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All sabotage on one guest, since a CD drive may cost a boot."""
    insert_medium = cd_tray.insert_medium

    def insert_and_damage(instance: GuestInstance, disk: ScratchDisk) -> None:
        insert_medium(instance, disk)
        with instance.disks[disk.name].path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff")

    with monkeypatch.context() as patch:
        patch.setattr(cd_tray, "insert_medium", insert_and_damage)
        with pytest.raises(AssertionError, match="sha256:"):
            test_cd.test_cd_media_are_read(victim, victim.storage.attach)

    def exchange(disk: ScratchDisk) -> ScratchDisk:
        victim.cd_drive.exchange_medium(disk)
        return disk

    with monkeypatch.context() as patch:
        patch.setattr(cd_tray, "remove_medium", lambda instance, disk: None)
        patch.setattr(cd_tray, "insert_medium", lambda instance, disk: None)
        # The drive keeps its medium, so the guest would wait in vain.
        patch.setattr(instance, "wait_until", lambda condition: condition(instance.system))
        with pytest.raises(AssertionError, match="5244928"):
            test_cd.test_cd_media_are_read(victim, exchange)

    def eject_by_force(instance: GuestInstance, disk: ScratchDisk) -> str:
        instance.machine.execute("eject", {"id": instance.disks[disk.name].device_id, "force": True})
        return "opened"

    with monkeypatch.context() as patch:
        patch.setattr(cd_tray, "press_button", eject_by_force)
        with pytest.raises(AssertionError, match="'opened' == 'locked'"):
            test_cd.test_cd_tray_is_the_guests(victim, exchange)
    with monkeypatch.context() as patch:
        patch.setattr(LinuxStorage, "open_tray", lambda tools, device: None)
        with pytest.raises(AssertionError, match="is_open=False"):
            test_cd.test_cd_tray_is_the_guests(victim, exchange)
