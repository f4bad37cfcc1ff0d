"""Disks and CD drives that are there from the start, and media that come and go, with QEMU and no guest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import cd_drive, disks
from fixtures.disks import ScratchDisk
from fixtures.errors import LaunchFailed
from fixtures.guest.cd import medium
from fixtures.machine.hardware import Disk
from fixtures.machine.machine import Machine
from fixtures.machine.storage import why_not
from fixtures.machine.traits import Traits
from suites.selftest import machine_sample
from suites.selftest.test_machine_exchange import KINDS

MIB = 1 << 20


@contextmanager
def bench(place: Path, kind: str) -> Iterator[Any]:
    """A machine that starts over as a booted cell does, but for its guest."""
    image = machine_sample.disk(place / "disk.raw", machine_sample.HANG)
    hardware = machine_sample.hardware(image, **KINDS[kind])
    first = Machine(hardware, place / "evidence")
    booted: Any = SimpleNamespace(
        machine=first,
        disks={},
        unplugged=set(),
        place=SimpleNamespace(work=place),
        cell=hardware.cell,
        scale=1.0,
    )

    def start_over(scratch: list[Disk]) -> None:
        booted.machine.end()
        made = dataclasses.replace(hardware, disks=(hardware.disks[0], *scratch))
        booted.machine = Machine(made, place / "again")
        booted.machine.start()
        booted.disks = {disk.name: disk for disk in made.disks}

    booted.start_over = start_over
    try:
        first.start()
        yield booted
    finally:
        booted.machine.end()


def compared(booted: Any, disk: ScratchDisk) -> Any:
    return disks.compare_with(booted, disk)


@pytest.mark.parametrize("kind", KINDS)
def test_media_come_and_go(tmp_path: Path, kind: str) -> None:
    with bench(tmp_path, kind) as booted:
        first, other = medium(MIB, 3), medium(2 * MIB, 4)
        words = "plugged in" if kind == "virtio-scsi" else "there from the start of another machine"
        assert disks.give(booted, first) == words
        assert cd_drive.tray(booted, first) == {"is_open": False, "locked": False, "holds": True}
        cd_drive.take_medium(booted, first)
        assert cd_drive.tray(booted, first) == {"is_open": False, "locked": False, "holds": False}
        cd_drive.put_medium(booted, other)
        assert cd_drive.tray(booted, first) == {"is_open": False, "locked": False, "holds": True}
        assert compared(booted, other)["bad"] == 0
        assert cd_drive.press_button(booted, other) == "opened"
        assert cd_drive.tray(booted, first) == {"is_open": True, "locked": False, "holds": False}


SHAPES = {
    "special": Traits(logged=True, limit=50, cache="writethrough", physical_block=4096),
    "large": Traits(logical_block=4096, physical_block=4096),
    "stops": Traits(on_error="stop"),
    "readonly": Traits(),
    "unit": Traits(lun=5),
}


def shaped(name: str) -> ScratchDisk:
    return ScratchDisk.of(name, medium(MIB, 3).layout, SHAPES[name], read_only=name == "readonly")


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_is_what_qemu_takes_from_the_start(tmp_path: Path, kind: str) -> None:
    """A machine that starts over has what its platform can have, and QEMU refuses the rest."""
    with bench(tmp_path, kind) as booted:
        platform = booted.cell.platform
        why = {name: why_not(platform, SHAPES[name], read_only=name == "readonly") for name in SHAPES}
        possible = [shaped(name) for name, reason in why.items() if reason is None]
        booted.start_over([disks.make(booted, disk) for disk in possible])
        assert [disk.name for disk in possible if compared(booted, disk)["bad"]] == []
        for name, reason in why.items():
            # A number of a unit is nothing to give to a disk of another kind, which is never tried.
            if reason is not None and (name != "unit" or "scsi" in kind):
                with pytest.raises(LaunchFailed):
                    booted.start_over([disks.make(booted, shaped(name))])
