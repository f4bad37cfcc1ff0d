"""The content of image files: real files of each format, made by the programs that users have."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import shutil
import struct
import subprocess
import tarfile
import uuid
import zipfile
from typing import TYPE_CHECKING

import pytest

from fixtures.media.image_content import content_defect, disk_format, is_disk

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
        (
            gzip.compress,
            "is a gzip archive, not a disk image; its YAML says FORMAT: say packed: gz too, or leave",
        ),
        (
            lzma.compress,
            "is an xz archive, not a disk image; its YAML says FORMAT: say packed: xz too, or leave",
        ),
        (bz2.compress, "is a bzip2 archive, not a disk image; its YAML says FORMAT: say packed: bz2"),
        (zipped, "is a zip archive, not a disk image; its YAML says FORMAT: say packed: zip"),
        (lambda _: b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive, not a disk image; unpack it first (7z x)"),
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
    assert content_defect(path, image_format).startswith(expected.replace("FORMAT", image_format))


@pytest.mark.skipif(shutil.which("zstd") is None, reason="this host has no zstd")
def test_a_zstandard_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(subprocess.run(["zstd", "-c"], input=DISK, capture_output=True, check=True).stdout)
    assert content_defect(path, "raw").startswith("is a Zstandard archive")


@pytest.mark.parametrize("image_format", ["qcow2", "vmdk", "vhdx", "vpc", "vdi", "qed", "qcow", "parallels"])
def test_a_format_is_told_from_the_content(image_format: str, tmp_path: Path) -> None:
    path = make(tmp_path, image_format)
    image_format = "vhd" if image_format == "vpc" else image_format
    assert is_disk(path.read_bytes()[:65536])
    assert disk_format(path.read_bytes()[:65536]) == image_format
    assert content_defect(path, "raw") == f"is of format {image_format}, its YAML says raw"


def test_a_vhd_of_fixed_size_has_its_mark_at_the_end(tmp_path: Path) -> None:
    path = make(tmp_path, "vpc", "-o", "subformat=fixed")
    assert content_defect(path, "raw") == "is of format vhd, its YAML says raw"
    assert content_defect(path, "vhd") == ""


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
    path = make(tmp_path, "qcow2")
    path.write_bytes(path.read_bytes()[:size])
    # Without its version, the first four bytes may also be those of the predecessor of qcow2.
    assert content_defect(path, "qcow2") == "is damaged or truncated: its header is incomplete"


def test_an_old_qcow2_has_a_shorter_header(tmp_path: Path) -> None:
    path = make(tmp_path, "qcow2", "-o", "compat=0.10")
    assert content_defect(path, None) == ""
    path.write_bytes(path.read_bytes()[:71])
    assert "its header is incomplete" in content_defect(path, "qcow2")


@pytest.mark.parametrize(
    ("offset", "value", "expected"),
    [
        (4, struct.pack(">I", 4), "is of version 4 of qcow2; the known versions are 2 and 3"),
        (72, struct.pack(">Q", 1 << 2), "has an external data file, and the digest of the image does not"),
        (72, struct.pack(">Q", 1 << 40), "needs features of qcow2 that are unknown"),
        (72, struct.pack(">Q", 1), ""),
    ],
)
def test_a_qcow2_that_cannot_be_used_is_named(
    offset: int, value: bytes, expected: str, tmp_path: Path
) -> None:
    path = make(tmp_path, "qcow2")
    content = bytearray(path.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)
    seen = content_defect(path, None)
    assert seen.startswith(expected)
    assert bool(seen) == bool(expected)


@pytest.mark.parametrize("image_format", ["qcow2", "vmdk"])
def test_a_backing_file_is_named(image_format: str, tmp_path: Path) -> None:
    base = make(tmp_path, image_format).rename(tmp_path / "base.img")
    path = make(tmp_path, image_format, "-b", str(base), "-F", image_format)
    assert re.match(r"has a (parent \(a )?backing file\)?, .*base\.img'", content_defect(path, image_format))


@pytest.mark.parametrize("subformat", ["monolithicSparse", "streamOptimized"])
def test_a_vmdk_in_one_file_has_no_defect(subformat: str, tmp_path: Path) -> None:
    assert content_defect(make(tmp_path, "vmdk", "-o", f"subformat={subformat}"), None) == ""


@pytest.mark.parametrize("subformat", ["monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
def test_a_vmdk_in_several_files_is_named(subformat: str, tmp_path: Path) -> None:
    path = make(tmp_path, "vmdk", "-o", f"subformat={subformat}")
    assert re.match(
        "is a VMDK descriptor without data; its data is in 'disk-.*vmdk'", content_defect(path, "vmdk")
    )


def edited(path: Path, offset: int, value: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


def test_a_vmdk_whose_descriptor_names_another_file_is_refused(tmp_path: Path) -> None:
    """QEMU would read that file, whatever it is."""
    path = make(tmp_path, "vmdk")
    secret = b'RW 2048 FLAT "/etc/passwd" 0'
    at = path.read_bytes().index(b"RW 2048 SPARSE")
    assert "keeps its data in other files" in content_defect(edited(path, at, secret), None)


def test_a_vmdk_that_was_transferred_as_text_is_named(tmp_path: Path) -> None:
    path = edited(make(tmp_path, "vmdk"), 73, b"\r\n \r")
    assert (
        content_defect(path, None) == "is damaged: its line ends were changed, as by a transfer in text mode"
    )


@pytest.mark.parametrize(
    ("image_format", "name", "kind"), [("vpc", "VHD", (4,)), ("vdi", "VDI", (3, 4)), ("vhdx", "VHDX", (0,))]
)
def test_a_differencing_image_is_named(
    image_format: str, name: str, kind: tuple[int, ...], tmp_path: Path
) -> None:
    for value in kind:
        path = make(tmp_path, image_format)
        assert content_defect(path, None) == ""
        content = path.read_bytes()
        if image_format == "vpc":
            edited(path, len(content) - 512 + 60, struct.pack(">I", value))
        elif image_format == "vdi":
            edited(path, 0x4C, struct.pack("<I", value))
        else:
            identifier = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
            entry = content.index(identifier)
            table = content.rindex(b"metadata", 0, entry)
            edited(path, table + struct.unpack_from("<I", content, entry + 16)[0] + 4, b"\x02")
        assert content_defect(path, None).startswith(f"is a differencing {name}")
        path.unlink()


def test_truncated_vhds_are_named(tmp_path: Path) -> None:
    path = make(tmp_path, "vpc")
    path.write_bytes(path.read_bytes()[:-512])
    assert content_defect(path, "vhd") == "is damaged or truncated: a VHD without its footer"
    path.unlink()
    path = make(tmp_path, "vpc", "-o", "subformat=fixed")
    path.write_bytes(path.read_bytes()[512:])
    assert content_defect(path, "vhd").startswith("is damaged or truncated: a VHD of ")


@pytest.mark.parametrize("image_format", ["qed", "qcow", "parallels"])
def test_other_formats_are_refused_by_name(image_format: str, tmp_path: Path) -> None:
    path = make(tmp_path, image_format)
    assert content_defect(path, None).startswith(f"is of format {image_format}, which is not supported")


def test_an_encrypted_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"LUKS\xba\xbe" + bytes(4096))
    assert content_defect(tmp_path / "disk", None).startswith("is encrypted (LUKS), which is not supported")


@pytest.mark.parametrize("content", [b"<html>" + bytes(1000), b"not a disk", bytes(1 << 20)])
def test_a_file_without_any_mark_of_a_disk_needs_its_format(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(content)
    assert "a disk without them needs the key format: raw" in content_defect(tmp_path / "disk", None)
    assert content_defect(tmp_path / "disk", "raw") == ""


@pytest.mark.parametrize("offset", [510, 512, 4096, 32769])
def test_a_raw_disk_is_known_by_its_marks(offset: int, tmp_path: Path) -> None:
    mark = {510: b"\x55\xaa", 32769: b"CD001"}.get(offset, b"EFI PART")
    (tmp_path / "disk").write_bytes(bytes(offset) + mark + bytes(1000))
    assert content_defect(tmp_path / "disk", None) == ""
