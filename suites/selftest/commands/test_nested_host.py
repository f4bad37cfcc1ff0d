"""The run of ``ci/nested`` on its host: the runner there, and the machine that follows it."""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.commands.nested import kvm_hold
from fixtures.commands.nested.host_machine import HostRun
from fixtures.commands.nested.messages import decode, encode
from fixtures.commands.nested.runner import Port, run
from fixtures.core.deadline import Deadline
from fixtures.core.errors import (
    CommandTimeout,
    GuestCrashed,
    NoHardwareAssistance,
    Postmortem,
)
from fixtures.host.kvm import Kvm
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup


def test_messages_survive_pieces_and_noise() -> None:
    data = encode("output", "ä\n") + b"noise\n[1]\n{}\n" + encode("ended", 3)
    seen: list[tuple[str, Any]] = []
    rest = b""
    for byte in data:
        messages, rest = decode(rest + bytes([byte]))
        seen += messages
    assert (seen, rest) == ([("output", "ä\n"), ("ended", 3)], b"")


def output(connection: socket.socket) -> str:
    """The output in the messages that wait in ``connection``, whose other end is shut down."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return "".join(value for kind, value in decode(data)[0] if kind == "output")


def test_the_runner_relays_output_and_exit_status(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    script = "import sys; print('ä'); print('to stderr', file=sys.stderr, flush=True); sys.exit(5)"
    status = run(Port(theirs.fileno()), [sys.executable, "-X", "utf8", "-c", script], tmp_path)
    ours.shutdown(socket.SHUT_WR)
    theirs.shutdown(socket.SHUT_WR)
    assert status == 5
    assert sorted(output(ours).split()) == ["stderr", "to", "ä"]


def test_a_cancelled_run_is_interrupted_and_ends_itself(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    script = """
import signal, sys
def interrupted(*_): print("writing the report", flush=True); sys.exit(2)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
signal.pause()
"""
    ended: list[int] = []
    thread = threading.Thread(
        target=lambda: ended.append(run(Port(theirs.fileno()), [sys.executable, "-c", script], tmp_path))
    )
    thread.start()
    assert b"ready" in ours.recv(65536)
    ours.sendall(encode("cancel", True))
    thread.join(30)
    ours.shutdown(socket.SHUT_WR)
    theirs.shutdown(socket.SHUT_WR)
    assert ended == [2]
    assert output(ours).strip() == "writing the report"


@dataclasses.dataclass
class HostSample:
    """A host without a machine: ``far`` is the runner's end of its port, ``scale`` stretches its deadlines."""

    directory: Path
    scale: float = 1.0

    def __post_init__(self) -> None:
        near, self.far = socket.socketpair()
        wakeup = Wakeup()
        health = Health("nested host", Journal(self.directory / "qmp.jsonl", wakeup), wakeup)
        self.shown: list[str] = []
        machine = SimpleNamespace(
            virtio_port=near, wakeup=wakeup, health=health, deadline=self.deadline, postmortem=Postmortem
        )
        instance: Any = SimpleNamespace(machine=machine, shell=None)
        self.health = health
        self.run = HostRun(instance, self.shown.append)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self.scale)


def test_a_run_shows_output_and_ends_with_the_exit_status(tmp_path: Path) -> None:
    host = HostSample(tmp_path)
    host.far.sendall(
        encode("output", "one\n") + encode("alive", 5) + encode("output", "two") + encode("ended", 2)
    )
    assert host.run.wait() == 2
    assert host.shown == ["one\n", "two"]
    host.run.cancel()
    assert decode(host.far.recv(4096))[0] == [("cancel", True)]


def test_a_host_without_kvm_is_named_with_its_reasons(tmp_path: Path) -> None:
    host = HostSample(tmp_path)
    host.far.sendall(encode("refused", ["/dev/kvm does not exist: load the module kvm_amd"]))
    with pytest.raises(
        NoHardwareAssistance, match="cannot run guests under KVM:\n  .*load the module kvm_amd"
    ):
        host.run.wait()


def test_a_host_without_a_sign_of_life_hangs(tmp_path: Path) -> None:
    host = HostSample(tmp_path, scale=0.001)
    with pytest.raises(CommandTimeout, match="the nested host hangs: no sign of life for 0.06 s"):
        host.run.wait()
    with pytest.raises(CommandTimeout, match="pytest did not end within 0.024 s"):
        HostSample(tmp_path, scale=0.001).run.wait_for_cancellation()


def test_the_first_failure_of_the_host_ends_the_run(tmp_path: Path) -> None:
    host = HostSample(tmp_path)
    host.health.add(lambda: GuestCrashed("nested host: kernel panic"))
    with pytest.raises(GuestCrashed, match="kernel panic"):
        host.run.wait()


def test_kvm_stays_in_use_and_is_taken_up_with_one_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpus = [tmp_path / f"cpu{number}" / "online" for number in (1, 2, 3)]
    for path, online in zip(cpus, "110", strict=True):
        path.parent.mkdir()
        path.write_text(online)
    seen: list[list[str]] = []
    read, write = os.pipe()

    class Device:
        def __enter__(self) -> Device:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def create_machine(self) -> int:
            seen.append([path.read_text() for path in cpus])
            return write

    monkeypatch.setattr(kvm_hold, "Kvm", Device)
    with kvm_hold.kvm_in_use(tmp_path):
        seen.append([path.read_text() for path in cpus])
        os.write(write, b"held")
    assert seen == [["0", "0", "0"], ["1", "1", "0"]]
    # The machine is closed.
    assert os.read(read, 8) == b"held"
    assert os.read(read, 8) == b""
    os.close(read)


def test_a_host_whose_kvm_does_not_open_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Kvm:
        raise FileNotFoundError("/dev/kvm")

    monkeypatch.setattr(kvm_hold, "Kvm", refuse)
    with kvm_hold.kvm_in_use(tmp_path):
        pass
