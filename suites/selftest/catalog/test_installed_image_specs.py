"""Guests with an installed image: consistency with their platforms, paths, and secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import InstalledImage
from fixtures.catalog.login_specs import Login
from fixtures.catalog.serialization import to_plain
from fixtures.core.errors import CatalogError
from fixtures.media.virtio_win import drivers_for
from suites.selftest.support.paths import ROOT

SHIPPED = Catalog.load([ROOT / "guests"])
WINDOWS = [guest for guest in SHIPPED.guests.values() if guest.system == "windows"]

PLATFORM = """\
id: p
title: A machine
machine: q35
firmware: uefi
cpu: host
cpus: 1
memory: 1G
devices:
  disk: ide-hd
"""
GUEST = """\
id: g
title: A guest
system: windows
arch: x86_64
image:
  install: windows
  medium: "${IMAGES}/g.iso"
  index: 1
platforms:
  - p
console: sac
login: {user: Administrator, password: secret-1}
drivers: {}
"""


def catalog(directory: Path, guest: str = GUEST, platform: str = PLATFORM) -> Catalog:
    (directory / "platforms").mkdir()
    (directory / "g.yaml").write_text(guest)
    (directory / "platforms/p.yaml").write_text(platform)
    return Catalog.load([directory])


@pytest.mark.parametrize(
    ("guest", "platform", "message"),
    [
        (
            f"{GUEST}requires: {{firmware: [uefi-secure], devices: [tpm], cpus: 2, memory: 4G}}\n",
            PLATFORM,
            (
                "g.yaml:10: platforms.0: p does not fit: it has 1 CPUs, g requires 2\n"
                "g.yaml:10: platforms.0: p does not fit: it has 1024 MiB of memory, g requires 4096\n"
                "g.yaml:10: platforms.0: p does not fit: it lacks the role 'tpm', which g requires\n"
                "g.yaml:10: platforms.0: p does not fit: its firmware is 'uefi', g requires uefi-secure"
            ),
        ),
        (
            GUEST.replace("system: windows", "system: linux"),
            PLATFORM,
            "g.yaml:6: image.install: expected 'linux', the system; found 'windows'",
        ),
        (
            GUEST.replace("Administrator", "'a:b'"),
            PLATFORM,
            (
                "g.yaml:12: login.user: expected at most 20 characters, no final dot and none of"
                " \" * + , / : ; < = > ? @ [ \\ ] |; found 'a:b'"
            ),
        ),
        (
            GUEST.replace(", password: secret-1", ""),
            PLATFORM,
            "g.yaml:12: login.password: expected 1 to 127 characters for the installation of Windows",
        ),
        (
            GUEST,
            PLATFORM.replace("devices:", "enlightenments: [hv-relaxed, hv-stimer]\ndevices:"),
            "p.yaml:8: enlightenments.1: hv-stimer needs hv-vpindex, hv-synic, hv-time",
        ),
        (
            GUEST,
            PLATFORM.replace("devices:", "enlightenments: [relaxed]\ndevices:"),
            "p.yaml:8: enlightenments.0: expected an enlightenment, like hv-time; found 'relaxed'",
        ),
        (
            GUEST,
            PLATFORM.replace("devices:", "nested: yes\ndevices:"),
            "p.yaml:8: nested: expected true or false; found 'yes'",
        ),
        (
            GUEST,
            PLATFORM.replace("devices:", "enlightenments: [hv-relaxed]\nhypervisor: hidden\ndevices:"),
            "p.yaml:9: hypervisor: hidden excludes enlightenments, which a hypervisor offers",
        ),
    ],
)
def test_inconsistent_descriptions(tmp_path: Path, guest: str, platform: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog(tmp_path, guest, platform)
    shown = caught.value.message.replace(f"{tmp_path}/", "").replace("platforms/", "")
    assert shown == message


def test_a_varied_platform_must_meet_the_requirements() -> None:
    with pytest.raises(
        CatalogError, match=r"does not fit: it has 1024 MiB of memory, windows-11 requires 4096"
    ):
        SHIPPED.select(["windows-11"], ["q35-uefi-secure-inbox,memory=1G"])


def test_paths_become_absolute_unless_a_variable_is_not_set(tmp_path: Path) -> None:
    text = GUEST.replace(
        "  index: 1\n",
        "  index: 1\n  features: fod.iso\n  installed: ${NO}/g.qcow2\n"
        "  drivers: {path: '${IMAGES}/virtio-win.iso', folder: 2k22}\n  product_key: ${KEY}\n",
    )
    read = catalog(tmp_path, text)
    image = read.expand(
        read.guests["g"], {"IMAGES": "/srv/images", "KEY": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"}
    ).image
    assert isinstance(image, InstalledImage)
    assert image.drivers is not None, "expected the drivers of the YAML"
    assert (image.medium, image.drivers.path) == ("/srv/images/g.iso", "/srv/images/virtio-win.iso")
    assert (image.features, image.installed) == (str(tmp_path / "fod.iso"), "${NO}/g.qcow2")
    assert image.product_key == "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"


def test_a_path_with_a_malformed_variable_is_an_error(tmp_path: Path) -> None:
    read = catalog(tmp_path, GUEST.replace("${IMAGES}", "${IMAGES"))
    with pytest.raises(CatalogError, match=r"g\.yaml:7: expected \$\{NAME\} with the name of a variable"):
        read.expand(read.guests["g"], {})


def test_plain_data_has_no_secrets(tmp_path: Path) -> None:
    read = catalog(
        tmp_path, GUEST.replace("  index: 1\n", "  index: 1\n  product_key: AAAAA-BBBBB-CCCCC-DDDDD-EEEEE\n")
    )
    assert "AAAAA" not in str(to_plain(read.guests["g"]))
    assert "secret-1" not in str(to_plain(read.guests["g"]))


def test_plain_data_has_no_new_password() -> None:
    login = Login(user="root", password="secret-1", new_password="secret-2")
    plain = str(to_plain(SHIPPED.guests["debian-12"].model_copy(update={"login": login})))
    assert "secret-1" not in plain
    assert "secret-2" not in plain


@pytest.mark.parametrize("guest", WINDOWS, ids=lambda guest: guest.id)
def test_shipped_windows_guests_have_the_drivers_and_media_for_their_platforms(guest: object) -> None:
    cells = [cell for cell in SHIPPED.cells() if cell.guest is guest]
    plain = [cell for cell in cells if not cell.platform.enlightenments]
    # Platforms with emulated hardware alone, and the recommended platforms with virtio drivers.
    assert plain != []
    assert [cell.id for cell in plain if drivers_for(cell.platform)] == []
    assert [cell.id for cell in cells if cell.platform.enlightenments] != []
    for cell in cells:
        image = cell.guest.image
        assert isinstance(image, InstalledImage)
        assert image.medium == f"${{IRONGUEST_IMAGES}}/{cell.guest.id}.iso"
        assert image.drivers is not None, "expected the drivers of the YAML"
        unnamed = {
            model
            for model in cell.platform.models
            if not model.startswith(("usb-", "ide-", "scsi-hd", "tpm-"))
        }
        assert unnamed - set(cell.guest.drivers) == set()
        # Clients get their serial console from the features on demand.
        assert (image.features is None) == cell.guest.id.startswith("windows-server")


def test_only_one_platform_is_for_hypervisors() -> None:
    assert {name for name, each in SHIPPED.platforms.items() if each.nested} == {"q35-uefi-nested"}


def test_only_the_enlightened_platforms_have_enlightenments() -> None:
    enlightened = {name for name, each in SHIPPED.platforms.items() if each.enlightenments}
    assert enlightened == {"q35-uefi-enlightened", "q35-uefi-secure-enlightened"}
