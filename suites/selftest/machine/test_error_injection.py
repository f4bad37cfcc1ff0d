"""Every wait raises at once the error that names what ended the machine."""

from __future__ import annotations

import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import (
    BlockError,
    GuestCrashed,
    GuestRestarted,
    GuestStopped,
    HypervisorInternalError,
    MachineDied,
    MachineKilled,
    MachineNotUsable,
    NoSpace,
)
from fixtures.machine.health import judge_event
from fixtures.machine.qmp_journal import Event
from suites.selftest.support.machine_sample import POWER_OFF, RESET, LateError, MachineBench, printing_code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def _no_core_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def wait_until_ready(bench: MachineBench) -> None:
    """Wait for the boot sector. SeaBIOS follows an external reset with resets of its own; they are over then."""
    assert bench.console.wait_for([b"ready"], Deadline.after(60.0)) == 0


def host_resets(bench: MachineBench, mark: int) -> list[Event]:
    return [event for event in bench.machine.journal.since(mark, ["RESET"]) if not event.data["guest"]]


def wait_and_signal(bench: MachineBench, number: int) -> None:
    """Wait for a condition that never becomes true; QEMU gets a signal during the wait."""
    sent: list[int] = []

    def read() -> None:
        if not sent:
            sent.append(number)
            os.kill(bench.pid, number)

    bench.health.wait_for(read, Deadline.after(60.0), LateError())


