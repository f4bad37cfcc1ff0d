"""Disks and CD drives that a new machine has from its start, and changes of media, with QEMU and no guest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.core.errors import LaunchFailed
from fixtures.guest.cd_drive import cd_medium
from fixtures.lab.operations import cd_tray, scratch_disks
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.machine.block_devices import unsupported_disk_reason
from fixtures.machine.disk_options import DiskOptions
from fixtures.machine.hardware import Disk
from fixtures.machine.machine import Machine
from suites.selftest.machine.test_medium_exchange import KINDS
from suites.selftest.support import machine_sample

MIB = 1 << 20


@contextmanager
def machine_instance(directory: Path, kind: str) -> Iterator[Any]:
    """A stand-in for a guest instance: a machine that can start over, without a guest."""
    image = machine_sample.disk(directory / "disk.raw", machine_sample.HANG)
    hardware = machine_sample.hardware(image, **KINDS[kind])
    first = Machine(hardware, directory / "evidence")
    instance: Any = SimpleNamespace(
        machine=first,
        disks={},
        unplugged=set(),
        directories=SimpleNamespace(work=directory),
        cell=hardware.cell,
    )

    def start_over(scratch: list[Disk]) -> None:
        instance.machine.end()
        new_hardware = dataclasses.replace(hardware, disks=(hardware.disks[0], *scratch))
        instance.machine = Machine(new_hardware, directory / "again")
        instance.machine.start()
        instance.disks = {disk.name: disk for disk in new_hardware.disks}

    instance.start_over = start_over
    try:
        first.start()
        yield instance
    finally:
        instance.machine.end()


def compared(instance: Any, disk: ScratchDisk) -> Any:
    return scratch_disks.compare_with_layout(instance, disk)


@pytest.mark.parametrize("kind", KINDS)
def test_media_are_changed(tmp_path: Path, kind: str) -> None:
    with machine_instance(tmp_path, kind) as instance:
        first, other = cd_medium(MIB, 3), cd_medium(2 * MIB, 4)
        means = "plugged in" if kind == "virtio-scsi" else "present from the start of a new machine"
        assert scratch_disks.attach_disk(instance, first) == means
        assert cd_tray.tray_state(instance, first) == {"is_open": False, "locked": False, "holds": True}
        cd_tray.remove_medium(instance, first)
        assert cd_tray.tray_state(instance, first) == {"is_open": False, "locked": False, "holds": False}
        cd_tray.insert_medium(instance, other)
        assert cd_tray.tray_state(instance, first) == {"is_open": False, "locked": False, "holds": True}
        assert compared(instance, other)["bad"] == 0
        assert cd_tray.press_button(instance, other) == "opened"
        assert cd_tray.tray_state(instance, first) == {"is_open": True, "locked": False, "holds": False}


SHAPES = {
    "special": DiskOptions(logged=True, limit=50, cache="writethrough", physical_block=4096),
    "large": DiskOptions(logical_block=4096, physical_block=4096),
    "stops": DiskOptions(on_error="stop"),
    "readonly": DiskOptions(),
    "unit": DiskOptions(lun=5),
}


def shaped(name: str) -> ScratchDisk:
    return ScratchDisk.named(name, cd_medium(MIB, 3).layout, SHAPES[name], read_only=name == "readonly")


@pytest.mark.parametrize("kind", KINDS)
def test_why_not_agrees_with_qemu(tmp_path: Path, kind: str) -> None:
    """A new machine has each disk that its platform can have, and QEMU refuses every other disk."""
    with machine_instance(tmp_path, kind) as instance:
        platform = instance.cell.platform
        why = {
            name: unsupported_disk_reason(platform, SHAPES[name], read_only=name == "readonly")
            for name in SHAPES
        }
        possible = [shaped(name) for name, reason in why.items() if reason is None]
        instance.start_over([scratch_disks.create_disk(instance, disk) for disk in possible])
        assert [disk.name for disk in possible if compared(instance, disk)["bad"]] == []
        for name, reason in why.items():
            # Only a SCSI disk can have a unit number; the suite never gives one to another disk.
            if reason is not None and (name != "unit" or "scsi" in kind):
                with pytest.raises(LaunchFailed):
                    instance.start_over([scratch_disks.create_disk(instance, shaped(name))])
