"""Windows crashes: boot sectors that print SAC's messages and use pvpanic, with real QEMU; and QMP events."""

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
from suites.selftest.support.machine_sample import LateError, MachineBench, printing_code

if TYPE_CHECKING:
    from pathlib import Path

BANNER = "\r\nComputer is booting, SAC started and initialized.\r\n\r\nSAC>"
STOP = '<PROPERTY NAME="STOPCODE" TYPE="string"><VALUE>"0x7B"</VALUE></PROPERTY>\r\n'

PANICS = {"disk": "ide-hd", "panic": "pvpanic"}


def crashing(text: str, event: int) -> bytes:
    """Code that prints ``text`` on COM1 and then writes ``event`` to pvpanic's port, 0x505.

    It replaces the end of ``saying`` (hlt; jmp end) by: mov dx, 0x505; mov al, event; out dx, al; hlt; jmp hlt.
    """
    end = bytes([0xBA, 0x05, 0x05, 0xB0, event, 0xEE, 0xF4, 0xEB, 0xFD])
    code = printing_code("").removesuffix(b"\0")
    assert code.endswith(b"\xf4\xeb\xfd")
    code = code[:-3] + end
    return code[:7] + (0x7C00 + len(code)).to_bytes(2, "little") + code[9:] + text.encode() + b"\0"


@pytest.mark.parametrize(("event", "name"), [(1, "GUEST_PANICKED"), (2, "GUEST_CRASHLOADED")])
def test_a_pvpanic_event_ends_every_wait(tmp_path: Path, event: int, name: str) -> None:
    """Both events are crashes. A guest whose crash kernel writes a dump reports only GUEST_CRASHLOADED."""
    with MachineBench(tmp_path, crashing(BANNER, event), devices=PANICS).run() as bench:
        with pytest.raises(GuestCrashed, match=f"reported its own panic: {name}"):
            bench.health.wait_for(lambda: None, Deadline.after(30.0), LateError())
        assert "SAC>" in bench.transcript.tail()


def test_console_output_before_a_crash_is_judged_despite_a_slow_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output is drained and judged although the reader thread has not read it yet."""
    read, may_read = Console._read, threading.Event()
    monkeypatch.setattr(Console, "_read", lambda console: may_read.wait(60.0) and read(console))
    crash = crashing(f"{BANNER}\r\n{STOP}", 1)
    with MachineBench(tmp_path, crash, devices=PANICS).run() as bench:
        with pytest.raises(GuestCrashed, match=r"bugcheck 0x7B \(INACCESSIBLE_BOOT_DEVICE\) at "):
            bench.health.wait_for(lambda: None, Deadline.after(30.0), LateError())
        may_read.set()


def test_a_bugcheck_on_the_console_is_named(tmp_path: Path) -> None:
    with MachineBench(
        tmp_path, printing_code(f'{BANNER}\r\n<INSTANCE CLASSNAME="BLUESCREEN">\r\n{STOP}')
    ).run() as bench:
        with pytest.raises(GuestCrashed, match=r"bugcheck 0x7B \(INACCESSIBLE_BOOT_DEVICE\) at "):
            bench.health.wait_for(lambda: None, Deadline.after(30.0), LateError())
        assert [found.signature.name for found in bench.transcript.findings()] == [
            "bugcheck begins",
            "bugcheck",
        ]


def test_a_sac_banner_is_no_failure(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code(BANNER)).run() as bench:
        bench.health.wait_for(
            lambda: "SAC>" in bench.transcript.tail() or None, Deadline.after(30.0), LateError()
        )
        bench.health.check()


def test_a_bugcheck_in_hyper_vs_crash_registers_is_named() -> None:
    """The event is made from QEMU's QMP schema, not recorded from a machine."""
    info = {"type": "hyper-v", "arg1": 0xD1, "arg2": 0xFFFF800CD3558010, "arg3": 2, "arg4": 0, "arg5": 7}
    failure = judge_event(
        "nothing", Event("GUEST_PANICKED", {"action": "pause", "info": info}, 0.0), "running"
    )
    assert isinstance(failure, GuestCrashed)
    assert failure.message == (
        "nothing: bugcheck 0xD1 (DRIVER_IRQL_NOT_LESS_OR_EQUAL), "
        "parameters 0xFFFF800CD3558010, 0x2, 0x0, 0x7, as the guest reported it"
    )


def test_an_unknown_bugcheck_is_shown_as_its_number() -> None:
    assert windows_bugchecks.describe_bugcheck(0xDEADBEEF) == "bugcheck 0xDEADBEEF"
    assert (
        windows_bugchecks.bugcheck_from_event({"action": "pause", "info": {"type": "s390", "core": 0}})
        is None
    )
