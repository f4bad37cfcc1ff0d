"""Signatures: gpg itself makes them, and a vendor's key verifies its own and no other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import MediaFault
from fixtures.media.signatures import verify_clear_signed, verify_detached
from suites.selftest.support.vendor_key import VendorKey

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = b"0123  disk.img\n"


@pytest.fixture(scope="module")
def keys() -> Iterator[tuple[VendorKey, VendorKey]]:
    with tempfile.TemporaryDirectory(prefix="vendor-") as directory:
        pair = (
            VendorKey.make(Path(directory) / "a", "vendor"),
            VendorKey.make(Path(directory) / "b", "other"),
        )
        yield pair
        for key in pair:
            key.end()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "SHA256SUMS"
    path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize("options", [(), ("--armor",)])
def test_a_detached_signature(
    keys: tuple[VendorKey, VendorKey], content: Path, options: tuple[str, ...]
) -> None:
    vendor = keys[0]
    signature = vendor.detached(TEXT, *options)
    assert verify_detached(content, signature, vendor.public, "S") == vendor.fingerprint


def test_a_clear_signed_file(keys: tuple[VendorKey, VendorKey]) -> None:
    vendor = keys[0]
    around = b"4567  disk.img\n" + vendor.clear_signed(TEXT) + b"89  disk.img\n"
    assert verify_clear_signed(around, vendor.public, "S") == (vendor.fingerprint, TEXT)


def test_two_signatures_of_which_one_is_the_vendors(keys: tuple[VendorKey, VendorKey], content: Path) -> None:
    vendor, other = keys
    signature = other.detached(TEXT) + vendor.detached(TEXT)
    assert verify_detached(content, signature, vendor.public, "S") == vendor.fingerprint


def test_changed_content_is_refused(keys: tuple[VendorKey, VendorKey], content: Path) -> None:
    vendor = keys[0]
    signature = vendor.detached(TEXT)
    content.write_bytes(TEXT.replace(b"0", b"1"))
    with pytest.raises(MediaFault, match=r"^S: the signature does not fit the content.* BADSIG"):
        verify_detached(content, signature, vendor.public, "S")
    changed = vendor.clear_signed(TEXT).replace(b"0123", b"1123")
    with pytest.raises(MediaFault, match="the signature does not fit the content"):
        verify_clear_signed(changed, vendor.public, "S")


def test_another_key_is_refused(keys: tuple[VendorKey, VendorKey], content: Path) -> None:
    vendor, other = keys
    with pytest.raises(MediaFault, match=r"it is signed with another key than .*vendor\.asc: [0-9A-F]{16}"):
        verify_detached(content, other.detached(TEXT), vendor.public, "S")


@pytest.mark.parametrize("signature", [b"", b"<html>404</html>", TEXT])
def test_no_signature_is_refused(keys: tuple[VendorKey, VendorKey], content: Path, signature: bytes) -> None:
    with pytest.raises(MediaFault, match="S: expected a signature; gpg says: "):
        verify_detached(content, signature, keys[0].public, "S")


def test_a_key_that_expired_is_refused(content: Path) -> None:
    then = ("--faked-system-time", "20200101T000000")
    with tempfile.TemporaryDirectory(prefix="vendor-") as directory:
        key = VendorKey.make(Path(directory) / "a", "vendor", "1y", *then)
        signature = key.detached(TEXT, *then)
        key.end()
        with pytest.raises(MediaFault, match="the vendor's key in the YAML has expired .*EXPKEYSIG"):
            verify_detached(content, signature, key.public, "S")


def test_a_key_that_is_none(content: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="the vendor's key is no file"):
        verify_detached(content, b"", tmp_path / "missing.asc", "S")
    with pytest.raises(MediaFault, match="expected an OpenPGP public key; gpg says: "):
        verify_detached(content, b"", content, "S")
