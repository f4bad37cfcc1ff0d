"""ISO images are read as they were written, and drivers are found on media with virtio-win's layout."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pycdlib
import pytest

from fixtures.catalog.image_sources import VirtioWin
from fixtures.core.errors import MediaFault
from fixtures.media.iso import open_iso, write_iso
from fixtures.media.virtio_win import drivers_for, read_drivers
from suites.selftest.support.machine_sample import cell

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "autounattend.xml": b"<unattend/>",
    "ironguest-scripts/SetupComplete.cmd": b"@echo off\r\n",
    "drivers/viostor/viostor.inf": b"[Version]\r\n",
    "drivers/viostor/a name that is rather long for a file.sys": bytes(range(256)) * 40,
    "empty.txt": b"",
}


def test_a_written_image_is_read_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "answers.iso"
    write_iso(path, "ironguest", FILES)
    with open_iso(path) as medium:
        assert medium.find_folder("DRIVERS/ViOsToR") == "drivers/viostor"
        assert (medium.find_folder("drivers/netkvm"), medium.find_folder("nothing")) == (None, None)
        read = {
            f"{folder}/{name}".lstrip("/"): content
            for folder in ("", "ironguest-scripts", "drivers", "drivers/viostor")
            for name, content in medium.read_files(folder).items()
        }
    assert read == FILES
    # The volume name is in the primary volume descriptor.
    assert path.read_bytes()[16 * 2048 + 40 :][:9] == b"IRONGUEST"


@pytest.mark.parametrize("content", [b"", b"not an image" * 4096, bytes(1 << 16)])
def test_a_file_that_is_not_an_iso_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "virtio-win.iso"
    path.write_bytes(content)
    with (
        pytest.raises(MediaFault, match=r"virtio-win\.iso: not a readable ISO image"),
        open_iso(path),
    ):
        pass


def test_a_name_that_joliet_cannot_represent(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="cannot be written"):
        write_iso(tmp_path / "x.iso", "x", {"a" * 300: b""})


def test_media_with_plain_iso_9660_names_are_readable(tmp_path: Path) -> None:
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3)
    for folder in ("/VIOSTOR", "/VIOSTOR/2K22", "/VIOSTOR/2K22/AMD64"):
        image.add_directory(folder)
    image.add_fp(io.BytesIO(b"inf"), 3, "/VIOSTOR/2K22/AMD64/VIOSTOR.INF;1")
    image.write(str(tmp_path / "virtio-win.iso"))
    image.close()
    medium = VirtioWin(path=str(tmp_path / "virtio-win.iso"), folder="2k22")
    platform = cell(devices={"disk": "virtio-blk-pci"}).platform
    assert read_drivers(medium, platform) == {"viostor/VIOSTOR.INF": b"inf"}


def test_each_virtio_device_has_its_driver() -> None:
    devices = {
        "disk": "virtio-blk-pci",
        "nic": "virtio-net-pci-transitional",
        "rng": "virtio-rng-pci",
        "balloon": "virtio-balloon-pci",
        "serial-port": "virtio-serial-pci",
        "input": ["virtio-keyboard-pci", "virtio-tablet-pci", "usb-kbd"],
        "usb": "qemu-xhci",
        "display": "VGA",
    }
    assert drivers_for(cell(devices=devices).platform) == (
        *("viostor", "NetKVM", "viorng", "Balloon", "vioserial", "vioinput"),
    )
    assert drivers_for(cell(devices={"disk": "nvme", "nic": "e1000e"}).platform) == ()
