"""CD drives that give another medium than the one in them, or let go of one that is locked."""

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
def test_drives_that_misbehave_are_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All on one guest: to put a drive in may take a boot."""
    put = cd_tray.insert_medium

    def put_and_damage(instance: GuestInstance, disk: ScratchDisk) -> None:
        put(instance, disk)
        with instance.disks[disk.name].path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff")

    with monkeypatch.context() as broken:
        broken.setattr(cd_tray, "insert_medium", put_and_damage)
        with pytest.raises(AssertionError, match="sha256:"):
            test_cd.test_cd_media_are_read(victim, victim.storage.attach)

    def again(disk: ScratchDisk) -> ScratchDisk:
        victim.cd_drive.exchange_medium(disk)
        return disk

    with monkeypatch.context() as broken:
        broken.setattr(cd_tray, "remove_medium", lambda instance, disk: None)
        broken.setattr(cd_tray, "insert_medium", lambda instance, disk: None)
        # The guest has nothing to notice, and need not be waited for.
        broken.setattr(instance, "notices", lambda seen: seen(instance.system))
        with pytest.raises(AssertionError, match="5244928"):
            test_cd.test_cd_media_are_read(victim, again)

    def force(instance: GuestInstance, disk: ScratchDisk) -> str:
        instance.machine.execute("eject", {"id": instance.disks[disk.name].device_id, "force": True})
        return "opened"

    with monkeypatch.context() as broken:
        broken.setattr(cd_tray, "press_button", force)
        with pytest.raises(AssertionError, match="'opened' == 'locked'"):
            test_cd.test_cd_tray_is_the_guests(victim, again)
    with monkeypatch.context() as broken:
        broken.setattr(LinuxStorage, "open_tray", lambda tools, device: None)
        with pytest.raises(AssertionError, match="is_open=False"):
            test_cd.test_cd_tray_is_the_guests(victim, again)
