"""Signatures match real crashes and complaints, and no harmless lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.signatures.matching import SIGNATURES, match_prompt, match_signature
from fixtures.channels.console.spawn_base import ConsoleSpawn
from fixtures.channels.console.transcript import Transcript, strip_controls
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from suites.selftest.support.paths import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.channels.console.signatures.signature import Signature

# A complaint lets a guest go on. A wait ends only at these.
COMPLAINTS = {
    "kernel bug report",
    "soft lockup",
    "hung task",
    "rcu stall",
    "i/o error",
    "file system error",
    "kernel warning",
    "machine check",
    "failed unit",
    "boot device fails",
    "secure boot refuses a boot option",
    "network boot fails",
    "boot loader error",
    "U-Boot finds no kernel",
    "bugcheck begins",
    "DOS cannot unpack a program",
}

HARMLESS = """\
[    0.000000] Linux version 6.1.0-26-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)
[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-26-amd64 root=UUID=1 ro console=ttyS0 panic=-1 oops=panic
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] x86/fpu: x87 FPU will use FXSAVE
[    0.004000] Spectre V2 : Mitigation: Retpolines
[    0.010000] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!
[    0.094000] smpboot: CPU0: AMD QEMU Virtual CPU version 2.5+ (family: 0xf, model: 0x6b, stepping: 0x1)
[    0.120000] rcu: Hierarchical SRCU implementation.
[    0.120000] rcu: \tMax phase no-delay instances is 1000.
[    0.130000] NMI watchdog: Perf NMI watchdog permanently disabled
[    0.130001] mce: CPU supports 10 MCE banks
[    0.200000] ACPI BIOS Error (bug): Could not resolve symbol [\\_SB.PCI0], AE_NOT_FOUND (20220331/dswload2-162)
[    0.300000] ACPI: bus type PCI registered
[    0.400000] pci 0000:00:01.0: reg 0x10: [mem 0xfd000000-0xfdffffff pref]
[    0.500000] watchdog: Delayed init of the lockup detector failed: -19
[    0.600000] integrity: Problem loading X.509 certificate -65
[    0.700000] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable
[    1.000000] traps: app[412] general protection fault ip:55d0c0de sp:7ffe0 error:0 in app[55d0c000+1000]
[    1.100000] app[412]: segfault at 0 ip 000055d0 sp 00007ffe error 4 in app[55d0c000+1000]
[    1.200000] EXT4-fs (vda3): mounted filesystem with ordered data mode. Quota mode: none.
[    1.300000] EXT4-fs (vda3): warning: mounting unchecked fs, running e2fsck is recommended
[    1.400000] virtio_blk virtio2: [vda] 4194304 512-byte logical blocks (2.15 GB/2.00 GiB)
[    1.500000] blk_update_request: operation not supported error, dev loop0, sector 0 op 0x9:(WRITE_ZEROES)
[    1.600000] random: crng init done
[    2.000000] systemd[1]: systemd 252.30-1~deb12u2 running in system mode (+PAM +AUDIT +SELINUX)
[    2.100000] systemd[1]: Failed to find module 'autofs4'
[    2.200000] kernel: panic_on_oops is set
[    2.300000] ima: No TPM chip found, activating TPM-bypass!
[    2.400000] kdump-tools[300]: Loaded kdump kernel; "BUG: unable to handle" will be caught
[    2.500000] audit: type=1400 audit(1700000000.123:2): apparmor="STATUS" operation="profile_load"
[  OK  ] Started systemd-oopsd.service - Collector of kernel Oops.
[  OK  ] Reached target rescue.target - Rescue Mode.
         Starting emergency.service - You are in good hands...
