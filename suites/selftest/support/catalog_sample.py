"""YAML of minimal guests, platforms and plans for tests of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.core.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path


def guest(name: str, *platforms: str, image: str = "{build: debian, suite: bookworm}") -> str:
    """A guest on ``platforms``."""
    return (
        f"id: {name}\ntitle: Guest {name}\nsystem: linux\narch: x86_64\nimage: {image}\n"
        f"platforms: [{', '.join(platforms)}]\nconsole: serial\nlogin: {{user: root}}\ndrivers: {{}}\n"
    )


def platform(name: str) -> str:
    """A platform with a disk."""
    return (
        f"id: {name}\ntitle: Platform {name}\nmachine: pc\nfirmware: bios\ncpu: host\ncpus: 1\n"
        "memory: 64M\ndevices: {disk: ide-hd}\n"
    )


def plan(name: str, *cells: str) -> str:
    """A plan for globs over ``cells``."""
    return f"id: {name}\ntitle: Plan\ncells: {list(cells)}\nchecks: [{{id: a.b, level: mandatory}}]\n"


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def error_lines(*directories: Path) -> list[str]:
    """The lines of the CatalogError that loading ``directories`` raises."""
    with pytest.raises(CatalogError) as caught:
        Catalog.load(directories)
    return caught.value.message.splitlines()
