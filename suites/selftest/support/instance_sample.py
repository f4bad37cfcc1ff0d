"""A booted cell whose operating system is a boot sector: all rooms up to ``booted``, and no image to build."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fixtures.lab.instance import GuestInstance, MachineDirectories
from fixtures.media.base_images import Image
from suites.selftest.support.machine_sample import HANG, disk, hardware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def booted_sector(directory: Path, code: bytes = HANG, **platform: Any) -> Iterator[GuestInstance]:
    """A machine that executes ``code``; keyword arguments change its platform."""
    image = disk(directory / "disk.raw", code)
    place = MachineDirectories(directory / "work", directory / "evidence")
    place.work.mkdir()
    made = replace(hardware(image, **platform), capture=place.work / "net0.pcap")
    instance = GuestInstance(made, Image(image, "raw", "sha256:" + "0" * 64, "a boot sector"), place)
    try:
        instance.machine.start()
        instance.transcript.begin_boot()
        instance.machine.power_on()
        yield instance
    finally:
        instance.end()