Debian GNU/Linux 12 nothing ttyS0
nothing login: root
root@nothing:~# echo "Kernel panic - not syncing"
grep: error: no such device in the manual
exception: a word that logs like
BdsDxe: loading Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x2,0x0)
BdsDxe: failed to load Boot0002 "UEFI PXEv4" from PciRoot(0x0): Not Found
error: serial port `com0' isn't found.
SeaBIOS (version 1.16.2-debian-1.16.2-1)
Booting from Hard Disk...
GRUB loading.
Welcome to GRUB!
Loading Linux 6.1.0-26-amd64 ...
Loading initial ramdisk ...
/dev/vda3: clean, 24242/114688 files, 224512/458240 blocks
[    0.003000] Kernel/User page tables isolation: enabled
[   48.251370] reboot: System halted
reboot: System halted
System halted.
The operating system has halted.
Oops, that package is not available: 0404 [not found]
BUG: this program has a bug
panic: runtime error: index out of range [5] with length 3
panic: send on closed channel
panic: close of closed channel
panic: assignment to entry in nil map
panic: interface conversion: interface {} is nil, not string
panic: test timed out after 10m0s
panic: no such table: users [recovered, repanicked]
perl: panic: attempt to copy freed scalar
Sep 13 04:00:21 freebsd savecore[880]: reboot after panic: page fault
mysqldb> select 1;
MariaDB [db]> select 1;
adb> help
(gdb) backtrace
iPXE> autoboot
Shell> fs0:
=> printenv
grub> ls
SAC>ch
kernel: reading the page fault trap
Fatal trap 12 is a page fault
gave up waiting for root device
error: can't find command `hwmatch'.
error: no suitable video mode found.
error: diskfilter writes are not supported.
  Booting `Debian GNU/Linux'
EFI stub: UEFI Secure Boot is enabled.
Security Violations: 0
Content Security Policy violation: Security Policy Violation in frame
Failed to open \\EFI\\UBUNTU\\mmx64.efi - Not Found
Failed to load image \\EFI\\UBUNTU\\mmx64.efi: Not Found
BdsDxe: failed to load Boot0001 "UEFI QEMU DVD-ROM QM00005 " from PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0x2,0xFFFF,0x0): Not Found
>>Start PXE over IPv4.
iPXE (http://ipxe.org) 00:03.0 CA00 PCI2.10 PnP PMM+06FD10B0+06F310B0 CA00
Booting from Floppy...
Begin: Mounting root file system ... Begin: Running /scripts/local-top ... done.
[  OK  ] Finished dracut-initqueue.service - dracut initqueue hook.
[  OK  ] Reached target emergency.target - Emergency Mode.
dracut: Mounted root filesystem /dev/mapper/vg0-root
ERROR: device 'UUID=6f3c1b2a-0f4b-4f43-9c7b-000000000000' not found. Skipping fsck.
Mounting root: ok.
 * Mounting root filesystem ... [ ok ]
Microsoft Windows [Version 10.0.20348.587]
The Windows Recovery Environment is enabled
Your PC is up to date
*** System restart required ***
*** STOP: the service is stopping
Starting MS-DOS...
C:\\>FORMAT A: /S
Error: Invalid partition table on /dev/sda
ASSERT is a macro (3): see assert.h
"""


MATCHES = [
    # Linux without time stamps.
    ("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "kernel panic"),
    ("[    T1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "kernel panic"),
    ("<0>Kernel panic - not syncing: Fatal exception in interrupt", "kernel panic"),
    (
        "Sep  4 19:38:14 dhcppc5 kernel: Unable to handle kernel NULL pointer dereference at virtual address 00000000",
        "page fault in the kernel",
    ),
    ("BUG: unable to handle kernel paging request at ffffc90000a3e000", "page fault in the kernel"),
    ("Oops: 0002 [#1] PREEMPT SMP", "oops"),
    ("general protection fault: 0000 [#1] SMP", "general protection fault"),
    ("kernel BUG at mm/slub.c:379!", "kernel bug"),
    ("BUG: soft lockup - CPU#0 stuck for 67s! [swapper:0]", "soft lockup"),
    ("EXT4-fs error (device vda3): ext4_find_entry:1463: inode #2: comm ls", "file system error"),
    # Linux 2.2 and 2.4.
    ("Kernel panic: VFS: Unable to mount root fs on 08:01", "kernel panic"),
    (" <0>Kernel panic: Aiee, killing interrupt handler!", "kernel panic"),
    ("Oops: 0000", "oops"),
    ("invalid operand: 0000", "oops"),
    ("kernel BUG at page_alloc.c:117!", "kernel bug"),
    (
        "Unable to handle kernel NULL pointer dereference at virtual address 00000000",
        "page fault in the kernel",
    ),
    # Other architectures.
    ("[    9.100000] Internal error: Oops: 0000000096000004 [#1] SMP", "oops"),
    ("Internal error: Oops: 17 [#1] PREEMPT ARM", "oops"),
    ("[   42.144892] Internal error: synchronous external abort: 0000000096000010 [#1] PREEMPT SMP", "oops"),
    ("[    9.100000] Internal error: synchronous external abort: 96000610 [#1] SMP", "oops"),
    ("[    9.100000] Oops: Kernel access of bad area, sig: 11 [#1]", "oops"),
    ("[    9.100000] Oops [#1]", "oops"),
    ("[    9.100000] Oops: 0004 ilc:2 [#1] SMP", "oops"),
    (
        "[    9.100000] Unable to handle kernel paging request at virtual address ffff800011d50000",
        "page fault in the kernel",
    ),
    (
        "[    9.100000] CPU 0 Unable to handle kernel paging request at virtual address 0000000000000010",
        "page fault in the kernel",
    ),
    ("[    9.100000] BUG: Unable to handle kernel data access at 0x00000010", "page fault in the kernel"),
    ("[  741.690000] Kernel bug detected[#1]:", "kernel bug"),
    ("[   61.776073] Kernel BUG [#1]", "kernel bug"),
    # Linux with time stamps.
    ("[    1.2]", None),
    ("debian login: [  123.456789] Kernel panic - not syncing: sysrq triggered crash", "kernel panic"),
    ("[   12.345678] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---", "kernel panic"),
    ("[   12.345678][    T1] Kernel panic - not syncing: VFS: Unable to mount root fs", "kernel panic"),
    ("Jan 01 00:00:00 nothing kernel: [   12.345678] Kernel panic - not syncing: x", "kernel panic"),
    ("<0>[   12.345678] Kernel panic - not syncing: x", "kernel panic"),
    (
        "[    3.141592] BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "page fault in the kernel",
    ),
    ("[    3.141592] Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI", "oops"),
    ("[    3.141592] invalid opcode: 0000 [#1] PREEMPT SMP PTI", "oops"),
    ("[    3.141592] divide error: 0000 [#2] SMP", "oops"),
    (
        "[    3.141592] Oops: general protection fault, probably for non-canonical address 0x0: 0000 [#1]",
        "oops",
    ),
    ("[    3.141592] general protection fault: 0000 [#1] SMP", "general protection fault"),
    (
        "[    3.141592] WARNING: kernel/time/timer.c:1789 at __run_timers+0x2, CPU#0: swapper/0",
        "kernel warning",
    ),
    ("[    3.141592] critical target error, dev sda, sector 8 op 0x1:(WRITE)", "i/o error"),
    ("[    3.141592] rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 1-... }", "rcu stall"),
    ("error: file `/boot/vmlinuz' not found.", "boot loader error"),
    ("error: file not found.", "boot loader error"),
    ("error: symbol `grub_calloc' not found.", "boot loader error"),
    ("error: no such partition.", "boot loader error"),
    ("error: failure reading sector 0xfc from `hd0'.", "boot loader error"),
    ("error: ../../grub-core/fs/fshelp.c:257:file `/boot/vmlinuz' not found.", "boot loader error"),
    ("error: bad shim signature.", "boot loader cannot start the system"),
    ("error: /boot/vmlinuz-6.1.0 has invalid signature.", "boot loader cannot start the system"),
    ("error: ../../grub-core/kern/efi/sb.c:182:bad shim signature.", "boot loader cannot start the system"),
    (
        "error: ../../grub-core/loader/i386/efi/linux.c:256:you need to load the kernel first.",
        "boot loader cannot start the system",
    ),
    ("  Failed to boot both default and fallback entries.", "boot loader cannot start the system"),
    ("Entering rescue mode...", "boot loader rescue"),
    ("error: disk `hd0,gpt9' not found.", "boot loader error"),
    ("BdsDxe: No bootable option or device was found.", "firmware finds nothing to boot"),
    ("(initramfs) ", "initramfs shell"),
    # Firmware and boot sectors.
    ("No bootable device.", "firmware finds nothing to boot"),
    ("No bootable device.            ", "firmware finds nothing to boot"),
    ("No bootable device.  Retrying in 60 seconds.", "boot device fails"),
    ("Boot failed: could not read the boot disk", "boot device fails"),
    ("Boot failed: Could not read from CDROM (code 0003)", "boot device fails"),
    ("FATAL: No bootable medium found! System halted.", "firmware finds nothing to boot"),
    ("FATAL: Could not read from the boot medium! System halted.", "firmware finds nothing to boot"),
    ("Synchronous Exception at 0x0000000037A1A4E8", "firmware exception"),
    ('"Synchronous Abort" handler, esr 0x96000010, far 0x51000d8', "firmware exception"),
    ("ASSERT_EFI_ERROR (Status = Unsupported)", "firmware assertion"),
    ("ASSERT [ArmCpuDxe] /build/DefaultExceptionHandler.c(343): ((BOOLEAN)(0==1))", "firmware assertion"),
    ("Nothing to boot: No such file or directory (https://ipxe.org/2d03e13b)", "network boot fails"),
    ("Operating system not found", "boot sector finds no system"),
    ("Operating System not found", "boot sector finds no system"),
    ("Non-System disk or disk error", "boot sector finds no system"),
    ("NTLDR is missing", "boot sector finds no system"),
    ("BOOTMGR is missing", "boot sector finds no system"),
    ("BOOTMGR image is corrupt.  The system cannot boot.", "boot sector finds no system"),
    (
        "An operating system wasn't found. Try disconnecting any drives that don't",
        "boot sector finds no system",
    ),
    ("This is not a bootable disk.  Please insert a bootable floppy and", "boot sector finds no system"),
    ("DISK BOOT FAILURE, INSERT SYSTEM DISK AND PRESS ENTER", "boot sector finds no system"),
    # shim.
    ("Verifying shim SBAT data failed: Security Policy Violation", "shim refuses to start"),
    ("Verifiying shim SBAT data failed: Security Policy Violation", "shim refuses to start"),
    ("Something has gone seriously wrong: import_mok_state() failed: Not Found", "shim refuses to start"),
    ("Bootloader has not verified loaded image.", "shim refuses to start"),
    ("Verification failed: Security Policy Violation", "security violation"),
    ("  \u2502     Verification failed: (0x1A) Security Violation     \u2502", "security violation"),
    ("Failed to load image: Security Policy Violation", "security violation"),
    ("shim.c:1090 start_image() Failed to load image: Security Policy Violation", "security violation"),
    # Emergency shells.
    ("[187.508531] dracut Warning: Could not boot.", "dracut gives up"),
    ("dracut-initqueue[337]: Warning: Could not boot.", "dracut gives up"),
    ('Generating "/run/initramfs/rdsosreport.txt"', "dracut emergency shell"),
    ("ERROR: Failed to mount 'UUID=6f3c1b2a' on real root", "mkinitcpio cannot mount the root"),
    ("You are being dropped to a recovery shell", "mkinitcpio emergency shell"),
    (
        "[    6.636098] Mounting root: failed. failed. initramfs emergency recovery shell launched.",
        "Alpine cannot mount the root",
    ),
    ("Gave up waiting for root device.  Common problems:", "root device is missing"),
    ("ALERT!  /dev/vda1 does not exist.  Dropping to a shell!", "no root file system"),
    ('Welcome to emergency mode! After logging in, type "journalctl -xb" to view', "emergency mode"),
    ('You are in rescue mode. After logging in, type "journalctl -xb" to view', "emergency mode"),
    ("Give root password for system maintenance", "maintenance login"),
    ("Press Enter for maintenance", "maintenance login"),
    ("*** Dropping you to a shell; the system will reboot", "maintenance shell"),
    ("systemd[1]: Freezing execution.", "systemd is frozen"),
    # The BSDs and their relatives.
    ("panic: buf mem pool index 55", "BSD panic"),
    ("[   202.8536701] panic: trap", "BSD panic"),
    ("panic[cpu0]/thread=fffffe0059446c20: bad trap", "BSD panic"),
    ('panic(cpu 0 caller 0xffffff801cd12509): "AppleSEPManager panic"', "BSD panic"),
    ("Fatal trap 12: page fault while in vm86 mode", "BSD kernel trap"),
    ("Fatal double fault", "BSD kernel trap"),
    ("[    37.7235190] fatal page fault in supervisor mode", "BSD kernel trap"),
    ("kernel: page fault trap, code=0", "BSD kernel trap"),
    ("db> ", "kernel debugger"),
    ("ddb> ", "kernel debugger"),
    ("db{0}> ", "kernel debugger"),
    ("kdb:> ", "kernel debugger"),
    # Windows and ReactOS.
    ("*** Fatal System Error: 0x0000007e", "bugcheck code"),
    ("Your PC ran into a problem and needs to restart. We're just", "blue screen"),
    ("Your device ran into a problem and needs to restart.", "blue screen"),
    ("Windows protection error. You need to restart your computer.", "blue screen"),
    ("While initializing device VMCPD: Windows Protection Error. You need to restart", "blue screen"),
    ("Your PC/Device needs to be repaired", "boot manager error"),
    ("Windows could not start because the following file is missing or corrupt:", "boot manager error"),
    ("Windows NT could not start because the following file is missing or corrupt:", "boot manager error"),
    ("Automatic Repair couldn't repair your PC", "boot manager error"),
    # DOS.
    ("System halted", "DOS is halted"),
    ("Bad or missing command interpreter", "DOS has no command interpreter"),
    ("Cannot load COMMAND, system halted", "DOS has no command interpreter"),
]