def test_qemu_killed_during_a_wait(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        with pytest.raises(MachineKilled, match=r"ended unexpectedly: it ended by SIGKILL") as caught:
            wait_and_signal(bench, signal.SIGKILL)
        assert caught.value.outcome == "ERROR"
        with pytest.raises(MachineKilled):
            bench.machine.execute("query-status")


def test_qemu_killed_during_a_wait_for_the_console(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code("ready\n")) as bench:
        bench.run()
        assert bench.console.wait_for([b"ready"], Deadline.after(60.0)) == 0
        os.kill(bench.pid, signal.SIGKILL)
        with pytest.raises(MachineKilled, match="SIGKILL"):
            bench.console.wait_for([b"never"], Deadline.after(60.0))


def test_qemu_killed_during_a_command(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        os.kill(bench.pid, signal.SIGKILL)
        with pytest.raises(MachineKilled, match="SIGKILL"):
            bench.machine.execute("query-status", within=60.0)


@pytest.mark.usefixtures("_no_core_files")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_of_qemu_is_a_failure(tmp_path: Path, number: signal.Signals) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        with pytest.raises(MachineDied, match=f"ended unexpectedly: it ended by {number.name}") as caught:
            wait_and_signal(bench, number)
        assert caught.value.outcome == "FAIL"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_termination_signal_from_outside_is_an_error(tmp_path: Path, number: signal.Signals) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        with pytest.raises(MachineKilled):
            wait_and_signal(bench, number)


def test_an_unexpected_reset(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code("ready\n")) as bench:
        wait_until_ready(bench.run())
        mark = bench.machine.journal.mark()
        bench.machine.execute("system_reset")
        with pytest.raises(GuestRestarted, match="unexpected reset: RESET"):
            bench.health.wait_for(lambda: None, Deadline.after(60.0), LateError())
        assert len(host_resets(bench, mark)) == 1


def test_an_allowed_reset_is_one_event_and_no_failure(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code("ready\n")) as bench:
        machine = bench.machine
        wait_until_ready(bench.run())
        with bench.health.allowing("RESET"):
            mark = machine.journal.mark()
            machine.execute("system_reset")
            event = machine.wait_event(["RESET"], mark, Deadline.after(60.0), "reset")
            wait_until_ready(bench)
        assert event.data["guest"] is False
        assert host_resets(bench, mark) == [event]
        bench.health.check()
        after = machine.journal.mark()
        assert machine.journal.since(after) == ()
        machine.execute("system_reset")
        with pytest.raises(GuestRestarted, match="unexpected reset"):
            machine.wait_event(["SHUTDOWN"], after, Deadline.after(60.0), "nothing")


def test_a_reset_before_it_is_allowed_is_a_failure(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        mark = bench.machine.journal.mark()
        bench.machine.execute("system_reset")
        while not bench.machine.journal.since(mark, ["RESET"]):
            bench.machine.execute("query-status")
        with pytest.raises(GuestRestarted), bench.health.allowing("RESET"):
            pytest.fail("the reset came before it was allowed")


def test_a_guest_that_resets_itself(tmp_path: Path) -> None:
    with MachineBench(tmp_path, RESET) as bench:
        bench.run()
        with pytest.raises(GuestRestarted, match="guest-reset"):
            bench.console.wait_for([b"never"], Deadline.after(60.0))


def test_a_guest_that_turns_itself_off(tmp_path: Path) -> None:
    with MachineBench(tmp_path, POWER_OFF) as bench:
        bench.run()
        with pytest.raises(GuestStopped, match="guest-shutdown") as caught:
            bench.console.wait_for([b"never"], Deadline.after(60.0))
        assert caught.value.outcome == "FAIL"
        # QEMU keeps running and answers queries.
        assert bench.machine.execute("query-status")["status"] == "shutdown"


def test_an_allowed_shutdown(tmp_path: Path) -> None:
    with MachineBench(tmp_path, POWER_OFF) as bench, bench.health.allowing("SHUTDOWN"):
        bench.run()
        event = bench.machine.wait_event(["SHUTDOWN"], 0, Deadline.after(60.0), "shutdown")
        assert event.data == {"guest": True, "reason": "guest-shutdown"}


def test_the_first_failure_is_kept_with_its_postmortem(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code("[    1.000000] Kernel panic - not syncing: test\n")) as bench:
        bench.run()
        with pytest.raises(GuestCrashed) as first:
            bench.console.wait_for([b"never"], Deadline.after(60.0))
        os.kill(bench.pid, signal.SIGKILL)
        with pytest.raises(GuestCrashed) as second:
            bench.health.wait_for(lambda: None, Deadline.after(60.0), LateError())
    assert first.value is second.value
    postmortem = first.value.postmortem
    assert postmortem is not None, "expected a postmortem of the crash"
    assert postmortem.cell == "nothing@bare"
    assert postmortem.run_state == "running"
    assert postmortem.stages == (("firmware", 0.0),)
    assert postmortem.last_lines == ("[    1.000000] Kernel panic - not syncing: test",)
    assert postmortem.events == ("RESUME",)
    assert "last lines  [    1.000000] Kernel panic" in str(first.value)


def test_a_panic_read_after_qemus_end_is_the_cause(tmp_path: Path) -> None:
    """The end of the process is the effect of a panic, even if the panic is read later."""
    with MachineBench(tmp_path) as bench:
        bench.run()

        def feed_panic() -> None:
            bench.transcript.feed(b"[    9.000000] Kernel panic - not syncing: at the very end\n")

        bench.machine.drain_console = feed_panic
        with pytest.raises(GuestCrashed, match="at the very end"):
            wait_and_signal(bench, signal.SIGKILL)
        bench.machine.drain_console = bench.console.drain


@pytest.mark.parametrize(
    ("name", "data", "run_state", "expected"),
    [
        ("GUEST_PANICKED", {"action": "pause"}, "guest-panicked", GuestCrashed),
        ("BLOCK_IO_ERROR", {"device": "", "node-name": "root"}, "running", BlockError),
        ("BLOCK_IO_ERROR", {"node-name": "root", "nospace": True}, "io-error", NoSpace),
        ("BLOCK_IO_ERROR", {"node-name": "root", "nospace": False}, "running", BlockError),
        ("STOP", {}, "io-error", BlockError),
        ("STOP", {}, "internal-error", HypervisorInternalError),
        ("RESET", {"guest": True}, "running", GuestRestarted),
        ("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}, "shutdown", GuestStopped),
        ("SHUTDOWN", {"guest": False, "reason": "host-signal"}, "shutdown", MachineKilled),
    ],
)
def test_the_failure_that_an_event_means(
    name: str, data: dict[str, object], run_state: str, expected: type[Exception]
) -> None:
    failure = judge_event("cell", Event(name, data, 0.0), run_state)
    assert type(failure) is expected
    assert str(failure).startswith("cell: ")


@pytest.mark.parametrize(("name", "run_state"), [("STOP", "paused"), ("RESUME", "running"), ("WAKEUP", "")])
def test_harmless_events(name: str, run_state: str) -> None:
    assert judge_event("cell", Event(name, {}, 0.0), run_state) is None


def test_a_wait_raises_the_given_error_at_the_deadline(tmp_path: Path) -> None:
    with (
        MachineBench(tmp_path) as bench,
        pytest.raises(MachineNotUsable, match="the deadline came first") as caught,
    ):
        bench.health.wait_for(lambda: None, Deadline.after(0.0), LateError())
    assert caught.value.postmortem is not None
