"""Sabotage of suites/storage/test_durability.py: dropped flushes, damaged disks, and lost writes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures.guest.guest import Guest
from fixtures.host.tools import require_tool, run_tool
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.operations import crash_image, power_control
from fixtures.lab.operations.scratch_disks import ScratchDisk
from suites.selftest.support.fault_injection import ignore_flushes
from suites.storage import test_durability

# Disks misbehave in the same way on every platform, and the host compares them in the same way; one suffices.
pytestmark = pytest.mark.device("virtio-blk-*")


@pytest.mark.parametrize(
    "check",
    [
        test_durability.test_ext4_survives_power_cuts,
        test_durability.test_vfat_survives_power_cuts,
        test_durability.test_xfs_survives_power_cuts,
        test_durability.test_btrfs_survives_power_cuts,
    ],
)
def test_files_lost_in_a_power_cut_are_found(
    victim: Guest,
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[Guest, ScratchDisk, Callable[[ScratchDisk], ScratchDisk]], None],
) -> None:
    ignore_flushes(monkeypatch)
    # Three files are enough to lose one, and save time.
    monkeypatch.setattr(test_durability, "FILES", 3)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="power cut after .* writes: (record|not sound|not mounted)"):
        check(victim, source, victim.storage.attach)


def test_unmountable_file_system_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    install_crash_image = crash_image.install_crash_image

    def install_and_damage(instance: GuestInstance, disk: ScratchDisk, position: int, seed: int) -> None:
        install_crash_image(instance, disk, position, seed)
        with instance.disks[disk.name].path.open("r+b") as file:
            file.write(bytes(4096))

    monkeypatch.setattr(crash_image, "install_crash_image", install_and_damage)
    monkeypatch.setattr(test_durability, "FILES", 1)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="power cut after .* writes: not mounted: .*superblock"):
        test_durability.test_xfs_survives_power_cuts(victim, source, victim.storage.attach)


def test_flushed_data_lost_by_a_killed_hypervisor_is_found(
    victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = power_control.kill

    def kill_and_lose(instance: GuestInstance) -> None:
        kill(instance)
        arguments = ("-f", "qcow2", "-c", "write -z 51200 512", instance.disks["target"].path)
        run_tool([require_tool("qemu-io"), *arguments])

    monkeypatch.setattr(power_control, "kill", kill_and_lose)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="sector 100: zeroed"):
        test_durability.test_killed_hypervisor_loses_nothing(victim, source, victim.storage.attach)
