"""Screens as consoles: output from snapshots, typing, and crash detection."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.channels.screen.displays import ScreenSnapshot, TerminalDisplay, pad_to_cursor
from fixtures.channels.screen.new_lines import NewLines, scrolled_lines
from fixtures.channels.screen.screen_console import ScreenDiff
from fixtures.core.deadline import Deadline
from fixtures.core.errors import GuestCrashed, MachineKilled
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.machine_sample import HANG
from suites.selftest.support.screen_sample import ECHO, printing, screen

if TYPE_CHECKING:
    from pathlib import Path

PANIC = "[    1.000000] Kernel panic - not syncing: test"


def new_texts(*screens: list[str]) -> list[str]:
    """The new text of each of several snapshots in a row."""
    diff = ScreenDiff()
    return [diff.new_text(ScreenSnapshot(tuple(lines))) for lines in screens]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([""] * 3, ["one", "two", ""], "one\ntwo"),
        (["one", "", ""], ["one", "two", ""], "\ntwo"),
        (["A:\\>", "", ""], ["A:\\>ver", "", ""], "ver"),
        (["login:", "", ""], ["login: ", "", ""], " "),
        (["login: ", "", ""], ["login:", "", ""], ""),
        (["login: ", "", ""], ["login: root", "", ""], "root"),
        (["one", "two", "three"], ["two", "three", "four"], "\nfour"),
        (["one", "two", "three"], ["three", "four", "five"], "\nfour\nfive"),
        # A menu whose lines change in place.
        (["GRUB", "  a", "* b"], ["GRUB", "* a", "  b"], "\n* a\n  b"),
        # A cleared screen with a new text.
        (["one", "two", "three"], ["new", "", ""], "\nnew"),
        (["one", "two", "three"], ["", "", ""], ""),
    ],
)
def test_new_text_between_two_snapshots(before: list[str], after: list[str], expected: str) -> None:
    assert new_texts(before, after)[1] == expected


def test_a_command_and_its_answer_read_as_on_a_serial_line() -> None:
    screens = (["$ "], ["$ l"], ["$ ls"], ["$ ls", "a  b", "$ "], ["a  b", "$ pw", "/"])
    padded = [[*lines, *[""] * (3 - len(lines))] for lines in screens]
    assert "".join(new_texts(*padded)) == "$ ls\na  b\n$ pw\n/"


def test_a_line_ends_when_the_cursor_leaves_it() -> None:
    diff = ScreenDiff()
    snapshots = [
        ScreenSnapshot(("one", ""), (0, 3)),
        ScreenSnapshot(("one", ""), (1, 0)),
        ScreenSnapshot(("one", "two"), (1, 3)),
    ]
    assert [diff.new_text(snapshot) for snapshot in snapshots] == ["one", "\n", "two"]


LINES = st.lists(st.text("ab", max_size=3), min_size=4, max_size=4)


@given(LINES, LINES)
def test_every_changed_line_gives_new_text(before: list[str], after: list[str]) -> None:
    text = new_texts(before, after)[1]
    shift = scrolled_lines(before, after)
    old = before[shift:] + [""] * shift
    assert all(
        line in text or line.startswith(old_line)
        for line, old_line in zip(after, old, strict=True)
        if line != old_line
    )


@given(LINES)
def test_an_unchanged_screen_gives_no_text(lines: list[str]) -> None:
    assert new_texts(lines, lines)[1] == ""


def test_blanks_before_the_cursor_belong_to_the_prompt() -> None:
    assert pad_to_cursor(["login:", ""], (0, 7)) == ("login: ", "")
    assert pad_to_cursor(["login:", ""], None) == ("login:", "")


def test_typing_is_echoed(tmp_path: Path) -> None:
    with screen(tmp_path, ECHO) as (bench, console):
        assert console.wait_for([b"Hard Disk"], Deadline.after(60.0)) == 0
        console.send(b"Hello, <World> {1|2}~\n", Deadline.after(60.0))
        console.send(b'"second" line^', Deadline.after(60.0))
        assert console.wait_for([rb"Hello, <World> \{1\|2\}~\n"], Deadline.after(60.0)) == 0
        assert console.wait_for([rb"never", rb'"second" line\^'], Deadline.after(60.0)) == 1
        assert console.matched[1][0] == b'"second" line^'
        assert bench.transcript.tail()[-2:] == ("Hello, <World> {1|2}~", '"second" line^')


def test_a_wrong_layout_types_wrong_characters(tmp_path: Path) -> None:
    """The BIOS has the US layout, and the keyboard types with the German layout, which swaps y and z."""
    with screen(tmp_path, ECHO, "de") as (_, console):
        assert console.wait_for([b"Hard Disk"], Deadline.after(60.0)) == 0
        console.press("yz", Deadline.after(60.0))
        assert console.wait_for([b"yz", b"zy"], Deadline.after(60.0)) == 1


def test_discarded_text_is_not_matched(tmp_path: Path) -> None:
    with screen(tmp_path, printing("\r\nonce")) as (_, console):
        assert console.wait_for([b"once"], Deadline.after(60.0)) == 0
        console.discard_unread()
        assert console.wait_for([b"once"], Deadline.after(0.3)) is None


def test_a_crash_on_the_screen_ends_every_wait(tmp_path: Path) -> None:
    with screen(tmp_path, printing("\r\n" + PANIC + "\r\n")) as (bench, console):
        with pytest.raises(GuestCrashed, match=r"kernel panic at \d+\.\d s: .* not syncing: test"):
            console.wait_for([b"never"], Deadline.after(60.0))
        with pytest.raises(GuestCrashed):
            bench.health.check()


def test_a_crash_on_the_screen_ends_a_wait_for_an_event(tmp_path: Path) -> None:
    with screen(tmp_path, printing("\r\n" + PANIC + "\r\n")) as (bench, _), pytest.raises(GuestCrashed):
        bench.machine.wait_event(["SHUTDOWN"], 0, Deadline.after(60.0), "nothing")


def test_a_wait_reports_the_death_of_the_machine(tmp_path: Path) -> None:
    with screen(tmp_path, HANG) as (bench, console):
        os.kill(bench.pid, signal.SIGKILL)
        with pytest.raises(MachineKilled, match="SIGKILL"):
            console.wait_for([b"never"], Deadline.after(60.0))


def test_the_journal_has_the_keys_as_one_entry(tmp_path: Path) -> None:
    with screen(tmp_path, ECHO) as (bench, console):
        console.press("open-sesame<enter>", Deadline.after(60.0))
    journal = (bench.evidence / "qmp.jsonl").read_text()
    assert '"pressed": "open-sesame<enter>"' in journal
    assert "send-key" not in journal


def test_a_resumed_terminal_continues_a_saved_screen(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"")
    display = TerminalDisplay(log)
    display.resume(b"\x1b[2J\x1b[1;1HShell> ")
    assert display.read_screen().lines[0] == "Shell> "
    with log.open("ab") as file:
        file.write(b"v\x1b[1;9He")
        file.flush()
        assert display.read_screen().lines[0] == "Shell> ve"
    assert display.read_screen().cursor == (0, 9)


def test_an_old_text_is_no_answer(tmp_path: Path) -> None:
    with screen(tmp_path, printing("\r\nAnswer")) as (_, console):
        assert (
            console.poll_until(lambda snapshot: "Answer" in snapshot.text, Deadline.after(60.0)) is not None
        )
        with console.new_lines() as new_lines:
            assert console.wait_for_new_line(new_lines, "Answer", Deadline.after(0.5)) is None


def test_a_terminal_reports_text_that_looks_the_same(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"Answer\r\n" * 24)
    display = TerminalDisplay(log)
    new_lines = NewLines(display.read_screen())
    new_lines.add(display.read_screen())
    assert new_lines.search("Answer") is None
    for output in (b"Answer\r\n" * 24, b"\x1b[HAnswer", b"\x1b[2J\x1b[HAnswer\x1b[2J"):
        with log.open("ab") as file:
            file.write(output)
        new_lines.add(display.read_screen())
        match = new_lines.search("^Answ.r$")
        assert match is not None, output


def test_a_pattern_is_text(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"")
    display = TerminalDisplay(log)
    new_lines = NewLines(display.read_screen())
    log.write_bytes("zurück\r\n".encode())
    new_lines.add(display.read_screen())
    match = new_lines.search("^zur.ck$")
    assert match is not None
    assert match[0] == "zurück"


def test_a_terminal_begins_anew_at_a_reset(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"READY")
    display = TerminalDisplay(log)
    assert display.read_screen().lines[0] == "READY"
    display.begin_boot()
    assert display.read_screen().text.strip() == ""
    with log.open("ab") as file:
        file.write(b"READY")
    assert display.read_screen().lines[0] == "READY"


@pytest.mark.parametrize(
    ("screens", "expected"),
    [
        ([["$ ", ""], ["$ pc", ""]], "pc"),
        # The echo is new, the prompt is not.
        ([["pc> ", ""], ["pc> x", ""]], None),
        ([["p", ""], ["pc", ""]], "pc"),
        ([["pc", "a"], ["", ""], ["pc", "a"]], "pc"),
        ([["pc", "a"], ["a", "b"]], None),
    ],
)
def test_a_match_has_new_text(screens: list[list[str]], expected: str | None) -> None:
    first, *others = [ScreenSnapshot(tuple(lines)) for lines in screens]
    new_lines = NewLines(first)
    for snapshot in others:
        new_lines.add(snapshot)
    match = new_lines.search("pc")
    assert (None if match is None else match[0]) == expected


TICKING = """
    mov si, offset ready; call print
