"""DOS at its prompt: what FreeDOS printed is understood, and what was not all there is refused."""

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
from suites.selftest.support.machine_sample import Bench
from suites.selftest.support.paths import SAMPLES

# As FreeDOS printed them on its text screen.
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


def test_a_version_is_understood() -> None:
    assert parsers.version(VERSION) == parsers.Version("FreeCom 0.82 pl 3 XMS_Swap", "7.10", "FreeDOS 0.0.40")
    assert parsers.version(VERSION[:1]) == parsers.Version("FreeCom 0.82 pl 3 XMS_Swap", None, None)
    with pytest.raises(AnswerNotUnderstood, match="the version"):
        parsers.version(['Bad command or filename - "ver".'])


def test_a_directory_is_understood() -> None:
    assert parsers.directory(DIRECTORY) == parsers.Directory({"P.BIN": 300_000}, (), 1_157_632)
    with_more = [
        *DIRECTORY[:4],
        "FDOS         <DIR>             11-22-26  8:32a",
        "KERNEL   SYS         1,000  11-22-26  8:32a",
    ]
    totals = ["         2 file(s)        301,000 bytes", "         1 dir(s)       1,156,632 bytes free"]
    assert parsers.directory([*with_more, *totals]) == parsers.Directory(
        {"P.BIN": 300_000, "KERNEL.SYS": 1000}, ("FDOS",), 1_156_632
    )


@pytest.mark.parametrize("gone", range(3, 6))
def test_a_directory_that_is_not_all_there_is_refused(gone: int) -> None:
    with pytest.raises(AnswerNotUnderstood, match="a directory"):
        parsers.directory([*DIRECTORY[:gone], *DIRECTORY[gone + 1 :]])


def test_a_copy_is_understood() -> None:
    assert parsers.copied(["b:\\p.bin => b:\\q.bin"]) == ("b:\\p.bin", "b:\\q.bin")
    with pytest.raises(AnswerNotUnderstood, match="from => to"):
        parsers.copied(["Out of memory error."])


def test_what_the_shell_does_not_know_is_understood() -> None:
    assert parsers.refused(['Bad command or filename - "NOSUCH".'])
    assert not parsers.refused(VERSION)


def require_screen(*lines: str) -> list[str]:
    return [*lines, *[""] * (25 - len(lines))]


def test_an_answer_is_cut_out_of_its_screen() -> None:
    shown = require_screen("", "A:\\>ver /r", "", *VERSION, "", f"A:\\>{parsers.STATUS}", "rc 0", "", "A:\\>")
    assert parsers.answer(shown, "ver /r") == (0, VERSION)


@pytest.mark.parametrize(
    "shown",
    [
        require_screen("x", f"A:\\>{parsers.STATUS}", "rc 0", "A:\\>"),
        require_screen("A:\\>ver /r", "x", "A:\\>"),
        require_screen("A:\\>ver /r", "x", f"A:\\>{parsers.STATUS}", "rc %errorlevel%", "A:\\>"),
        require_screen("no prompt at all"),
    ],
)
def test_an_answer_that_is_not_all_there_is_refused(shown: list[str]) -> None:
    with pytest.raises(AnswerNotUnderstood, match="expected"):
        parsers.answer(shown, "ver /r")


@contextmanager
def prompt(directory: Path) -> Iterator[DosPrompt]:
    """The prompt of a boot disk of our own that answers as FreeDOS did, on a machine that is no simulation."""
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
    with Bench(directory, devices=DISPLAY) as bench:
        disk.write_bytes(image.read_bytes().ljust(1 << 20, b"\0"))
        bench.run()
        display, keyboard = VgaDisplay(bench.machine, directory), MachineKeyboard(bench.machine, "us")
        screen = ScreenConsole("dos", display, keyboard, bench.transcript, bench.health, bench.machine.wakeup)
        assert screen.poll_until(lambda look: "A:\\>" in look.lines, Deadline.after(60.0)) is not None
        yield DosPrompt(screen, 60.0, Deadline.after)


def test_a_dialogue_at_the_prompt(tmp_path: Path) -> None:
    with prompt(tmp_path) as shell:
        assert shell.run("ver /r") == (0, VERSION)
        status, lines = shell.run("dir b:")
        assert (status, parsers.directory(lines).files) == (0, {"P.BIN": 300_000})
        status, lines = shell.run("NOSUCH")
        assert (status, parsers.refused(lines)) == (1, True)
        assert parsers.memory(shell.run("mem")[1]) == {"conventional": 639, "extended (xms)": 15_296}
        assert parsers.copied(shell.run("copy /b b:\\p.bin b:\\q.bin")[1]) == ("b:\\p.bin", "b:\\q.bin")
        # The same question again is not answered by what the screen showed before.
        assert shell.run("ver /r") == (0, VERSION)


def test_an_answer_that_is_longer_than_the_screen_is_not_taken_for_whole(tmp_path: Path) -> None:
    with prompt(tmp_path) as shell:
        shell._budget = 1.0
        with pytest.raises((AnswerNotUnderstood, CommandTimeout), match="type long"):
            shell.run("type long")
