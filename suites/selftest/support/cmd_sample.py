"""Simulated cmd.exe and PowerShell, with the parts that the shells on a console need.

cmd.exe expands ``%ERRORLEVEL%`` when it reads a line, a caret escapes, built-in commands keep the status, and
a program that reads its input consumes typed lines. PowerShell runs no script: it checks that the agent's
script arrived intact, and then follows the agent's protocol itself.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from fixtures.channels.shells.checksummed_lines import checksum
from fixtures.channels.shells.windows.powershell_agent import LINE_LENGTH, LONG_ANSWER, PAGE_LINES, SCRIPT

CommandRunner = Callable[[str, str], tuple[int, bytes, int]]
"""Returns status, output and code page for the kind and the text of a command."""
RECEIVED_SCRIPT = "\n".join(line.strip() for line in SCRIPT.splitlines() if line.strip())


def empty_answer(kind: str, text: str) -> tuple[int, bytes, int]:
    """The answer of a guest on which every command succeeds without output."""
    del kind, text
    return 0, b"", 65001


@dataclass
class AgentProtocol:
    """The protocol of the agent in PowerShell: replies to requests."""

    runner: CommandRunner
    port: Callable[[bytes], None] = lambda data: None
    pieces: dict[int, str] = field(default_factory=dict)
    opens: bool = True
    ran: int = 0
    runs: int = 0
    head: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> str:
        return f"qZ7:{text}:{checksum(text)}\r\n"

    def read(self, line: str) -> str:
        """The output after a typed line."""
        fields = line.replace(".", "").strip().split(" ")
        if len(fields) < 3 or checksum(" ".join(fields[:-1])) != fields[-1]:
            return self.say("0:N:0")
        number, verb, *words = fields[:-1]
        match verb:
            case "D":
                if words[0] == "0":
                    self.pieces.clear()
                self.pieces[int(words[0])] = words[1]
                return self.say(f"{number}:Y:{words[0]}")
            case "R":
                confirmation = ""
                if int(number) != self.ran:
                    self.ran = int(number)
                    confirmation = self.say(f"{number}:G:0")
                    self.run(number, words[0], int(words[1]), words[2])
                return confirmation + self.page(number, 0)
            case "P":
                return self.page(number, int(words[0]))
            case "A":
                return self.say(f"{number}:A:0")
        raise AssertionError(line)

    def run(self, number: str, kind: str, count: int, port: str) -> None:
        self.runs += 1
        encoded = "".join(self.pieces[index] for index in range(count))
        text = zlib.decompress(base64.b64decode(encoded), -zlib.MAX_WBITS).decode()
        status, output, page = self.runner(kind, text)
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        # .NET's DeflateStream writes nothing for empty input.
        packed = packer.compress(output) + packer.flush() if output else b""
        self.lines = []
        if port != "-" and len(packed) > LONG_ANSWER and self.opens:
            self.port(f"\nqZ7:{number}:{len(packed)}\n".encode() + packed)
        else:
            text = base64.b64encode(packed).decode()
            self.lines = [text[at : at + LINE_LENGTH] for at in range(0, len(text), LINE_LENGTH)]
        digest = hashlib.sha256(output).hexdigest()
        self.head = [
            f"H:{status}:{page}:{len(self.lines)}:{len(output)}",
            f"S:{digest[:32]}",
            f"T:{digest[32:]}",
        ]

    def page(self, number: str, page: int) -> str:
        first = page * PAGE_LINES
        lines = [f"L:{index}:{line}" for index, line in enumerate(self.lines)][first : first + PAGE_LINES]
        return "".join(self.say(f"{number}:{text}") for text in (*self.head, *lines, f"E:{page}"))


class Cmd:
    """cmd.exe: the output after a line, up to the next prompt."""

    PROMPT = "C:\\Windows\\system32>"

    def __init__(self, agent_protocol: AgentProtocol) -> None:
        self.agent_protocol = agent_protocol
        self.variables: dict[str, str] = {}
        self.status = 0
        self.serving = False
        self.closed = False

    def prompt(self) -> str:
        return "" if self.serving or self.closed else f"\r\n{self.PROMPT}"

    def interrupt(self) -> str:
        """Ctrl-C."""
        self.serving = False
        return f"^C{self.prompt()}"

    def read(self, line: str) -> str:
        if self.serving:
            return self.agent_protocol.read(line)
        variables = {**self.variables, "errorlevel": str(self.status)}
        expanded = re.sub(r"%(\w+)%", lambda found: variables.get(found[1].lower(), found[0]), line)
        printed = "".join(self.command(part) for part in _parts(expanded))
        return printed + self.prompt()

    def command(self, text: str) -> str:
        word, _, rest = text.strip().partition(" ")
        match word.lower():
            case "":
                return ""
            case "echo":
                return f"{text.lstrip()[5:]}\r\n"
            case "set":
                name, _, value = rest.partition("=")
                self.variables[name.lower()] = value
                return ""
            case "exit":
                self.closed = True
                return ""
            case "powershell":
                return self.powershell()
            case "cmd":
                self.status = int(rest.rsplit(" ", 1)[1])
                return ""
            case "long":
                self.status = 0
                return "".join(f"{number:03} {'x' * 90}\r\n" for number in range(3))
        self.status = 9009
        return f"'{word}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"

    def powershell(self) -> str:
        text = self.variables.get("igs", "")
        try:
            is_intact = base64.b64decode(text.replace(".", ""), validate=True).decode() == RECEIVED_SCRIPT
        except ValueError:
            is_intact = False
        self.serving = is_intact
        self.status = 0 if is_intact else 1
        return self.agent_protocol.say(f"0:V:{checksum(text)}") if is_intact else "iex : Invalid length\r\n"


def _parts(line: str) -> list[str]:
    """The commands of a line; a caret escapes the next character."""
    parts, escaped = [""], False
    for character in line:
        if escaped or character not in "^&":
            parts[-1] += character
            escaped = False
        elif character == "^":
            escaped = True
        else:
            parts.append("")
    return parts
