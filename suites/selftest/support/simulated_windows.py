"""A real machine whose guest behaves like Windows on its serial ports.

The guest is a boot sector that copies bytes between the ports of the machine (COM1, COM2) and two additional
ports (COM3, COM4). The simulated SAC of :mod:`suites.selftest.support.sac_sample` is at the other end of the
additional ports. The boot sector reports its boot and the power button, and restarts or powers off on request.
QEMU, firmware, serial ports, resets and ACPI are real. A launcher script adds the two ports to QEMU.
"""

from __future__ import annotations

import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fixtures.catalog.specs import Cell
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.hardware_plan import MachineDirectories
from fixtures.media.base_images import Image
from suites.selftest.support import machine_sample
from suites.selftest.support.machine_sample import disk, hardware
from suites.selftest.support.sac_sample import ConsoleQuirks, SacGuest
from suites.selftest.support.sac_texts import CRASH

if TYPE_CHECKING:
    from pathlib import Path

    from suites.selftest.support.cmd_sample import CommandRunner

# From the simulated Windows, kind and text of a command to status, output and code page.
Answers = Callable[["SimulatedWindows", str, str], tuple[int, bytes, int]]

# Messages of the boot sector, and orders to it: bytes that UTF-8 does not use.
BOOTED, BUTTON = b"\xf8", b"\xf9"
RESTART, POWER_OFF = b"\xfd", b"\xfe"
_MESSAGE = re.compile(b"([\xf8\xf9])")

_LAUNCHER = """\
#!/bin/sh
# Adds two serial ports to QEMU when it starts a machine.
case " $* " in
*" -machine none "*) ;;
*" -nodefaults "*) exec {qemu} "$@" \\
    -chardev socket,id=sac,path={sac} -device isa-serial,chardev=sac,index=2 \\
    -chardev socket,id=long,path={long} -device isa-serial,chardev=long,index=3 ;;
esac
exec {qemu} "$@"
"""


def _out(port: int, value: int) -> bytes:
    """mov dx, port; mov al, value; out dx, al"""
    return bytes([0xBA, *port.to_bytes(2, "little"), 0xB0, value, 0xEE])


def _word(port: int, value: int) -> bytes:
    """mov dx, port; mov ax, value; out dx, ax"""
    return bytes([0xBA, *port.to_bytes(2, "little"), 0xB8, *value.to_bytes(2, "little"), 0xEF])


def _when(port: int, bit: int, work: bytes) -> bytes:
    """mov dx, port; in al, dx; test al, bit; jz past the work"""
    return bytes([0xBA, *port.to_bytes(2, "little"), 0xEC, 0xA8, bit, 0x74, len(work)]) + work


def _copy_byte(source: int, target: int, between: bytes = b"") -> bytes:
    """Copy a byte if the source has one (bit 0 of the line status) and the target is ready (bit 5)."""
    read = bytes([0xBA, *source.to_bytes(2, "little"), 0xEC])
    write = bytes([0xBA, *target.to_bytes(2, "little"), 0xEE])
    return _when(source + 5, 0x01, _when(target + 5, 0x20, read + between + write))


def _on_order(order: bytes, work: bytes) -> bytes:
    """cmp al, order; jne past the work"""
    return bytes([0x3C, order[0], 0x75, len(work)]) + work


def boot_sector() -> bytes:
    """Machine code that polls the ports; bit 8 of ACPI's event register (port 0x600) is the power button."""
    com1, com2, com3, com4 = 0x3F8, 0x2F8, 0x3E8, 0x2E8
    reset = bytes.fromhex("b0fe e664 ebfe")
    orders = _on_order(RESTART, reset) + _on_order(POWER_OFF, _word(0x604, 0x2000) + b"\xeb\xfe")
    pressed = _word(0x600, 0x100) + _out(com3, BUTTON[0])
    # mov dx, 0x600; in ax, dx; test ah, 1; jz past the work
    button = bytes.fromhex("ba0006 ed f6c401 74") + bytes([len(pressed)]) + pressed
    loop = _copy_byte(com1, com3) + _copy_byte(com3, com1, orders) + _copy_byte(com4, com2) + button
    # FIFOs with a trigger level of 14 bytes: without them, the copy is slow.
    queues = b"".join(_out(port + 2, 0xC1) for port in (com1, com2, com3, com4))
    code = b"\xfa" + queues + _word(0x602, 0x100) + _out(com3, BOOTED[0]) + loop
    # A near jmp to the start of the loop, which is too far for a short one.
    return code + b"\xe9" + (-(len(loop) + 3) & 0xFFFF).to_bytes(2, "little")


