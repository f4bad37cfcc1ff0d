"""Guests with a real kernel or a real GRUB on real machines: how each of their boots ends, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import BootTimeout, DescriptionMismatch, GuestCrashed, GuestRestarted
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.kernel_bench import (
    ENDLESS_LOOP,
    INVALID_OPCODE,
    GrubBench,
    KernelBench,
    broken_module,
)
from suites.selftest.support.kernel_kit import kernel_kit

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = "getty_on ttyS0"
# Loads the module that each test makes.
LOAD = "insmod /broken.ko\n"
# The shortest time after which the kernel reports a processor that is stuck: two seconds.
WATCH = "echo 1 >/proc/sys/kernel/watchdog_thresh\n"
# The second sector of the disk says whether the machine has restarted.
RESTART_ONCE = """
load_disk
if [ "$(dd if=/dev/sda bs=512 skip=1 count=1 | head -c 4)" != once ]; then
    printf once | dd of=/dev/sda bs=512 seek=1 conv=notrunc,sync,fsync
    reboot -f
fi
"""
# BusyBox' shell asks the terminal for the position of its cursor after each prompt.
ROOT_SHELL = "exec setsid cttyhack sh -l"
# A kernel that prints nothing works for some seconds before it waits.
SILENT = {"silence": "8s"}
# Prints on the screen for longer than that.
COUNT = "for number in $(seq 12); do echo step $number >/dev/tty1; sleep 1; done\n"
# The same limit for GRUB.
STOPPED = {"silence": "3s"}
GRUB_ON_SERIAL = """\
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
"""


@dataclass(frozen=True)
class CrashingGuest:
    """A kernel with these options that runs this script, and the words of its crash."""

    name: str
    options: str
    words: str
    script: str = ""
    code: bytes = b""
    stages: list[str] = field(default_factory=lambda: ["firmware", "kernel"])


CRASHES = (
    CrashingGuest(
        "a panic without time stamps",
        "printk.time=0",
        ": Kernel panic - not syncing: sysrq triggered crash",
        "echo c >/proc/sysrq-trigger",
    ),
    CrashingGuest(
        "the emergency shell of an initramfs",
        "root=UUID=00000000-0000-0000-0000-000000000000 rootdelay=1",
        "no root file system .* ALERT! .*does not exist",
    ),
    # The kernel kills the program that loaded the module, and the guest offers a login.
    CrashingGuest(
        "an oops that the guest survives",
        "quiet",
        r"oops at .*: \[ .*\] invalid opcode: 0000 \[#1\]",
        LOAD + LOGIN,
        INVALID_OPCODE,
        stages=["firmware"],
    ),
    CrashingGuest(
        "an oops that panics",
        "printk.time=0 oops=panic",
        r"oops at .*: invalid opcode: 0000 \[#1\]",
        LOAD,
        INVALID_OPCODE,
    ),
)


@pytest.mark.parametrize("guest", CRASHES, ids=lambda guest: guest.name)
def test_a_crash_is_quoted(guest: CrashingGuest, tmp_path: Path) -> None:
    files = {"broken.ko": broken_module(guest.code)} if guest.code else {}
    with KernelBench(tmp_path, guest.options, guest.script, files=files) as bench:
        with pytest.raises(GuestCrashed, match=guest.words):
            bench.boot()
        assert bench.stages == [guest.stages]


def test_a_restart_before_the_login_is_no_fault(tmp_path: Path) -> None:
    """The guest has no time stamps, and its console is a shell of root at once."""
    with KernelBench(tmp_path, "printk.time=0", RESTART_ONCE + ROOT_SHELL) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"
        assert bench.stages == [["firmware", "kernel"], ["firmware", "kernel", "login"]]


# It starts early, so that no two workers wait for the kernel and its initramfs.
@pytest.mark.boots
def test_restarts_without_end_are_named(tmp_path: Path) -> None:
    with (
        KernelBench(tmp_path, "quiet", "reboot -f") as bench,
        pytest.raises(GuestRestarted, match="restarted 2 times before its login"),
    ):
        bench.boot()


def test_a_lockup_behind_a_login_is_an_error_on_the_console(tmp_path: Path) -> None:
    """A processor is stuck, the other one runs the login: the boot is no failure, and the complaint is kept."""
    files = {"broken.ko": broken_module(ENDLESS_LOOP)}
    with KernelBench(tmp_path, "quiet", f"{WATCH}{LOAD.strip()} &\n{LOGIN}", files=files, cpus=2) as bench:
        bench.boot()
        bench.shell.run("until dmesg | grep -q 'soft lockup'; do sleep 0.2; done")
        bench.shell.run("true")
        findings = [(found.signature.name, found.signature.severity) for found in bench.transcript.findings()]
        assert ("soft lockup", "error") in findings
        assert {severity for _, severity in findings} <= {"error", "complaint"}


def test_a_lockup_that_ends_a_boot_is_quoted(tmp_path: Path) -> None:
    files = {"broken.ko": broken_module(ENDLESS_LOOP)}
    with KernelBench(tmp_path, "quiet", WATCH + LOAD, files=files, limits={"boot": "12s"}) as bench:
        error = bench.boot_error()
    assert type(error) is BootTimeout, repr(error)
    assert "the last error on the console" in error.message
    assert "soft lockup - CPU#0 stuck for" in error.message


def test_a_login_on_another_terminal_than_the_first_messages_is_named(tmp_path: Path) -> None:
    """The guest's programs also print on the screen only: while it changes, the boot does not hang."""
    options = "console=ttyS0 console=tty0"
    with (
        KernelBench(tmp_path, options, COUNT + "getty_on tty1", limits=SILENT, devices=DISPLAY) as bench,
        pytest.raises(
            DescriptionMismatch, match="nothing more came on .*the screen shows a login.*debian login"
        ),
    ):
        bench.boot()


