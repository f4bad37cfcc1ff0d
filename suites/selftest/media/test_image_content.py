"""The content of image files: real files of each format, made by the programs that users have."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from fixtures.media.image_content import content_defect, disk_format, qcow2_defect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DISK = b"\xfa\x31\xc0" + bytes(507) + b"\x55\xaa" + bytes(1 << 20)


def make(tmp_path: Path, image_format: str, *options: str) -> Path:
    path = tmp_path / f"disk.{image_format}"
    command = ["qemu-img", "create", "-q", "-f", image_format, *options, str(path), "1M"]
    subprocess.run(command, check=True, capture_output=True)
    return path


def tarred(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("disk.img", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("pack", "expected"),
    [
        (gzip.compress, "is a gzip archive, not a disk image; unpack it first (gunzip)"),
        (lzma.compress, "is an xz archive, not a disk image; unpack it first (unxz)"),
        (bz2.compress, "is a bzip2 archive, not a disk image; unpack it first (bunzip2)"),
        (zipped, "is a zip archive, not a disk image; unpack it first (unzip)"),
        (lambda content: tarred("disk.img", content), "is a tar archive, not a disk image"),
        (lambda content: tarred("appliance.ovf", content), "is an OVA (a tar archive), not a disk image"),
        (lambda _: b"", "is empty"),
    ],
)
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_archive_is_named(
    pack: Callable[[bytes], bytes], expected: str, image_format: str, tmp_path: Path
) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(pack(DISK))
    assert content_defect(path, image_format).startswith(expected)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="this host has no zstd")
def test_a_zstandard_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(subprocess.run(["zstd", "-c"], input=DISK, capture_output=True, check=True).stdout)
    assert content_defect(path, "raw").startswith("is a Zstandard archive")


@pytest.mark.parametrize("image_format", ["qcow2", "vmdk", "vhdx", "vpc", "vdi", "qed"])
def test_a_format_is_told_from_the_content(image_format: str, tmp_path: Path) -> None:
    path = make(tmp_path, image_format)
    assert disk_format(path.read_bytes()[:65536]) == image_format
    assert content_defect(path, "raw") == f"is of format {image_format}, its YAML says raw"


def test_a_vhd_of_fixed_size_has_its_mark_at_the_end(tmp_path: Path) -> None:
    path = make(tmp_path, "vpc", "-o", "subformat=fixed")
    assert content_defect(path, "raw") == "is of format vpc, its YAML says raw"


@pytest.mark.parametrize(
    "options", [(), ("-o", "compat=0.10"), ("-o", "cluster_size=2M"), ("-o", "compression_type=zlib")]
)
def test_a_sound_qcow2_has_no_defect(options: tuple[str, ...], tmp_path: Path) -> None:
    assert content_defect(make(tmp_path, "qcow2", *options), "qcow2") == ""


@pytest.mark.parametrize(
    "content", [DISK, bytes(1 << 20), b"\xeb\x3c\x90MSDOS5.0" + bytes(4096), b"PK", b"BZ"]
)
def test_a_raw_disk_has_no_defect(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(content)
    assert content_defect(path, "raw") == ""


def test_an_encrypted_qcow2_is_named(tmp_path: Path) -> None:
    options = (
        "--object",
        "secret,id=key,data=secret",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10",
    )
    path = make(tmp_path, "qcow2", *options)
    assert content_defect(path, "qcow2") == "is encrypted (LUKS); decrypt it with qemu-img convert"


def test_a_qcow2_that_is_marked_corrupt_is_named(tmp_path: Path) -> None:
    path = make(tmp_path, "qcow2")
    header = bytearray(path.read_bytes())
    struct.pack_into(">Q", header, 72, struct.unpack_from(">Q", header, 72)[0] | 1 << 1)
    path.write_bytes(header)
    assert "marked corrupt" in content_defect(path, "qcow2")


@pytest.mark.parametrize("size", [4, 8, 72, 103])
def test_a_truncated_header_is_named(size: int, tmp_path: Path) -> None:
    assert (
        qcow2_defect(make(tmp_path, "qcow2").read_bytes()[:size])
        == "is damaged or truncated: its header is incomplete"
    )
