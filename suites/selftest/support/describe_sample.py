"""Findings of ``ci/describe`` as they were made of real images, to vary in tests of its judges."""

from __future__ import annotations

import dataclasses
from typing import Any

import yaml

from fixtures.commands.describe.boot_evidence import BootEvidence, DeviceEvidence, LoginEvidence, Text
from fixtures.commands.describe.image_evidence import FileSystem, FileTree, ImageEvidence
from fixtures.commands.describe.notes import propose
from fixtures.commands.describe.platform_choice import Choice, boots_under
from fixtures.commands.describe.proposal import Findings
from fixtures.commands.describe.questions import questions
from fixtures.commands.describe.system_facts import judge_system
from fixtures.commands.describe.yaml_text import render

RELEASE = (
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
)
GRUB = """\
serial --unit=0 --speed=115200
set timeout=0
menuentry "Debian GNU/Linux" {
    linux /boot/vmlinuz-6.1.0-56-amd64 root=UUID=75ee2314 ro console=tty0 console=ttyS0,115200
    initrd /boot/initrd.img-6.1.0-56-amd64
}
"""
PROGRAMS = frozenset(
    {"/bin/bash", "/usr/bin/dpkg", "/usr/bin/kmod", "/usr/bin/perl", "/usr/bin/systemctl", "/usr/bin/udevadm"}
    | {"/usr/sbin/blkdiscard", "/var/lib/dpkg/status"}
)
ESP = FileSystem(
    "GPT partition 1 (EFI system partition)",
    "vfat",
    "ESP",
    FileTree(
        directories={"/": ("EFI",), "/EFI": ("BOOT", "debian"), "/EFI/BOOT": ("BOOTX64.EFI",)},
        machine="x86_64",
    ),
)
ROOT_PLACE = "GPT partition 2 (Linux file system)"


def root(**tree: Any) -> FileSystem:
    """The root file system of a Debian; ``tree`` are the fields of its files that differ."""
    fields: dict[str, Any] = {
        "files": {"/etc/os-release": RELEASE, "/boot/grub/grub.cfg": GRUB, "/etc/debian_version": "12.15\n"},
        "directories": {"/boot": ("grub", "vmlinuz-6.1.0-56-amd64")},
        "programs": PROGRAMS,
        "machine": "x86_64",
        "accounts": {"root": "password", "daemon": "locked"},
    }
    return FileSystem(ROOT_PLACE, "ext4", "debian", FileTree(**fields | tree))


def image(*file_systems: FileSystem, **fields: Any) -> ImageEvidence:
    """A Debian for both kinds of firmware."""
    usual = ImageEvidence(
        file_name="disk.qcow2",
        digest="sha256:" + "0" * 64,
        packing="",
        published="qcow2",
        made="",
        size=2 << 30,
        drive="disk",
        layout="GPT: EFI system partition, Linux file system",
        bios=True,
        uefi=True,
        has_boot_sector=True,
        file_systems=file_systems or (ESP, root()),
    )
    return boots_under(dataclasses.replace(usual, **fields))


SERIAL = Text(("", "Debian GNU/Linux 12 debian ttyS0", ""), "debian login: ")
SCREEN = Text(("Debian GNU/Linux 12 debian tty1", "", "debian login: "), "debian login: ")


def boot(**fields: Any) -> BootEvidence:
    """A boot to the login on the serial port."""
    usual = BootEvidence("pc-bios-ide", "bios", "x86_64", "prompt", 40.0, 8.0, serial=SERIAL)
    return dataclasses.replace(usual, **fields)


def logged_in(**fields: Any) -> LoginEvidence:
    """What root saw on pc-bios-ide."""
    usual = LoginEvidence(
        "root",
        release=RELEASE,
        kernel="Linux 6.1.0-56-amd64",
        devices=(
            DeviceEvidence("piix3-ide", "ata_piix", True),
            DeviceEvidence("e1000", "e1000", True),
            DeviceEvidence("i440FX", "", True),
        ),
    )
    return dataclasses.replace(usual, **fields)


def findings(evidence: ImageEvidence | None = None, *boots: BootEvidence, **fields: Any) -> Findings:
    """The findings of an image and its boots."""
    evidence = evidence or image()
    return Findings(
        "appliance",
        "the name of the image",
        "/srv/appliance.qcow2",
        evidence,
        judge_system(evidence),
        Choice(("pc-bios-ide", "q35-uefi-virtio"), "the image may boot under BIOS and under UEFI"),
        boots=boots,
        **fields,
    )


PICTURE = {"serial": Text(), "screen": SCREEN, "screen_kind": "picture"}

NTFS = FileSystem("MBR partition 1 (NTFS)", "ntfs", unread="no reader of ntfs is at hand")


def text_of(found: Findings) -> str:
    return render(propose(found))


def description(found: Findings) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(text_of(found))
    return data


def asked(found: Findings) -> str:
    return "\n".join(questions(found))
