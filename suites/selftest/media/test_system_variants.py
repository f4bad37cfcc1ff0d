"""The variants of a built Debian: packages, disks, boot loaders and what the report says of them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.login_specs import Login
from fixtures.core.errors import MediaFault
from fixtures.media import (
    apt_sources,
    boot_loaders,
    debian_builder,
    disk_layout,
    grub_config,
    package_sources,
    root_layouts,
    root_mover,
    system_packages,
)

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
ROOT = "11111111-2222-5333-8444-555555555555"
LOGIN = Login(user="root", password="it's secret")
MIRROR = apt_sources.AptSource("https://mirror.example/debian", "bookworm")


def built(**more: object) -> BuiltImage:
    return BuiltImage.model_validate({"build": "debian", "suite": "bookworm", **more})


def hook(image: BuiltImage) -> str:
    return debian_builder.system_hook(image, ROOT, "", LOGIN.password)


@pytest.mark.parametrize(
    ("values", "expected", "absent"),
    [
        ({}, {"systemd-sysv", "linux-image-amd64", "grub-pc-bin", "shim-signed"}, {"dracut", "lvm2"}),
        ({"kernel": "cloud"}, {"linux-image-cloud-amd64"}, {"linux-image-amd64"}),
        ({"kernel": "rt"}, {"linux-image-rt-amd64"}, {"linux-image-amd64"}),
        ({"kernel": "backports"}, {"linux-image-amd64/bookworm-backports"}, {"linux-image-amd64"}),
        ({"arch": "i386", "kernel": "amd64"}, {"linux-image-amd64:amd64", "grub-pc-bin"}, {"shim-signed"}),
        ({"init": "sysvinit"}, {"sysvinit-core", "ifupdown", "acpid"}, {"systemd-sysv", "openrc"}),
        ({"init": "openrc"}, {"openrc", "sysvinit-core"}, {"systemd-sysv", "sysv-rc"}),
        ({"root": "luks"}, {"cryptsetup-initramfs"}, {"lvm2"}),
        ({"boot_loader": "systemd-boot"}, {"systemd-boot-efi"}, {"grub-pc-bin", "shim-signed"}),
        ({"boot_loader": "extlinux"}, {"extlinux"}, {"grub-pc-bin", "shim-signed"}),
        ({"initramfs": "dracut", "selinux": True}, {"dracut", "selinux-policy-default"}, set()),
        ({"packages": ["fio"]}, {"fio"}, set()),
    ],
)
def test_packages(values: dict[str, object], expected: set[str], absent: set[str]) -> None:
    packages = set(system_packages.packages_of(built(**values)))
    assert (expected - packages, packages & absent) == (set(), set())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"arch": "i386", "kernel": "rt"}, "expected 'generic' or 'amd64' for i386; found 'rt'"),
        ({"kernel": "amd64"}, "expected 'generic' or 'cloud' or 'rt' or 'backports' for amd64"),
        ({"arch": "arm64", "root": "xfs"}, "expected 'ext4' for arm64; found 'xfs'"),
        ({"arch": "arm64", "boot_loader": "extlinux"}, "expected 'grub' for arm64; found 'extlinux'"),
        ({"root": "lvm", "boot_loader": "systemd-boot"}, "expected 'grub' for a root file system that is"),
        ({"root": "luks", "initramfs": "dracut"}, "expected 'initramfs-tools', which learns"),
        ({"build": "busybox", "init": "openrc", "root": "xfs"}, "of BusyBox has no init and root of its own"),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        built(**values)


def test_a_kernel_of_backports_has_their_package_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt_sources, "debian_sources", lambda _suite: (MIRROR,))
    lines = [source.line for source in package_sources.sources_of(built(kernel="backports"))]
    assert lines == [MIRROR.line, "deb https://mirror.example/debian bookworm-backports main"]
    monkeypatch.setattr(apt_sources, "debian_sources", lambda _suite: ())
    with pytest.raises(MediaFault, match="bookworm-backports: the apt of this host knows no mirror"):
        package_sources.sources_of(built(kernel="backports"))


@pytest.mark.parametrize("layout", ["ext4", "btrfs", "xfs", "lvm", "luks"])
def test_the_hook_and_its_script_are_shell(layout: str) -> None:
    """The script is a quoted word in the hook, so it is parsed on its own, too."""
    text = hook(built(root=layout))
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    make = root_layouts.make(built(root=layout), ROOT, LOGIN.password)
    script = root_mover.script(make, "")
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert (shlex.quote(script) in text) == (layout != "ext4")
    assert "{" not in make.replace("${disk}", "")


def test_a_separate_boot_file_system_has_grub_and_the_kernel() -> None:
    boot = root_layouts.uuids(ROOT)["boot"]
    text = hook(built(root="lvm"))
    assert f"search.fs_uuid {boot} root\n" in text
    assert "linux /vmlinuz-$release root=/dev/mapper/debian-root ro " in text
    assert "-p '(,gpt3)/grub' biosdisk part_gpt ext2\n" in text
    assert grub_config.esp_configuration(boot, "") == (
        f"search.fs_uuid {boot} root\nset prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n"
    )


@pytest.mark.parametrize("module", ["xfs", "btrfs"])
def test_grub_reads_the_root_file_system(module: str) -> None:
    text = hook(built(root=module))
    assert f"-p '(,gpt3)/boot/grub' biosdisk part_gpt {module}\n" in text
    assert f"linux /boot/vmlinuz-$release root=UUID={ROOT} ro " in text


def test_the_initramfs_opens_luks_with_the_quoted_passphrase() -> None:
    make = root_layouts.make(built(root="luks"), ROOT, LOGIN.password)
    assert f"printf '%s' {shlex.quote(LOGIN.password)} | cryptsetup luksFormat" in make
    luks = root_layouts.uuids(ROOT)["luks"]
    before, _, _ = hook(built(root="luks")).partition("update-initramfs -c")
    assert f"root_crypt UUID={luks} none luks,initramfs" in before
    assert "secret" not in str(debian_builder.customisations(built(root="luks")))


def test_the_script_is_no_part_of_the_new_system() -> None:
    assert f'rm "/mnt/{root_mover.SCRIPT}"' in root_mover.script("true", "true")


def test_the_first_disk_does_not_have_the_uuid_of_the_new_file_system(tmp_path: Path) -> None:
    disk = tmp_path / "system.raw"
    (tmp_path / "root").mkdir()
    with disk.open("wb") as file:
        file.truncate(8 * MIB)
    disk_layout.create_root_file_system(disk, tmp_path, "root", ROOT, 8 * MIB, start=0)
    assert uuid_of(disk) == ROOT
    root_mover.give_own_uuid(disk)
    assert uuid_of(disk) != ROOT


def uuid_of(disk: Path) -> str:
    """The UUID of an ext4 file system: s_uuid of its superblock."""
    with disk.open("rb") as file:
        file.seek(1024 + 0x68)
        return str(uuid.UUID(bytes=file.read(16)))


@pytest.mark.parametrize(
    ("lines", "status", "reason"),
    [
        (["I: the system is on its disk"], 0, None),
        (["mkfs.xfs: no such device"], 0, "did not finish its work"),
        (["I: the system is on its disk"], 1, "ended with status 1"),
        (["I: the system is on its disk"], 124, "did not end within 60 s"),
        ([], 137, "did not end within 60 s"),
    ],
)
def test_a_move_that_failed_is_told_from_one_that_did_not(
    lines: list[str], status: int, reason: str | None
) -> None:
    assert root_mover.failure(lines, status, 60) == reason


def test_a_failure_of_the_script_is_no_success() -> None:
    """The script with harmless commands, in a shell of this host: after one that fails it says nothing."""
    for make, is_done in (("true", True), ("false\ntrue", False)):
        text = root_mover.script(make, "true")
        for command in ("mkdir", "mount", "cp", "rmdir", "rm", "sync", "umount"):
            text = re.sub(rf"^{command}\b.*$", "true", text, flags=re.MULTILINE)
        text = re.sub("^trap .*$", "", text, flags=re.MULTILINE)
        done = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
        assert ("I: the system is on its disk" in done.stdout) is is_done, make


def test_the_partitions_of_a_separate_boot_and_a_large_esp(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    size = disk_layout.partition(disk, 1024 * MIB, esp_size=128 * MIB, boot_size=256 * MIB)
    table = json.loads(subprocess.run(["sfdisk", "--json", disk], capture_output=True, check=True).stdout)
    parts = [
        (each["start"] * 512 // MIB, each["size"] * 512 // MIB)
        for each in table["partitiontable"]["partitions"]
    ]
    assert parts == [(1, 1), (2, 128), (130, 256), (386, 637)]
    assert (size, disk_layout.root_start(128 * MIB, 256 * MIB)) == (637 * MIB, 386 * MIB)


def test_extlinux_boots_the_partition_with_the_attribute(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk_layout.partition(disk, 256 * MIB, attributes=boot_loaders.LEGACY_BOOT)
    table = json.loads(subprocess.run(["sfdisk", "--json", disk], capture_output=True, check=True).stdout)
    attributes = [each.get("attrs") for each in table["partitiontable"]["partitions"]]
    assert attributes == [None, None, "LegacyBIOSBootable"]
    text = hook(built(boot_loader="extlinux"))
    assert f"APPEND root=UUID={ROOT} ro console=tty0 console=ttyS0,115200\n" in text
    assert "SERIAL 0 115200\n" in text
    assert "grub" not in text


def test_systemd_boot_has_the_kernel_on_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt_sources, "debian_sources", lambda _suite: (MIRROR,))
    plan = debian_builder.plan(built(boot_loader="systemd-boot"), LOGIN, "key")
    assert dict(plan.esp_files)["debian/vmlinuz"] == "boot/vmlinuz-*"
    entry = dict(plan.esp_texts)["loader/entries/debian.conf"].splitlines()
    assert f"options root=UUID={plan.root} ro console=tty0 console=ttyS0,115200" in entry


@pytest.mark.parametrize(
    ("values", "change"),
    [
        ({"root": "lvm"}, "the root file system is on LVM, in the volume root of the group debian"),
        ({"init": "openrc"}, "a login is on the first serial port"),
        (
            {"selinux": True},
            "SELinux enforces its policy from the second boot on; the first one labels the files and restarts",
        ),
        ({"boot_loader": "extlinux"}, "EXTLINUX speaks on the first serial port too, and does not wait"),
        (
            {"selinux": True},
            "the kernel's command line has console=tty0 console=ttyS0,115200 security=selinux",
        ),
    ],
)
def test_the_report_lists_what_was_changed(values: dict[str, object], change: str) -> None:
    assert change in [text for text, _ in debian_builder.customisations(built(**values))]
