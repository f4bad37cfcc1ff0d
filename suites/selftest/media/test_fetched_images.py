"""Images as vendors publish them: from the server to the base image in the cache."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.errors import MediaFault, NoSpace
from fixtures.core.file_digest import file_digest
from fixtures.media import published_images
from fixtures.media.base_images import Image, prepare, verify_local
from fixtures.media.fetched_images import Network
from suites.selftest.support.machine_sample import guest, no_progress
from suites.selftest.support.publishing_server import PublishingServer, truncates

if TYPE_CHECKING:
    from collections.abc import Callable

RAW = bytes(510) + b"\x55\xaa" + b"data" * (1 << 18) + bytes(1 << 20)
OFFLINE = Network(is_offline=True)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def converted(directory: Path, image_format: str, *options: str) -> bytes:
    """RAW as a disk image that qemu-img made."""
    source, target = directory / "source.raw", directory / "made"
    source.write_bytes(RAW)
    command = ["qemu-img", "convert", "-f", "raw", "-O", image_format, *options, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    content = target.read_bytes()
    target.unlink()
    source.unlink()
    return content


def content_of(image: Image, directory: Path) -> bytes:
    """What a guest would find on the disk."""
    target = directory / "again.raw"
    command = ["qemu-img", "convert", "-f", image.format, "-O", "raw", str(image.path), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    content = target.read_bytes()
    target.unlink()
    return content


def ova(disk: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (("a.ovf", b"<Envelope/>"), ("a-disk1.vmdk", disk)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(disk: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("disk.vhdx", disk)
    return buffer.getvalue()


def litter(root: Path) -> list[str]:
    """What is in the cache beside entries, locks, records of checksums and times of verification."""
    return [
        path.name
        for path in (root / "images").iterdir()
        if path.suffix not in {".lock", ".checksum", ".verified"} and not path.is_dir()
    ]


def publish(server: PublishingServer, content: bytes, **spec: Any) -> dict[str, Any]:
    server.files["/disk.img"] = content
    return {"url": server.url(), "checksum": f"sha256:{sha256(content)}", **spec}


def publish_with_sums(server: PublishingServer, **spec: Any) -> dict[str, Any]:
    server.files |= {"/12/disk.img": RAW, "/12/SHA256SUMS": f"{sha256(RAW)} *disk.img\r\n".encode()}
    return {"url": server.url("/12/disk.img"), "checksum_file": "SHA256SUMS", **spec}


def pack_nothing(content: bytes) -> bytes:
    return content


FORMATS: list[tuple[str, tuple[str, ...]]] = [
    ("qcow2", ()),
    ("qcow2", ("-o", "compat=0.10")),
    ("qcow2", ("-c", "-o", "compression_type=zlib")),
    ("vmdk", ()),
    ("vmdk", ("-o", "subformat=streamOptimized")),
    ("vpc", ("-o", "force_size=on")),
    ("vpc", ("-o", "subformat=fixed,force_size=on")),
    ("vhdx", ()),
    ("vdi", ()),
    ("raw", ()),
]


@pytest.mark.parametrize(("image_format", "options"), FORMATS)
@pytest.mark.parametrize("pack", [pack_nothing, lzma.compress])
def test_each_format_becomes_a_base_image(
    server: PublishingServer,
    tmp_path: Path,
    root: Path,
    image_format: str,
    options: tuple[str, ...],
    pack: Callable[[bytes], bytes],
) -> None:
    published = pack(converted(tmp_path, image_format, *options))
    spec = publish(server, published)
    image = prepare(guest(**spec), no_progress, root)
    assert content_of(image, tmp_path) == RAW
    assert image.format == ("raw" if image_format == "raw" else "qcow2")
    assert image.digest == file_digest(image.path)
    assert spec["checksum"] in image.source
    assert ("unpacked from xz" in image.source) == (pack is lzma.compress)
    name = "vhd" if image_format == "vpc" else image_format
    assert (f"converted from {name} to qcow2" in image.source) == (image_format not in {"qcow2", "raw"})
    assert litter(root) == []
    server.files.clear()
    assert prepare(guest(**spec), no_progress, root, OFFLINE) == image
    # What YAML says about the file must be so, whether it is cached or not.
    declared = {"format": name, **({"packed": "xz"} if pack is lzma.compress else {})}
    assert prepare(guest(**spec, **declared), no_progress, root) == image


@pytest.mark.parametrize(
    ("image_format", "pack", "declared", "step"),
    [
        (
            "vmdk",
            ova,
            {"packed": "ova", "format": "vmdk"},
            "unpacked from ova (a-disk1.vmdk), converted from",
        ),
        ("vhdx", zipped, {}, "unpacked from zip (disk.vhdx), converted from vhdx to qcow2"),
        ("qcow2", gzip.compress, {"packed": "gz"}, "unpacked from gz"),
    ],
)
def test_a_packed_image_as_its_yaml_says(
    server: PublishingServer,
    tmp_path: Path,
    root: Path,
    image_format: str,
    pack: Callable[[bytes], bytes],
    declared: dict[str, str],
    step: str,
) -> None:
    spec = publish(server, pack(converted(tmp_path, image_format)), **declared)
    image = prepare(guest(**spec), no_progress, root)
    assert content_of(image, tmp_path) == RAW
    assert step in image.source


@pytest.mark.parametrize("is_cached", [False, True])
@pytest.mark.parametrize(
    ("pack", "declared", "expected"),
    [
        (
            gzip.compress,
            {"format": "raw"},
            "is (a gzip archive|packed as gz).*, its YAML says raw|say packed: gz",
        ),
        (gzip.compress, {"packed": "xz"}, "is (a gzip archive|packed as gz), its YAML says packed: xz"),
        (pack_nothing, {"packed": "xz"}, "is not packed, its YAML says packed: xz"),
        (pack_nothing, {"format": "qcow2"}, "is of format raw, its YAML says qcow2"),
        (gzip.compress, {"packed": "gz", "format": "vmdk"}, "is of format raw, its YAML says vmdk"),
    ],
)
def test_a_file_that_is_not_what_its_yaml_says_is_refused(
    server: PublishingServer,
    root: Path,
    pack: Callable[[bytes], bytes],
    declared: dict[str, str],
    expected: str,
    is_cached: bool,
) -> None:
    spec = publish(server, pack(RAW))
    if is_cached:
        prepare(guest(**spec), no_progress, root)
    with pytest.raises(MediaFault, match=f"image of nothing: .*{expected}"):
        prepare(guest(**spec, **declared), no_progress, root)


def test_a_corrupt_image_within_a_packing_is_named(
    server: PublishingServer, tmp_path: Path, root: Path
) -> None:
    content = bytearray(converted(tmp_path, "qcow2"))
    content[79] |= 2
    with pytest.raises(MediaFault, match="the content of .* is marked corrupt"):
        prepare(guest(**publish(server, gzip.compress(content))), no_progress, root)
    assert [path for path in (root / "images").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("options", [(), ("-o", "subformat=streamOptimized")])
def test_a_truncated_vmdk_is_named(
    server: PublishingServer, tmp_path: Path, root: Path, options: tuple[str, ...]
) -> None:
    content = converted(tmp_path, "vmdk", *options)
    with pytest.raises(MediaFault, match=r"is damaged or truncated"):
        prepare(guest(**publish(server, content[: len(content) // 2])), no_progress, root)


def test_no_space_for_a_conversion_is_named(
    server: PublishingServer, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, size: int, description: str) -> None:
        raise NoSpace(f"{description} needs {size} bytes")

    monkeypatch.setattr(published_images, "require_space", refuse)
    with pytest.raises(NoSpace, match="converting the image of nothing needs [0-9]+ bytes"):
        prepare(guest(**publish(server, converted(tmp_path, "vdi"))), no_progress, root)


def test_a_local_file_is_unpacked_into_the_cache(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "appliance.bin"
    path.write_bytes(ova(converted(tmp_path, "vmdk", "-o", "subformat=streamOptimized")))
    spec = guest(path=str(path), checksum=f"sha512:{hashlib.sha512(path.read_bytes()).hexdigest()}")
    verify_local(spec.image, "nothing")  # type: ignore[arg-type]
    image = prepare(spec, no_progress, root)
    assert content_of(image, tmp_path) == RAW
    assert image.source.startswith(f"appliance.bin, {file_digest(path)}, unpacked from ova (a-disk1.vmdk)")
    assert prepare(spec, no_progress, root) == image
    with pytest.raises(MediaFault, match="is an OVA .*, its YAML says packed: xz"):
        verify_local(guest(path=str(path), packed="xz").image, "nothing")  # type: ignore[arg-type]
    with pytest.raises(MediaFault, match="expected sha512:0000"):
        verify_local(guest(path=str(path), checksum="sha512:" + "0" * 128).image, "nothing")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["checksum", "checksum_file"])
def test_offline_nothing_is_fetched(server: PublishingServer, root: Path, kind: str) -> None:
    spec = publish(server, RAW) if kind == "checksum" else publish_with_sums(server)
    with pytest.raises(MediaFault) as caught:
        prepare(guest(**spec), no_progress, root, OFFLINE)
    assert caught.value.message == (
        f"image of nothing: is not in the cache, and offline nothing is fetched; it needs {spec['url']}"
    )
    assert server.requests == []


def test_a_damaged_entry_is_fetched_again(server: PublishingServer, root: Path) -> None:
    spec = publish(server, lzma.compress(RAW))
    image = prepare(guest(**spec), no_progress, root)
    image.path.chmod(0o644)
    image.path.write_bytes(b"rot")
    lines: list[str] = []
    assert prepare(guest(**spec), lines.append, root).digest == image.digest
    assert "is damaged" in lines[0]


@pytest.mark.parametrize("description", ["", "{", "{}", "[]"])
def test_an_entry_with_a_damaged_description_is_fetched_again(
    server: PublishingServer, root: Path, description: str
) -> None:
    spec = publish(server, RAW)
    image = prepare(guest(**spec), no_progress, root)
    file = image.path.with_name("image.json")
    file.chmod(0o644)
    file.write_text(description)
    lines: list[str] = []
    assert prepare(guest(**spec), lines.append, root) == image
    assert "is damaged (expected a damaged description" in lines[0]


def test_an_interrupted_download_leaves_what_can_be_resumed(server: PublishingServer, root: Path) -> None:
    spec = publish(server, RAW)
    server.answers = [truncates(1000, RAW), truncates(1000, RAW)]
    with pytest.raises(MediaFault, match="run again to resume the download"):
        prepare(guest(**spec), no_progress, root)
    key = sha256(RAW)
    assert sorted(litter(root)) == [f"{key}.download", f"{key}.download.json"]
    assert [path for path in (root / "images").iterdir() if path.is_dir()] == []
    prepare(guest(**spec), no_progress, root)
    assert litter(root) == []
