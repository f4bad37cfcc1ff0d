"""The guests of other vendors: never verified, no checksum of our own, and the facts of osinfo-db."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import FetchedImage
from fixtures.catalog.specs import GuestSpec
from suites.selftest.support.paths import ROOT

OSINFO = Path("/usr/share/osinfo/os")
VENDORS = ROOT / "guests" / "vendors"
CATALOG = Catalog.load([ROOT / "guests", VENDORS])
GUESTS = [CATALOG.guests[path.stem] for path in sorted(VENDORS.glob("*.yaml"))]


def described_systems(database: Path) -> dict[str, int]:
    """The least memory in bytes of the system of each qcow2 image for x86_64, by the image's address."""
    systems = {}
    for path in database.rglob("*.xml"):
        system = ElementTree.parse(path).getroot().find("os")
        if system is None:
            continue
        minima = {
            resources.get("arch"): int(ram)
            for resources in system.findall("resources")
            if (ram := resources.findtext("minimum/ram")) is not None
        }
        for image in system.findall("image"):
            address = image.findtext("url")
            if address and (image.get("arch"), image.get("format")) == ("x86_64", "qcow2"):
                systems[address] = minima.get("x86_64", minima.get("all", 0))
    return systems


def contradictions(guest: GuestSpec, systems: dict[str, int]) -> list[str]:
    """Where the description of a guest is not what osinfo-db says."""
    assert isinstance(guest.image, FetchedImage)
    if guest.image.url not in systems:
        return [f"osinfo-db has no image {guest.image.url}"]
    memory = systems[guest.image.url]
    return (
        [] if memory == guest.requires.memory else [f"memory: {guest.requires.memory}, osinfo-db: {memory}"]
    )


def test_they_are_not_in_the_shipped_catalog() -> None:
    assert set(Catalog.load([ROOT / "guests"]).guests) & {guest.id for guest in GUESTS} == set()


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.id)
def test_each_has_its_vendors_checksum_file_and_was_never_verified(guest: GuestSpec) -> None:
    assert guest.verified == ()
    assert isinstance(guest.image, FetchedImage)
    assert guest.image.url.startswith("https://")
    assert guest.image.checksum_file is not None, f"{guest.id}: expected a checksum file"


@pytest.mark.skipif(not OSINFO.is_dir(), reason="the package osinfo-db is not installed")
@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.id)
def test_each_is_what_osinfo_db_says(guest: GuestSpec) -> None:
    systems = described_systems(OSINFO)
    assert isinstance(guest.image, FetchedImage)
    if guest.image.url not in systems:
        pytest.skip(f"the installed osinfo-db is older than {guest.title}, or has another image of it")
    assert contradictions(guest, systems) == []


def test_a_contradiction_is_found(tmp_path: Path) -> None:
    guest = GUESTS[0]
    assert isinstance(guest.image, FetchedImage)
    (tmp_path / "a.xml").write_text(
        "<libosinfo><os><image arch='x86_64' format='qcow2'><url>"
        f"{guest.image.url}</url></image><resources arch='all'><minimum><ram>{guest.requires.memory}</ram></minimum>"
        "</resources></os></libosinfo>"
    )
    systems = described_systems(tmp_path)
    assert contradictions(guest, systems) == []
    assert contradictions(guest, {guest.image.url: 1}) == [f"memory: {guest.requires.memory}, osinfo-db: 1"]
    assert contradictions(guest, {}) == [f"osinfo-db has no image {guest.image.url}"]
