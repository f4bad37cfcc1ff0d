"""KVM's interface: request numbers, and the text for each exit reason."""

from __future__ import annotations

import fcntl
import mmap
import struct
from collections.abc import Callable

import pytest

from fixtures.host import kvm
from fixtures.host.kvm import KvmMachine, MachineStop, PortWrite

Run = Callable[..., tuple[PortWrite | MachineStop, "ScriptedMachine"]]


def request(direction: str, number: int, size: int) -> int:
    """The number that the kernel's _IO, _IOR, _IOW and _IOWR macros give for KVM's type 0xAE."""
    return {"": 0, "W": 1, "R": 2, "RW": 3}[direction] << 30 | size << 16 | 0xAE << 8 | number


@pytest.mark.parametrize(
    ("name", "direction", "number", "size"),
    [
        ("_GET_API_VERSION", "", 0x00, 0),
        ("_CREATE_VM", "", 0x01, 0),
        ("_CHECK_EXTENSION", "", 0x03, 0),
        ("_GET_VCPU_MMAP_SIZE", "", 0x04, 0),
        ("_GET_SUPPORTED_CPUID", "RW", 0x05, 8),
        ("_CREATE_VCPU", "", 0x41, 0),
        ("_SET_USER_MEMORY_REGION", "W", 0x46, 32),
        ("_SET_TSS_ADDR", "", 0x47, 0),
        ("_SET_IDENTITY_MAP_ADDR", "W", 0x48, 8),
        ("_RUN", "", 0x80, 0),
        ("_GET_REGS", "R", 0x81, 18 * 8),
        ("_SET_REGS", "W", 0x82, 18 * 8),
        ("_GET_SREGS", "R", 0x83, 8 * 24 + 2 * 16 + 7 * 8 + 4 * 8),
        ("_SET_SREGS", "W", 0x84, 8 * 24 + 2 * 16 + 7 * 8 + 4 * 8),
        ("_SET_CPUID2", "W", 0x90, 8),
    ],
)
def test_request_numbers(name: str, direction: str, number: int, size: int) -> None:
    assert getattr(kvm, name) == request(direction, number, size)


class ScriptedMachine(KvmMachine):
    """A machine whose CPU exits according to a script: pairs of the exit reason and the data at offset 32."""

    def __init__(self, *exits: tuple[int, bytes]) -> None:
        self._cpu = -1
        self._run = mmap.mmap(-1, 8192)
        self._exits = list(exits)

    def enter(self, _fd: int, number: int, _argument: int) -> int:
        assert number == 0xAE80
        reason, payload = self._exits.pop(0)
        self._run[8:12] = struct.pack("<I", reason)
        self._run[32 : 32 + len(payload)] = payload
        return 0

    def instruction_pointer(self) -> int:
        return 0x131A


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def until_event(*exits: tuple[int, bytes]) -> tuple[PortWrite | MachineStop, ScriptedMachine]:
        machine = ScriptedMachine(*exits)
        monkeypatch.setattr(fcntl, "ioctl", machine.enter)
        return machine.run(), machine

    return until_event


def port(direction: int, size: int, number: int, count: int) -> bytes:
    return struct.pack("<BBHIQ", direction, size, number, count, 4096)


def test_a_write_to_a_port_is_returned(run: Run) -> None:
    event, _ = run((2, port(1, 4, 0xE8, 1)))
    assert event == PortWrite(0xE8, bytes(4))


def test_the_guest_continues_after_reads(run: Run) -> None:
    read_port = (2, port(0, 1, 0xE9, 4))
    read_memory = (6, struct.pack("<Q8sIB", 0xD0000000, b"\xff" * 8, 4, 0))
    event, machine = run(read_port, read_memory, (2, port(1, 1, 0xF4, 1)))
    assert isinstance(event, PortWrite)
    assert event.port == 0xF4
    assert machine._run[4096:4101] == b"\xe9\xe9\xe9\xe9\x00"


def test_an_interrupted_run_continues(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = ScriptedMachine((5, b""))
    answers = iter([InterruptedError()])

    def interrupted_once(fd: int, number: int, argument: int) -> int:
        for error in answers:
            raise error
        return machine.enter(fd, number, argument)

    monkeypatch.setattr(fcntl, "ioctl", interrupted_once)
    assert machine.run() == MachineStop("the CPU halted at rip 0x131a")


INTERNAL = struct.pack("<II", 1, 4)
INSTRUCTION = struct.pack("<QB15s", 1, 5, bytes.fromhex("f0480fc70f"))


@pytest.mark.parametrize(
    ("reason", "payload", "why"),
    [
        (8, b"", "triple fault at rip 0x131a"),
        (
            9,
            struct.pack("<Q", 0x80000021),
            "the CPU refused to enter the guest, hardware reason 0x80000021, at rip 0x131a",
        ),
        (
            17,
            INTERNAL + INSTRUCTION,
            (
                "KVM internal error, suberror 1 (emulation failure) at rip 0x131a, "
                "instruction bytes f0 48 0f c7 0f"
            ),
        ),
        (17, INTERNAL + bytes(24), "KVM internal error, suberror 1 (emulation failure) at rip 0x131a"),
        (17, struct.pack("<II", 1, 0), "KVM internal error, suberror 1 (emulation failure) at rip 0x131a"),
        (
            17,
            struct.pack("<II", 3, 4) + INSTRUCTION,
            "KVM internal error, suberror 3 (an event could not be delivered) at rip 0x131a",
        ),
        (24, b"", "unexpected KVM exit reason 24 at rip 0x131a"),
    ],
)
def test_the_text_for_every_exit_reason(run: Run, reason: int, payload: bytes, why: str) -> None:
    event, _ = run((reason, payload))
    assert event == MachineStop(why)
