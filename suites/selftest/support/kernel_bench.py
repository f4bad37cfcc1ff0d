"""A real Linux kernel that runs a script as its first process, on a real QEMU under software emulation.

QEMU loads the kernel and the initramfs, so no boot loader takes part. The script comes in a second archive
behind the initramfs, which the kernel unpacks over the first. A guest with GRUB boots from a disk instead.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from fixtures.catalog.login_specs import Login
from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.login import boot_to_shell, create_shell
from fixtures.channels.shells.posix.serial_shell import SerialShell
from fixtures.core.errors import IronguestError
from fixtures.machine import machine as machine_module
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.hardware import Disk
from suites.selftest.support.kernel_kit import kernel_kit
from suites.selftest.support.machine_sample import MachineBench

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fixtures.machine.hardware import FdMap, Hardware

PRELUDE = r"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo 'root:x:0:0:root:/:/bin/sh' >/etc/passwd
# A login without a password on the terminal $1.
getty_on() { exec setsid getty -L -n -l /login 115200 "$1" vt100; }
# The first disk, /dev/sda, with the driver of IDE.
load_disk() { modprobe -a ata_piix sd_mod; until [ -b /dev/sda ]; do sleep 0.1; done; }
"""
_LOGIN = "#!/bin/busybox sh\nprintf 'debian login: '\nread -r user\nexec sh -l\n"
_MEMORY = "256M"
# Seconds with hardware assistance. A quiet kernel is silent for long.
_TIMEOUTS = {"boot": "120s", "silence": "10s"}
# The first instructions of crc32c_generic's start: a call of ftrace, which the kernel removes, and a move.
_MODULE_START = b"\xe8\0\0\0\0\x48\xc7\xc7\0\0\0\0\xe9\0\0\0\0"
# The end of a signed module, and the size of the header before it (the kernel's module_signature.h).
_SIGNED = b"~Module signature appended~\n"
_SIGNATURE_HEADER = 12
INVALID_OPCODE = b"\x0f\x0b"  # ud2
ENDLESS_LOOP = b"\xeb\xfe"  # jmp $


def broken_module(code: bytes) -> bytes:
    """A module of the kernel that executes the two bytes of ``code`` when it is loaded."""
    module = kernel_kit().module("crc32c_generic")
    assert module.count(_MODULE_START) == 1, f"expected one {_MODULE_START.hex()} in crc32c_generic.ko"
    assert module.endswith(_SIGNED), "expected a signature at the end of crc32c_generic.ko"
    # The kernel refuses a signature that is wrong. Without one it loads the module, and is tainted.
    head = module.removesuffix(_SIGNED)
    signature_size = int.from_bytes(head[-4:], "big")
    unsigned = head[: -_SIGNATURE_HEADER - signature_size]
    return unsigned.replace(_MODULE_START, _MODULE_START[:5] + code + _MODULE_START[7:])


def _archive(script: str, files: dict[str, bytes]) -> bytes:
    """A cpio archive with the script as ``/script``, the program ``/login``, ``/etc`` and the files."""
    members = [
        ("etc", 0o040755, b""),
        ("script", 0o100755, (PRELUDE + script).encode()),
        ("login", 0o100755, _LOGIN.encode()),
        *((name, 0o100644, content) for name, content in files.items()),
        ("TRAILER!!!", 0, b""),
    ]
    return b"".join(_member(*member) for member in members)


def _member(name: str, mode: int, data: bytes) -> bytes:
    """A member of an archive in the format newc (the kernel's driver-api/early-userspace/buffer-format.rst)."""
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4)


class _ShellBench(MachineBench):
    """A machine whose guest logs in as root without a password."""

    shell: SerialShell
    limits: Mapping[str, str]

    def boot(self) -> None:
        """Boot the guest and log in, as the engine does it with a guest of the catalog."""
        timeouts = Timeouts.model_validate({**_TIMEOUTS, **self.limits})
        self.describe_guest(timeouts=timeouts, login=Login(user="root"))
        self.run()
        shell = create_shell(self.machine, self.console)
        assert isinstance(shell, SerialShell), f"expected a shell on the serial console, not {shell}"
        self.shell = shell
        boot_to_shell(self.machine, self.console, shell)

    def boot_error(self) -> IronguestError | None:
        """The error of :meth:`boot`; None if the guest has a shell."""
        try:
            self.boot()
        except IronguestError as error:
            return error
        return None

    @property
    def stages(self) -> list[list[str]]:
        """The names of the stages of each boot."""
        return [[name for name, _ in boot] for boot in self.transcript.boots]


class KernelBench(_ShellBench):
    """A machine that boots the kernel with ``options``, and runs ``script`` after :data:`PRELUDE`.

    Without a script the initramfs is as it is. ``files`` are further files of the initramfs. ``limits`` are
    the guest's timeouts that differ from the usual ones. ``arguments`` are further arguments of QEMU. With
    ``devices``, such as a display, the kernel is the packed one, whose boot takes twice as long.
    """

    def __init__(
        self,
        directory: Path,
        options: str,
        script: str = "",
        *,
        files: dict[str, bytes] | None = None,
        limits: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        **platform: Any,
    ) -> None:
        super().__init__(directory, **{"memory": _MEMORY, **platform})
        self.limits = limits or {}
        kit = kernel_kit()
        console = "" if "console=" in options else "console=ttyS0,115200 "
        init = " rdinit=/script" if script else ""
        kernel = kit.packed_kernel if "devices" in platform else kit.kernel
        self._arguments = (*arguments, "-kernel", str(kernel), "-append", f"{console}{options}{init}")
        initramfs = directory / "initramfs"
        archive = _archive(script, files or {}) if script else b""
        initramfs.write_bytes(kit.initramfs.read_bytes() + archive)
        self._arguments += ("-initrd", str(initramfs))

    def start(self) -> MachineBench:
        """Start QEMU with the kernel, paused."""
        with patch.object(machine_module, "command_line", self._command_line):
            return super().start()

    def run(self) -> MachineBench:
        """Start QEMU with the kernel and let it run."""
        with patch.object(machine_module, "command_line", self._command_line):
            return super().run()

    def _command_line(self, hardware: Hardware, descriptors: FdMap) -> tuple[str, ...]:
        # What QEMU loads a kernel with has the boot index 0, which the root disk has otherwise.
        usual = command_line(hardware, descriptors)
        return (*(each.replace('"bootindex": 0', '"bootindex": 1') for each in usual), *self._arguments)


class GrubBench(_ShellBench):
    """A machine with a disk on which GRUB boots with ``configuration``, without its module ``missing``.

    ``script`` runs as the first process after :data:`PRELUDE` if the kernel's options have ``rdinit=/script``.
    """

    def __init__(
        self,
        directory: Path,
        configuration: str,
        script: str = "",
        *,
        missing: str = "",
        limits: dict[str, str] | None = None,
        **platform: Any,
    ) -> None:
        super().__init__(directory, **{"memory": _MEMORY, **platform})
        self.limits = limits or {}
        archive = _archive(script, {})
        path = kernel_kit().grub_disk(directory / "grub", configuration, archive, missing)
        root = Disk("root", path, "raw", "IGROOT")
        self.machine.hardware = dataclasses.replace(self.machine.hardware, disks=(root,))
