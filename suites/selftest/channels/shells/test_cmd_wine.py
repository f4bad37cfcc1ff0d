"""The command prompt with Wine's cmd.exe, an independent implementation of the program."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import threading
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.terminal import Terminal
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.shells.windows.command_prompt import CommandPrompt
from fixtures.core.deadline import Deadline
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WINE = shutil.which("wine64", path=f"{os.environ['PATH']}:/usr/lib/wine")
# Wine is a download of 100 MB and takes 670 MB on disk, too much for the tests of one shell.
pytestmark = pytest.mark.skipif(
    WINE is None, reason="this host has no Wine (wine64); ci/setup does not install it"
)


@pytest.fixture(scope="module")
def command_prompt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandPrompt]:
    """cmd.exe in a private Wine prefix, on a pseudo-terminal with the size of a SAC channel."""
    directory: Path = tmp_path_factory.mktemp("wine")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "WINEPREFIX": str(directory / "prefix"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "TERM": "vt220",
        "LC_ALL": "C.UTF-8",
    }
    cmd = pexpect.spawn(str(WINE), ["cmd"], env=environment, dimensions=(24, 80), timeout=90)
    host_end, guest_end = socket.socketpair()
    wakeup = Wakeup()
    journal = Journal(directory / "qmp.jsonl", wakeup)
    transcript = Transcript(directory / "evidence", ())
    console = Console("wine", host_end, transcript, Health("wine", journal, wakeup), wakeup)
    bridge = threading.Thread(target=_carry, args=(cmd.child_fd, guest_end), daemon=True)
    bridge.start()
    command_prompt = CommandPrompt(Terminal(console))
    try:
        command_prompt.synchronize(Deadline.after(100.0))
        yield command_prompt
    finally:
        host_end.shutdown(socket.SHUT_RDWR)
        bridge.join(10.0)
        cmd.close(force=True)
        host_end.close()
        guest_end.close()
        transcript.close()
        journal.close()


def _carry(terminal: int, line: socket.socket) -> None:
    waited: list[Any] = [terminal, line]
    with contextlib.suppress(OSError):
        while True:
            ready, _, _ = select.select(waited, [], [])
            if line in ready:
                typed = line.recv(4096)
                if not typed:
                    return
                os.write(terminal, typed)
            if terminal in ready:
                line.sendall(os.read(terminal, 4096))


def status(command_prompt: CommandPrompt, line: str) -> int:
    return command_prompt.run_line(line, Deadline.after(60.0))


def test_the_status_is_that_of_the_line(command_prompt: CommandPrompt) -> None:
    assert status(command_prompt, "cmd /c exit 7") == 7
    assert status(command_prompt, "nonsense-without-a-program") == 9009
    assert status(command_prompt, "cmd /c exit 0") == 0


def test_a_variable_that_is_set_in_pieces(command_prompt: CommandPrompt) -> None:
    """The agent's script reaches PowerShell in such a variable."""
    status(command_prompt, "set igs=")
    status(command_prompt, "set igs=%igs%A.AB+/")
    status(command_prompt, "set igs=%igs%=.=")
    assert status(command_prompt, 'if "%igs%"=="A.AB+/=.=" cmd /c exit 5') == 5


def test_a_status_after_output_longer_than_the_terminal(command_prompt: CommandPrompt) -> None:
    status(command_prompt, "for /l %i in (1,1,60) do @echo line %i")
    assert status(command_prompt, f"echo {'x' * 160}& cmd /c exit 6") == 6
