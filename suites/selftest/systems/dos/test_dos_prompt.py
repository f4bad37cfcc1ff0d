"""The prompt of DOS: parsers of the output of FreeDOS, and a dialogue on a machine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from fixtures.channels.screen.displays import ScreenSnapshot, VgaDisplay
from fixtures.channels.screen.keyboard import MachineKeyboard
from fixtures.channels.screen.screen_console import ScreenConsole
from fixtures.core.deadline import Deadline
from fixtures.core.errors import AnswerNotUnderstood, CommandTimeout
from fixtures.systems.dos import parsers
from fixtures.systems.dos.prompt import DosPrompt
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.machine_sample import MachineBench
from suites.selftest.support.paths import SAMPLES

# The output of FreeDOS on its text screen.
VERSION = [
    "FreeCom version 0.82 pl 3 XMS_Swap [Dec 10 2003 06:49:21]",
    "DOS version 7.10",
    "FreeDOS kernel version 0.0.40",
]
DIRECTORY = [
    " Volume in drive B is TARGET",
    " Volume Serial Number is 889D-85A3",
    " Directory of B:\\",
    "P        BIN       300,000  11-22-26  8:32a",
    "         1 file(s)        300,000 bytes",
    "         0 dir(s)       1,157,632 bytes free",
]
SOURCE = SAMPLES / "dos-prompt.S"


def test_version() -> None:
    assert parsers.parse_version(VERSION) == parsers.Version(
        "FreeCom 0.82 pl 3 XMS_Swap", "7.10", "FreeDOS 0.0.40"
    )
    assert parsers.parse_version(VERSION[:1]) == parsers.Version("FreeCom 0.82 pl 3 XMS_Swap", None, None)
    with pytest.raises(AnswerNotUnderstood, match="the version"):
        parsers.parse_version(['Bad command or filename - "ver".'])


def test_directory() -> None:
    assert parsers.parse_directory(DIRECTORY) == parsers.Directory({"P.BIN": 300_000}, (), 1_157_632)
    with_more = [
        *DIRECTORY[:4],
        "FDOS         <DIR>             11-22-26  8:32a",
        "KERNEL   SYS         1,000  11-22-26  8:32a",
    ]
    totals = ["         2 file(s)        301,000 bytes", "         1 dir(s)       1,156,632 bytes free"]
    assert parsers.parse_directory([*with_more, *totals]) == parsers.Directory(
        {"P.BIN": 300_000, "KERNEL.SYS": 1000}, ("FDOS",), 1_156_632
    )


@pytest.mark.parametrize("gone", range(3, 6))
def test_an_incomplete_directory_raises(gone: int) -> None:
    with pytest.raises(AnswerNotUnderstood, match="a directory"):
        parsers.parse_directory([*DIRECTORY[:gone], *DIRECTORY[gone + 1 :]])


def test_copy() -> None:
    assert parsers.parse_copy(["b:\\p.bin => b:\\q.bin"], "x", "y") == ("b:\\p.bin", "b:\\q.bin")
    with pytest.raises(AnswerNotUnderstood, match="from => to"):
        parsers.parse_copy(["Out of memory error."], "x", "y")


def test_unknown_command() -> None:
    assert parsers.is_unknown_command(['Bad command or filename - "NOSUCH".'])
    assert not parsers.is_unknown_command(VERSION)


def screen_of(*lines: str) -> list[str]:
    return [*lines, *[""] * (25 - len(lines))]


def test_an_answer_is_extracted_from_the_screen() -> None:
    shown = screen_of(
        "", "A:\\>ver /r", "", *VERSION, "", f"A:\\>{parsers.STATUS_COMMAND}", "rc 0", "", "A:\\>"
    )
    assert parsers.parse_screen(shown, "ver /r") == (0, VERSION)


@pytest.mark.parametrize(
    "shown",
    [
        screen_of("x", f"A:\\>{parsers.STATUS_COMMAND}", "rc 0", "A:\\>"),
        screen_of("A:\\>ver /r", "x", "A:\\>"),
        screen_of("A:\\>ver /r", "x", f"A:\\>{parsers.STATUS_COMMAND}", "rc %errorlevel%", "A:\\>"),
        screen_of("no prompt at all"),
    ],
)
def test_an_incomplete_answer_raises(shown: list[str]) -> None:
    with pytest.raises(AnswerNotUnderstood, match="expected"):
        parsers.parse_screen(shown, "ver /r")


@pytest.mark.parametrize("prompt", ["A>", "C:>", "A:\\>", "C:\\DOS>", "C:\\DOS\\NET.1>"])
def test_prompts_of_every_dos(prompt: str) -> None:
    assert re.search(parsers.PROMPT, prompt)
    shown = screen_of(f"{prompt}ver /r", *VERSION, f"{prompt}{parsers.STATUS_COMMAND}", "rc 0", prompt)
    assert parsers.parse_screen(shown, "ver /r") == (0, VERSION)


@pytest.mark.parametrize("line", ["a=>", "1>", "Name>", "A:\\>dir", "<A>"])
def test_other_lines_are_no_prompts(line: str) -> None:
    assert not re.search(parsers.PROMPT, line)


def test_answers_of_ms_dos() -> None:
    assert parsers.parse_version(
        ["", "MS-DOS Version 6.22", "Revision A", "DOS is in HMA"]
    ) == parsers.Version(None, "6.22", None)
    listing = [
        "COMMAND  COM        54,645 05-31-94   6:22a",
        "DOS          <DIR>         05-31-94   6:22a",
        "        2 file(s)         54,645 bytes",
        "                       1,065,472 bytes free",
    ]
    assert parsers.parse_directory(listing) == parsers.Directory({"COMMAND.COM": 54_645}, ("DOS",), 1_065_472)
    assert parsers.parse_copy(["        1 file(s) copied"], "a:\\X", "a:\\Y") == ("a:\\x", "a:\\y")
    assert parsers.parse_memory(["    655360 bytes total conventional memory"]) == {"conventional": 640}
    assert parsers.is_unknown_command(["Befehl oder Dateiname nicht gefunden"])


@pytest.mark.parametrize(
    ("top", "rest"),
    [
        ("A:\\>                                  12:34:56", "A:\\>"),
        ("                        Fri 11-27-26 12:34", ""),
        ("12:34:56", ""),
        ("A:\\>ver /r", "A:\\>ver /r"),
        ("FreeCom version 0.82 pl 3 XMS_Swap [Dec 10 2003 06:49:21]",) * 2,
    ],
)
def test_a_clock_in_the_top_line_is_ignored(top: str, rest: str) -> None:
    assert parsers.without_clock([top, "A:\\>  1:00"]) == [rest, "A:\\>  1:00"]


def entry(number: int) -> str:
    return f"F{number:<7} TXT             1  11-22-26  8:32a"


class PagedScreen:
    """The screen of a DOS that lists 30 files in pages, with a clock in its top line."""

    name = "dos"

    def __init__(self) -> None:
        self._seconds = 0
        self._lines: list[str] = []
        self._rest: list[str] = []

    def press(self, keys: str, deadline: Deadline) -> None:
        """Type at the prompt, or go on after a pause."""
        del deadline
        match keys:
            case "cls<enter>":
                self._lines = ["", "A>"]
            case "dir /p<enter>":
                self._lines[-1] += "dir /p"
                totals = ["  30 file(s)  30 bytes", "  0 dir(s)  1,000 bytes free"]
                self._print([*map(entry, range(30)), *totals, "", "A>"])
            case "<space>":
                self._print(self._rest)
            case _:
                self._lines[-1] += parsers.STATUS_COMMAND
                self._print(["rc 0", "", "A>"])

    def _print(self, lines: list[str]) -> None:
        self._rest = lines[20:]
        pause = ["Press any key to continue . . ."] if self._rest else []
        self._lines = [*self._lines, *lines[:20], *pause][-25:]

    def read_screen(self) -> ScreenSnapshot:
        """The screen with the clock."""
        self._seconds += 1
        top = self._lines[0][:60].ljust(60) + f"12:00:{self._seconds:02}"
        return ScreenSnapshot((top, *self._lines[1:]))

    def poll_until(
        self, is_good: Callable[[ScreenSnapshot], bool], deadline: Deadline
    ) -> ScreenSnapshot | None:
        """The screen if it is good."""
        del deadline
        snapshot = self.read_screen()
        return snapshot if is_good(snapshot) else None


def test_a_long_directory_is_read_in_pages_under_a_clock() -> None:
    prompt = DosPrompt(cast("ScreenConsole", PagedScreen()), 1.0, Deadline.after)
    status, lines = prompt.run("dir /p")
    assert (status, len(parsers.parse_directory(lines).files)) == (0, 30)
    assert prompt.run("dir /p")[1] == lines


def test_a_command_may_scroll_off_before_its_first_pause() -> None:
    status = [f"A:\\>{parsers.STATUS_COMMAND}", "rc 0", "A:\\>"]
    assert parsers.parse_screen([*VERSION, *status], "ver /r", is_paged=True) == (0, VERSION)
    with pytest.raises(AnswerNotUnderstood, match="with the command at the top"):
        parsers.parse_screen([*VERSION, *status], "ver /r")


@contextmanager
def prompt(directory: Path) -> Iterator[DosPrompt]:
    """The prompt of a test boot disk that answers as FreeDOS does, on a machine in QEMU."""
    image, disk = directory / "code", directory / "disk.raw"
    subprocess.run(["as", "--32", "-o", str(directory / "code.o"), str(SOURCE)], check=True)
    link = [
        "ld",
        "-m",
        "elf_i386",
        "-Ttext",
        "0x7c00",
        "--oformat",
        "binary",
        "-o",
        str(image),
        str(directory / "code.o"),
    ]
    subprocess.run(link, check=True)
    with MachineBench(directory, devices=DISPLAY) as bench:
        disk.write_bytes(image.read_bytes().ljust(1 << 20, b"\0"))
        bench.run()
        display, keyboard = VgaDisplay(bench.machine, directory), MachineKeyboard(bench.machine, "us")
        screen = ScreenConsole("dos", display, keyboard, bench.transcript, bench.health, bench.machine.wakeup)
        assert screen.poll_until(lambda snapshot: "A:\\>" in snapshot.lines, Deadline.after(60.0)) is not None
        yield DosPrompt(screen, 60.0, Deadline.after)


def test_a_dialogue_at_the_prompt(tmp_path: Path) -> None:
    with prompt(tmp_path) as shell:
        assert shell.run("ver /r") == (0, VERSION)
        status, lines = shell.run("dir b:")
        assert (status, parsers.parse_directory(lines).files) == (0, {"P.BIN": 300_000})
        status, lines = shell.run("NOSUCH")
        assert (status, parsers.is_unknown_command(lines)) == (1, True)
        assert parsers.parse_memory(shell.run("mem")[1]) == {"conventional": 639, "extended (xms)": 15_296}
        assert parsers.parse_copy(shell.run("copy /b b:\\p.bin b:\\q.bin")[1], "b:\\p.bin", "b:\\q.bin") == (
            "b:\\p.bin",
            "b:\\q.bin",
        )
        # The answer to a repeated command is not the old text on the screen.
        assert shell.run("ver /r") == (0, VERSION)


def test_an_answer_longer_than_the_screen_raises(tmp_path: Path) -> None:
    with prompt(tmp_path) as shell:
        shell._command_timeout = 1.0
        with pytest.raises((AnswerNotUnderstood, CommandTimeout), match="type long"):
            shell.run("type long")
