"""Machines without an operating system: SeaBIOS runs a boot sector of a few bytes, under software emulation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fixtures.catalog.specs import Cell, GuestSpec, PlatformSpec
from fixtures.channels.boot.boot_stages import boot_stages
from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.transcript import Transcript
from fixtures.core.errors import IronguestError, MachineNotUsable, Postmortem
from fixtures.host.acceleration import Accelerator
from fixtures.host.firmware import Firmware
from fixtures.host.qemu import find_qemu
from fixtures.machine.hardware import Disk, Hardware
from fixtures.machine.machine import Machine

if TYPE_CHECKING:
    from types import TracebackType

TCG = Accelerator("tcg", False, 5.0, (), "tcg,thread=multi,tb-size=128")
KVM = Accelerator("kvm", True, 1.0, (), "kvm")
BIOS = Firmware("bios", None, "raw", None, "raw", False, Path("/nowhere/bios-256k.bin"))

HANG = b"\xfa\xeb\xfe"  # cli; jmp $
RESET = b"\xb0\xfe\xe6\x64\xeb\xfe"  # mov al, 0xfe; out 0x64, al: a reset by the keyboard controller
POWER_OFF = b"\xba\x04\x06\xb8\x00\x20\xef\xeb\xfe"  # mov dx, 0x604; mov ax, 0x2000; out dx, ax: S5 of ACPI


def printing_code(text: str, *, for_ever: bool = False) -> bytes:
    """Machine code that prints ``text`` on COM1 and then halts, or with ``for_ever`` starts again.

    cli; xor ax, ax; mov ds, ax; cld; mov si, text
    next: lodsb; test al, al; jz end; mov ah, al; mov dx, 0x3fd
    wait: in al, dx; test al, 0x20; jz wait; mov dx, 0x3f8; mov al, ah; out dx, al; jmp next
    end: hlt; jmp end, or: jmp start
    """
    code = bytes.fromhex("fa31c08ed8fcbe0000 ac84c0741288c4bafd03 eca82074fbbaf80388e0eeebe9")
    code += b"\xeb\xde" if for_ever else b"\xf4\xeb\xfd"
    address = 0x7C00 + len(code)
    return code[:7] + address.to_bytes(2, "little") + code[9:] + text.encode() + b"\0"


def disk(path: Path, code: bytes) -> Path:
    """A raw disk of 1 MiB with ``code`` in its boot sector."""
    assert len(code) <= 510
    with path.open("wb") as file:
        file.write(code.ljust(510, b"\0") + b"\x55\xaa")
        file.truncate(1 << 20)
    return path


def cell(**platform: Any) -> Cell:
    """A guest without a system on a PC with one disk; keyword arguments change the platform."""
    guest = GuestSpec.model_validate(
        {
            "id": "nothing",
            "title": "Nothing",
            "system": "linux",
            "arch": "x86_64",
            "image": {"path": "/nowhere/disk.raw", "format": "raw"},
            "platforms": ["bare"],
            "console": "serial",
            "login": {"user": "root", "password": "secret"},
            "drivers": {},
        }
    )
    fields = {
        "id": "bare",
        "title": "Bare",
        "machine": "pc",
        "firmware": "bios",
        "cpu": "host",
        "cpus": 1,
        "memory": "16M",
        "devices": {"disk": "ide-hd"},
    }
    return Cell.of(guest, PlatformSpec.model_validate(fields | platform))


def guest(**image: Any) -> GuestSpec:
    """The guest of :func:`cell` with another image; keyword arguments are the keys of its YAML."""
    spec = cell().guest
    return type(spec).model_validate({**spec.model_dump(exclude={"timeouts", "requires"}), "image": image})


def no_progress(line: str) -> None:
    """Ignore a progress message."""
    del line


def hardware(image: Path, **platform: Any) -> Hardware:
    """The hardware of :func:`cell` with ``image`` as its only disk."""
    root = Disk("root", image, "raw", "IGROOT")
    return Hardware(cell(**platform), find_qemu().path, TCG, BIOS, (root,), image.with_name("net0.pcap"))


class MachineBench:
    """A machine with its console; the end of ``with`` ends both."""

    def __init__(self, directory: Path, code: bytes = HANG, **platform: Any) -> None:
        self.evidence = directory / "evidence"
        self.machine = Machine(hardware(disk(directory / "disk.raw", code), **platform), self.evidence)
        self.health = self.machine.health
        self.transcript = Transcript(self.evidence, boot_stages(self.machine.hardware.cell.guest))
        self.machine.collect_postmortem = self._describe
        self.console = Console(
            "nothing@bare", self.machine.console, self.transcript, self.health, self.machine.wakeup
        )
        self.machine.drain_console = self.console.drain

    def _describe(self) -> Postmortem:
        return Postmortem(
            cell="nothing@bare",
            run_state=self.machine.run_state,
            stages=self.transcript.stages,
            last_lines=self.transcript.tail(),
            events=tuple(event.describe() for event in self.machine.journal.since(0)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.machine.end()
        self.transcript.close()

    def describe_guest(self, **changes: Any) -> None:
        """Change fields of the guest, and set the scale of its timeouts to 1."""
        hardware = self.machine.hardware
        guest = hardware.cell.guest.model_copy(update=changes)
        self.machine.hardware = dataclasses.replace(
            hardware,
            cell=Cell.of(guest, hardware.cell.platform),
            accelerator=dataclasses.replace(hardware.accelerator, scale=1.0),
        )

    def start(self) -> MachineBench:
        """Start QEMU, paused."""
        self.machine.start()
        return self

    def run(self) -> MachineBench:
        """Start QEMU and let it run."""
        self.machine.start()
        self.transcript.begin_boot()
        self.machine.power_on()
        return self

    @property
    def pid(self) -> int:
        """The process id of QEMU."""
        assert self.machine.pid is not None, "expected a running QEMU"
        return self.machine.pid


@dataclass
class LateError:
    """Creates the error of a wait that reaches its deadline; tests do not expect this error."""

    def __call__(self) -> IronguestError:
        return MachineNotUsable("the deadline came first")
