"""osinfo-db's facts about operating systems, read from its files (the package osinfo-db).

Source of the format: libosinfo's data/schema/osinfo.rng. A system has the devices and the firmware of the
systems that it derives from and that it clones, and their resources where its own say inherit="true".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

INSTALLED = Path("/usr/share/osinfo/os")
ARCH = "x86_64"


@dataclass(frozen=True)
class OsinfoSystem:
    """A system on x86_64: ``memory`` is the minimum in bytes, None if unknown; ``devices`` are vendor:device.

    ``released`` is the date in ISO form, and empty if unknown. ``firmware`` has the supported types, bios and
    efi, and is empty if unknown. ``images`` are the addresses of qcow2 images.
    """

    id: str
    released: str
    memory: int | None
    firmware: frozenset[str]
    devices: frozenset[str]
    images: frozenset[str]


def read_systems(database: Path) -> dict[str, OsinfoSystem]:
    """All systems in the files below ``database``, by id."""
    elements = {}
    for path in sorted(database.rglob("*.xml")):
        for element in ElementTree.parse(path).getroot().findall("os"):
            elements[element.get("id", "")] = element
    return {name: _system(name, elements) for name in elements}


def _system(name: str, elements: dict[str, ElementTree.Element]) -> OsinfoSystem:
    element = elements[name]
    family = list(_ancestry(name, elements, set()))
    refused = {
        found.get("type", "")
        for found in element.findall("firmware")
        if _is_here(found) and found.get("supported") == "false"
    }
    return OsinfoSystem(
        id=name,
        released=element.findtext("release-date", ""),
        memory=_memory(family),
        firmware=frozenset(
            found.get("type", "") for each in family for found in each.findall("firmware") if _is_here(found)
        )
        - refused,
        devices=frozenset(
            ":".join(device.get("id", "").split("/")[-2:])
            for each in family
            for device in each.findall("devices/device")
        ),
        images=frozenset(
            image.findtext("url", "")
            for image in element.findall("image")
            if (image.get("arch"), image.get("format")) == (ARCH, "qcow2")
        ),
    )


def _is_here(element: ElementTree.Element) -> bool:
    return element.get("arch", "all") in {ARCH, "all"}


def _ancestry(
    name: str, elements: dict[str, ElementTree.Element], seen: set[str]
) -> Iterator[ElementTree.Element]:
    if name in seen or name not in elements:
        return
    seen.add(name)
    yield elements[name]
    for parent in (*elements[name].findall("derives-from"), *elements[name].findall("clones")):
        yield from _ancestry(parent.get("id", ""), elements, seen)


def _memory(family: list[ElementTree.Element]) -> int | None:
    for element in family:
        resources = {found.get("arch"): found for found in element.findall("resources")}
        own = resources.get(ARCH, resources.get("all"))
        if own is None:
            return None
        if (memory := own.findtext("minimum/ram")) is not None:
            return int(memory)
        if own.get("inherit") != "true":
            return None
    return None
