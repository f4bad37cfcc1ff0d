"""A machine boots from a disk and from a floppy, with a boot sector that prints a line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.hardware_plan import BackingFiles, MachineDirectories, create_files
from fixtures.machine.hardware import Disk
from fixtures.media.base_images import Image
from suites.selftest.support.machine_sample import hardware, printing_code

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.catalog.image_sources import Drive


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("drive", ["disk", "floppy"])
def test_a_machine_boots_from_its_drive(tmp_path: Path, machine: str, drive: Drive) -> None:
    base = tmp_path / "base.img"
    base.write_bytes(printing_code("started").ljust(510, b"\0") + b"\x55\xaa" + bytes((1440 << 10) - 512))
    place = MachineDirectories(tmp_path / "work", tmp_path / "evidence")
    root = Disk("root", place.work / "root.qcow2", "qcow2", "IGROOT", drive=drive)
    made = replace(hardware(base, machine=machine), disks=(root,))
    instance = GuestInstance(
        create_files(made, BackingFiles(base, "raw")), Image(base, "raw", "", "a boot sector"), place
    )
    try:
        instance.machine.start()
        instance.machine.power_on()
        assert instance.console.wait_for([b"started"], Deadline.after(60.0)) == 0
    finally:
        instance.end()
    assert base.read_bytes().startswith(printing_code("started"))
