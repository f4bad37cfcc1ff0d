"""``ci/describe`` reads images: each kind of file system, without mounting it, and nothing is changed."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.commands.describe.efi_loader import EfiLoader, read_loader
from fixtures.commands.describe.file_collection import elf_machine
from fixtures.commands.describe.file_readers import path_pattern
from fixtures.commands.describe.image_reading import read_file_system, read_image
from fixtures.commands.describe.logged_in import missing_programs, programs_question
from fixtures.core.file_digest import file_digest
from fixtures.host.tools import require_tool
from fixtures.media.base_images import Image
from fixtures.media.boot_code import find_partitions
from fixtures.media.disk_content import DiskContent
from suites.selftest.support.describe_sample import GRUB, RELEASE
from suites.selftest.support.machine_sample import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable

from suites.selftest.support.describe_disks import (
    btrfs,
    btrfs_in_a_subvolume,
    directory_of,
    ext4,
    linux_disk,
    partitioned,
    run,
    xfs,
)


@pytest.mark.parametrize("make", [ext4, xfs, btrfs, btrfs_in_a_subvolume])
def test_each_file_system_of_linux_is_read_without_mounting_it(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "part", directory_of(tmp_path / "content"))
    seen = read_file_system("partition 1", tmp_path / "part", tmp_path)
    assert (seen.kind, seen.label, seen.unread) == (make.__name__.partition("_")[0], "root", "")
    assert seen.tree is not None, "expected the files of the file system"
    assert seen.tree.text("/etc/os-release", "/usr/lib/os-release")[1] == RELEASE
    assert seen.tree.files["/boot/grub/grub.cfg"] == GRUB
    assert seen.tree.names("/etc/cloud") == ("cloud.cfg",)
    assert "/var/lib/dpkg/status" in seen.tree.programs
    assert "/usr/bin/bash" not in seen.tree.programs
    assert seen.tree.machine == "x86_64"
    assert dict(seen.tree.accounts) == {"root": "password", "daemon": "locked"}
    assert "hash" not in repr(seen)


def test_fat_is_read(tmp_path: Path) -> None:
    part = tmp_path / "part"
    with part.open("wb") as file:
        file.truncate(4 << 20)
    run("mkfs.vfat", "-n", "ESP", part)
    run("mmd", "-i", part, "::EFI", "::EFI/BOOT")
    (tmp_path / "loader").write_bytes(b"MZ")
    run("mcopy", "-i", part, tmp_path / "loader", "::EFI/BOOT/BOOTAA64.EFI")
    seen = read_file_system("partition 1", part, tmp_path)
    assert (seen.kind, seen.label) == ("vfat", "ESP")
    assert seen.tree is not None, "expected the files of the file system"
    assert seen.tree.names("/EFI/BOOT") == ("BOOTAA64.EFI",)
    assert seen.tree.machine == "aarch64"


def efi_program(magic: int, certificates: int, text: bytes) -> bytes:
    """The head of a PE program (PE32 or PE32+) with a certificate table of this size, and ``text`` behind it."""
    directories = 96 if magic == 0x10B else 112
    optional = struct.pack("<H", magic).ljust(directories, b"\0") + bytes(32)
    optional += struct.pack("<II", 4096, certificates) + bytes(88)
    return (
        b"MZ".ljust(0x3C, b"\0")
        + struct.pack("<I", 0x80)
        + bytes(64)
        + b"PE\0\0"
        + bytes(20)
        + optional
        + text
    )


@pytest.mark.parametrize("magic", [0x10B, 0x20B])
def test_a_boot_loader_tells_its_signature_and_its_name(magic: int) -> None:
    systemd_boot = efi_program(magic, 0, b"#### LoaderInfo: systemd-boot 252.39-1~deb12u2 ####\0")
    assert read_loader("x", systemd_boot) == EfiLoader("x", signed=False, name="systemd-boot")
    assert read_loader("x", efi_program(magic, 2048, b"GRUB")) == EfiLoader("x", signed=True)


@given(st.binary(max_size=256))
def test_a_file_that_is_no_program_is_no_boot_loader(content: bytes) -> None:
    assert read_loader("x", b"MZ" + content) is None


def test_an_encrypted_partition_is_named(tmp_path: Path) -> None:
    header = (
        b"LUKS\xba\xbe\0\x01"
        + b"aes".ljust(32, b"\0")
        + b"xts-plain64".ljust(32, b"\0")
        + b"sha256".ljust(32, b"\0")
    )
    (tmp_path / "part").write_bytes(header.ljust(1 << 20, b"\0"))
    seen = read_file_system("partition 1", tmp_path / "part", tmp_path)
    assert (seen.kind, seen.tree, seen.unread) == ("crypto_LUKS", None, "it is encrypted (LUKS)")


def test_a_damaged_file_system_is_no_error(tmp_path: Path) -> None:
    ext4(tmp_path / "part", directory_of(tmp_path / "content"))
    with (tmp_path / "part").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (1 << 20))
    seen = read_file_system("partition 1", tmp_path / "part", tmp_path)
    assert seen.kind == "ext4"
    assert seen.tree is None or not seen.tree.files


def test_logical_partitions_are_found_with_their_sizes(tmp_path: Path) -> None:
    script = "label: dos\nstart=2048, size=2048, type=83\nstart=4096, size=20480, type=5\nsize=4096, type=83\nsize=2048, type=82\n"
    disk = partitioned(tmp_path / "disk.raw", script)
    _, found = find_partitions(DiskContent(disk, "raw").read)
    listed = subprocess.run([require_tool("sfdisk"), "--json", disk], check=True, capture_output=True)
    expected = [
        (part["start"] * 512, part["size"] * 512)
        for part in yaml.safe_load(listed.stdout)["partitiontable"]["partitions"]
    ]
    assert [(part.offset, part.size) for part in found] == expected


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_image_is_read_and_not_changed(image_format: str, tmp_path: Path) -> None:
    disk = linux_disk(tmp_path)
    if image_format == "qcow2":
        run("qemu-img", "convert", "-O", "qcow2", disk, tmp_path / "appliance.qcow2")
        disk = tmp_path / "appliance.qcow2"
    before = file_digest(disk), disk.stat().st_mtime_ns
    evidence = read_image(disk, Image(disk, image_format, before[0], "x"), None, no_progress)  # type: ignore[arg-type]  # both formats are valid
    assert (file_digest(disk), disk.stat().st_mtime_ns) == before
    assert [each.kind for each in evidence.file_systems] == ["", "ext4"]
    assert (evidence.published, evidence.drive, evidence.bios) == (image_format, "disk", True)


def test_the_question_for_programs_is_understood_by_a_shell() -> None:
    done = subprocess.run(["sh", "-c", programs_question()], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert {"bash", "coreutils", "util-linux", "perl"}.isdisjoint(missing_programs(done.stdout))
    without = subprocess.run(
        ["/bin/sh", "-c", programs_question()],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/nowhere"},
    )
    assert missing_programs(without.stdout) == (
        "bash",
        "coreutils",
        "kmod",
        "packages",
        "perl",
        "systemd",
        "udev",
        "util-linux",
    )


def test_the_programs_of_busybox_do_not_count(tmp_path: Path) -> None:
    applets = tmp_path / "bin"
    applets.mkdir()
    for name in ("modinfo", "blkdiscard", "rpm", "dd"):
        # A hard link to BusyBox looks like this to its caller.
        (applets / name).write_text(
            '#!/bin/sh\necho "BusyBox v1.35.0 multi-call binary." >&2\nexit 1\n', encoding="utf-8"
        )
        (applets / name).chmod(0o755)
    grep = require_tool("grep")
    (applets / "grep").symlink_to(grep)
    done = subprocess.run(
        ["/bin/sh", "-c", programs_question()],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": str(applets)},
    )
    assert {"kmod", "util-linux", "packages", "coreutils"} <= set(missing_programs(done.stdout))


def test_the_paths_for_btrfs_have_all_directories_above_them() -> None:
    assert (
        path_pattern(["/usr/lib/x", "/usr/b.c/*"]) == r"^/(|usr|usr/b\.c|usr/b\.c/[^/]*|usr/lib|usr/lib/x)$"
    )


@pytest.mark.parametrize(
    ("program", "machine"),
    [(b"\x7fELF\x02\x01".ljust(18, b"\0") + b"\xb7\0", "aarch64"), (b"\x7fELF\x02\x02".ljust(18, b"\0") + b"\0\x16", "s390x"), (b"#!/bin/sh\n" * 4, ""), (b"\x7fELF", "")],
)  # fmt: skip
def test_the_machine_of_a_program(program: bytes, machine: str) -> None:
    assert elf_machine(program) == machine
