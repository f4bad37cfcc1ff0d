"""CmdShell with Wine's cmd.exe, an independent implementation of the program."""

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
from fixtures.channels.shells.windows.cmd import CmdShell
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
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmdShell]:
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
    ours, theirs = socket.socketpair()
    wakeup = Wakeup()
    journal = Journal(directory / "qmp.jsonl", wakeup)
    transcript = Transcript(directory / "evidence", ())
    console = Console("wine", ours, transcript, Health("wine", journal, wakeup), wakeup)
    bridge = threading.Thread(target=_carry, args=(cmd.child_fd, theirs), daemon=True)
    bridge.start()
    shell = CmdShell(Terminal(console), 60.0)
    try:
        shell.synchronize(Deadline.after(100.0))
        yield shell
    finally:
        ours.shutdown(socket.SHUT_RDWR)
        bridge.join(10.0)
        cmd.close(force=True)
        ours.close()
        theirs.close()
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


def test_output_and_status(shell: CmdShell) -> None:
    result = shell.run("echo hello, world")
    assert (result.status, result.text) == (0, "hello, world\n")
    assert shell.run("cmd /c exit 7").status == 7
    assert shell.run("nonsense-nobody-has").status == 9009


def test_the_status_is_not_that_of_the_previous_command(shell: CmdShell) -> None:
    assert shell.run("cmd /c exit 5").status == 5
    assert shell.run("echo fine").status == 0


def test_quotes_carets_and_percent_signs_reach_cmd(shell: CmdShell) -> None:
    assert shell.run('echo "a & b" ^& c').text == '"a & b" & c\n'
    assert shell.run("set ig=one two").text == ""
    assert shell.run("echo %ig%").text == "one two\n"


def test_lines_longer_than_the_terminal_are_complete(shell: CmdShell) -> None:
    """Wine itself breaks the lines at the terminal's edge."""
    text = "".join(f"{number:04}" for number in range(40))
    assert shell.run(f"echo {text}").text.replace("\n", "") == text


def test_output_longer_than_the_terminal(shell: CmdShell) -> None:
    lines = shell.run("for /l %i in (1,1,60) do @echo line %i").text.splitlines()
    assert lines == [f"line {number}" for number in range(1, 61)]
