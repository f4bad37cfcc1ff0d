"""Parsers of Linux's answers about its kernel and its firmware."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.core import errors
from fixtures.systems.linux import firmware
from fixtures.systems.linux import kernel as linux_kernel
from suites.selftest.support.paths import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

DEBIAN = (SAMPLES / "debian-12-q35" / "kernel.txt").read_text()


def edited(*changes: tuple[str, str], rows: int = 13) -> str:
    answer = DEBIAN
    for old, new in changes:
        assert old in answer
        answer = answer.replace(old, new)
    return answer.replace("end|13", f"end|{rows}")


def test_a_kernel_as_its_vendor_ships_it() -> None:
    kernel = linux_kernel.parse(DEBIAN)
    assert kernel.release == "6.1.0-56-amd64"
    assert kernel.version_text == "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)"
    assert (kernel.taint, kernel.taint_flags) == (0, ())
    assert kernel.command_line.startswith("BOOT_IMAGE=/vmlinuz root=UUID=")
    assert kernel.image_path == "/boot/vmlinuz-6.1.0-56-amd64"
    assert kernel.image_sha256.startswith("sha256:26f2e57c")
    assert kernel.image_is_running
    assert (kernel.package, kernel.package_version) == ("linux-image-6.1.0-56-amd64", "6.1.192-2")
    assert kernel.package_status == "installed"
    assert kernel.vendor_digest == kernel.file_digest == "md5:0d8adc540aa4bb8269e5b9d5eb93c188"


def test_a_changed_file_differs_from_the_digest_in_the_package_list() -> None:
    kernel = linux_kernel.parse(edited(("\nmd5|0d8a", "\nmd5|ffff")))
    assert kernel.vendor_digest != kernel.file_digest


def test_a_file_of_another_build_is_not_the_running_kernel() -> None:
    kernel = linux_kernel.parse(edited(("version|#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2", "version|#2 SMP")))
    assert not kernel.image_is_running


def test_a_digest_of_rpm_is_compared_with_sha256_and_ghosts_are_left_out() -> None:
    sha256 = "26f2e57c99338feaf71c46fa4babdc7e1a6c115943002d109fdb746667104f5f"
    listed = f"vendor_digest|{'0' * 64}\nvendor_digest|{sha256}"
    answer = edited(("vendor_digest|0d8adc540aa4bb8269e5b9d5eb93c188", listed), rows=14)
    kernel = linux_kernel.parse(answer)
    assert kernel.vendor_digest == kernel.file_digest == f"sha256:{sha256}"


# The rows of Debian 12's answer without its package, and what dpkg says of the package of the original.
COPY = "\n".join([*DEBIAN.splitlines()[:9], "end|9"])
ORIGINAL = "\n".join(
    [
        *("package|linux-binary-7.2.12+deb14-amd64", "package_version|7.2.12-1", "package_status|installed"),
        *("vendor_digest|0d8adc540aa4bb8269e5b9d5eb93c188", "end|4"),
    ]
)


def test_a_copy_of_a_packaged_kernel_is_compared_with_its_original() -> None:
    """Newer packages of Debian have the kernel in /usr/lib/modules; the file in /boot is a copy."""
    kernel = linux_kernel.parse(COPY, ORIGINAL)
    assert (kernel.package, kernel.package_version) == ("linux-binary-7.2.12+deb14-amd64", "7.2.12-1")
    assert kernel.vendor_digest == kernel.file_digest == "md5:0d8adc540aa4bb8269e5b9d5eb93c188"
    changed = linux_kernel.parse(COPY.replace("\nmd5|0d8a", "\nmd5|ffff"), ORIGINAL)
    assert changed.file_digest != changed.vendor_digest == kernel.vendor_digest


def test_a_kernel_that_no_package_has_at_all_has_no_digest() -> None:
    kernel = linux_kernel.parse(COPY, "end|0")
    assert (kernel.image_path, kernel.package) == ("/boot/vmlinuz-6.1.0-56-amd64", "")
    assert (kernel.vendor_digest, kernel.file_digest) == (None, None)


DPKG_QUERY = """#!/bin/sh
case "$1" in
-S) [ "$2" = "/usr/lib/modules/$(uname -r)/vmlinuz" ] && echo "linux-binary-7.2: $2" ;;
-W) case "$2" in *Status*) echo "package_status|installed" ;; *) echo "package|$3"; echo "package_version|7" ;; esac ;;
--control-show) printf '%s  usr/lib/modules/%s/vmlinuz\\n' ea1e "$(uname -r)" beef "$(uname -r)/other" ;;
esac
"""


def test_the_question_for_the_original_takes_the_digest_of_that_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dpkg-query"
    program.write_text(DPKG_QUERY)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    answer = subprocess.run(
        linux_kernel.ORIGINAL_QUERY, shell=True, capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines() == [
        *("package|linux-binary-7.2", "package_version|7", "package_status|installed"),
        *("vendor_digest|ea1e", "end|4"),
    ]


def test_a_kernel_without_a_package_has_no_digests() -> None:
    answer = "\n".join([*DEBIAN.splitlines()[:6], "end|6"]).replace(
        "image|/boot/vmlinuz-6.1.0-56-amd64", "image|"
    )
    kernel = linux_kernel.parse(answer)
    assert (kernel.image_path, kernel.package, kernel.vendor_digest, kernel.file_digest) == (
        "",
        "",
        None,
        None,
    )
    assert not kernel.image_is_running


@pytest.mark.parametrize(
    ("change", "rows", "message"),
    [
        (("taint|0", "taint|none"), 13, "taint|none"),
        (("taint|0", "tainted|0"), 13, "tainted|0"),
        (("taint|0\n", ""), 12, "one row taint, 0 are there"),
        (("taint|0\n", "taint|0\ntaint|0\n"), 14, "one row taint, 2 are there"),
        (("vendor_digest|0d8a", "vendor_digest|"), 13, "one MD5 or SHA-256 digest"),
        (("vendor_digest|0d8a", "vendor_digest|0d8x"), 13, "one MD5 or SHA-256 digest"),
        (("end|13", "end|12"), 13, "closing row"),
    ],
)
def test_an_invalid_answer_is_quoted_in_the_error(change: tuple[str, str], rows: int, message: str) -> None:
    answer = DEBIAN.replace(*change) if change[0].startswith("end") else edited(change, rows=rows)
    with pytest.raises(errors.AnswerNotUnderstood) as caught:
        linux_kernel.parse(answer if message != "closing row" else answer.replace("end|12", "end"))
    assert message in str(caught.value)


def test_taint_letters_are_those_of_the_kernels_documentation() -> None:
    assert "".join(letter for letter, _ in linux_kernel.TAINTS) == "PFSRMBUDAWCIOELKXTNJ"
    flags = linux_kernel.taint_flags(1 << 9 | 1 << 12 | 1 << 13 | 1 << 40)
    assert [flag[0] for flag in flags] == ["W", "O", "E", "?"]
    assert flags[1] == "O: a module built outside the kernel's tree was loaded (bit 12)"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((SAMPLES / "debian-12-pc" / "firmware.txt").read_text(), ("bios", None, "none")),
        ((SAMPLES / "debian-12-q35" / "firmware.txt").read_text(), ("uefi", True, "integrity")),
        ("uefi|0\nlockdown|\nend|2", ("uefi", False, "")),
        ("uefi|\nlockdown|\nend|2", ("uefi", None, "")),
    ],
)
def test_firmware(answer: str, expected: tuple[str, bool | None, str]) -> None:
    parsed = firmware.parse(answer)
    assert (parsed.kind, parsed.secure_boot, parsed.lockdown) == expected


@pytest.mark.parametrize(
    "answer", ["uefi|7\nlockdown|\nend|2", "bios|1\nlockdown|\nend|2", "uefi|1\nend|2", "x"]
)
def test_invalid_firmware_answers_raise(answer: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood):
        firmware.parse(answer)


def test_a_lockdown_without_a_selected_mode_raises() -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="one word in brackets"):
        firmware.parse("uefi|1\nlockdown|none integrity\nend|2")
