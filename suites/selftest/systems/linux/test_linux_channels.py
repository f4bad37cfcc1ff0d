"""Streams on serial lines and ports in Linux: their commands run here, on a pseudo-terminal and on files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from pathlib import Path

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import AnswerNotUnderstood
from fixtures.lab.services.payload_service import payload
from fixtures.systems.base.channel_answers import LineFlow, LineSettings, Received, Stream
from fixtures.systems.linux import channels


def run(command: str) -> str:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_STREAM", f"{tmp_path}/stream-")


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize("flow", ["none", "software"])
def test_a_stream_crosses_a_terminal_both_ways(tmp_path: Path, flow: LineFlow) -> None:
    host, guest = os.openpty()
    sent, returned = tmp_path / "sent", payload(1, 2000).replace(b"\x11", b"1").replace(b"\x13", b"3")
    sent.write_bytes(returned)
    received = payload(2, 2000).replace(b"\x11", b"1").replace(b"\x13", b"3")
    stream = Stream(
        os.ttyname(guest),
        f"{tmp_path}/in",
        len(received),
        str(sent),
        line=LineSettings(flow=flow),
        seconds=20,
    )
    run(channels.start_command([stream]))
    threading.Thread(target=lambda: os.write(host, received), daemon=True).start()
    back = b""
    while len(back) < len(returned):
        back += os.read(host, 4096)
    assert channels.parse_received(run(channels.finish_command([stream]))) == (
        Received(len(received), digest(received)),
    )
    assert back == returned
    os.close(host)
    os.close(guest)


def test_a_stream_that_stays_short_says_how_much_came(tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.write_bytes(b"short")
    stream = Stream(str(device), f"{tmp_path}/in", 10, seconds=20)
    run(channels.start_command([stream]))
    assert channels.parse_received(run(channels.finish_command([stream]))) == (Received(5, digest(b"short")),)


def test_a_device_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    stream = Stream("/dev/absent/x", f"{tmp_path}/in", 10, seconds=1)
    done = subprocess.run(
        ["sh", "-c", channels.start_command([stream])],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "/dev/absent/x" in done.stdout


@pytest.mark.parametrize(
    ("data", "marks"),
    [
        (b"", ()),
        (b"abc", ("616263",)),
        (b"a\xff\0\0b", ("61", "break", "62")),
        (b"\xff\0\0", ("break",)),
        (b"a\xff\xff\xff\0\0\xff\xff", ("61ff", "break", "ff")),
    ],
)
def test_marks(data: bytes, marks: tuple[str, ...]) -> None:
    assert channels.parse_marks(data) == marks


@pytest.mark.parametrize("data", [b"a\xff\0b", b"a\xff", b"\xff\0"])
def test_marks_that_are_no_break_are_refused(data: bytes) -> None:
    with pytest.raises(AnswerNotUnderstood, match="a break or a byte without an error"):
        channels.parse_marks(data)


@pytest.mark.parametrize(
    ("output", "state"),
    [
        ("0+0 records in\n0+0 records out\nclosed\n", "closed"),
        ("dd: error reading '/dev/vport8p1': Resource temporarily unavailable\nopen\n", "open"),
    ],
)
def test_the_hosts_end_of_a_port(output: str, state: str) -> None:
    assert channels.LinuxChannels(Says(output)).host_end("/dev/vport8p1") == state


def test_another_error_of_the_port_is_no_state() -> None:
    with pytest.raises(AnswerNotUnderstood, match="Input/output error"):
        channels.LinuxChannels(Says("dd: ...: Input/output error\nopen\n")).host_end("/dev/vport8p1")


class Says:
    """A shell that answers each command with the same words."""

    def __init__(self, output: str) -> None:
        self._output = output

    def run(self, command: str, within: float | None = None) -> CommandResult:
        return CommandResult(command, 0, self._output.encode(), 0.0)
