"""The guest agent: a real qemu-ga on this host in place of a guest, and a simulated agent."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.channels.agent.agent_shell import AgentShell, windows_program
from fixtures.channels.agent.guest_agent import GuestAgent
from fixtures.channels.shells.shell import run_check
from fixtures.core.deadline import Deadline
from fixtures.core.errors import AnswerNotUnderstood, CommandFailed, CommandTimeout
from fixtures.guest.agent.requests import WRONG_REQUESTS, essential, judge_replies
from fixtures.guest.agent.system_answers import SYSTEM_COMMANDS, compare_system
from fixtures.host.tools import require_tool
from fixtures.lab.instance.agent_connection import AgentConnection
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from fixtures.systems.linux.agent_console import LinuxAgentConsole
from suites.selftest.support import machine_sample
from suites.selftest.support.host_shell import HostShell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = shutil.which("qemu-ga", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
# On a host that is a virtual machine, an installed package would start the agent for that machine's host.
needs_agent = pytest.mark.skipif(
    PROGRAM is None, reason="this host has no qemu-ga (qemu-guest-agent); ci/setup does not install it"
)


def agent_on(connection: socket.socket, directory: Path) -> GuestAgent:
    wakeup = Wakeup()
    return GuestAgent(
        "nothing", connection, Health("nothing", Journal(directory / "qmp.jsonl", wakeup), wakeup), wakeup
    )


@pytest.fixture
def real(tmp_path: Path) -> Iterator[GuestAgent]:
    """qemu-ga of Debian's package, on a socket instead of a port of a machine."""
    assert PROGRAM is not None
    path = tmp_path / "agent"
    # The agent ends with the test run, even if the run is killed.
    end_with_parent = [str(require_tool("setpriv")), "--pdeathsig", "KILL", "--"]
    command = [*end_with_parent, PROGRAM, "--method=unix-listen", f"--path={path}", f"--statedir={tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        (tmp_path / "pid").write_text(str(process.pid))
        deadline = Deadline.after(20.0)
        while not path.exists():
            assert process.poll() is None
            assert not deadline.expired
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        try:
            yield agent_on(connection, tmp_path)
        finally:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
            process.terminate()


@needs_agent
def test_qemu_ga_runs_commands(real: GuestAgent) -> None:
    shell = AgentShell(real, "linux", 30.0)
    result = shell.run("printf 'out\\377'; echo err >&2; exit 3")
    assert (result.status, result.output) == (3, b"out\xfferr\n")
    assert run_check(shell, "echo 'a b' | tr b c") == "a c\n"
    assert shell.run("kill -9 $$").status == 128 + 9


@needs_agent
def test_qemu_ga_returns_long_output(real: GuestAgent) -> None:
    shell = AgentShell(real, "linux", 60.0)
    output = shell.run("head -c 3000000 /dev/zero | tr '\\000' x").output
    assert hashlib.sha256(output).digest() == hashlib.sha256(b"x" * 3000000).digest()


@needs_agent
def test_an_endless_command_is_reported_and_the_agent_continues(real: GuestAgent) -> None:
    shell = AgentShell(real, "linux", 1.0)
    with pytest.raises(CommandTimeout, match="tail -f"):
        shell.run("timeout 20 tail -f /dev/null")
    assert shell.run("echo on").output == b"on\n"


class SimulatedAgent:
    """An agent with prepared ``answers``.

    It first sends ``stale`` bytes, and ignores the first ``mute`` synchronizations. With ``half`` it sends
    only the first half of each answer.
    """

    def __init__(
        self,
        tmp_path: Path,
        answers: dict[str, Any],
        *,
        stale: bytes = b"",
        mute: int = 0,
        half: bool = False,
    ) -> None:
        ours, self._line = socket.socketpair()
        self.requests: list[str] = []
        self._answers = answers
        self._stale = stale
        self._mute = mute
        self._half = half
        self.agent = agent_on(ours, tmp_path)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._line.makefile("rwb") as line:
            line.write(self._stale)
            line.flush()
            for received in line:
                request = json.loads(received.lstrip(b"\xff"))
                self.requests.append(request["execute"])
                if request["execute"] == "guest-sync-delimited":
                    self._mute -= 1
                    if self._mute < 0:
                        line.write(
                            b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode() + b"\n"
                        )
                else:
                    answer = json.dumps(self._answers[request["execute"]]).encode()
                    line.write((answer[: len(answer) // 2] if self._half else answer) + b"\n")
                line.flush()


def test_stale_bytes_are_no_answer(tmp_path: Path) -> None:
    simulated = SimulatedAgent(
        tmp_path, {"guest-get-time": {"return": 5}}, stale=b'{"return": 4}\n{"return": {"half'
    )
    assert simulated.agent.execute("guest-get-time") == 5


def test_an_unanswered_synchronization_is_repeated(tmp_path: Path) -> None:
    simulated = SimulatedAgent(tmp_path, {"guest-get-time": {"return": 5}}, mute=1)
    assert simulated.agent.execute("guest-get-time") == 5
    assert simulated.requests.count("guest-sync-delimited") == 2


def test_an_agent_that_never_answers(tmp_path: Path) -> None:
    simulated = SimulatedAgent(tmp_path, {}, mute=99)
    with pytest.raises(CommandTimeout, match="did not answer within 0.2 s"):
        simulated.agent.execute("guest-ping", deadline=Deadline.after(0.2))


def test_a_closed_port_ends_every_wait_at_once(tmp_path: Path) -> None:
    """QEMU reports that the guest has closed the port, so no request waits for its deadline."""
    machine = machine_sample.MachineBench(tmp_path, devices={"disk": "ide-hd"}).machine
    agent = AgentConnection(machine, tmp_path)
    for change in ({"id": "serial-port0", "open": False}, {"id": "agent-port0", "open": True}):
        machine.journal.event("VSERPORT_CHANGE", change)
    with pytest.raises(CommandTimeout, match="did not answer within 0.1 s"):
        agent.execute("guest-ping", deadline=Deadline.after(0.1))
    machine.journal.event("VSERPORT_CHANGE", {"id": "agent-port0", "open": False})
    with pytest.raises(CommandFailed, match="does not run: the guest closed its port"):
        agent.execute("guest-ping", deadline=Deadline.after(600.0))
    machine.end()
    agent.close()
    lines = [json.loads(line) for line in (tmp_path / "agent.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines][:2] == ["run", "sent"]
    assert "guest-sync-delimited" in lines[1]["line"]


def test_replies_between_two_synchronizations_are_returned(tmp_path: Path) -> None:
    """Also to bytes that are no text; what arrived before them does not count."""
    refusal = {"error": {"class": "GenericError", "desc": "no"}}
    simulated = SimulatedAgent(tmp_path, {"guest-ping": refusal}, stale=b'{"return": 4}\n')
    request = b'{"execute": "guest-ping"}\n'
    assert simulated.agent.exchange(request + request) == [refusal, refusal]
    assert simulated.requests == [
        *("guest-sync-delimited", "guest-ping"),
        "guest-ping",
        "guest-sync-delimited",
    ]


def test_a_reply_that_is_no_json_is_not_understood(tmp_path: Path) -> None:
    simulated = SimulatedAgent(tmp_path, {"guest-ping": {"return": 1}}, half=True)
    with pytest.raises(AnswerNotUnderstood, match="bytes that are no request: expected a return value"):
        simulated.agent.exchange(b'{"execute": "guest-ping"}\n')


@needs_agent
def test_qemu_ga_refuses_every_wrong_request_and_goes_on(real: GuestAgent) -> None:
    for request in WRONG_REQUESTS:
        replies = real.exchange(request.data, Deadline.after(60.0))
        assert judge_replies(request, essential(replies)) == ()
    assert real.execute("guest-ping") == {}


@needs_agent
def test_qemu_ga_says_of_this_host_what_its_console_says(real: GuestAgent) -> None:
    console = LinuxAgentConsole(HostShell())
    before = console.system_facts()
    answers = {command: real.execute(command) for command in sorted(SYSTEM_COMMANDS)}
    assert not any(compare_system(answers, before, console.system_facts()).values())


@needs_agent
def test_a_killed_agent_is_reported(real: GuestAgent, tmp_path: Path) -> None:
    logged: list[tuple[str, str]] = []
    real._log_line = lambda kind, line: logged.append((kind, line))
    assert real.execute("guest-ping") == {}
    assert logged[0][0] == "sent"
    assert logged[-2:] == [
        ("sent", '{"execute": "guest-ping", "arguments": {}}'),
        ("received", '{"return": {}}'),
    ]
    (pid,) = (tmp_path / "pid").read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    with pytest.raises(CommandTimeout, match="did not answer|accepted no input"):
        real.execute("guest-ping", deadline=Deadline.after(1.0))


def test_truncated_output_is_refused(tmp_path: Path) -> None:
    status = {"exited": True, "exitcode": 0, "out-data": "eA==", "out-truncated": True}
    simulated = SimulatedAgent(
        tmp_path, {"guest-exec": {"return": {"pid": 1}}, "guest-exec-status": {"return": status}}
    )
    with pytest.raises(CommandFailed, match="only a part"):
        AgentShell(simulated.agent, "linux", 5.0).run("cat")


def test_windows_output_keeps_its_encoding(tmp_path: Path) -> None:
    text = "Das System kann die Datei nicht finden: ä\r\n"
    status = {"exited": True, "exitcode": 1, "out-data": base64.b64encode(text.encode("cp437")).decode()}
    simulated = SimulatedAgent(
        tmp_path, {"guest-exec": {"return": {"pid": 1}}, "guest-exec-status": {"return": status}}
    )
    shell = AgentShell(simulated.agent, "windows", 5.0)
    assert shell.run("cmd: dir x").text == text


def test_powershell_receives_its_script_in_utf_16() -> None:
    program = windows_program("'Zürich'")
    script = base64.b64decode(program.arguments[-1]).decode("utf-16-le")
    assert script.endswith("& { 'Zürich' }; exit $LASTEXITCODE")
