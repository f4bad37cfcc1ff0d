"""A guest instance whose system is a boot sector, so tests need no image."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.hardware_plan import MachineDirectories
from fixtures.media.base_images import Image
from suites.selftest.support.machine_sample import HANG, disk, hardware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def boot_sector_instance(directory: Path, code: bytes = HANG, **platform: Any) -> Iterator[GuestInstance]:
    """A machine that executes ``code``; keyword arguments change its platform."""
    image = disk(directory / "disk.raw", code)
    directories = MachineDirectories(directory / "work", directory / "evidence")
    directories.work.mkdir()
    machine_hardware = replace(hardware(image, **platform), capture=directories.work / "net0.pcap")
    instance = GuestInstance(
        machine_hardware, Image(image, "raw", "sha256:" + "0" * 64, "a boot sector"), directories
    )
    try:
        instance.machine.start()
        instance.transcript.begin_boot()
        instance.machine.power_on()
        yield instance
    finally:
        instance.end()
