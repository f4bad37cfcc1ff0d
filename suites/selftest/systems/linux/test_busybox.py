"""A Linux of BusyBox: its commands, its logs, and what is skipped or named because it is missing."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import DescriptionMismatch
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.run.needs import lacking
from fixtures.systems.base.answers import LogRecord
from fixtures.systems.base.storage import Transfer
from fixtures.systems.base.system import CAPABILITIES
from fixtures.systems.linux import busybox, commands, disks, services
from fixtures.systems.linux.storage import LinuxStorage
from fixtures.systems.registry import system_for

EVERYTHING = ("bash", "coreutils", "kmod", "packages", "perl", "systemd", "udev", "util-linux")


@dataclass
class Answering:
    """A shell that gives the same answer to every command."""

    output: bytes = b""
    status: int = 0
    commands: list[str] = field(default_factory=list)

    def run(self, command: str, within: float | None = None) -> CommandResult:
        del within
        self.commands.append(command)
        return CommandResult(command, self.status, self.output, 0.1)


def test_dd_of_busybox_gets_options_that_it_knows() -> None:
    copy = busybox.translate(commands.copy("/dev/vdb", "/dev/vdc", 1 << 20))
    assert "nocreat" not in copy
    assert "conv=notrunc,fsync" in copy
    command = LinuxStorage.transfer_command(
        "/dev/vdb", "/dev/vdc", [Transfer(0, 0, 4096, 512, "synchronous")], parallel=False
    )
    translated = busybox.translate(command)
    assert "dsync" not in translated
    assert "oflag=seek_bytes,direct conv=notrunc,fsync status=none" in translated


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (commands.CLOCK, "date -u +%s"),
        ("modprobe -n -q ext4 && say yes", "modprobe -D ext4 >/dev/null 2>&1 && say yes"),
        ("dd if=/dev/a of=/dev/null bs=512 status=none", "dd if=/dev/a of=/dev/null bs=512 status=none"),
    ],
)
def test_other_commands_are_translated(command: str, expected: str) -> None:
    assert busybox.translate(command) == expected


def test_an_ordinary_guest_gets_its_commands_unchanged() -> None:
    shell = Answering(b"1700000000.5\n")
    assert system_for("linux")(shell).clock() == 1700000000.5
    assert shell.commands == [commands.CLOCK]


def test_a_system_without_systemd_runs_once_it_has_a_login() -> None:
    shell = Answering()
    system = system_for("linux", lacks=EVERYTHING)(shell)
    assert (system.state(), system.failed_units()) == ("running", ())
    assert (system.reboot_command(), system.power_off_command()) == ("reboot", "poweroff")
    assert shell.commands == []


def test_errors_of_the_kernel_and_of_syslogd_are_read() -> None:
    answer = (
        b"<3>[    1.234567] ata1: failed to IDENTIFY (I/O error, err_mask=0x4)\n"
        b"Nov 28 01:02:03 debian daemon.err udhcpc[95]: eth0: configuration failed: nak: \n"
        b"end|2\n"
    )
    system = system_for("linux", lacks=EVERYTHING)(Answering(answer))
    assert system.log_errors() == (
        LogRecord("kernel", "ata1: failed to IDENTIFY (I/O error, err_mask=0x4)", "err"),
        LogRecord("udhcpc", "eth0: configuration failed: nak:", "err"),
    )


@pytest.mark.parametrize(
    ("status", "output", "name"),
    [
        (127, "env: 'perl': No such file or directory", "perl"),
        (127, "env: can't execute 'bash': No such file or directory", "bash"),
        (127, "sh: 1: systemctl: not found", "systemd"),
        (127, "bash: line 1: journalctl: command not found", "systemd"),
        (127, "/bin/sh: udevadm: not found", "udev"),
        (1, "dd: invalid argument 'nocreat' to 'conv'", "coreutils"),
        (0, "1795827825.%N", "coreutils"),
        (0, "no dpkg and no rpm", "packages"),
    ],
)
def test_a_missing_program_is_a_fault_of_the_description(status: int, output: str, name: str) -> None:
    system = system_for("linux")(Answering(output.encode(), status))
    with pytest.raises(DescriptionMismatch, match=rf"the guest has no {name}: .* 'lacks: \[{name}\]'"):
        system.boot_id()


@pytest.mark.parametrize(
    ("status", "output"),
    [
        (127, "sh: 1: frobnicate: not found"),
        (1, "cat: perl: No such file or directory"),
        (1, "dd: failed to open '/dev/vdb': No such file or directory"),
        (0, "running"),
    ],
)
def test_another_failure_names_no_missing_program(status: int, output: str) -> None:
    shell = Answering(output.encode(), status)
    system = system_for("linux")(shell)
    assert system.shell.run(services.SYSTEM_STATE).text == output


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        (["shell"], None),
        (["shell", "disk-tools", "ext4"], None),
        (["shell", "sound"], "not_in_profile: needs perl, which debian-12-busybox does not have"),
        (["shell", "traffic"], "not_in_profile: needs bash, which debian-12-busybox does not have"),
        (
            ["shell", "kernel-digest"],
            "not_in_profile: needs a package database (dpkg or rpm), which debian-12-busybox does not have",
        ),
    ],
)
def test_a_check_is_skipped_with_the_name_of_its_need(needs: list[str], text: str | None) -> None:
    catalog = Catalog.load([SHIPPED_GUESTS])
    assert lacking(catalog.cell("debian-12-busybox@q35-uefi-virtio"), needs) == text


def test_debian_lacks_nothing() -> None:
    cell = Catalog.load([SHIPPED_GUESTS]).cell("debian-12@q35-uefi-virtio")
    assert [need for need in CAPABILITIES if lacking(cell, [need])] == []


def test_serial_numbers_of_usb_disks_come_from_the_devices_without_udev() -> None:
    shell = Answering(b"end|0\n")
    assert system_for("linux", lacks=EVERYTHING)(shell).block_devices() == ()
    assert system_for("linux")(shell).block_devices() == ()
    assert shell.commands == [disks.QUERY_WITHOUT_UDEV, disks.QUERY]
    assert "/run/udev" not in disks.QUERY_WITHOUT_UDEV