next:
    call getc
    push ax
    mov cx, {ticks}; call ticks
drop:
    mov ah, 1; int 0x16; jz show
    call getc
    jmp drop
show:
    pop ax
    call putc
    jmp next
    ready: .asciz "\\r\\nREADY "
"""
SENTENCE = "the quick brown fox jumps over the lazy dog 0123456789"


def test_typing_follows_the_echo(tmp_path: Path) -> None:
    """The guest drops all keys that come within two ticks of the timer after a key."""
    with screen(tmp_path, assemble(tmp_path, TICKING.format(ticks=2))) as (_, console):
        assert console.poll_until(lambda snapshot: "READY" in snapshot.text, Deadline.after(60.0)) is not None
        with console.new_lines() as new_lines:
            console.press(SENTENCE.replace(" ", "-"), Deadline.after(60.0))
            sentence = SENTENCE.replace(" ", "-")
            assert console.wait_for_new_line(new_lines, f"READY {sentence}", Deadline.after(5.0)) is not None


def test_typing_has_the_rate_of_the_description(tmp_path: Path) -> None:
    with screen(tmp_path, ECHO) as (_, console):
        console._typing_rate = 10.0
        started = time.monotonic()
        console.press("<enter>" * 6, Deadline.after(60.0))
        assert time.monotonic() - started >= 0.5


def test_a_busy_screen_pauses_the_machine_seldom(tmp_path: Path) -> None:
    # mov ax, 0xb800; mov es, ax; next: inc word es:[0]; jmp next
    with screen(tmp_path, bytes.fromhex("b800b88ec026ff060000ebf9")) as (bench, console):
        assert (
            console.poll_until(lambda snapshot: "Hard Disk" in snapshot.text, Deadline.after(60.0))
            is not None
        )
        mark = bench.machine.journal.mark()
        console.poll_until(lambda _: False, Deadline.after(2.0))
        stops = bench.machine.journal.since(mark, ["STOP"])
    assert len(stops) <= 9
    assert all(event.is_own for event in stops)
