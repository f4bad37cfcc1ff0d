"""The text of printed and painted output, paced typing, and a real program that paints: the UEFI shell of OVMF."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.rendering import TerminalText
from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.terminal import Terminal, split_repeats
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.shells.checksummed_lines import checksum, separate_repeats
from fixtures.core.deadline import Deadline
from fixtures.host.firmware import find_firmware
from fixtures.machine.machine import Machine
from fixtures.media.overlay import create_overlay
from suites.selftest.support.machine_sample import HANG, disk, hardware

if TYPE_CHECKING:
    from pathlib import Path

RENDERED = [
    ("a line filled to its end", [b"SAC started.".ljust(80) + b"\r\n\r\nSAC>"], "SAC started.\n\nSAC>"),
    ("an erased character", [b"abc\x08 \x08d\r\n"], "abd\n"),
    ("blanks that the cursor skips", [b"a\x1b[5Cb\r\n"], "a     b\n"),
    ("colours", [b"\x1b[1m\x1b[37;40mSAC\x1b[0m>"], "SAC>"),
    ("a line longer than the screen", [b"x" * 200 + b"\r\nend"], "x" * 200 + "\nend"),
    ("a line as long as the screen", [b"x" * 80 + b"\r\nend"], "x" * 80 + "\nend"),
    (
        "more lines than the screen",
        [b"".join(b"%d\r\n" % n for n in range(30))],
        "".join(f"{n}\n" for n in range(30)),
    ),
    (
        "painted characters",
        [b"\x1b[2J\x1b[6;1HS>\x1b[06;04Hv\x1b[06;05H \x1b[06;05He\x1b[7;1Hend"],
        "S> ve\nend",
    ),
    ("a character in two pieces", ["ü".encode()[:1], "ü".encode()[1:]], "ü"),
    ("a window's title", [b"\x1b]0;cmd.exe\x07C:\\>"], "C:\\>"),
    (
        "rows that change at their end",
        [b"\x1b[1;1Hmark 1\x1b[2;1Hmark 2", b"\x1b[1;6H2\x1b[2;6H3"],
        "mark 1\nmark 2\nmark 2\nmark 3",
    ),
    ("no UTF-8", [b"\xff\xfe>"], "\ufffd\ufffd>"),
]


@pytest.mark.parametrize(("data", "text"), [row[1:] for row in RENDERED], ids=[row[0] for row in RENDERED])
def test_rendered_text(data: list[bytes], text: str) -> None:
    terminal_text = TerminalText()
    for piece in data:
        terminal_text.feed(piece)
    assert terminal_text.unread == text


def test_repainted_text_is_not_read_twice() -> None:
    terminal_text = TerminalText()
    terminal_text.feed(b"Username: ")
    terminal_text.consume(len(terminal_text.unread))
    terminal_text.feed(b"\x1b[1;1HUsername: Adm")
    assert terminal_text.unread == " Adm"
    terminal_text.feed(b"\x1b[2;1HDomain:")
    assert terminal_text.unread == " Adm\nDomain:"


def test_text_after_clearing_the_screen_is_read_again() -> None:
    terminal_text = TerminalText()
    terminal_text.feed(b"SAC>")
    terminal_text.consume(4)
    terminal_text.feed(b"\x1b[2J\x1b[1;1HSAC>")
    assert terminal_text.unread == "\nSAC>"


def test_equal_characters_in_a_row_are_separated() -> None:
    assert split_repeats("Pass-w00rd") == ["Pas", "s-w0", "0rd"]
    assert split_repeats("") == [""]
    assert separate_repeats("AAAB//") == "A.A.AB/./"
    assert separate_repeats("AAAB//").replace(".", "") == "AAAB//"


def test_checksums_differ_for_changed_and_swapped_characters() -> None:
    line = "12:L:3:AbC+/="
    others = [line[:at] + other + line[at + 1 :] for at in range(len(line)) for other in "x7"]
    others += [line[:at] + line[at + 1] + line[at] + line[at + 2 :] for at in range(len(line) - 1)]
    assert checksum(line) not in {checksum(other) for other in others if other != line}


def test_dialogue_with_a_shell_that_paints_every_character(tmp_path: Path) -> None:
    """The UEFI shell positions the cursor before each character, so the stream does not contain its echo as text."""
    firmware = find_firmware("uefi", "q35")
    assert firmware.variables is not None
    variables = tmp_path / "variables.qcow2"
    create_overlay(firmware.variables, firmware.variables_format, variables)
    bare = hardware(disk(tmp_path / "disk.raw", HANG), machine="q35", firmware="uefi", memory="256M")
    machine = Machine(replace(bare, firmware=firmware, variables=variables), tmp_path / "evidence")
    transcript = Transcript(tmp_path / "evidence", ())
    console = Console("shell", machine.console, transcript, machine.health, machine.wakeup)
    terminal = Terminal(console)
    deadline = Deadline.after(100.0)
    try:
        machine.start()
        machine.power_on()
        assert terminal.expect([r"any other key to continue"], deadline) == 0
        terminal.type("\x1b", deadline)
        assert terminal.expect([r"^Shell>"], deadline) == 0
        terminal.type("echo heard-and-obeyed\r", deadline)
        # First the echo of the typed line, then the output of the command.
        assert terminal.expect([r"echo heard-and-obeyed\n"], deadline) == 0
        assert terminal.expect([r"^heard-and-obeyed\n"], deadline) == 0
    finally:
        machine.end()
        transcript.close()
    assert b"echo heard" not in (tmp_path / "evidence" / "console.log").read_bytes()
