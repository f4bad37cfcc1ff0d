"""Unpacking: every packing, archives with one disk and with several, damage, and bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import pytest
import zstandard

from fixtures.core.errors import MediaFault, NoSpace
from fixtures.media import sparse_files, unpacking
from fixtures.media.sparse_files import SparseWriter
from fixtures.media.unpacking import Unpacked, Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A boot sector, a hole, and data at the end that is not a multiple of a block.
DISK = os.urandom(510) + b"\x55\xaa" + bytes(3 << 20) + os.urandom(70_001)
OTHER = DISK[:1000] + b"other"
OVF = b"<Envelope/>"


def quiet(description: str, done: int, total: int) -> None:
    del description, done, total


def unpack(path: Path, choice: str | None = None) -> Unpacked:
    return Unpacker(path, path.with_name("disk"), choice, "g", quiet).run()


def tarred(*members: tuple[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def zst(content: bytes) -> bytes:
    return zstandard.compress(content)


PACKINGS: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("gz", "", gzip.compress),
    ("xz", "", lzma.compress),
    ("bz2", "", bz2.compress),
    ("zst", "", zst),
    ("zip", "disk.raw", lambda disk: zipped(("disk.raw", disk))),
    ("zip", "a/disk.vhd", lambda disk: zipped(("a/", b""), ("README", b"text"), ("a/disk.vhd", disk))),
    ("tar", "disk.raw", lambda disk: tarred(("disk.raw", disk))),
    ("tar", "disk.raw", lambda disk: tarred(("disk.raw", disk), form=tarfile.PAX_FORMAT)),
    ("tar.gz", "disk.raw", lambda disk: gzip.compress(tarred(("disk.raw", disk)))),
    ("tar.xz", "x", lambda disk: lzma.compress(tarred(("README", b"text"), ("x", disk)))),
    ("tar.zst", "x", lambda disk: zst(tarred(("x", disk)))),
    ("ova", "a.vmdk", lambda disk: tarred(("a.ovf", OVF), ("a.mf", b"SHA256"), ("a.vmdk", disk))),
    ("gz.ova", "a.vmdk.gz", lambda disk: tarred(("a.ovf", OVF), ("a.vmdk.gz", gzip.compress(disk)))),
    ("xz.zip", "a.xz", lambda disk: zipped(("a.xz", lzma.compress(disk)))),
    ("gz", "", lambda disk: gzip.compress(disk[:1000]) + gzip.compress(disk[1000:])),
    ("xz", "", lambda disk: lzma.compress(disk[:1000]) + lzma.compress(disk[1000:])),
    ("bz2", "", lambda disk: bz2.compress(disk[:1000]) + bz2.compress(disk[1000:])),
    ("zst", "", lambda disk: zst(disk[:1000]) + zst(disk[1000:])),
]


@pytest.mark.parametrize(
    ("packing", "member", "pack"), PACKINGS, ids=[f"{name} {member}" for name, member, _ in PACKINGS]
)
def test_each_packing(packing: str, member: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "image.of.some.name"
    path.write_bytes(pack(DISK))
    seen = unpack(path)
    assert (tmp_path / "disk").read_bytes() == DISK
    assert seen == Unpacked(packing, seen.member)
    assert seen.member == member


def test_holes_stay_holes(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(lzma.compress(DISK[:512] + bytes(64 << 20)))
    unpack(path)
    status = (tmp_path / "disk").stat()
    assert status.st_size == 512 + (64 << 20)
    assert status.st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_a_tar_archive_of_a_sparse_file(form: str, tmp_path: Path) -> None:
    (tmp_path / "disk.raw").write_bytes(b"")
    with (tmp_path / "disk.raw").open("r+b") as file:
        file.write(DISK[:512])
        file.seek(8 << 20)
        file.write(b"end")
    expected = (tmp_path / "disk.raw").read_bytes()
    command = ["tar", f"--format={form}", "-Sczf", "packed", "disk.raw"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert unpack(tmp_path / "packed") == Unpacked("tar.gz", "disk.raw")
    assert (tmp_path / "disk").read_bytes() == expected


@pytest.mark.parametrize("archive", [tarred, zipped])
def test_several_disks_need_a_choice(archive: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(archive(("README", b"x"), ("a/root.raw", DISK), ("data.raw", OTHER)))
    with pytest.raises(MediaFault) as caught:
        unpack(path)
    assert caught.value.message == (
        f"image of g: {path} has 2 disk images: a/root.raw and data.raw; choose one with the key member"
    )
    assert not (tmp_path / "disk").exists()
    assert unpack(path, "data.raw").member == "data.raw"
    assert (tmp_path / "disk").read_bytes() == OTHER
    (tmp_path / "disk").unlink()
    assert unpack(path, "root*").member == "a/root.raw"
    (tmp_path / "disk").unlink()
    with pytest.raises(MediaFault, match=r"has 2 members that match '\*\.raw': a/root\.raw and data\.raw"):
        unpack(path, "*.raw")
    with pytest.raises(MediaFault, match="has no members that match 'x'; it has README, a/root.raw and data"):
        unpack(path, "x")


@pytest.mark.parametrize("archive", [tarred, zipped])
def test_an_archive_without_a_disk(archive: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(archive(("a", b"text"), ("b", b"text")))
    with pytest.raises(
        MediaFault, match="has no disk images; it has a and b; choose one with the key member"
    ):
        unpack(path)


@pytest.mark.parametrize("archive", [tarred, zipped])
def test_the_only_file_of_an_archive_needs_no_mark(archive: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(archive(("[a]", b"a disk of a system that has no boot sector")))
    assert unpack(path).member == "[a]"
    assert (tmp_path / "disk").read_bytes().startswith(b"a disk")


def test_names_in_an_archive_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "inner" / "packed"
    path.parent.mkdir()
    path.write_bytes(tarred(("../../evil", DISK)))
    assert unpack(path).member == "../../evil"
    assert sorted(each.name for each in path.parent.iterdir()) == ["disk", "packed"]


@pytest.mark.parametrize(
    "pack",
    [pack for packing, _, pack in PACKINGS if packing in {"gz", "xz", "bz2", "zst", "zip", "tar", "tar.gz"}],
)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_is_named(pack: Callable[[bytes], bytes], share: float, tmp_path: Path) -> None:
    path = tmp_path / "packed"
    content = pack(DISK)
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(MediaFault, match=f"image of g: {path} (is damaged or truncated|has no disk images)"):
        unpack(path)
    assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, bz2.compress, lambda disk: zipped(("d", disk))]
)
def test_a_damaged_file_is_named(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "packed"
    content = bytearray(pack(DISK))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(MediaFault, match="is damaged or truncated"):
        unpack(path)
    assert not (tmp_path / "disk").exists()


def test_an_encrypted_zip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    content = bytearray(zipped(("disk.raw", DISK)))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(MediaFault, match=r"is encrypted: disk\.raw in the zip archive has a password"):
        unpack(path)


def test_what_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    for content, expected in (
        (b"\x04\x22\x4d\x18", "is an lz4 archive, which is not supported"),
        (gzip.compress(zipped(("a", DISK))), "has a zip archive within another packing"),
        (
            gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(DISK))))),
            "more than 4 times",
        ),
    ):
        path.write_bytes(content)
        with pytest.raises(MediaFault, match=expected):
            unpack(path)


def test_a_frame_that_needs_too_much_memory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=28, enable_ldm=True)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.write_bytes(frame.compress(DISK) + frame.flush())
    with pytest.raises(MediaFault, match="is damaged or truncated: .*too much memory"):
        unpack(path)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_bomb_of_data_is_named_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse_files, "_LOOK_AFTER", 1 << 20)
    free = iter([1 << 30, 1 << 20])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, next(free)))
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(DISK[:512] + b"x" * (4 << 20)))
    with pytest.raises(
        NoSpace, match="unpacking the image of g: the file system of .*/disk is almost full: 1 MiB"
    ):
        unpack(path)
    assert not (tmp_path / "disk").exists()


def test_a_bomb_of_zeros_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        unpacking, "SparseWriter", lambda path, description: SparseWriter(path, description, 8 << 20)
    )
    path = tmp_path / "packed"
    path.write_bytes(zst(DISK[:512] + bytes(32 << 20)))
    with pytest.raises(MediaFault, match="it is larger than 8 MiB, as no disk image is: a bomb?"):
        unpack(path)
    assert not (tmp_path / "disk").exists()
