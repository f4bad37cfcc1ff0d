"""The guests of other vendors: never verified, no checksum of our own, and the facts of osinfo-db."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import FetchedImage, LocalImage
from fixtures.catalog.specs import GuestSpec
from suites.selftest.support.osinfo import INSTALLED, OsinfoSystem, read_systems
from suites.selftest.support.paths import ROOT

VENDORS = ROOT / "guests" / "vendors"
CATALOG = Catalog.load([ROOT / "guests", VENDORS])
GUESTS = [CATALOG.guests[path.stem] for path in sorted(VENDORS.glob("*.yaml"))]

# The id in osinfo-db of each guest that it may know. An installed version knows those of its time.
OSINFO_IDS = {
    "almalinux-9": "http://almalinux.org/almalinux/9",
    "alpine-3.20": "http://alpinelinux.org/alpinelinux/3.20",
    "arch": "http://archlinux.org/archlinux/rolling",
    "centos-stream-9": "http://centos.org/centos-stream/9",
    "debian-11-cloud": "http://debian.org/debian/11",
    "debian-12": "http://debian.org/debian/12",
    "debian-12-cloud": "http://debian.org/debian/12",
    "debian-13-cloud": "http://debian.org/debian/13",
    "fedora-42": "http://fedoraproject.org/fedora/42",
    "freebsd-14.3": "http://freebsd.org/freebsd/14.3",
    "freedos-1.3": "http://freedos.org/freedos/1.3",
    "haiku-r1beta5": "http://haiku-os.org/haiku/r1beta5",
    "netbsd-10.1": "http://netbsd.org/netbsd/10.1",
    "openbsd-7.7": "http://openbsd.org/openbsd/7.7",
    "opensuse-leap-15.6": "http://opensuse.org/opensuse/15.6",
    "rhel-9": "http://redhat.com/rhel/9-unknown",
    "rocky-9": "http://rockylinux.org/rocky/9",
    "sles-15.6": "http://suse.com/sle/15.6",
    "ubuntu-22.04": "http://ubuntu.com/ubuntu/22.04",
    "ubuntu-24.04": "http://ubuntu.com/ubuntu/24.04",
}
# The PCI ids of the devices that the guests' drivers are named for (virtio 1.2, section 4.1.2).
PCI_IDS = {
    "virtio-blk-pci": "1af4:1042",
    "virtio-net-pci": "1af4:1041",
    "virtio-blk-pci-transitional": "1af4:1001",
    "virtio-net-pci-transitional": "1af4:1000",
}


@functools.cache
def installed_systems() -> dict[str, OsinfoSystem]:
    return read_systems(INSTALLED)


def vendor_of(address: str) -> str:
    """The domain of an address: the names of files change with each release, and servers move within it."""
    return ".".join((urlsplit(address).hostname or "").split(".")[-2:])


def contradictions(guest: GuestSpec, system: OsinfoSystem) -> list[str]:
    """Where the description of a guest is not what osinfo-db says; it is silent about what it does not know."""
    found = []
    # The image that this project builds is smaller than the vendor's own installation.
    if isinstance(guest.image, FetchedImage | LocalImage) and system.memory not in {
        None,
        guest.requires.memory,
    }:
        found.append(f"memory: {guest.requires.memory}, osinfo-db: {system.memory}")
    if isinstance(guest.image, FetchedImage) and system.images:
        vendors = {vendor_of(address) for address in system.images}
        if vendor_of(guest.image.url) not in vendors:
            found.append(f"image: {guest.image.url}, osinfo-db: {', '.join(sorted(vendors))}")
    kinds = {CATALOG.platforms[name].firmware_kind for name in guest.platforms}
    if system.firmware and any(kind.startswith("uefi") for kind in kinds) and "efi" not in system.firmware:
        found.append(f"firmware: uefi, osinfo-db: {', '.join(sorted(system.firmware))}")
    if system.devices:
        found += [
            f"driver of {model}: osinfo-db has no device {PCI_IDS[model]}"
            for model in guest.drivers
            if model in PCI_IDS and PCI_IDS[model] not in system.devices
        ]
    found += [
        f"verified on {seen.date}, before the release on {system.released}"
        for seen in guest.verified or ()
        if system.released and str(seen.date) < system.released
    ]
    return found


def test_they_are_not_in_the_shipped_catalog() -> None:
    assert set(Catalog.load([ROOT / "guests"]).guests) & {guest.id for guest in GUESTS} == set()


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.id)
def test_each_has_its_vendors_checksum_file_or_is_the_owners_and_was_never_verified(guest: GuestSpec) -> None:
    assert guest.verified == ()
    if isinstance(guest.image, LocalImage):
        assert guest.image.path.startswith("${IRONGUEST_IMAGES}/"), f"{guest.id}: the directory of own images"
        assert guest.image.checksum is None, f"{guest.id}: a checksum that is not read from its vendor's file"
        return
    assert isinstance(guest.image, FetchedImage)
    assert guest.image.url.startswith("https://")
    assert guest.image.checksum_file is not None, f"{guest.id}: expected a checksum file"


@pytest.mark.parametrize("guest", sorted(OSINFO_IDS))
def test_each_is_what_osinfo_db_says(guest: str) -> None:
    if not INSTALLED.is_dir():
        pytest.skip("the package osinfo-db is not installed: apt-get install osinfo-db")
    system = installed_systems().get(OSINFO_IDS[guest])
    if system is None:
        pytest.skip(f"the installed osinfo-db is older than {CATALOG.guests[guest].title}")
    assert contradictions(CATALOG.guests[guest], system) == []


def test_the_installed_osinfo_db_knows_some_of_them() -> None:
    if not INSTALLED.is_dir():
        pytest.skip("the package osinfo-db is not installed: apt-get install osinfo-db")
    known = set(OSINFO_IDS.values()) & set(installed_systems())
    assert len(known) >= 5, f"systems of the catalog that osinfo-db has: {sorted(known)}"


DATABASE = """
<libosinfo><os id="parent">
 <firmware arch="x86_64" type="efi"/><firmware arch="x86_64" type="bios"/>
 <devices><device id="http://pcisig.com/pci/1af4/1041"/></devices>
 <resources arch="all"><minimum><ram>4096</ram></minimum></resources>
