"""A simulated Windows guest on a serial console, with the known quirks of SAC."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyte

from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.shells.results_port import ResultsPort
from fixtures.channels.shells.windows.sac_shell import SacShell
from fixtures.core.deadline import Deadline
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from suites.selftest.support.cmd_sample import AgentProtocol, Cmd, CommandRunner, empty_answer
from suites.selftest.support.sac_texts import BANNER, CREATED, EVENT, TOO_EARLY, VIEW, XML

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType


@dataclass(frozen=True)
class ConsoleQuirks:
    """Quirks of a console. All of them occur on real machines."""

    pads_lines: bool = True  # pads lines with blanks to column 80
    late_requests: int = 0  # requests for a command prompt that fail before the service is available
    interrupts_after: int = 0  # characters of input after which an event is printed in the middle of a line
    drops_repeats: bool = False  # takes the same character twice in a row for one
    discarded_characters: int = 0  # discards this many characters of input to a new channel
    paints_cells: bool = (
        False  # paints each changed cell of a command channel; text that scrolls away is lost
    )
    damages_every: int = 0  # damages one of this many lines of a command channel's output
    refused_logins: int = 0  # refuses this many logins even if they are correct
    has_no_prompts: bool = False  # a policy disables command prompts
    first_channel: int = 1
    uptime: str = "0:00:05"
    password: str = "Pass-w00rd"


class SacGuest:
    """The guest's end of the serial line. One thread handles all input."""

    def __init__(self, line: socket.socket, quirks: ConsoleQuirks, runner: CommandRunner) -> None:
        self._line = line
        self._quirks = quirks
        self.agent_protocol = AgentProtocol(runner)
        self.cmd = Cmd(self.agent_protocol)
        self.typed: list[str] = []
        self.logins = 0
        self.on_interrupt: Callable[[], None] = lambda: None
        self._buffer = ""
        self._where = "sac"
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.Stream(self._screen)
        self._painted: list[str] = [""] * 24
        self._shown: list[str] = []
        self._count = 0
        self._lines = 0
        self._asked = 0
        self._eaten = 0
        self._requests = 0

    def resume_from(self, other: SacGuest) -> None:
        """Take over the state of ``other``: logged in, with its program running, before its first command."""
        self._where, self._shown, self._requests = other._where, list(other._shown), other._requests
        agent_protocol, theirs = self.agent_protocol, other.agent_protocol
        agent_protocol.head, agent_protocol.lines = list(theirs.head), list(theirs.lines)
        self.cmd.serving, self.cmd.status = other.cmd.serving, other.cmd.status
        self.cmd.variables = dict(other.cmd.variables)

    # -- printing

    def raw(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._line.sendall(text.encode())

    def say(self, text: str, *, kept: bool = True) -> None:
        """Print on SAC's own channel, which sends blank cells too."""
        lines = text.split("\n")
        if kept:
            self._shown += lines[:-1]
        padded = [line.ljust(80) if self._quirks.pads_lines else line for line in lines[:-1]]
        self.raw("".join(f"{line}\r\n" for line in padded) + lines[-1])

    def print(self, text: str) -> None:
        """Print on the command channel."""
        if self._quirks.damages_every:
            text = self._damaged(text)
        if not self._quirks.paints_cells:
            self.raw(text.replace("    ", "\x1b[4C"))
            return
        self._stream.feed(text)

    def paint(self) -> None:
        """Paint the cells that have changed since the previous call. Intermediate text is never sent."""
        painted = ""
        for index, row in enumerate(self._screen.display):
            old = self._painted[index].ljust(80)
            cells = [at for at in range(80) if row[at] != old[at]]
            # Only changed cells, each with its position, so the stream does not contain the text.
            painted += "\x1b[0m\x1b[37;40m" if cells else ""
            painted += "".join(f"\x1b[{index + 1};{at + 1}H{row[at]}" for at in cells)
            self._painted[index] = row
        if painted:
            self.raw(painted + f"\x1b[{self._screen.cursor.y + 1};{self._screen.cursor.x + 1}H")

    def _damaged(self, text: str) -> str:
        lines = text.split("\r\n")
        if len(lines) < 5:
            return text
        for index, line in enumerate(lines):
            self._lines += 1
            if self._lines % self._quirks.damages_every == 0:
                lines[index] = f"{line[: len(line) // 2]}{EVENT}{line[len(line) // 2 :]}"
        return "\r\n".join(lines)

    def boot(self, *, xml: bool = True) -> None:
        self.raw(XML if xml else "")
        self.say(BANNER)
        self.raw("SAC>")

    def repaint(self) -> None:
        """Switch to SAC's channel, which repaints all earlier output, including the banner."""
        rows = self._shown[-22:]
        self.raw("\x1b[2J" + "".join(f"\x1b[{at};1H{row.ljust(80)}" for at, row in enumerate(rows, 1)))
        self.raw(f"\x1b[{len(rows) + 1};1HSAC>")

    def event(self, text: str) -> None:
        self.say(f"\n{text}\n")
        self.raw("SAC>")

    # -- reading

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._line.recv(4096):
                self.read(data.decode())

    def read(self, data: str) -> None:
        before = ""
        for character in data:
            if not (self._quirks.drops_repeats and character == before):
                self.key(character)
            before = character
        if self._quirks.paints_cells and self._where != "sac":
            self.paint()

    def key(self, character: str) -> None:
        self._count += 1
        if self._count == self._quirks.interrupts_after and self._where == "sac":
            self.event("EVENT:   A channel has been closed.\nChannel: Cmd0000")
        if self._where == "view":
            self._where = "user"
            self.print("\x1b[2J\x1b[1;1HPlease enter login credentials.\r\n\r\nUsername: ")
        elif self._where == "cmd" and self._eaten < self._quirks.discarded_characters:
            self._eaten += 1
        elif character == "\x03" and self._where == "cmd":
            self._buffer = ""
            self.on_interrupt()
            self.print(self.cmd.interrupt())
        elif character == "\r":
            line, self._buffer = self._buffer, ""
            self.typed.append(line)
            {"sac": self.command, "cmd": self.prompt}.get(self._where, self.credential)(line)
        else:
            self._buffer += character
            echo = "*" if self._where == "password" else character
            self.raw(echo) if self._where == "sac" else self.print(echo)

    def prompt(self, line: str) -> None:
        self.print(f"\r\n{self.cmd.read(line)}")
        if self.cmd.closed:
            self._where = "sac"
            self.repaint()

    def credential(self, line: str) -> None:
        following = {"user": ("domain", "\r\nDomain  : "), "domain": ("password", "\r\nPassword: ")}
        if self._where in following:
            if self._where == "user":
                self._user = line
            self._where, asked = following[self._where]
            self.print(asked)
            return
        self.logins += 1
        if (self._user, line) != (
            "Administrator",
            self._quirks.password,
        ) or self.logins <= self._quirks.refused_logins:
            self._where = "user"
            self.print("\r\nUnable to authenticate.\r\n\r\nUsername: ")
            return
        self._where = "cmd"
        greeting = "Microsoft Windows [Version 10.0.20348.2849]\r\n(c) Microsoft Corporation. All rights reserved.\r\n"
        self.print(f"\x1b[2J\x1b[1;1H{greeting}{self.cmd.prompt()}")

    def command(self, line: str) -> None:
        self.say("\n", kept=False)
        word, _, rest = line.lower().partition(" ")
        if word == "cmd":
            self._launch()
        elif word == "id":
            self.say(
                "           Computer Name: WIN-1\n"
                "           Computer GUID: 20bf9ade-650b-4415-9e2f-cc044c21c6c9\n"
                "            Build Number: 20348\n"
                f"  Time since last reboot: {self._quirks.uptime}\n"
            )
        elif word == "ch" and rest == f"-sn {self.channel.lower()}":
            self._where = "view"
            self.raw(f"\x1b[2J\x1b[1;1H{VIEW.format(self.channel)}".replace("\n", "\r\n"))
            return
        elif word == "ch":
            self.say("Error: Could not find a channel with that name.\n")
        elif word:
            self.say("Unrecognized command.  Try the 'help' command for more details.\n")
        self.raw("SAC>")

    @property
    def channel(self) -> str:
        return f"Cmd{self._quirks.first_channel:04}"

    def _launch(self) -> None:
        self._requests += 1
        if self._quirks.has_no_prompts:
            self.say("Launching of Command Prompt channels is disabled.\n")
        elif self._requests <= self._quirks.late_requests:
            self.say(TOO_EARLY)
            if self._requests == self._quirks.late_requests:
                self.raw("SAC>")
                self.say(f"\n{EVENT}\n")
        else:
            self.say("The Command Prompt session was successfully launched.\n")
            self.raw("SAC>")
            self.say(f"\n{CREATED}{self.channel}\n")


class SacBench:
    """A console with a simulated guest. ``with`` ends it. Deadlines are short, because the guest answers at once."""

    def __init__(
        self,
        directory: Path,
        quirks: ConsoleQuirks | None = None,
        runner: CommandRunner = empty_answer,
        debounce: float = 0.0,
        port: str = "",
    ) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.guest = SacGuest(self._theirs, quirks or ConsoleQuirks(), runner)
        wakeup = Wakeup()
        self.journal = Journal(directory / "qmp.jsonl", wakeup)
        self.health = Health("windows", self.journal, wakeup)
        self.transcript = Transcript(directory / "evidence", ())
        self.console = Console("windows", self._ours, self.transcript, self.health, wakeup)
        ours, self._port = socket.socketpair()
        self._ends = (ours, self._port)
        self.guest.agent_protocol.port = self._port.sendall
        results = ResultsPort("windows", ours, wakeup).take_result if port else None
        self.shell = SacShell(self.console, 300.0, self.deadline, port or "-", results, debounce=debounce)
        self._thread = threading.Thread(target=self.guest.serve, daemon=True)
        self._thread.start()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline of a tenth of ``seconds``."""
        return Deadline.after(seconds, 0.1)

    def __enter__(self) -> SacBench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join(30.0)
        self._theirs.close()
        for end in self._ends:
            end.close()
        self.console.drain()
        self._ours.close()
        self.transcript.close()
        self.journal.close()
