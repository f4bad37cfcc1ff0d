"""A shell of this host in place of a guest, on a console with kernel messages and lost characters."""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import socket
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import pexpect

from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.shells.posix.serial_shell import SerialShell
from fixtures.core.deadline import Deadline
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

# A login: no echo for the password, and a shell prompt with bracketed paste.
LOGIN = r"""
while :; do
    printf '\r\nnothing login: '; read -r user
    stty -echo; printf 'Password: '; read -r password; stty echo
    if [ "$user:$password" = root:secret ]; then PS1='root@nothing:~# ' exec bash --norc --noprofile -i; fi
    printf '\r\nLogin incorrect\r\n'
done
"""

NO_COMMANDS: Mapping[str, str] = MappingProxyType({})


class KernelNoise:
    """Inserts kernel messages at random places, on average one into ``every`` pieces of output."""

    def __init__(self, seed: int, every: int) -> None:
        self._random = random.Random(seed)
        self._every = every
        self.message_count = 0

    def __call__(self, data: bytes) -> bytes:
        if self._random.randrange(self._every):
            return data
        self.message_count += 1
        at = self._random.randrange(len(data) + 1)
        message = f"[{self.message_count:5}.123456] usb 1-1: new full-speed USB device number {self.message_count}\r\n"
        return data[:at] + message.encode() + data[at:]


class CharacterLoss:
    """Drops one character of the next input that contains ``word``, once."""

    def __init__(self, word: bytes) -> None:
        self.word = word
        self.lost_count = 0

    def __call__(self, typed: bytes) -> bytes:
        at = typed.find(self.word) if self.word else -1
        if at < 0:
            return typed
        self.word = b""
        self.lost_count += 1
        return typed[:at] + typed[at + 1 :]


def _install_commands(directory: Path, sh: str, commands: Mapping[str, str]) -> Path:
    """The directory of the guest's own programs: ``sh``, ``id`` and ``commands``, a script for each name."""
    programs = directory / "bin"
    programs.mkdir()
    program = shutil.which(sh)
    assert program is not None, f"expected the program {sh} in PATH"
    (programs / "sh").symlink_to(program)
    for name, script in {"id": f"cat {directory / 'user_id'}", **commands}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    return programs


class ShellBench:
    """A console with a shell; ``sh`` is the guest's program of that name. ``with`` ends the bench.

    ``script`` is the shell script behind the console. It has the files of ``commands`` first in its PATH. The
    guest's output goes through ``noise``, its input through ``character_loss``. The program ``id`` reads the
    user id from the file ``user_id``, so tests need no root privileges.
    """

    def __init__(
        self,
        directory: Path,
        sh: str = "dash",
        noise: Callable[[bytes], bytes] | None = None,
        scale: float = 0.1,
        character_loss: CharacterLoss | None = None,
        *,
        script: str = LOGIN,
        commands: Mapping[str, str] = NO_COMMANDS,
    ) -> None:
        self.user_id = directory / "user_id"
        self.user_id.write_text("0\n")
        path = f"{_install_commands(directory, sh, commands)}:{os.environ['PATH']}"
        self._guest = pexpect.spawn(
            "/bin/sh",
            ["-c", script],
            env={"PATH": path, "HOME": str(directory), "TERM": "vt220", "USER": "root"},
        )
        self._ours, self._theirs = socket.socketpair()
        self._noise = noise or (lambda data: data)
        self._character_loss = character_loss or (lambda typed: typed)
        wakeup = Wakeup()
        self.journal = Journal(directory / "qmp.jsonl", wakeup)
        self.health = Health("nothing", self.journal, wakeup)
        self.transcript = self._open_transcript(directory)
        self.console = Console("nothing", self._ours, self.transcript, self.health, wakeup)
        self._scale = scale
        # Commands have 30 s of the host's clock, whatever the scale.
        self.shell = SerialShell(self.console, 30.0 / scale, self.deadline)
        self._bridge = threading.Thread(target=self._carry, daemon=True)
        self._start()

    def _open_transcript(self, directory: Path) -> Transcript:
        return Transcript(directory / "evidence", ())

    def _start(self) -> None:
        """Connect the guest with its console."""
        self._bridge.start()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline with the scale of the bench. A small scale shortens the pauses before the shell retries."""
        return Deadline.after(seconds, self._scale)

    def _carry(self) -> None:
        with contextlib.suppress(OSError):
            self._carry_all()
        # One end is closed, so close the other end.
        self._theirs.close()

    @property
    def _wire(self) -> int:
        """The descriptor of the guest's end of the serial line."""
        return self._guest.child_fd

    def _carry_all(self) -> None:
        guest = self._wire
        while True:
            waited: list[Any] = [guest, self._theirs]
            ready, _, _ = select.select(waited, [], [])
            if self._theirs in ready:
                typed = self._theirs.recv(4096)
                if not typed:
                    return
                os.write(guest, self._character_loss(typed))
            if guest in ready:
                self._theirs.sendall(self._noise(os.read(guest, 512)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.shutdown(socket.SHUT_RDWR)
        if self._bridge.is_alive():
            self._bridge.join(30.0)
        self.console.drain()
        self._guest.close(force=True)
        for end in (self._ours, self._theirs):
            end.close()
        self.transcript.close()
        self.journal.close()
