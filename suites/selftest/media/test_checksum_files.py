"""Checksum files in every form in which vendors publish them."""

from __future__ import annotations

import pytest

from fixtures.core.errors import MediaFault
from fixtures.media.checksum_files import checksum_in, is_clear_signed, signed_text

A, B = "a" * 64, "b" * 64
LONG = "c" * 128
URL = "https://vendor.example/images/12/disk%20one.qcow2?from=here"
NAME = "disk one.qcow2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}  {NAME}\n", f"sha256:{A}"),
        (f"{A} *{NAME}\n", f"sha256:{A}"),
        (f"{A.upper()} *{NAME}", f"sha256:{A}"),
        (f"{A}\t{NAME}\n", f"sha256:{A}"),
        (f"{LONG}  {NAME}\n", f"sha512:{LONG}"),
        (f"SHA256 ({NAME}) = {A}\n", f"sha256:{A}"),
        (f"SHA512 ({NAME}) = {LONG.upper()}\n", f"sha512:{LONG}"),
        (f"SHA2-256({NAME})= {A}\n", f"sha256:{A}"),
        (f"{B}  other.qcow2\r\n{A}  {NAME}\r\n", f"sha256:{A}"),
        (f"\ufeff{A}  {NAME}\n", f"sha256:{A}"),
        (f"# {NAME}: 5 bytes\n\n{A}  {NAME}\n", f"sha256:{A}"),
        (f"{A}  ./{NAME}\n", f"sha256:{A}"),
        (f"{A}  12/{NAME}\n{B}  13/{NAME}\n", f"sha256:{A}"),
        (f"{A}  {NAME}\n{A}  {NAME}\n", f"sha256:{A}"),
        (f"{A}  {NAME}\n{LONG}  {NAME}\n", f"sha512:{LONG}"),
        (f"{'d' * 32}  {NAME}\n{A}  {NAME}\n", f"sha256:{A}"),
        (f"{A}\n", f"sha256:{A}"),
        (f" {LONG.upper()} \r\n", f"sha512:{LONG}"),
    ],
)
def test_the_checksum_of_a_file(text: str, expected: str) -> None:
    assert checksum_in(text, URL, "SHA256SUMS") == expected


def test_a_checksum_file_of_one_image_may_name_what_the_image_is_an_alias_of() -> None:
    line = f"{A}  disk-1.0.7.qcow2\n"
    assert checksum_in(line, "https://a/disk.qcow2", "https://a/disk.qcow2.sha256") == f"sha256:{A}"
    for text, source in ((line, "https://a/SHA256SUMS"), (line + f"{B}  x\n", "https://a/disk.qcow2.sha256")):
        with pytest.raises(MediaFault, match="expected a line with the checksum of disk.qcow2"):
            checksum_in(text, "https://a/disk.qcow2", source)


def test_a_name_with_escapes() -> None:
    """GNU's programs put a backslash before a line whose name has a backslash or a line end."""
    assert checksum_in(f"\\{A}  a\\\\b.img\n", "file:///a%5Cb.img", "S") == f"sha256:{A}"
    assert checksum_in(f"\\SHA256 (a\\nb) = {A}\n", "file:///a%0Ab", "S") == f"sha256:{A}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}  {NAME}\n{B}  {NAME}\n", "S: has 2 different sha256 digests of disk one.qcow2"),
        (
            f"{'d' * 32}  {NAME}\n{'e' * 40}  {NAME}\n",
            "S: expected a SHA-256 or SHA-512 digest of disk one.qcow2; found MD5 and SHA-1 only",
        ),
        (
            f"{A}  one.qcow2\n{B}  two.img\n",
            "S: expected a line with the checksum of disk one.qcow2; it has those of one.qcow2 and two.img",
        ),
        (
            "<html>404</html>",
            (
                "S: expected a line with the checksum of disk one.qcow2; it has no line in the form of GNU, BSD "
                "or OpenSSL"
            ),
        ),
        (
            "",
            "S: expected a line with the checksum of disk one.qcow2; it has no line in the form of GNU, BSD or",
        ),
        (
            f"{A}  13/{NAME}\n",
            "S: expected a line with the checksum of disk one.qcow2; it has those of 13/disk",
        ),
        (
            f"{A}  x{NAME}\n",
            "S: expected a line with the checksum of disk one.qcow2; it has those of xdisk one",
        ),
        (f"{A}\n{B}\n", "S: expected a line with the checksum of disk one.qcow2; it has no line in the form"),
        (
            f"{A[:-1]}  {NAME}\n",
            "S: expected a SHA-256 or SHA-512 digest of disk one.qcow2; found 252 bits only",
        ),
    ],
)
def test_a_checksum_that_is_not_there(text: str, expected: str) -> None:
    with pytest.raises(MediaFault) as caught:
        checksum_in(text, URL, "S")
    assert caught.value.message.startswith(expected)


SIGNED = f"""\
{B}  disk.img
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# a comment
- -----dashes-----
{A}  disk.img
-----BEGIN PGP SIGNATURE-----

iQ
-----END PGP SIGNATURE-----
{B}  disk.img
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_only_the_signed_part_of_a_clear_signed_file_counts(line_end: str) -> None:
    text = SIGNED.replace("\n", line_end)
    assert is_clear_signed(text)
    assert signed_text(text) == f"# a comment\n-----dashes-----\n{A}  disk.img"
    assert checksum_in(signed_text(text), "file:///disk.img", "S") == f"sha256:{A}"


def test_a_clear_signed_file_that_is_truncated() -> None:
    with pytest.raises(MediaFault, match="ends before its signature"):
        signed_text(SIGNED[:200])
    assert not is_clear_signed(f"{A}  disk.img\n")