</os><os id="child">
 <derives-from id="parent"/><clones id="child"/><release-date>2024-01-02</release-date>
 <firmware arch="x86_64" type="bios" supported="false"/><firmware arch="aarch64" type="uboot"/>
 <devices><device id="http://pcisig.com/pci/1af4/1042"/></devices>
 <image arch="x86_64" format="qcow2"><url>https://vendor.example/a.qcow2</url></image>
 <image arch="x86_64" format="vmdk"><url>https://vendor.example/a.vmdk</url></image>
 <resources arch="x86_64" inherit="true"/>
</os></libosinfo>
"""
CHILD = OsinfoSystem(
    id="child",
    released="2024-01-02",
    memory=4096,
    firmware=frozenset({"efi"}),
    devices=frozenset({"1af4:1041", "1af4:1042"}),
    images=frozenset({"https://vendor.example/a.qcow2"}),
)


def test_a_system_has_the_facts_of_those_that_it_derives_from(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(DATABASE)
    assert read_systems(tmp_path)["child"] == CHILD


@pytest.mark.parametrize(
    ("change", "contradiction"),
    [
        ({}, []),
        ({"images": frozenset({"https://cdn.vendor.example/b"})}, []),
        ({"memory": 1}, ["memory: 4096, osinfo-db: 1"]),
        ({"memory": None, "firmware": frozenset(), "devices": frozenset(), "images": frozenset()}, []),
        ({"firmware": frozenset({"bios"})}, ["firmware: uefi, osinfo-db: bios"]),
        (
            {"devices": frozenset({"1af4:1041"})},
            ["driver of virtio-blk-pci: osinfo-db has no device 1af4:1042"],
        ),
        (
            {"images": frozenset({"https://other.example/b"})},
            ["image: https://vendor.example/a.qcow2, osinfo-db: other.example"],
        ),
    ],
)
def test_a_contradiction_is_found(change: dict[str, object], contradiction: list[str]) -> None:
    guest = CATALOG.guests["ubuntu-24.04"]
    assert isinstance(guest.image, FetchedImage)
    image = guest.image.model_copy(update={"url": "https://vendor.example/a.qcow2"})
    requires = guest.requires.model_copy(update={"memory": 4096})
    guest = guest.model_copy(update={"image": image, "requires": requires})
    system = dataclasses.replace(CHILD, **change)  # type: ignore[arg-type]
    assert contradictions(guest, system) == contradiction


def test_a_verification_before_the_release_is_found() -> None:
    system = dataclasses.replace(CHILD, released="2999-01-01", firmware=frozenset(), devices=frozenset())
    found = contradictions(CATALOG.guests["debian-12"], system)
    assert found != [], "expected a contradiction for each verification"
    assert all("before the release on 2999-01-01" in text for text in found), found
