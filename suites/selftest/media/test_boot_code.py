"""Boot code on disks: partition tables that sfdisk writes, file systems of mkfs.fat, and images of QEMU."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import DescriptionMismatch
from fixtures.host.qemu import find_qemu_img
from fixtures.host.tools import run_tool
from fixtures.lab.instance.bootable_disk import require_bootable
from fixtures.media.base_images import Image
from fixtures.media.boot_code import find_boot_code
from fixtures.media.disk_content import boot_code
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from fixtures.media.boot_code import BootCode

MIB = 1 << 20
ESP, BIOS_BOOT, LINUX = (
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "21686148-6449-6E6F-744E-656564454649",
    "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
)
CODE = b"\xfa\xeb\xfe"


def gpt(*types: str) -> str:
    return "label: gpt\n" + "".join(f"size=20M, type={name}\n" for name in types)


def mbr(*types: str) -> str:
    return "label: dos\n" + "".join(f"size=20M, type={name}\n" for name in types)


def partitioned(path: Path, script: str, code: bytes = b"", fat_at: int | None = None) -> Path:
    """A disk of 100 MiB that sfdisk partitions. ``code`` is in its boot sector, FAT at the MiB ``fat_at``."""
    with path.open("wb") as file:
        file.truncate(100 * MIB)
    if script:
        subprocess.run(["sfdisk", "-q", str(path)], input=script.encode(), check=True)
    if fat_at is not None:
        size = 20 * MIB >> 10
        offset = fat_at * MIB // 512
        subprocess.run(
            ["mkfs.fat", f"--offset={offset}", str(path), str(size)], check=True, stdout=subprocess.DEVNULL
        )
    with path.open("r+b") as file:
        file.write(code)
    return path


def image(path: Path, image_format: str = "raw") -> Image:
    return Image(path, image_format, "sha256:" + "0" * 64, "a test")  # type: ignore[arg-type]  # both formats are valid


def code_of(path: Path) -> BootCode:
    return boot_code(image(path))


@pytest.mark.parametrize(
    ("script", "code", "fat_at", "expected", "description"),
    [
        (gpt(BIOS_BOOT, LINUX), CODE, None, (True, False), "GPT: BIOS boot partition, Linux file system"),
        (gpt(ESP, LINUX), b"", 1, (False, True), "GPT: EFI system partition, Linux file system"),
        (gpt(ESP, BIOS_BOOT), CODE, 1, (True, True), "GPT: EFI system partition, BIOS boot partition"),
        (mbr("83", "82"), CODE, None, (True, False), "MBR: Linux, Linux swap"),
        (mbr("7"), CODE, None, (True, False), "MBR: NTFS"),
        (mbr("ef", "83"), b"", 1, (False, True), "MBR: type 0xef, Linux"),
        # UEFI boots from every FAT file system, whatever the partition's type.
        (mbr("c"), CODE, 1, (True, True), "MBR: type 0x0c"),
        (gpt(LINUX), b"", None, (False, False), "GPT: Linux file system"),
        ("", b"", None, (True, True), "no boot sector"),
        ("", b"", 0, (True, True), None),
    ],
    ids=[
        "GPT with BIOS boot",
        "GPT with an ESP",
        "GPT with both",
        "MBR with Linux",
        "MBR with NTFS",
        "MBR with an ESP",
        "MBR with FAT",
        "GPT without boot code",
        "an empty disk",
        "FAT without partitions",
    ],
)
def test_the_boot_code_of_a_disk(
    script: str,
    code: bytes,
    fat_at: int | None,
    expected: tuple[bool, bool],
    description: str | None,
    tmp_path: Path,
) -> None:
    seen = code_of(partitioned(tmp_path / "disk.raw", script, code, fat_at))
    assert (seen.bios, seen.uefi) == expected
    assert description is None or seen.description == description


def test_a_boot_sector_alone_is_for_bios(tmp_path: Path) -> None:
    seen = code_of(machine_sample.disk(tmp_path / "disk.raw", CODE))
    assert (seen.bios, seen.uefi, seen.description) == (True, False, "MBR: no partition")


@pytest.mark.parametrize("name", ["qcow2", "vmdk", "vhdx"])
def test_other_formats_are_read_with_qemu_img(name: str, tmp_path: Path) -> None:
    raw = partitioned(tmp_path / "disk.raw", mbr("83", "c"), CODE, 21)
    disk = tmp_path / f"disk.{name}"
    run_tool([find_qemu_img(), "convert", "-f", "raw", "-O", name, raw, disk])
    assert boot_code(image(disk, name)) == code_of(raw)
    assert boot_code(image(disk, name)).uefi is True


@given(st.binary(max_size=2048))
def test_any_content_is_judged(content: bytes) -> None:
    for disk in (content, content.ljust(510, b"\0")[:510] + b"\x55\xaa" + content):
        find_boot_code(lambda offset, size, disk=disk: disk[offset : offset + size])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("firmware", "script", "code", "words"),
    [
        ("uefi", gpt(BIOS_BOOT, LINUX), CODE, "code in its boot sector, but no EFI system partition"),
        ("bios", gpt(ESP, LINUX), b"", "an EFI system partition and no code in its boot sector"),
    ],
)
def test_a_disk_for_another_firmware_is_refused(
    firmware: str, script: str, code: bytes, words: str, tmp_path: Path
) -> None:
    disk = partitioned(tmp_path / "disk.raw", script, code)
    cell = machine_sample.cell(firmware=firmware, machine="q35", devices={"disk": "ide-hd"})
    with pytest.raises(DescriptionMismatch, match=words) as caught:
        require_bootable(cell, image(disk))
    assert (
        f"the platform bare has firmware: {firmware}, which cannot boot the image disk.raw"
        in caught.value.message
    )


@pytest.mark.parametrize("firmware", ["uefi", "bios"])
@pytest.mark.parametrize("script", ["", gpt(ESP, BIOS_BOOT), gpt(LINUX)], ids=["empty", "both", "neither"])
def test_a_disk_for_both_or_neither_is_not_refused(firmware: str, script: str, tmp_path: Path) -> None:
    """The alibi: a disk for each firmware, an empty disk, and one whose boot code is not known."""
    disk = partitioned(tmp_path / "disk.raw", script, CODE if "2168" in script else b"")
    cell = machine_sample.cell(firmware=firmware, machine="q35", devices={"disk": "ide-hd"})
    require_bootable(cell, image(disk))