CONSOLES = {
    "hvc0": (
        "insmod /virtio_console.ko\n",
        ("-device", "virtio-serial-pci", "-chardev", "null,id=hvc", "-device", "virtconsole,chardev=hvc"),
    ),
    "ttyS1": ("", ("-serial", "null")),
}


@pytest.mark.parametrize("console", CONSOLES)
def test_a_kernel_with_a_console_elsewhere_is_no_fault_of_the_guest(console: str, tmp_path: Path) -> None:
    prepare, arguments = CONSOLES[console]
    files = {"virtio_console.ko": kernel_kit().module("virtio_console")}
    script = f"{prepare}getty_on {console}"
    with (
        KernelBench(
            tmp_path, f"console={console} quiet", script, files=files, limits=SILENT, arguments=arguments
        ) as bench,
        pytest.raises(DescriptionMismatch, match="nothing came on the serial port.*hvc0 or ttyS1"),
    ):
        bench.boot()


def test_a_menu_of_grub_that_waits_is_named(tmp_path: Path) -> None:
    configuration = f"{GRUB_ON_SERIAL}set timeout=-1\nmenuentry Linux {{ true }}\n"
    with (
        GrubBench(tmp_path, configuration, limits=STOPPED) as bench,
        pytest.raises(DescriptionMismatch, match="menu waits for a key .GNU GRUB  version"),
    ):
        bench.boot()


def test_a_complaint_and_a_countdown_of_grub_are_waited_out(tmp_path: Path) -> None:
    configuration = f"""{GRUB_ON_SERIAL}
loadfont /boot/grub/fonts/unicode.pf2
set timeout=2
menuentry Linux {{
    linux /boot/vmlinuz console=ttyS0 quiet rdinit=/script
    initrd /boot/initrd.img /boot/script.img
}}
"""
    with GrubBench(tmp_path, configuration, LOGIN, limits={"silence": "40s"}) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"
        assert bench.stages == [["firmware", "boot loader", "login"]]
        assert [found.line for found in bench.transcript.findings()] == [
            "error: file `/boot/grub/fonts/unicode.pf2' not found."
        ]


def test_grub_without_its_kernel_is_quoted(tmp_path: Path) -> None:
    configuration = f"{GRUB_ON_SERIAL}set timeout=0\nmenuentry Linux {{ linux /boot/vmlinuz-9 }}\n"
    # GRUB gives up after ten seconds. On a busy host that comes before the limit of silence.
    words = "boot loader (?:stopped|cannot start the system)(?s:.*)error: file `/boot/vmlinuz-9' not found"
    with (
        GrubBench(tmp_path, configuration, limits=STOPPED) as bench,
        pytest.raises(GuestCrashed, match=words),
    ):
        bench.boot()


def test_grubs_rescue_on_the_screen_is_named(tmp_path: Path) -> None:
    with (
        GrubBench(tmp_path, GRUB_ON_SERIAL, missing="normal", devices=DISPLAY, limits=STOPPED) as bench,
        pytest.raises(GuestCrashed, match="boot loader rescue, as the screen shows: grub rescue>"),
    ):
        bench.boot()
