"""Images that the simulated installer installs. As a program, this module installs one image.

See :mod:`suites.selftest.support.simulated_installer`.
"""

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
    """A cell whose image is installed from ``medium``; keyword arguments change the image's YAML."""
    data = {"install": "windows", "medium": str(medium), "index": 1, "size": "1M", "silence": "30s"}
    spec = guest(**(data | image))
    login = spec.login.model_copy(update={"password": PASSWORD})
    spec = spec.model_copy(update={"system": "windows", "login": login})
    assert isinstance(spec.image, InstalledImage), f"expected an installed image, found {spec.image!r}"
    return Cell.of(spec, cell(**(platform or {})).platform), spec.image


def installer(directory: Path, messages: list[str]) -> Installer:
    """An installer that works in ``directory``, with unscaled timeouts; ``messages`` collects its progress."""
    accelerator = dataclasses.replace(TCG, scale=1.0)
    capacity = Capacity(directory / "capacity", 4, 1 << 30)
    return Installer(
        accelerator,
        capacity,
        directory / "work",
        directory / "evidence",
        messages.append,
        directory / "cache",
    )


def install(directory: Path, medium: Path, messages: list[str], **image: Any) -> Image:
    """Install one image from ``medium``."""
    return installer(directory, messages)(*installed(medium, **image))


if __name__ == "__main__":
    install(Path(sys.argv[1]), Path(sys.argv[2]), [])
