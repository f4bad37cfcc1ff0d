"""Mistakes in the image of a guest: the message is for the kind of image that is meant."""

from __future__ import annotations

import pytest

from fixtures.catalog.field_types import Spec
from fixtures.catalog.image_sources import BuiltImage, FetchedImage, LocalImage
from fixtures.catalog.specs import GuestSpec
from suites.selftest.catalog.test_validation import GUEST, error_message, parse_spec

DIGEST = "sha256:" + "0" * 64
NOT_ONE_KEY = (
    "x.yaml:5: image: expected a mapping with exactly one of the keys"
    " build, url, path, install, package and blank; found "
)
IMAGE_MISTAKES = [
    ("debian", [NOT_ONE_KEY + "'debian'"]),
    ("[a]", [NOT_ONE_KEY + "a list"]),
    ("{}", [NOT_ONE_KEY + "an empty mapping"]),
    ("", [NOT_ONE_KEY + "nothing"]),
    ("{suite: bookworm}", [NOT_ONE_KEY + "a mapping with the keys suite"]),
    ("{path: x, build: debian}", [NOT_ONE_KEY + "a mapping with the keys build, path"]),
    ("{build: debian}", ["x.yaml:5: image: missing key 'suite' (in mapping that starts at line 5)"]),
    ("{build: fedora, suite: f40}", ["x.yaml:5: image.build: expected 'debian', 'debian-cloud', 'debian-ignition' or 'busybox'; found 'fedora'"]),
    ("{build: debian-ignition, suite: sid}", [
        "x.yaml:5: image.initramfs: expected 'dracut', in which Debian's Ignition runs; found 'initramfs-tools'",
    ]),
    ("{build: debian, siute: sid, suite: sid}", [
        "x.yaml:5: image: key 'siute' is unknown; did you mean 'suite'?",
    ]),
    ("{build: debian, suite: sid, size: 2}", [
        "x.yaml:5: image.size: expected a size with its unit, like 64M or 1G; found 2",
    ]),
    ("{build: debian, suite: sid, packages: [g++, vim, A]}", [
        "x.yaml:5: image.packages.2: expected a package's name; found 'A'",
    ]),
    ("{build: debian, suite: sid, BuiltImage: 1}", [
        "x.yaml:5: image: key 'BuiltImage' is unknown; known: arch, boot_loader, build, console, init, initramfs, kernel, packages, root, selinux, size, suite, updates",
    ]),
    ("{url: 'https://a/b'}", [
        ("x.yaml:5: image.checksum_file: expected either the checksum of the image, or the checksum_file of its"
        " vendor; found nothing"),
    ]),
    (f"{{url: 'https://a/b', checksum: '{DIGEST}', checksum_file: SHA256SUMS}}", [
        ("x.yaml:5: image.checksum_file: expected either the checksum of the image, or the checksum_file of its"
        " vendor; found 'SHA256SUMS'"),
    ]),
    (f"{{url: 'https://a/b', checksum: '{DIGEST}', key: vendor.asc}}", [
        ("x.yaml:5: image.key: a key verifies a signature: expected the key signature or checksum_file too;"
        " found 'vendor.asc'"),
    ]),
    (f"{{url: 'https://me:secret@a/b', checksum: '{DIGEST}', mirrors: ['ftp://me:secret@c']}}", [
        ("x.yaml:5: image.mirrors.0: expected an address that starts with http://, https:// or file://;"
        " found 'ftp://c'"),
        ("x.yaml:5: image.url: expected an address without a user and a password; ~/.netrc may hold them;"
        " found 'https://a/b'"),
    ]),
    ("{url: 'https://a/b', checksum_file: a b, mirrors: [c, 'ftp://d'], packed: rar}", [
        ("x.yaml:5: image.checksum_file: expected an address, or a name beside the image's, without blanks;"
        " found 'a b'"),
        "x.yaml:5: image.mirrors.0: expected an address that starts with http://, https:// or file://; found 'c'",
        ("x.yaml:5: image.mirrors.1: expected an address that starts with http://, https:// or file://;"
        " found 'ftp://d'"),
        ("x.yaml:5: image.packed: expected gz, xz, bz2, zst, zip, tar or ova, or several of them like tar.gz;"
        " found 'rar'"),
    ]),
    ("{url: a, checksum: b}", [
        ("x.yaml:5: image.checksum: expected sha256: and 64 hexadecimal digits, or sha512: and 128;"
        " found 'b'"),
        "x.yaml:5: image.url: expected an address that starts with http://, https:// or file://; found 'a'",
    ]),
    ("{install: windows, medium: a}", [
        ("x.yaml:5: image.index: expected either the edition or the index of the image on the medium;"
        " found nothing"),
    ]),
    ("\n  install: windows\n  medium: a\n  edition: b\n  index: 1", [
        ("x.yaml:9: image.index: expected either the edition or the index of the image on the medium;"
        " found 1"),
    ]),
    ("\n  install: windows\n  medium: a\n  index: 0\n  locale: english\n  product_key: secret", [
        "x.yaml:8: image.index: expected at least 1; found 0",
        "x.yaml:9: image.locale: expected a language and a country, like en-US; found 'english'",
        ("x.yaml:10: image.product_key: expected five groups of five capital letters and digits, or ${NAME} of a"
        " variable that holds them; found 'secret'"),
    ]),
    ("\n  install: dos\n  edition: b\n  drivers: {path: c, folder: 2k99}", [
        "x.yaml:6: image.install: expected 'windows'; found 'dos'",
        "x.yaml:6: image: missing key 'medium' (in mapping that starts at line 6)",
        ("x.yaml:8: image.drivers.folder: expected '2k8R2', '2k12', '2k12R2', '2k16', '2k19', '2k22', '2k25', 'w7', 'w8',"
        " 'w8.1', 'w10' or 'w11'; found '2k99'"),
    ]),
    ("{path: a, format: vpc}", [
        "x.yaml:5: image.format: expected 'qcow2', 'raw', 'vmdk', 'vhd', 'vhdx' or 'vdi'; found 'vpc'",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("image", "messages"), IMAGE_MISTAKES)
def test_a_mistake_in_an_image_is_reported_for_the_kind_of_the_image(image: str, messages: list[str]) -> None:
    text = GUEST.replace("{build: debian, suite: bookworm}", image)
    assert error_message(text, GuestSpec).splitlines() == messages


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("{build: debian, suite: bookworm, packages: [vim, g++]}",
         BuiltImage(build="debian", suite="bookworm", packages=("vim", "g++"))),
        (f"{{url: 'https://a/b', checksum: '{DIGEST}'}}", FetchedImage(url="https://a/b", checksum=DIGEST)),
        (f"{{url: 'https://a/b', checksum: 'SHA512:{'AB' * 64}'}}",
         FetchedImage(url="https://a/b", checksum=f"sha512:{'ab' * 64}")),
        ("{url: 'https://a/b', checksum_file: CHECKSUM, key: k.asc, packed: tar.gz, member: '*.raw'}",
         FetchedImage(url="https://a/b", checksum_file="CHECKSUM", key="k.asc", packed="tar.gz", member="*.raw")),
        ("{path: a b.raw, format: raw}", LocalImage(path="a b.raw", format="raw")),
    ],
)  # fmt: skip
def test_each_kind_of_image(image: str, expected: Spec) -> None:
    guest = parse_spec(GUEST.replace("{build: debian, suite: bookworm}", image), GuestSpec)
    assert isinstance(guest, GuestSpec)
    assert guest.image == expected
