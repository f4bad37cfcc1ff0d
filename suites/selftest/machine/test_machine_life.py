"""The life of a machine with real QEMU: it starts, answers, and ends without leaving anything behind."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import LaunchFailed, MachineNotUsable, MonitorFault, ShutdownTimeout
from fixtures.machine.machine import Machine
from suites.selftest.support.machine_sample import HANG, MachineBench, disk, hardware
from suites.selftest.support.paths import ROOT


def is_gone(pid: int) -> bool:
    """Whether no process has this id. An unreaped child still has it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def descriptors() -> set[str]:
    """The open file descriptors of this process, without the one that lists them."""
    return {path.name for path in Path("/proc/self/fd").iterdir() if path.exists() or path.is_symlink()}


def journal_entries(bench: MachineBench) -> list[dict[str, object]]:
    return [json.loads(line) for line in (bench.evidence / "qmp.jsonl").read_text().splitlines()]


def test_a_machine_starts_paused_answers_and_quits(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        machine = bench.machine
        assert (machine.state, machine.run_state, machine.pid) == ("defined", "defined", None)
        bench.start()
        assert machine.execute("query-status")["status"] == "prelaunch"
        machine.power_on()
        assert machine.execute("query-status")["status"] == "running"
        assert machine.run_state == "running"
        pid = bench.pid
        assert machine.quit() == "left with exit status 0"
        assert is_gone(pid)
        assert machine.state == machine.run_state == "off"
        assert machine.quit() == "was not running"
        with pytest.raises(MachineNotUsable, match="query-status needs a running machine; it is off"):
            machine.execute("query-status")
        with pytest.raises(MachineNotUsable, match="cannot start a machine that is off"):
            machine.start()


def test_end_leaves_no_process_and_no_descriptor(tmp_path: Path) -> None:
    before = descriptors()
    with MachineBench(tmp_path) as bench:
        bench.run()
        pid = bench.pid
    bench.machine.end()
    assert is_gone(pid)
    assert descriptors() == before


def test_a_machine_that_was_never_started_can_be_ended(tmp_path: Path) -> None:
    before = descriptors()
    with MachineBench(tmp_path) as bench:
        pass
    assert bench.machine.state == "off"
    assert descriptors() == before


def test_the_saved_command_line_is_valid_shell(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.start()
        script = (bench.evidence / "argv.sh").read_text()
    done = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {script}"], capture_output=True, text=True, check=True
    )
    assert tuple(done.stdout.splitlines()) == bench.machine.argv


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ({"cpu": "no-such-cpu"}, "unable to find CPU model 'no-such-cpu'"),
        ({"devices": {"disk": "no-such-device"}}, "'no-such-device' is not a valid device model name"),
    ],
)
def test_a_failed_launch_shows_qemus_message_status_and_command_line(
    tmp_path: Path, platform: dict[str, Any], message: str
) -> None:
    with MachineBench(tmp_path, **platform) as bench, pytest.raises(LaunchFailed) as caught:
        bench.start()
    assert message in caught.value.message
    assert "left with exit status 1" in caught.value.message
    assert f"command line: {bench.machine.argv[0]} -name nothing@bare" in caught.value.message
    assert bench.machine.state == "off"
    assert is_gone(bench.pid)


def test_a_missing_disk_is_named(tmp_path: Path) -> None:
    machine = Machine(hardware(tmp_path / "missing.raw"), tmp_path / "evidence")
    with pytest.raises(LaunchFailed, match=r"missing\.raw': No such file or directory"):
        machine.start()


def test_a_missing_qemu_is_named(tmp_path: Path) -> None:
    machine_hardware = dataclasses.replace(
        hardware(disk(tmp_path / "disk.raw", HANG)), qemu=Path("/nowhere/qemu")
    )
    machine = Machine(machine_hardware, tmp_path / "evidence")
    with pytest.raises(LaunchFailed, match=r"/nowhere/qemu: No such file") as caught:
        machine.start()
    assert "exit status 127" in caught.value.message


def test_a_host_without_setpriv_cannot_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MachineBench(tmp_path) as bench:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(LaunchFailed, match="cannot start"):
            bench.start()
    assert bench.machine.state == "off"


def test_qemu_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    disk(tmp_path / "disk.raw", HANG)
    program = (
        "import sys; from pathlib import Path; from fixtures.machine.machine import Machine\n"
        "from suites.selftest.support.machine_sample import hardware\n"
        "directory = Path(sys.argv[1])\n"
        "machine = Machine(hardware(directory / 'disk.raw'), directory / 'evidence')\n"
        "machine.start(); machine.power_on(); print(machine.pid, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'suites/selftest'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None, "expected a pipe from the parent process"
        qemu = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            # A pidfd becomes readable when its process ends.
            ended, _, _ = select.select([qemu], [], [], 30.0)
        finally:
            os.close(qemu)
    assert ended == [qemu]


def test_a_command_that_qemu_refuses(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.start()
        with pytest.raises(MonitorFault, match="QEMU refused no-such-command") as caught:
            bench.machine.execute("no-such-command", {"a": 1})
        assert caught.value.postmortem is not None
        assert caught.value.postmortem.cell == "nothing@bare"
        assert bench.machine.execute("query-status")["status"] == "prelaunch"


def test_a_late_reply_is_a_monitor_fault_and_the_monitor_stays_usable(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        os.kill(bench.pid, signal.SIGSTOP)
        with pytest.raises(MonitorFault, match=r"QMP query-name: no answer within 0\.2 s"):
            bench.machine.execute("query-name", within=0.2)
        os.kill(bench.pid, signal.SIGCONT)
        assert bench.machine.execute("query-status")["status"] == "running"


def test_a_sigstopped_qemu_can_be_ended(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        os.kill(bench.pid, signal.SIGSTOP)
    assert is_gone(bench.pid)


def test_the_journal_holds_commands_replies_errors_and_events(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        mark = bench.machine.journal.mark()
        bench.machine.execute("stop")
        stopped = bench.machine.wait_event(["STOP"], mark, Deadline.after(60.0), "stop")
        assert bench.machine.run_state == "paused"
        with pytest.raises(MonitorFault, match="QEMU refused"):
            bench.machine.execute("device_del", {"id": "nothing"})
    assert stopped.name == "STOP"
    journal = journal_entries(bench)
    commands = [(entry["execute"], entry["arguments"]) for entry in journal if entry["kind"] == "command"]
    assert commands == [("cont", {}), ("stop", {}), ("device_del", {"id": "nothing"})]
    assert {"event", "error", "reply"} <= {entry["kind"] for entry in journal}
    assert [entry["t"] for entry in journal] == sorted(entry["t"] for entry in journal)  # type: ignore[type-var]


def test_a_missing_event_is_named_at_the_deadline(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.run()
        with pytest.raises(ShutdownTimeout, match=r"no SHUTDOWN within 0\.1 s: ACPI") as caught:
            bench.machine.wait_event(["SHUTDOWN"], 0, Deadline.after(0.1), "ACPI")
        assert caught.value.postmortem is not None
        # The timeout is not a failure of the machine.
        bench.health.check()
