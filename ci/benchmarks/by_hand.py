"""Bare QEMU, driven with the least code that does the work: sockets, select and lines of JSON.

The harness does not run here; its code only supplies the command line and the paths of files.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci.benchmarks.figures import CannotMeasure
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.hardware import FdMap
from fixtures.oracles.entropy_source import EntropySource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.machine.hardware import Hardware

# Seconds; no answer of QEMU takes longer, even on an overloaded host.
_ANSWER = 60.0


# Sockets of every machine, in the order of FdMap's fields, and the place of the entropy source among them.
_COMMON_SOCKETS = 5
_ENTROPY = 4


class Qmp:
    """A QMP connection on a socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(_ANSWER)
        self.connection = connection
        self._lines = connection.makefile("rb")
        self._events: list[dict[str, Any]] = []
        self._line()
        self.execute("qmp_capabilities")

    def _line(self) -> dict[str, Any]:
        try:
            text = self._lines.readline()
        except TimeoutError as error:
            raise CannotMeasure(f"by hand: no answer of QEMU within {_ANSWER:g} s") from error
        if not text:
            raise CannotMeasure("by hand: QEMU closed its QMP connection")
        answer = json.loads(text)
        assert isinstance(answer, dict)
        return answer

    def execute(self, command: str, **arguments: Any) -> Any:
        """The reply to a command; raises CannotMeasure if QEMU refuses it."""
        line = json.dumps({"execute": command, "arguments": arguments})
        self.connection.sendall(line.encode() + b"\n")
        while True:
            answer = self._line()
            if "error" in answer:
                raise CannotMeasure(f"by hand: QEMU refused {command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]
            self._events.append(answer)

    def give(self, name: str, file: Path) -> None:
        """Pass an open file to QEMU under the name ``fd:name``."""
        line = json.dumps({"execute": "getfd", "arguments": {"fdname": name}}).encode() + b"\n"
        with file.open("rb") as opened:
            socket.send_fds(self.connection, [line], [opened.fileno()])
        while "return" not in (answer := self._line()):
            if "error" in answer:
                raise CannotMeasure(f"by hand: QEMU refused getfd: {answer['error']}")

    def wait_migrated(self) -> None:
        """Wait until the incoming migration is complete."""
        while True:
            event = self._events.pop(0) if self._events else self._line()
            status = event.get("data", {}).get("status") if event.get("event") == "MIGRATION" else None
            if status == "completed":
                return
            if status == "failed":
                raise CannotMeasure("by hand: QEMU could not load the state")


class BareQemu:
    """A QEMU process with its QMP connection and its console."""

    def __init__(self, process: subprocess.Popen[bytes], qmp: Qmp, console: socket.socket) -> None:
        self.pid = process.pid
        self.qmp = qmp
        self.console = console

    def load(self, state: Path, version: tuple[int, ...], *, shared: bool) -> None:
        """Load a saved state; ``shared`` memory is in a file of its own."""
        names = ["events"]
        if shared:
            names.append("x-ignore-shared")
        elif version >= (9, 0):
            names += ["mapped-ram", "multifd"]
        wanted = [{"capability": name, "state": True} for name in names]
        self.qmp.execute("migrate-set-capabilities", capabilities=wanted)
        uri = f"file:{state}"
        if version < (8, 2):
            self.qmp.give("state", state)
            uri = "fd:state"
        self.qmp.execute("migrate-incoming", uri=uri)
        self.qmp.wait_migrated()

    def type_and_wait(self, typed: bytes, wanted: bytes, seconds: float) -> None:
        """Type on the console, and wait until ``wanted`` is printed."""
        self.console.sendall(typed)
        ends, printed = time.monotonic() + seconds, b""
        while wanted not in printed:
            left = ends - time.monotonic()
            if left <= 0 or not select.select([self.console], [], [], left)[0]:
                raise CannotMeasure(
                    f"by hand: no {wanted!r} within {seconds:g} s; last output: {printed[-300:]!r}"
                )
            piece = self.console.recv(1 << 16)
            if not piece:
                raise CannotMeasure("by hand: QEMU closed the console")
            printed += piece


@contextmanager
def bare_qemu(hardware: Hardware) -> Iterator[BareQemu]:
    """Start QEMU with the harness's command line, paused. It is killed and reaped at the end."""
    pairs = [socket.socketpair() for _ in range(_COMMON_SOCKETS + len(hardware.user_networks))]
    ours, theirs = zip(*pairs, strict=True)
    descriptors = [end.fileno() for end in theirs]
    common, payloads = descriptors[:_COMMON_SOCKETS], descriptors[_COMMON_SOCKETS:]
    fd_map = replace(FdMap(*common), payloads=tuple(payloads))
    # This QEMU ends with its parent, as the harness's does.
    argv = ["setpriv", "--pdeathsig", "KILL", "--", *command_line(hardware, fd_map)]
    process = subprocess.Popen(
        argv, pass_fds=fd_map.descriptors, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for end in theirs:
            end.close()
        EntropySource("by hand", ours[_ENTROPY]).start()
        yield BareQemu(process, Qmp(ours[0]), ours[1])
    finally:
        process.kill()
        process.wait()
        for end in (*ours, *theirs):
            end.close()


def overlay(qemu_img: Path, base: Path, base_format: str, path: Path) -> None:
    """Make a qcow2 overlay with qemu-img."""
    subprocess.run([qemu_img, "create", "-q", "-f", "qcow2", "-b", base, "-F", base_format, path], check=True)
