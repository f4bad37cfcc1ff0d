"""A guest instance with a boot sector as its system and a description of its own, booted as the engine does it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fixtures.catalog.specs import Cell
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.hardware_plan import MachineDirectories
from fixtures.media.base_images import Image
from suites.selftest.support.machine_sample import disk, hardware

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def described_instance(
    directory: Path, code: bytes, description: Mapping[str, Any], **platform: Any
) -> Iterator[GuestInstance]:
    """A machine that executes ``code``, not started. Timeouts have the scale 1.

    ``description`` are the fields of the guest's YAML that differ from those of
    :func:`~suites.selftest.support.machine_sample.cell`; keyword arguments change its platform.
    """
    image = disk(directory / "disk.raw", code)
    directories = MachineDirectories(directory / "work", directory / "evidence")
    directories.work.mkdir()
    bare = hardware(image, **platform)
    guest = bare.cell.guest
    fields = guest.model_dump(exclude={"timeouts", "requires"}) | dict(description)
    described = replace(
        bare,
        cell=Cell.of(type(guest).model_validate(fields), bare.cell.platform),
        accelerator=replace(bare.accelerator, scale=1.0),
        capture=directories.work / "net0.pcap",
    )
    instance = GuestInstance(
        described, Image(image, "raw", "sha256:" + "0" * 64, "a boot sector"), directories
    )
    try:
        yield instance
    finally:
        instance.end()
