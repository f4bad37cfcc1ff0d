"""Images whose checksums and signatures their vendors publish beside them."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import MediaFault
from fixtures.media import vendor_checksums
from fixtures.media.base_images import prepare
from fixtures.media.fetched_images import Network
from suites.selftest.support.machine_sample import guest, no_progress
from suites.selftest.support.publishing_server import PublishingServer
from suites.selftest.support.vendor_key import VendorKey

if TYPE_CHECKING:
    from collections.abc import Iterator

from suites.selftest.media.test_fetched_images import OFFLINE, RAW, publish, publish_with_sums, sha256


@pytest.fixture(scope="module")
def vendor() -> Iterator[VendorKey]:
    with tempfile.TemporaryDirectory(prefix="vendor-") as directory:
        key = VendorKey.make(Path(directory) / "a", "vendor")
        yield key
        key.end()


def test_a_checksum_file_is_read_once(server: PublishingServer, root: Path) -> None:
    spec = publish_with_sums(server)
    lines: list[str] = []
    image = prepare(guest(**spec), lines.append, root)
    sums = server.url("/12/SHA256SUMS")
    assert lines == [f"image nothing: its checksum is from {sums}, which is not signed"]
    assert image.source == f"{spec['url']}, sha256:{sha256(RAW)}, {sums}, which is not signed"
    assert prepare(guest(**spec), lines.append, root, OFFLINE) == image
    assert [path for path, _ in server.requests] == ["/12/SHA256SUMS", "/12/disk.img"]


def test_a_vendor_that_publishes_a_new_image_is_asked_on_demand(server: PublishingServer, root: Path) -> None:
    spec = publish_with_sums(server)
    old = prepare(guest(**spec), no_progress, root)
    new = RAW[:512] + b"new" + bytes(1 << 20)
    server.files |= {"/12/disk.img": new, "/12/SHA256SUMS": f"{sha256(new)}  disk.img\n".encode()}
    assert prepare(guest(**spec), no_progress, root) == old
    image = prepare(guest(**spec), no_progress, root, Network(asks_again=True))
    assert image.digest == f"sha256:{sha256(new)}"
    assert prepare(guest(**spec), no_progress, root) == image


def test_a_checksum_file_whose_image_was_never_complete_is_read_again(
    server: PublishingServer, root: Path
) -> None:
    """The vendor may have published another image since."""
    spec = publish_with_sums(server)
    server.files["/12/SHA256SUMS"] = f"{'0' * 64}  disk.img\n".encode()
    with pytest.raises(MediaFault, match="image of nothing: the download failed: .*expected sha256:0000"):
        prepare(guest(**spec), no_progress, root)
    prepare(guest(**publish_with_sums(server)), no_progress, root)


@pytest.mark.parametrize(
    "sums", [f"SHA256 (disk.img) = {sha256(RAW).upper()}\n", f"{hashlib.sha512(RAW).hexdigest()}\n"]
)
def test_other_checksum_files(server: PublishingServer, root: Path, sums: str) -> None:
    spec = publish_with_sums(server, checksum_file=server.url("/elsewhere/sums"))
    server.files["/elsewhere/sums"] = sums.encode()
    assert prepare(guest(**spec), no_progress, root).digest == f"sha256:{sha256(RAW)}"


def test_the_checksum_file_of_a_mirror(server: PublishingServer, root: Path) -> None:
    spec = publish_with_sums(server)
    spec |= {"url": server.url("/gone/disk.img"), "mirrors": [spec["url"]]}
    assert prepare(guest(**spec), no_progress, root).digest == f"sha256:{sha256(RAW)}"


def test_a_checksum_file_that_is_not_there(server: PublishingServer, root: Path) -> None:
    spec = publish_with_sums(server, checksum_file="MISSING")
    with pytest.raises(MediaFault, match="of nothing: the checksum file cannot be read: .*/12/MISSING: 404"):
        prepare(guest(**spec), no_progress, root)


@pytest.mark.parametrize("kind", ["detached", "clear-signed"])
def test_a_signed_checksum_file(server: PublishingServer, root: Path, vendor: VendorKey, kind: str) -> None:
    spec = publish_with_sums(server, key=str(vendor.public))
    sums = server.files["/12/SHA256SUMS"]
    if kind == "detached":
        server.files["/12/SHA256SUMS.gpg"] = vendor.detached(sums)
        spec["signature"] = "SHA256SUMS.gpg"
    else:
        server.files["/12/SHA256SUMS"] = vendor.clear_signed(sums)
    image = prepare(guest(**spec), no_progress, root)
    assert image.source.endswith(f"/12/SHA256SUMS, signed by {vendor.fingerprint}")


def test_a_line_outside_the_signature_is_not_read(
    server: PublishingServer, root: Path, vendor: VendorKey
) -> None:
    spec = publish_with_sums(server, key=str(vendor.public))
    server.files["/12/SHA256SUMS"] += vendor.clear_signed(b"0  other.img\n")
    with pytest.raises(MediaFault, match=r"expected a line with the checksum of disk\.img"):
        prepare(guest(**spec), no_progress, root)


def test_a_signature_that_does_not_fit_is_refused(
    server: PublishingServer, root: Path, vendor: VendorKey
) -> None:
    spec = publish_with_sums(server, key=str(vendor.public), signature="SHA256SUMS.gpg")
    server.files["/12/SHA256SUMS.gpg"] = vendor.detached(b"other")
    with pytest.raises(MediaFault, match="of nothing: .*SHA256SUMS: the signature does not fit the content"):
        prepare(guest(**spec), no_progress, root)
    assert [path for path, _ in server.requests] == ["/12/SHA256SUMS", "/12/SHA256SUMS.gpg"]


def test_a_key_without_a_signature_is_refused(
    server: PublishingServer, root: Path, vendor: VendorKey
) -> None:
    with pytest.raises(MediaFault, match="names a key, and the file is not clear-signed; name its signature"):
        prepare(guest(**publish_with_sums(server, key=str(vendor.public))), no_progress, root)


def test_a_signature_that_is_not_verified_is_named(
    server: PublishingServer, root: Path, vendor: VendorKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = publish_with_sums(server, signature="SHA256SUMS.gpg")
    server.files["/12/SHA256SUMS.gpg"] = vendor.detached(b"other")
    image = prepare(guest(**spec), no_progress, root)
    assert image.source.endswith("its signature was not verified: its YAML names no key")
    monkeypatch.setattr(vendor_checksums, "has_gpg", lambda: False)
    image = prepare(guest(**spec, key=str(vendor.public)), no_progress, root, Network(asks_again=True))
    lines: list[str] = []
    prepare(guest(**spec, key=str(vendor.public)), lines.append, root, Network(asks_again=True))
    assert lines[-1].endswith("its signature was not verified: gpg is not installed on this host")


def test_a_signed_image(server: PublishingServer, root: Path, vendor: VendorKey) -> None:
    spec = publish(server, gzip.compress(RAW), signature="disk.img.sig", key=str(vendor.public))
    server.files["/disk.img.sig"] = vendor.detached(b"other")
    with pytest.raises(MediaFault, match="of nothing: .*: the signature does not fit the content"):
        prepare(guest(**spec), no_progress, root)
    server.files["/disk.img.sig"] = vendor.detached(server.files["/disk.img"])
    image = prepare(guest(**spec), no_progress, root)
    assert f"signed by {vendor.fingerprint}" in image.source
    assert len([path for path, _ in server.requests if path == "/disk.img"]) == 1