class SimulatedWindows:
    """The other end of the additional ports, for several machines; :meth:`close` ends it."""

    def __init__(self, directory: Path, answers: Answers, quirks: ConsoleQuirks | None = None) -> None:
        self.quirks = quirks or ConsoleQuirks()
        self.runner: CommandRunner = lambda kind, text: answers(self, kind, text)
        # Whether the kernel prints nothing, the necessary presses of the button, and whether SAC powers off.
        self.silent = False
        self.presses = 1
        # The command at which the kernel crashes.
        self.crashes_at = ""
        self.boots = 0
        # The guest of the first machine that booted; later machines may be its clones.
        self.saved: SacGuest | None = None
        self._order = b""
        self._listening = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for listener, name in zip(self._listening, ("sac", "long"), strict=True):
            listener.bind(str(directory / name))
            listener.listen()
        self._connections: list[socket.socket] = []
        self.launcher = directory / "qemu"
        qemu = shutil.which("qemu-system-x86_64")
        self.launcher.write_text(_LAUNCHER.format(qemu=qemu, sac=directory / "sac", long=directory / "long"))
        self.launcher.chmod(0o755)
        threading.Thread(target=self._serve, daemon=True).start()

    def after_this(self, order: bytes) -> None:
        """Send an order to the boot sector after the reply to the current command."""
        self._order = order

    def _serve(self) -> None:
        while True:
            try:
                line, results = (listener.accept()[0] for listener in self._listening)
            except OSError:
                return  # closed
            self._connections += [line, results]
            threading.Thread(target=_Machine(self, line, results).serve, daemon=True).start()

    def take_order(self) -> bytes:
        """Remove and return the order that waits, if any."""
        order, self._order = self._order, b""
        return order

    def close(self) -> None:
        """Close all connections."""
        for connection in (*self._listening, *self._connections):
            # Only shutdown wakes a thread that waits in accept or recv.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                connection.close()


class Bugcheck(Exception):  # noqa: N818 - the term of Windows
    """The kernel crashed during a command, which gets no reply."""


@dataclass
class _Machine:
    """The connection to one machine, over all its boots."""

    windows: SimulatedWindows
    line: socket.socket
    results: socket.socket
    guest: SacGuest | None = None
    crashed: bool = False
    pressed: int = 0

    def serve(self) -> None:
        try:
            while data := self.line.recv(4096):
                for part in _MESSAGE.split(data):
                    self.receive(part)
        except OSError:
            return  # the machine has ended

    def receive(self, part: bytes) -> None:
        """Handle input from COM1, or a message of the boot sector."""
        if part == BOOTED:
            self.boot()
        elif self.guest is None:
            self.resume(part)
        elif part == BUTTON:
            self.pressed += 1
            if self.pressed == self.windows.presses:
                self.guest.say("\nThe SAC will become unavailable soon.  The computer is shutting down.\n")
                self.line.sendall(POWER_OFF)
        elif part:
            try:
                self.guest.read(part.decode())
            except Bugcheck:
                self.guest.raw(CRASH)
                self.guest, self.crashed = None, True
            self.line.sendall(self.windows.take_order())

    def resume(self, part: bytes) -> None:
        """Continue in the state of the saved guest: a clone has not booted itself."""
        saved = self.windows.saved
        if part and saved is not None and not self.crashed:
            self.guest = SacGuest(self.line, self.windows.quirks, self.windows.runner)
            self.guest.resume_from(saved)
            self.guest.agent_protocol.port = self.results.sendall
            self.receive(part)

    def boot(self) -> None:
        self.windows.boots += 1
        if self.windows.silent:
            return
        self.guest = SacGuest(self.line, self.windows.quirks, self.windows.runner)
        self.guest.agent_protocol.port = self.results.sendall
        self.windows.saved = self.windows.saved or self.guest
        self.guest.boot()


def windows_cell(**guest: Any) -> Cell:
    """A Windows guest on a PC with a disk and a network card; keyword arguments change the guest."""
    base = machine_sample.cell(devices={"disk": "ide-hd", "nic": "e1000"})
    data = base.guest.model_dump(exclude={"timeouts", "requires", "screen"})
    windows = {"id": "windows", "system": "windows", "console": "sac"}
    login = {"user": "Administrator", "password": "Pas-w0rd"}
    spec = type(base.guest).model_validate({**data, **windows, "login": login, **guest})
    return Cell.of(spec, base.platform)


@contextmanager
def windows_machine(directory: Path, windows: SimulatedWindows, **guest: Any) -> Iterator[GuestInstance]:
    """The instance of a simulated Windows; the test starts the machine."""
    image = disk(directory / "disk.raw", boot_sector())
    directories = MachineDirectories(directory / "work", directory / "evidence")
    directories.work.mkdir()
    machine_hardware = replace(
        hardware(image),
        cell=windows_cell(**guest),
        qemu=windows.launcher,
        capture=directories.work / "net0.pcap",
    )
    instance = GuestInstance(
        machine_hardware, Image(image, "raw", "sha256:" + "0" * 64, "a boot sector"), directories
    )
    try:
        yield instance
    finally:
        instance.end()
