"""Signatures match real crashes and complaints, and no harmless lines."""

from __future__ import annotations

import pytest

from fixtures.channels.console.signatures import SIGNATURES, Signature, match_signature

FATAL = {
    "kernel panic",
    "page fault in the kernel",
    "oops",
    "general protection fault",
    "kernel bug",
    "hypervisor panic",
    "dom0 crash",
    "no root file system",
    "initramfs shell",
    "emergency mode",
    "boot loader rescue",
    "boot loader error",
    "firmware finds nothing to boot",
    "firmware exception",
    "bugcheck",
    "console of a crashed Windows",
    "boot manager error",
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
"""

MATCHES = [
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
    ("error: bad shim signature.", "boot loader error"),
    ("error: /boot/vmlinuz-6.1.0 has invalid signature.", "boot loader error"),
    ("error: disk `hd0,gpt3' not found.", "boot loader error"),
    ("BdsDxe: No bootable option or device was found.", "firmware finds nothing to boot"),
    ("(initramfs) ", "initramfs shell"),
]


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_a_sample_matches_only_its_own_signature(signature: Signature) -> None:
    assert [other.name for other in SIGNATURES if other.pattern.search(signature.sample)] == [signature.name]
    assert match_signature(signature.sample) is signature


def test_fatal_signatures() -> None:
    assert {signature.name for signature in SIGNATURES if signature.severity == "fatal"} == FATAL
    assert len({signature.name for signature in SIGNATURES}) == len(SIGNATURES)


@pytest.mark.parametrize("line", HARMLESS.splitlines())
def test_harmless_lines_match_no_signature(line: str) -> None:
    assert match_signature(line) is None


@pytest.mark.parametrize(("line", "name"), MATCHES)
def test_variants_of_lines_match_their_signature(line: str, name: str | None) -> None:
    signature = match_signature(line)
    assert (signature and signature.name) == name
