"""``ci/describe`` judges an image: its system, its programs, its consoles, and the platforms that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.login_specs import Login
from fixtures.commands.describe.efi_loader import EfiLoader
from fixtures.commands.describe.file_collection import account_states
from fixtures.commands.describe.image_evidence import FileSystem, FileTree
from fixtures.commands.describe.platform_choice import choose_platforms, misfit
from fixtures.commands.describe.system_facts import Fact, consoles_of, judge_system
from fixtures.core.project import SHIPPED_GUESTS
from suites.selftest.support.describe_sample import (
    ESP,
    GRUB,
    NTFS,
    PROGRAMS,
    asked,
    boot,
    description,
    findings,
    image,
    logged_in,
    root,
    text_of,
)

if TYPE_CHECKING:
    pass


def test_a_debian_is_told_from_its_files() -> None:
    facts = judge_system(image())
    assert (facts.system.value, facts.title.value, facts.arch.value) == (
        "linux",
        "Debian GNU/Linux 12 (bookworm)",
        "x86_64",
    )
    assert (facts.packages.value, facts.boot_loader.value) == ("dpkg", "GRUB")
    assert facts.consoles == ("tty0", "ttyS0")
    assert facts.serial_console == "ttyS0"
    assert dict(facts.accounts) == {"root": "password"}
    assert (facts.lacks, facts.contradictions) == ((), ())


def test_an_os_release_that_lies_is_contradicted_by_the_package_database() -> None:
    lie = 'ID=fedora\nPRETTY_NAME="Fedora Linux 42"\n'
    found = findings(image(ESP, root(files={"/etc/os-release": lie, "/etc/debian_version": "12.15\n"})))
    assert "says 'fedora', whose packages are rpm's, but the image has the package database of dpkg" in asked(
        found
    )
    assert "there is /etc/debian_version (12.15)" in asked(found)


def test_an_os_release_that_lies_is_contradicted_by_the_greeting_and_by_the_running_system() -> None:
    lie = root(
        files={"/etc/os-release": 'ID=fedora\nPRETTY_NAME="Fedora Linux 42"\n'},
        programs=frozenset({"/usr/bin/rpm"}),
    )
    found = findings(image(ESP, lie), boot(login=logged_in()), login=Login(user="root"))
    assert "os-release names 'Fedora Linux 42', but the guest greets as 'Debian' on pc-bios-ide" in asked(
        found
    )
    assert "'fedora' on the disk, and 'debian' in the running system on pc-bios-ide" in asked(found)


@pytest.mark.parametrize(
    ("release", "programs"),
    [
        # A derivative says what it is like.
        ("ID=ubuntu\nID_LIKE=debian\n", PROGRAMS),
        ("ID=kali\nID_LIKE=debian\n", PROGRAMS),
        # Some distributions have the tools of another one besides their own.
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', frozenset({"/var/lib/dpkg/status", "/usr/bin/rpm"})),
        ("ID=unheard-of\n", frozenset({"/var/lib/dpkg/status"})),
    ],
)
def test_an_honest_os_release_is_not_contradicted(release: str, programs: frozenset[str]) -> None:
    directories = {"/var/lib/rpm": ("rpmdb.sqlite",)} if "/usr/bin/rpm" in programs else {}
    honest = root(files={"/etc/os-release": release}, programs=programs, directories=directories)
    assert judge_system(image(ESP, honest)).contradictions == ()


def test_what_was_not_read_is_a_question() -> None:
    luks = FileSystem("GPT partition 2 (Linux file system)", "crypto_LUKS", unread="it is encrypted (LUKS)")
    found = findings(image(ESP, luks))
    assert found.system.system.value == "linux"
    question = (
        "What is on GPT partition 2 (Linux file system)? Nothing of it was read: it is encrypted (LUKS)"
    )
    assert question in asked(found)


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "x86_64"), ("i686", "i386"), ("amd64", "x86_64")])
def test_what_the_disk_hides_the_running_system_tells(machine: str, arch: str) -> None:
    lvm = FileSystem("GPT partition 2 (Linux file system)", "LVM2_member", unread="it is a volume of LVM")
    login = boot(login=logged_in(machine=machine))
    # A 64-bit boot loader may start a system of 32 bits.
    found = findings(image(ESP, lvm), login, login=Login(user="root"))
    assert description(found)["title"] == "Debian GNU/Linux 12 (bookworm)"
    assert description(found)["arch"] == arch
    assert "os-release of the running system on pc-bios-ide" in text_of(found)
    assert "What is on" not in asked(found)


def test_the_boot_loader_tells_the_architecture_where_no_one_logged_in() -> None:
    lvm = FileSystem("GPT partition 2 (Linux file system)", "LVM2_member", unread="it is a volume of LVM")
    found = findings(image(ESP, lvm), boot())
    assert description(found)["arch"] == "x86_64"
    assert "a boot loader on GPT partition 1 (EFI system partition)" in text_of(found)
    # Nothing is known of its accounts.
    assert "sudo" not in text_of(found)


def test_a_second_system_that_was_not_read_stays_a_question() -> None:
    found = findings(image(ESP, root(), NTFS), boot(login=logged_in()), login=Login(user="root"))
    assert "What is on MBR partition 1 (NTFS)" in asked(found)


def test_a_disk_for_uefi_alone_requires_it() -> None:
    found = findings(image(bios=False))
    assert description(found)["requires"] == {"firmware": ["uefi", "uefi-secure"]}


@pytest.mark.parametrize(
    ("bios", "signed", "firmware"),
    [(True, False, ["bios", "uefi"]), (False, False, ["uefi"]), (False, True, ["uefi", "uefi-secure"])],
)
def test_a_loader_without_a_signature_is_not_for_secure_boot(
    bios: bool, signed: bool, firmware: list[str]
) -> None:
    loader = EfiLoader("/EFI/BOOT/BOOTX64.EFI", signed, "systemd-boot")
    tree = FileTree(directories={"/": ("EFI",), "/loader/entries": ("debian.conf",)}, loader=loader)
    esp = FileSystem("GPT partition 1 (EFI system partition)", "vfat", "ESP", tree)
    found = findings(image(esp, root(files={"/etc/os-release": "ID=debian\n"}), bios=bios))
    assert description(found)["requires"] == {"firmware": firmware}
    assert found.system.boot_loader.value == "systemd-boot"


def test_a_fat_file_system_without_the_directory_efi_is_nothing_for_uefi() -> None:
    dos = FileSystem(
        "the whole disk",
        "vfat",
        "FREEDOS",
        FileTree(directories={"/": ("KERNEL.SYS",)}, programs=frozenset({"/KERNEL.SYS"})),
    )
    evidence = image(dos)
    assert (evidence.bios, evidence.uefi) == (True, False)
    assert judge_system(evidence).system.value == "dos"


def test_a_small_linux_lacks_what_its_disk_lacks() -> None:
    facts = judge_system(image(ESP, root(programs=frozenset({"/bin/busybox"}))))
    assert facts.lacks == ("bash", "coreutils", "kmod", "packages", "perl", "systemd", "udev", "util-linux")


def test_the_programs_of_busybox_are_no_package_manager_and_no_util_linux() -> None:
    applets = frozenset({"/bin/busybox", "/usr/bin/dpkg", "/usr/bin/rpm", "/sbin/blkdiscard"})
    facts = judge_system(image(ESP, root(programs=applets, files={"/boot/grub/grub.cfg": GRUB})))
    assert facts.packages.value == ""
    assert {"packages", "util-linux", "coreutils"} <= set(facts.lacks)
    assert facts.title == Fact("disk.qcow2", "the name of the file; nothing in the image names its system")


def test_a_debian_with_busybox_for_its_initramfs_lacks_nothing() -> None:
    assert judge_system(image(ESP, root(programs=PROGRAMS | {"/usr/bin/busybox"}))).lacks == ()


def test_passwords_are_told_by_their_kind_only() -> None:
    shadow = "root:$y$j9T$salt$hash:19000:0:99999:7:::\nmail:*:1::::::\nguest::1::::::\nuser:!$6$x:1::::::\n"
    assert account_states(shadow) == {
        "root": "password",
        "mail": "locked",
        "guest": "empty",
        "user": "locked",
    }


@pytest.mark.parametrize(
    ("line", "consoles"),
    [
        ("root=/dev/vda1 ro quiet", ()),
        ("console=tty0 console=ttyS0,115200n8 earlyprintk=ttyS0", ("tty0", "ttyS0")),
        ("netconsole=@/,@10.0.0.1/ console=ttyAMA0", ("ttyAMA0",)),
    ],
)
def test_the_consoles_of_a_command_line(line: str, consoles: tuple[str, ...]) -> None:
    assert consoles_of(line) == consoles


@pytest.mark.parametrize(
    ("bios", "uefi", "drive", "arch", "expected"),
    [
        (True, True, "disk", "x86_64", ("pc-bios-ide", "q35-uefi-virtio")),
        (False, True, "disk", "x86_64", ("q35-uefi-virtio", "q35-uefi-inbox")),
        (True, False, "disk", "i386", ("pc-bios-ide", "q35-bios-virtio-transitional")),
        (True, True, "cdrom", "", ("pc-bios-ide", "q35-bios-virtio-transitional")),
        (False, True, "disk", "aarch64", ("virt-uefi-virtio",)),
        (True, True, "disk", "ppc64", ()),
    ],
)
def test_the_platforms_fit_the_image(
    bios: bool, uefi: bool, drive: Any, arch: str, expected: tuple[str, ...]
) -> None:
    known = {
        "pc-bios-ide",
        "q35-uefi-virtio",
        "q35-uefi-inbox",
        "q35-bios-virtio-transitional",
        "virt-uefi-virtio",
    }
    choice = choose_platforms(bios=bios, uefi=uefi, drive=drive, arch=arch, known=known)
    assert choice.platforms == expected


@pytest.mark.parametrize(
    ("platform", "fields", "arch", "words"),
    [
        ("pc-bios-ide", {"bios": False}, "x86_64", "the image boots under UEFI alone"),
        ("q35-uefi-secure", {"uefi": False}, "x86_64", "the image boots under BIOS alone"),
        ("pc-bios-ide", {}, "aarch64", "the image is for aarch64"),
        ("virt-uefi-virtio", {}, "i386", "the image is for i386"),
        ("q35-uefi-virtio", {}, "i386", ""),
        ("q35-uefi-virtio", {"uefi": False, "drive": "cdrom"}, "", ""),
    ],
)
def test_a_platform_that_cannot_boot_the_image_is_named(
    platform: str, fields: dict[str, Any], arch: str, words: str
) -> None:
    spec = Catalog.load([SHIPPED_GUESTS]).platforms[platform]
    problem = misfit(image(**fields), Fact(arch, "its programs"), spec)
    assert words in problem
    assert bool(words) is bool(problem)
