"""A machine that crashes as Windows does: a boot sector that speaks like SAC, under real QEMU, and QMP's events."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.serial_console import Console
from fixtures.core.deadline import Deadline
from fixtures.core.errors import GuestCrashed
from fixtures.machine import windows_bugchecks
from fixtures.machine.health import judge_event
from fixtures.machine.qmp_journal import Event
from suites.selftest.support.machine_sample import Bench, Late, saying

if TYPE_CHECKING:
    from pathlib import Path

BANNER = "\r\nComputer is booting, SAC started and initialized.\r\n\r\nSAC>"
STOP = '<PROPERTY NAME="STOPCODE" TYPE="string"><VALUE>"0x7B"</VALUE></PROPERTY>\r\n'

PANICS = {"disk": "ide-hd", "panic": "pvpanic"}


def crashing(text: str, event: int) -> bytes:
    """Code that prints ``text`` on COM1 and then writes ``event`` to pvpanic's port, 0x505.

    The end of ``saying`` (hlt; jmp end) gives way to: mov dx, 0x505; mov al, event; out dx, al; hlt; jmp hlt.
    """
    end = bytes([0xBA, 0x05, 0x05, 0xB0, event, 0xEE, 0xF4, 0xEB, 0xFD])
    code = saying("").removesuffix(b"\0")
    assert code.endswith(b"\xf4\xeb\xfd")
    code = code[:-3] + end
    return code[:7] + (0x7C00 + len(code)).to_bytes(2, "little") + code[9:] + text.encode() + b"\0"


@pytest.mark.parametrize(("event", "name"), [(1, "GUEST_PANICKED"), (2, "GUEST_CRASHLOADED")])
def test_a_crash_that_pvpanic_tells_of_ends_every_wait(tmp_path: Path, event: int, name: str) -> None:
    """A guest that writes a dump says only that its crash handler was loaded; either event is a crash."""
    with Bench(tmp_path, crashing(BANNER, event), devices=PANICS).run() as bench:
        with pytest.raises(GuestCrashed, match=f"reported its own panic: {name}"):
            bench.health.wait_for(lambda: None, Deadline.after(30.0), Late())
        assert "SAC>" in bench.transcript.tail()


def test_a_slow_reader_keeps_nothing_from_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guest printed before it crashed is judged, though the reader thread has not come to it."""
    read, may_read = Console._read, threading.Event()
    monkeypatch.setattr(Console, "_read", lambda console: may_read.wait(60.0) and read(console))
    crash = crashing(f"{BANNER}\r\n{STOP}", 1)
    with Bench(tmp_path, crash, devices=PANICS).run() as bench:
        with pytest.raises(GuestCrashed, match=r"bugcheck 0x7B \(INACCESSIBLE_BOOT_DEVICE\) at "):
            bench.health.wait_for(lambda: None, Deadline.after(30.0), Late())
        may_read.set()


def test_a_bugcheck_on_the_console_is_named(tmp_path: Path) -> None:
    with Bench(tmp_path, saying(f'{BANNER}\r\n<INSTANCE CLASSNAME="BLUESCREEN">\r\n{STOP}')).run() as bench:
        with pytest.raises(GuestCrashed, match=r"bugcheck 0x7B \(INACCESSIBLE_BOOT_DEVICE\) at "):
            bench.health.wait_for(lambda: None, Deadline.after(30.0), Late())
        assert [found.signature.name for found in bench.transcript.findings()] == [
            "bugcheck begins",
            "bugcheck",
        ]


def test_without_a_crash_such_a_machine_is_well(tmp_path: Path) -> None:
    with Bench(tmp_path, saying(BANNER)).run() as bench:
        bench.health.wait_for(lambda: "SAC>" in bench.transcript.tail() or None, Deadline.after(30.0), Late())
        bench.health.check()


def test_what_hyper_vs_crash_registers_hold_is_told() -> None:
    """The event as QEMU's schema has it; no host of ours has offered these registers."""
    info = {"type": "hyper-v", "arg1": 0xD1, "arg2": 0xFFFF800CD3558010, "arg3": 2, "arg4": 0, "arg5": 7}
    failure = judge_event(
        "nothing", Event("GUEST_PANICKED", {"action": "pause", "info": info}, 0.0), "running"
    )
    assert isinstance(failure, GuestCrashed)
    assert failure.message == (
        "nothing: bugcheck 0xD1 (DRIVER_IRQL_NOT_LESS_OR_EQUAL), "
        "parameters 0xFFFF800CD3558010, 0x2, 0x0, 0x7, as the guest reported it"
    )


def test_a_bugcheck_without_a_name_here_is_its_number() -> None:
    assert windows_bugchecks.describe_bugcheck(0xDEADBEEF) == "bugcheck 0xDEADBEEF"
    assert (
        windows_bugchecks.bugcheck_from_event({"action": "pause", "info": {"type": "s390", "core": 0}})
        is None
    )
