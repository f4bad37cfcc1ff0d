"""Guests whose image does not fit their description, and guests that stop: the error, its words, and in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.errors import (
    BootTimeout,
    DescriptionMismatch,
    GuestCrashed,
    IronguestError,
)
from suites.selftest.support.gallery_bench import HANG_LIMIT, SUDO_THAT_ENDS, GalleryBench

if TYPE_CHECKING:
    from pathlib import Path

HANGS = {"boot": "300s", "silence": f"{HANG_LIMIT}s"}
LINUX = "echo '[    0.000000] Linux version 6.1.0'; "
GRUB = "echo 'Welcome to GRUB!'; "
MENU = (
    r"printf '\033[H\033[J\033[1;1H\033[2;30HGNU GRUB  version 2.06-13+deb12u1\n\n'; "
    r"printf '      Use the ^ and v keys to select which entry is highlighted.\r\033[18;80H'; "
)
USUAL_LOGIN = "getty root secret; shell '# '"
EMERGENCY = (
    LINUX + r"printf 'You are in emergency mode. After logging in, type \"journalctl -xb\" to view logs.\n'; "
)
NEW_PASSWORD = (
    "getty root secret; echo 'You are required to change your password immediately.'; "
    "ask_hidden 'Current password: '; stand_still"
)
SUDO = "echo 1000 >$HOME/user_id; getty admin secret; shell 'admin@nothing:~$ '"


@dataclass(frozen=True)
class RefusingGuest:
    """A guest: the script behind its console, its description, and the error of its boot."""

    name: str
    script: str
    error: type[IronguestError]
    pattern: str
    description: dict[str, Any] = field(default_factory=dict)


def mismatch(name: str, script: str, pattern: str, **description: Any) -> RefusingGuest:
    return RefusingGuest(name, script, DescriptionMismatch, pattern, description)


def crash(name: str, script: str, pattern: str) -> RefusingGuest:
    return RefusingGuest(name, script, GuestCrashed, pattern, {"timeouts": HANGS})


def hang(name: str, script: str, pattern: str) -> RefusingGuest:
    return RefusingGuest(name, script, BootTimeout, pattern, {"timeouts": HANGS})


def question(name: str, script: str, pattern: str, **description: Any) -> RefusingGuest:
    return mismatch(name, script, pattern, timeouts=HANGS, **description)


GUESTS = (
    mismatch(
        "a new password at the first login",
        NEW_PASSWORD,
        "the guest demands a new password for 'root'.*new_password",
    ),
    mismatch(
        "a password that the YAML lacks",
        "getty root secret",
        "asks for the password of 'root': set login.password",
        login={"password": ""},
    ),
    mismatch(
        "a second factor",
        "ask 'nothing login: '; ask_hidden 'Password: '; ask_hidden 'LDAP Password: '",
        "after the password of 'root' the guest asks 'LDAP Password:'",
    ),
    mismatch(
        "an ordinary user",
        SUDO,
        r"'admin' has the user id 1000.*login\.become: sudo",
        login={"user": "admin"},
    ),
    mismatch(
        "an ordinary user without sudo",
        SUDO_THAT_ENDS,
        "sudo did not give 'admin' a shell of root.*not found",
        login={"user": "admin", "become": "sudo"},
    ),
    question(
        "a passphrase of a disk",
        LINUX + "ask 'Please enter passphrase for disk vda3 (luks): '",
        "the console asks 'Please enter passphrase for disk vda3.*answer it with steps",
    ),
    question(
        "a passphrase of GRUB",
        "ask 'Enter passphrase for hd0,gpt2 (0123-4567): '",
        "Enter passphrase for hd0",
    ),
    question(
        "a passphrase of a quiet boot after a complaint of GRUB",
        GRUB + "echo 'error: no suitable video mode found.'; ask 'Please unlock disk cryptroot: '",
        "the console asks 'Please unlock disk cryptroot:'",
    ),
    question(
        "a pause",
        LINUX + "ask 'Press Enter to continue...'",
        "'Press Enter to continue...': answer it with steps",
    ),
    question(
        "a question of fsck",
        LINUX + "echo 'Inode 12 was part of the orphaned inode list.'; ask 'Fix<y>? '",
        "the console asks 'Fix<y>.'",
    ),
    question(
        "a menu of GRUB", GRUB + MENU + "stand_still", "the boot loader's menu waits for a key.*GNU GRUB"
    ),
    question(
        "a menu of GRUB after a complaint",
        GRUB + 'echo "error: file \\`/boot/grub/fonts/unicode.pf2\' not found."; ' + MENU + "stand_still",
        r"menu waits for a key \(.*GNU GRUB.*\) after it complained \(error: file `/boot/.*pf2' not found\.\)",
    ),
    crash(
        "a menu of GRUB after an entry that failed",
        GRUB
        + MENU
        + "echo; echo \"  Booting \\`Debian GNU/Linux'\"; echo; echo 'error: unknown filesystem.'; echo; "
        + "printf 'Press any key to continue...'; echo; "
        + MENU
        + "stand_still",
        r"could not boot \(error: unknown filesystem\.\) and is back at its menu \(.*GNU GRUB",
    ),
    question("a prompt of GRUB", GRUB + "ask 'grub> '", "the boot loader waits at 'grub>'"),
    question(
        "a prompt of the UEFI shell",
        "ask 'Shell> '",
        "the UEFI firmware stands at 'Shell>': it found nothing.* a platform with another firmware",
    ),
    question("a prompt of U-Boot", "echo 'U-Boot 2023.01'; ask '=> '", "the boot loader waits at '=>'"),
    mismatch(
        "a boot loader that waits for an hour",
        GRUB
        + MENU
        + r"printf '\033[23;1H   The highlighted entry will be executed automatically in 3600s.'; stand_still",
        "the boot loader waits 3600 s: press a key with steps",
    ),
    crash(
        "GRUB without its file",
        GRUB + 'echo "error: file \\`/boot/vmlinuz\' not found."; '
        "echo; ask 'Press any key to continue...'; stand_still",
        "the boot loader stopped: error: file",
    ),
    crash("a prompt of GRUB's rescue", "echo 'error: unknown filesystem.'; ask 'grub rescue> '", "rescue"),
    crash(
        "an emergency mode",
        EMERGENCY + "echo 'Give root password for maintenance'; ask '(or press Control-D to continue): '",
        "(?i)emergency|maintenance",
    ),
    crash(
        "an emergency mode with a locked root",
        EMERGENCY + "echo 'Cannot open access to console, the root account "
        "is locked.'; ask 'Press Enter to continue.'",
        "(?i)emergency mode",
    ),
    crash(
        "an emergency shell of Debian",
        LINUX + "echo 'ALERT!  UUID=0123 does not exist.  Dropping to a shell!'; ask '(initramfs) '",
        "(?i)does not exist|initramfs",
    ),
    crash(
        "an emergency shell of dracut",
        LINUX + "echo 'Generating \"/run/initramfs/rdsosreport.txt\"'; ask 'dracut:/# '",
        "(?i)dracut|rdsosreport",
    ),
    crash(
        "an emergency shell of Arch",
        LINUX + "echo 'ERROR: device not found. Skipping fsck.'; "
        "echo ':: mounting on real root'; ask '[rootfs ~]# '",
        "(?i)rootfs|device not found|emergency",
    ),
    crash(
        "an emergency shell of Alpine",
        LINUX
        + "echo '[    5.320690] Mounting root: failed. '; "
        + "echo 'initramfs emergency recovery shell launched. Type '\\''exit'\\'' to continue boot'; "
        + "printf 'sh: can'\\''t access tty; job control turned off\\n'; ask '~ # '",
        r"Alpine cannot mount the root .*Mounting root: failed\.",
    ),
    crash(
        "an emergency mode of an older systemd",
        LINUX
        + "printf 'Welcome to emergency mode! After logging in, type \"journalctl -xb\" to view\\n'; "
        + 'printf \'system logs, "systemctl reboot" to reboot, "systemctl default" to try again\\n\'; '
        + "ask 'Give root password for maintenance (or type Control-D to continue): '",
        "emergency mode .*Welcome to emergency mode!",
    ),
    crash(
        "an oops on arm64",
        LINUX
        + "echo '[    1.512345] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010'; "
        + "echo '[    1.512399] Internal error: Oops: 0000000096000004 [#1] SMP'; "
        + USUAL_LOGIN,
        "page fault in the kernel .*Unable to handle kernel NULL pointer dereference",
    ),
    crash(
        "a shim that a newer list of revocations refuses",
        "echo 'Verifying shim SBAT data failed: Security Policy Violation'; "
        "echo 'Something has gone seriously wrong: SBAT self-check failed: Security Policy Violation'; "
        "stand_still",
        "shim refuses to start .*Verifying shim SBAT data failed: Security Policy Violation",
    ),
    hang("a silent serial port", "stand_still", "the boot hangs: no output.*after stage 'firmware'"),
    hang("a kernel that stops", LINUX + "stand_still", "the boot hangs: no output.*after stage 'kernel'"),
    hang(
        "a question in words of its own", LINUX + "while :; do ask 'Quo vadis, domine: '; done", "Quo vadis"
    ),
)


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_the_error_says_whose_fault_it_is(guest: RefusingGuest, tmp_path: Path) -> None:
    with GalleryBench(tmp_path, guest.script, **guest.description) as bench:
        with pytest.raises(guest.error, match=guest.pattern) as caught:
            bench.boot()
        assert type(caught.value) is guest.error
        assert bench.boot_share < 0.25


def test_the_postmortem_of_a_crash_hides_an_echoed_password(tmp_path: Path) -> None:
    script = "ask 'nothing login: '; ask 'Password: '; echo '[   20.000000] Kernel panic - not syncing: secret'; stand_still"
    with GalleryBench(tmp_path, script) as bench:
        error = bench.boot_error()
        assert type(error) is GuestCrashed, repr(error)
        assert "Kernel panic" in str(error)
        assert "secret" not in str(error)


def test_a_kernel_that_panics_while_the_login_waits_is_named(tmp_path: Path) -> None:
    script = "ask 'nothing login: '; echo '[   20.000000] Kernel panic - not syncing: Fatal exception'; stand_still"
    with GalleryBench(tmp_path, script) as bench:
        error = bench.boot_error()
        assert type(error) is GuestCrashed, repr(error)
        assert bench.boot_share < 0.25


def test_a_busy_silent_boot_gets_its_time(tmp_path: Path) -> None:
    """A guest that uses its disk is alive: only the limit of the boot ends the wait."""
    timeouts = {"boot": "4s", "silence": f"{HANG_LIMIT}s"}
    with GalleryBench(tmp_path, "stand_still", is_disk_busy=True, timeouts=timeouts) as bench:
        error = bench.boot_error()
        assert type(error) is BootTimeout, repr(error)
        assert "no 'login: ' within" in error.message
