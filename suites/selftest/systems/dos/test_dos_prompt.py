"""The prompt of DOS: parsers of the output of FreeDOS, and a dialogue on a machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.channels.screen.displays import VgaDisplay
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
    assert parsers.parse_copy(["b:\\p.bin => b:\\q.bin"]) == ("b:\\p.bin", "b:\\q.bin")
    with pytest.raises(AnswerNotUnderstood, match="from => to"):
        parsers.parse_copy(["Out of memory error."])


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
        assert parsers.parse_copy(shell.run("copy /b b:\\p.bin b:\\q.bin")[1]) == ("b:\\p.bin", "b:\\q.bin")
        # The answer to a repeated command is not the old text on the screen.
        assert shell.run("ver /r") == (0, VERSION)


def test_an_answer_longer_than_the_screen_raises(tmp_path: Path) -> None:
    with prompt(tmp_path) as shell:
        shell._command_timeout = 1.0
        with pytest.raises((AnswerNotUnderstood, CommandTimeout), match="type long"):
            shell.run("type long")
