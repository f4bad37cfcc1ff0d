"""Images that the stand-in of :mod:`suites.selftest.support.installer_sample` installs, and a process that installs one."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

from fixtures.catalog.image_sources import InstalledImage
from fixtures.catalog.specs import Cell
from fixtures.host.capacity import Capacity
from fixtures.lab.installation.installer import Installer
from fixtures.media.base_images import Image
from suites.selftest.support.machine_sample import TCG, cell, guest

PASSWORD = "correct-horse-<&>-battery"
KEY = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"


def installed(
    medium: Path, platform: dict[str, Any] | None = None, **image: Any
) -> tuple[Cell, InstalledImage]:
    """A cell whose image ``medium`` installs; its time is not stretched as that of others under emulation."""
    data = {"install": "windows", "medium": str(medium), "index": 1, "size": "1M", "silence": "30s"}
    spec = guest(**(data | image))
    login = spec.login.model_copy(update={"password": PASSWORD})
    spec = spec.model_copy(update={"system": "windows", "login": login})
    assert isinstance(spec.image, InstalledImage)
    return Cell.of(spec, cell(**(platform or {})).platform), spec.image


def installer(place: Path, told: list[str]) -> Installer:
    """One with a cache below ``place``."""
    accelerator = dataclasses.replace(TCG, scale=1.0)
    capacity = Capacity(place / "capacity", 4, 1 << 30)
    return Installer(accelerator, capacity, place / "work", place / "evidence", told.append, place / "cache")


def install(place: Path, medium: Path, told: list[str], **image: Any) -> Image:
    """Install once."""
    return installer(place, told)(*installed(medium, **image))


if __name__ == "__main__":
    install(Path(sys.argv[1]), Path(sys.argv[2]), [])
