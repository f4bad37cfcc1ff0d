"""What a machine starts from: a disk, a CD, a floppy; each boots a sector of our own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.booted import Base, Booted, Place, make_files
from fixtures.deadline import Deadline
from fixtures.machine.hardware import Disk
from fixtures.media.images import Image
from suites.selftest.machine_sample import hardware, saying

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.catalog.packaged import Drive


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("drive", ["disk", "floppy"])
def test_a_machine_starts_from_its_drive(tmp_path: Path, machine: str, drive: Drive) -> None:
    base = tmp_path / "base.img"
    base.write_bytes(saying("started").ljust(510, b"\0") + b"\x55\xaa" + bytes((1440 << 10) - 512))
    place = Place(tmp_path / "work", tmp_path / "evidence")
    root = Disk("root", place.work / "root.qcow2", "qcow2", "IGROOT", drive=drive)
    made = replace(hardware(base, machine=machine), disks=(root,))
    booted = Booted(make_files(made, Base(base, "raw")), Image(base, "raw", "", "a boot sector"), place)
    try:
        booted.machine.start()
        booted.machine.power_on()
        assert booted.console.wait_for([b"started"], Deadline.after(60.0)) == 0
    finally:
        booted.end()
    assert base.read_bytes().startswith(saying("started"))
