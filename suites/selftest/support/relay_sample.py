"""A machine that really runs, and whose guest talks as Windows does on its serial ports.

Its boot sector carries bytes between the ports that the machine has (COM1, COM2) and two more (COM3, COM4), at
whose other end the SAC of :mod:`suites.selftest.support.sac_sample` sits. It says when it has booted and when the
power button is pressed, and restarts or turns the machine off when it is told to. QEMU, firmware, serial
ports, resets and ACPI are real; the two ports more come from a program that starts QEMU with them.
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

# The machine's other end, kind, text -> status, output, code page.
Answers = Callable[["Windows", str, str], tuple[int, bytes, int]]

# Bytes that no text in UTF-8 holds: what the boot sector says, and what it is told.
BOOTED, BUTTON = b"\xf8", b"\xf9"
RESTART, POWER_OFF = b"\xfd", b"\xfe"
_SAID = re.compile(b"([\xf8\xf9])")

_LAUNCHER = """\
#!/bin/sh
# QEMU with two serial ports more, where it starts a machine.
case " $* " in
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


def _carry(source: int, target: int, between: bytes = b"") -> bytes:
    """Where a byte has come (bit 0 of the line status) and may go (bit 5): read it, look at it, write it."""
    read = bytes([0xBA, *source.to_bytes(2, "little"), 0xEC])
    write = bytes([0xBA, *target.to_bytes(2, "little"), 0xEE])
    return _when(source + 5, 0x01, _when(target + 5, 0x20, read + between + write))


def _told(order: bytes, work: bytes) -> bytes:
    """cmp al, order; jne past the work"""
    return bytes([0x3C, order[0], 0x75, len(work)]) + work


def boot_sector() -> bytes:
    """Polls its ports for ever; the power button's status is bit 8 of ACPI's event register (port 0x600)."""
    com1, com2, com3, com4 = 0x3F8, 0x2F8, 0x3E8, 0x2E8
    reset = bytes.fromhex("b0fe e664 ebfe")
    orders = _told(RESTART, reset) + _told(POWER_OFF, _word(0x604, 0x2000) + b"\xeb\xfe")
    pressed = _word(0x600, 0x100) + _out(com3, BUTTON[0])
    # mov dx, 0x600; in ax, dx; test ah, 1; jz past the work
    button = bytes.fromhex("ba0006 ed f6c401 74") + bytes([len(pressed)]) + pressed
    loop = _carry(com1, com3) + _carry(com3, com1, orders) + _carry(com4, com2) + button
    # FIFOs on, of which 14 bytes are taken before the port tells: one at a time is slow.
    queues = b"".join(_out(port + 2, 0xC1) for port in (com1, com2, com3, com4))
    code = b"\xfa" + queues + _word(0x602, 0x100) + _out(com3, BOOTED[0]) + loop
    # jmp to the loop: it is too far for a short one.
    return code + b"\xe9" + (-(len(loop) + 3) & 0xFFFF).to_bytes(2, "little")


class Windows:
    """What is at the other end of the two ports, for one machine after the other; ended by :meth:`close`."""

    def __init__(self, place: Path, answers: Answers, quirks: ConsoleQuirks | None = None) -> None:
        self.quirks = quirks or ConsoleQuirks()
        self.runner: CommandRunner = lambda kind, text: answers(self, kind, text)
        # A kernel that says nothing at all, how many presses of the button it takes, and whether SAC turns off.
        self.silent = False
        self.presses = 1
        self.sac_obeys = True
        # The question at which the kernel stops.
        self.crashes_at = ""
        self.boots = 0
        # Of the machine that booted first, of which others may be clones.
        self.saved: SacGuest | None = None
        self._order = b""
        self._listening = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for listener, name in zip(self._listening, ("sac", "long"), strict=True):
            listener.bind(str(place / name))
            listener.listen()
        self._connections: list[socket.socket] = []
        self.launcher = place / "qemu"
        qemu = shutil.which("qemu-system-x86_64")
        self.launcher.write_text(_LAUNCHER.format(qemu=qemu, sac=place / "sac", long=place / "long"))
        self.launcher.chmod(0o755)
        threading.Thread(target=self._serve, daemon=True).start()

    def after_this(self, order: bytes) -> None:
        """Give the boot sector an order once the command that runs was answered."""
        self._order = order

    def _serve(self) -> None:
        while True:
            try:
                line, results = (listener.accept()[0] for listener in self._listening)
            except OSError:
                # Closed.
                return
            self._connections += [line, results]
            threading.Thread(target=_Machine(self, line, results).serve, daemon=True).start()

    def take_order(self) -> bytes:
        """The order that was left, once."""
        order, self._order = self._order, b""
        return order

    def close(self) -> None:
        """End all conversations."""
        for each in (*self._listening, *self._connections):
            # One that waits in accept or recv is woken by this only.
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                each.close()


class Bugcheck(Exception):  # noqa: N818  it is what it is called
    """The kernel stopped in the middle of a command, whose answer never comes."""


@dataclass
class _Machine:
    """The conversation with one machine, over all its boots."""

    windows: Windows
    line: socket.socket
    results: socket.socket
    guest: SacGuest | None = None
    crashed: bool = False
    pressed: int = 0

    def serve(self) -> None:
        try:
            while data := self.line.recv(4096):
                for part in _SAID.split(data):
                    self.hear(part)
        except OSError:
            # The machine has ended.
            return

    def hear(self, part: bytes) -> None:
        """What was typed on COM1, or a byte of the boot sector's."""
        if part == BOOTED:
            self.boot()
        elif self.guest is None:
            self.go_on(part)
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

    def go_on(self, part: bytes) -> None:
        """A machine that never booted goes on where the one that was saved stood."""
        saved = self.windows.saved
        if part and saved is not None and not self.crashed:
            self.guest = SacGuest(self.line, self.windows.quirks, self.windows.runner)
            self.guest.resume_from(saved)
            self.guest.agent_protocol.port = self.results.sendall
            self.hear(part)

    def boot(self) -> None:
        self.windows.boots += 1
        if self.windows.silent:
            return
        self.guest = SacGuest(self.line, self.windows.quirks, self.windows.runner)
        self.guest.agent_protocol.port = self.results.sendall
        if self.windows.sac_obeys:
            self.guest.on_shutdown = lambda: self.windows.after_this(POWER_OFF)
        self.windows.saved = self.windows.saved or self.guest
        self.guest.boot()


def windows_cell(**guest: Any) -> Cell:
    """A Windows guest on a bare old PC; keyword arguments change the guest."""
    base = machine_sample.cell(devices={"disk": "ide-hd", "nic": "e1000"})
    data = base.guest.model_dump(exclude={"timeouts", "requires", "screen"})
    given = {"id": "windows", "system": "windows", "console": "sac"}
    login = {"user": "Administrator", "password": "Pas-w0rd"}
    made = type(base.guest).model_validate({**data, **given, "login": login, **guest})
    return Cell.of(made, base.platform)


@contextmanager
def windows_machine(directory: Path, windows: Windows, **guest: Any) -> Iterator[GuestInstance]:
    """A machine of such a guest, not yet started."""
    image = disk(directory / "disk.raw", boot_sector())
    place = MachineDirectories(directory / "work", directory / "evidence")
    place.work.mkdir()
    made = replace(
        hardware(image), cell=windows_cell(**guest), qemu=windows.launcher, capture=place.work / "net0.pcap"
    )
    instance = GuestInstance(made, Image(image, "raw", "sha256:" + "0" * 64, "a boot sector"), place)
    try:
        yield instance
    finally:
        instance.end()
