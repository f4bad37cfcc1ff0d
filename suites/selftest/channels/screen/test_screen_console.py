"""A screen as a console: what appears is printed, what is typed arrives, and what goes wrong is named."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.boot_wait import ScreenSteps, wait_for_screen
from fixtures.channels.screen.displays import ScreenSnapshot, TerminalDisplay, pad_to_cursor
from fixtures.channels.screen.screen_console import ScreenDiff, scrolled_lines
from fixtures.core.deadline import Deadline
from fixtures.core.errors import BootTimeout, GuestCrashed, MachineKilled
from suites.selftest.support.machine_sample import HANG
from suites.selftest.support.screen_sample import ECHO, printing, screen, spec

if TYPE_CHECKING:
    from pathlib import Path

PANIC = "[    1.000000] Kernel panic - not syncing: test"


def timeouts(boot: float, silence: float) -> Timeouts:
    return Timeouts.model_validate({"boot": f"{boot}s", "silence": f"{silence}s"})


def printed(*looks: list[str]) -> list[str]:
    appearing = ScreenDiff()
    return [appearing.new_text(ScreenSnapshot(tuple(lines))) for lines in looks]


@pytest.mark.parametrize(
    ("before", "after", "appeared"),
    [
        ([""] * 3, ["one", "two", ""], "one\ntwo"),
        (["one", "", ""], ["one", "two", ""], "\ntwo"),
        (["A:\\>", "", ""], ["A:\\>ver", "", ""], "ver"),
        (["login:", "", ""], ["login: ", "", ""], " "),
        (["login: ", "", ""], ["login:", "", ""], ""),
        (["login: ", "", ""], ["login: root", "", ""], "root"),
        (["one", "two", "three"], ["two", "three", "four"], "\nfour"),
        (["one", "two", "three"], ["three", "four", "five"], "\nfour\nfive"),
        # A menu whose lines change where they are.
        (["GRUB", "  a", "* b"], ["GRUB", "* a", "  b"], "\n* a\n  b"),
        # Cleared, and something else painted.
        (["one", "two", "three"], ["new", "", ""], "\nnew"),
        (["one", "two", "three"], ["", "", ""], ""),
    ],
)
def test_what_appears_is_printed(before: list[str], after: list[str], appeared: str) -> None:
    assert printed(before, after)[1] == appeared


def test_a_command_and_its_answer_are_printed_as_on_a_line() -> None:
    looks = (["$ "], ["$ l"], ["$ ls"], ["$ ls", "a  b", "$ "], ["a  b", "$ pw", "/"])
    padded = [[*look, *[""] * (3 - len(look))] for look in looks]
    assert "".join(printed(*padded)) == "$ ls\na  b\n$ pw\n/"


def test_a_line_ends_when_the_cursor_leaves_it() -> None:
    appearing = ScreenDiff()
    looks = [
        ScreenSnapshot(("one", ""), (0, 3)),
        ScreenSnapshot(("one", ""), (1, 0)),
        ScreenSnapshot(("one", "two"), (1, 3)),
    ]
    assert [appearing.new_text(look) for look in looks] == ["one", "\n", "two"]


LINES = st.lists(st.text("ab", max_size=3), min_size=4, max_size=4)


@given(LINES, LINES)
def test_nothing_that_is_new_is_lost(before: list[str], after: list[str]) -> None:
    appeared = printed(before, after)[1]
    shift = scrolled_lines(before, after)
    old = before[shift:] + [""] * shift
    assert all(
        line in appeared or line.startswith(was) for line, was in zip(after, old, strict=True) if line != was
    )


@given(LINES)
def test_what_stays_prints_nothing(lines: list[str]) -> None:
    assert printed(lines, lines)[1] == ""


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


def test_a_wrong_layout_is_seen(tmp_path: Path) -> None:
    """The BIOS has an American keyboard: what is typed as on a German one comes out as there."""
    with screen(tmp_path, ECHO, "de") as (_, console):
        assert console.wait_for([b"Hard Disk"], Deadline.after(60.0)) == 0
        console.press("yz", Deadline.after(60.0))
        assert console.wait_for([b"yz", b"zy"], Deadline.after(60.0)) == 1


def test_what_was_forgotten_is_not_found_again(tmp_path: Path) -> None:
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


def test_a_crash_is_seen_while_something_else_is_waited_for(tmp_path: Path) -> None:
    with screen(tmp_path, printing("\r\n" + PANIC + "\r\n")) as (bench, _), pytest.raises(GuestCrashed):
        bench.machine.wait_event(["SHUTDOWN"], 0, Deadline.after(60.0), "nothing")


def test_a_machine_that_dies_is_named(tmp_path: Path) -> None:
    with screen(tmp_path, HANG) as (bench, console):
        os.kill(bench.pid, signal.SIGKILL)
        with pytest.raises(MachineKilled, match="SIGKILL"):
            console.wait_for([b"never"], Deadline.after(60.0))


def test_keys_are_in_the_journal_as_they_were_pressed(tmp_path: Path) -> None:
    with screen(tmp_path, ECHO) as (bench, console):
        console.press("open-sesame<enter>", Deadline.after(60.0))
    journal = (bench.evidence / "qmp.jsonl").read_text()
    assert '"pressed": "open-sesame<enter>"' in journal
    assert "send-key" not in journal


def test_the_way_is_gone_in_order() -> None:
    steps = ScreenSteps(
        spec("ready", steps=[{"when": "boot:", "press": "x"}, {"when": "sure", "press": "y"}])
    )
    shown = [
        ScreenSnapshot(()),
        ScreenSnapshot(("sure?",)),
        ScreenSnapshot(("boot: ",)),
        ScreenSnapshot(("boot: ",)),
        ScreenSnapshot(("ready",)),
        ScreenSnapshot(("sure?",)),
        ScreenSnapshot(("ready",)),
    ]
    assert [steps.next_keys(look) for look in shown] == ["", "", "x", "", "", "y", None]


def test_what_was_there_before_a_restart_does_not_count() -> None:
    steps = ScreenSteps(spec("ready"), is_restart=True)
    assert [steps.next_keys(ScreenSnapshot((line,))) for line in ("ready", "ready", "firmware", "ready")] == [
        "",
        "",
        "",
        None,
    ]


def test_a_boot_ends_at_its_screen(tmp_path: Path) -> None:
    with screen(tmp_path, ECHO) as (bench, console):
        wanted = spec("^abc$", steps=[{"when": "Hard Disk", "press": "<enter>abc"}])
        bench.describe_guest(screen=wanted, timeouts=timeouts(60, 60))
        wait_for_screen(bench.machine, console)


def test_a_boot_that_shows_something_else_hangs(tmp_path: Path) -> None:
    with screen(tmp_path, printing("\r\nNO ROM BASIC")) as (bench, console):
        bench.describe_guest(screen=spec("C:"), timeouts=timeouts(600, 2))
        with pytest.raises(BootTimeout, match="no 'C:' on the screen: the screen does not change") as caught:
            wait_for_screen(bench.machine, console)
        assert "NO ROM BASIC" in caught.value.message


def test_a_boot_that_only_paints_ends_at_its_budget(tmp_path: Path) -> None:
    # mov ax, 0xb800; mov es, ax; next: inc word es:[0]; jmp next
    with screen(tmp_path, bytes.fromhex("b800b88ec026ff060000ebf9")) as (bench, console):
        bench.describe_guest(screen=spec("never"), timeouts=timeouts(2, 600))
        with pytest.raises(BootTimeout, match="the boot took longer than its limit of 2 s"):
            wait_for_screen(bench.machine, console)


def test_a_terminal_goes_on_where_another_was(tmp_path: Path) -> None:
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