PROMPTS = [signature for signature in SIGNATURES if signature.is_prompt]


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_a_sample_matches_only_its_own_signature(signature: Signature) -> None:
    assert [other.name for other in SIGNATURES if other.pattern.search(signature.sample)] == [signature.name]
    assert match_signature(signature.sample) is signature


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_a_healthy_twin_matches_no_signature(signature: Signature) -> None:
    assert match_signature(signature.twin) is None
    assert match_prompt(signature.twin) is None


def test_names_are_unique_and_only_these_are_complaints() -> None:
    assert {signature.name for signature in SIGNATURES if signature.severity == "complaint"} == COMPLAINTS
    assert len({signature.name for signature in SIGNATURES}) == len(SIGNATURES)
    assert len({signature.twin for signature in SIGNATURES}) == len(SIGNATURES)


@pytest.mark.parametrize("line", HARMLESS.splitlines())
def test_harmless_lines_match_no_signature(line: str) -> None:
    assert match_signature(line) is None
    assert match_prompt(line) is None


@pytest.mark.parametrize(("line", "name"), MATCHES)
def test_variants_of_lines_match_their_signature(line: str, name: str | None) -> None:
    signature = match_signature(line)
    assert (signature and signature.name) == name


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("consoles/*.log")), ids=lambda path: path.stem)
def test_recorded_consoles_of_healthy_guests_match_no_signature(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    lines = [strip_controls(line) for line in data.decode(errors="replace").split("\n")]
    assert len(lines) > 50
    assert [line for line in lines if match_signature(line)] == []
    transcript = Transcript(tmp_path, ())
    for at in range(0, len(data), 97):
        transcript.feed(data[at : at + 97])
    transcript.close()
    assert transcript.findings() == ()


@pytest.mark.parametrize("signature", PROMPTS, ids=lambda signature: signature.name)
def test_a_prompt_is_found_once_before_its_line_ends(signature: Signature, tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, ())
    transcript.feed(b"text\r\n")
    for byte in signature.sample.encode():
        transcript.feed(bytes([byte]))
    assert [finding.signature for finding in transcript.findings()] == [signature]
    for byte in b"help\r\n":
        transcript.feed(bytes([byte]))
    assert [finding.signature for finding in transcript.findings()] == [signature]
    transcript.feed(signature.sample.encode() + b"help\r\n")
    assert [finding.signature for finding in transcript.findings()] == [signature, signature]
    transcript.close()


@pytest.mark.parametrize("signature", PROMPTS, ids=lambda signature: signature.name)
def test_a_prompt_matches_whatever_follows(signature: Signature) -> None:
    """Else the match of an unfinished line could be wrong."""
    assert match_signature(signature.sample + "x") is signature
    assert match_signature(signature.sample + " (and more)") is signature


@pytest.mark.parametrize("line", HARMLESS.splitlines())
def test_the_beginnings_of_harmless_lines_match_no_prompt(line: str) -> None:
    assert [line[:size] for size in range(len(line)) if match_prompt(line[:size])] == []


@pytest.mark.parametrize(
    "line",
    [
        "*** STOP: 0x0000007B (0xF8955640,0xC0000034,0x00000000,0x00000000)",
        "*** Fatal System Error: 0x0000007b",
        '<PROPERTY NAME="STOPCODE" TYPE="string"><VALUE>"0x7B"</VALUE></PROPERTY>',
    ],
)
def test_the_code_of_a_bugcheck_is_named(line: str, tmp_path: Path) -> None:
    wakeup = Wakeup()
    transcript = Transcript(tmp_path, ())
    health = Health("windows", Journal(tmp_path / "qmp.jsonl", wakeup), wakeup)
    transcript.feed(f"{line}\r\n".encode())
    failure = ConsoleSpawn("windows", transcript, health).find_crash()
    transcript.close()
    assert str(failure).startswith("windows: bugcheck 0x7B (INACCESSIBLE_BOOT_DEVICE) at ")
