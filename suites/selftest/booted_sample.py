"""A booted cell whose operating system is a boot sector: all rooms up to ``booted``, and no image to build."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fixtures.booted import Booted, Place
from fixtures.media.images import Image
from suites.selftest.machine_sample import HANG, disk, hardware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def booted_sector(directory: Path, code: bytes = HANG, **platform: Any) -> Iterator[Booted]:
    """A machine that executes ``code``; keyword arguments change its platform."""
    image = disk(directory / "disk.raw", code)
    place = Place(directory / "work", directory / "evidence")
    place.work.mkdir()
    made = replace(hardware(image, **platform), capture=place.work / "net0.pcap")
    booted = Booted(made, Image(image, "raw", "sha256:" + "0" * 64, "a boot sector"), place)
    try:
        booted.machine.start()
        booted.transcript.begin_boot()
        booted.machine.power_on()
        yield booted
    finally:
        booted.end()
