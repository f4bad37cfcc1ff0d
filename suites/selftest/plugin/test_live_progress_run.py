"""Progress as the user sees it: on a terminal, in a log, with several workers, and when it is cut short."""

from __future__ import annotations

import re
from pathlib import Path

import pexpect
import pytest

from fixtures.core.progress import FileProgress, News
from suites.selftest.support.inner_run import Inner

CHECKS = """\
@check("demo.passes")
def test_passes(cell):
    pass

@check("demo.fails")
def test_fails(cell):
    assert "seen" == "expected", "no \\x1b[31msuch\\x1b[0m thing"

@check("demo.skips")
def test_skips(cell):
    pytest.skip("device_absent_by_design: no such card")
"""
PLAIN = """\
def test_no_check():
    pass
"""
DIES = """\
@check("demo.dies")
def test_dies(cell):
    if cell.id.startswith("left"):
        os._exit(3)
"""
WAITS = """\
@check("demo.waits")
def test_waits(cell):
    threading.Event().wait(60)
"""
ONE_WAITS = """\
@check("demo.waits")
def test_waits(cell):
    if cell.id.startswith("left"):
        threading.Event().wait(60)
"""
SEQUENCE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


def screen(text: str) -> list[str]:
    """What a terminal shows after ``text``, scrolled-out lines included."""
    lines, row, column = [""], 0, 0
    for number, command, control, words in SEQUENCE.findall(text):
        if words:
            lines[row] = f"{lines[row]:<{column}}"[:column] + words + lines[row][column + len(words) :]
            column += len(words)
        elif control == "\r":
            column = 0
        elif control == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif command == "A":
            row -= int(number or 1)
        elif command == "J":
            lines[row:] = [lines[row][:column]]
        else:
            assert command == "m", f"an escape sequence that nobody expects: {command}"
    return [line.rstrip() for line in lines]


def told(output: list[str]) -> list[str]:
    """The lines about tests that ended, without their times."""
    return [
        re.sub(r" +\d+\.\d s", "", line)
        for line in output
        if re.match(r"(\[ *\d+/\d+\] )?(PASS|FAIL|SKIP|ERROR)  ", line)
    ]


def interrupted(child: pexpect.spawn[str]) -> list[str]:
    """What the terminal shows after the user stopped the run; of what came before, its last line."""
    last = str(child.before).rpartition("\n")[2] + str(child.after)
    child.sendintr()
    child.expect(pexpect.EOF)
    return screen(last + str(child.before))


EXPECTED = [
    "PASS  demo.passes  left@pc-bios-ide",
    "FAIL  demo.fails   left@pc-bios-ide  AssertionError: no such thing",
    "SKIP  demo.skips   left@pc-bios-ide  device_absent_by_design: no such card",
    "PASS  demo.passes  right@pc-bios-ide",
    "FAIL  demo.fails   right@pc-bios-ide  AssertionError: no such thing",
    "SKIP  demo.skips   right@pc-bios-ide  device_absent_by_design: no such card",
]


def test_a_log_has_one_line_for_each_check(tmp_path: Path) -> None:
    output = Inner.at(tmp_path, CHECKS).run("-n0")
    assert "\x1b" not in output.partition("= FAILURES =")[0]
    assert "\r" not in output
    expected = [f"[{number}/6] {line}" for number, line in enumerate(EXPECTED, 1)]
    assert told(output.splitlines()) == expected
    assert "%]" not in output
    assert "2 failed, 2 passed, 2 skipped" in output


def test_a_log_of_several_workers_has_them_too(tmp_path: Path) -> None:
    output = Inner.at(tmp_path, CHECKS + DIES).run("-n2")
    lines = told(output.splitlines())
    assert [line.partition("]")[0] for line in lines] == [f"[{number}/8" for number in range(1, 9)]
    died = next(line for line in lines if "demo.dies" in line and "left" in line)
    assert re.search(r"ERROR  demo\.dies .* worker 'gw\d' crashed while running", died)
    assert "3 failed, 3 passed, 2 skipped" in output


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_terminal_ends_with_the_lines_of_a_log(tmp_path: Path, workers: str) -> None:
    child = Inner.at(tmp_path, CHECKS).on_terminal(workers)
    child.expect(pexpect.EOF)
    shown = screen(child.before or "")
    assert sorted(told(shown)) == sorted(EXPECTED)
    assert re.search(r"left@pc-bios-ide \d/3 done.*, running demo\.\w+ \d+ s", child.before or "")
    assert not [line for line in shown if "0/3 done" in line or "3/3 done" in line]


def test_what_runs_is_shown_with_its_time_and_gone_after_an_interrupt(tmp_path: Path) -> None:
    child = Inner.at(tmp_path, WAITS).on_terminal("-n0", columns=60)
    child.expect_exact("[0/2] left@pc-bios-ide 0/1 done, running demo.waits 0 s\r\n")
    child.expect_exact("      right@pc-bios-ide 0/1 done")
    child.expect(r"running demo\.waits [1-9]\d* s")
    shown = interrupted(child)
    assert any("KeyboardInterrupt" in line for line in shown)
    assert not [line for line in shown if "running demo.waits" in line]


def test_a_worker_that_has_no_more_work_does_not_end_the_lines(tmp_path: Path) -> None:
    child = Inner.at(tmp_path, ONE_WAITS).on_terminal("-n2", columns=140)
    child.expect(r"left\S+ 0/1 done, running demo\.waits [3-9] s · right\S+ 1/1 done")
    assert not [line for line in interrupted(child) if "running demo.waits" in line]


@pytest.mark.parametrize("option", ["-q", "-v"])
def test_who_asks_for_less_or_more_gets_pytests_own(tmp_path: Path, option: str) -> None:
    output = Inner.at(tmp_path, CHECKS).run("-n0", option)
    assert told(output.splitlines()) == []
    assert "[100%]" in output


def test_tests_of_another_kind_keep_their_dots(tmp_path: Path) -> None:
    output = Inner.at(tmp_path, PLAIN).run("-n0")
    assert re.search(r"^\S+ \. +\[100%\]$", output, re.MULTILINE)
    assert "[100%]" in output


def test_tests_of_another_kind_beside_checks_have_lines_too(tmp_path: Path) -> None:
    output = Inner.at(tmp_path, CHECKS + PLAIN).run("-n0")
    assert len(told(output.splitlines())) == 7
    assert re.search(r"^PASS  \S*::test_no_check ", output, re.MULTILINE)
    assert "[100%]" not in output


def test_a_terminal_that_shows_the_output_of_tests_has_no_live_lines(tmp_path: Path) -> None:
    child = Inner.at(tmp_path, CHECKS).on_terminal("-n0", "-s")
    child.expect(pexpect.EOF)
    assert "running demo" not in (child.before or "")
    assert len(told(screen(child.before or ""))) == 6


def test_news_are_told_once_and_whole(tmp_path: Path) -> None:
    say, news = FileProgress(tmp_path), News(tmp_path)
    assert news.lines() == []
    say("one")
    say("two")
    assert news.lines() == ["one", "two"]
    with (tmp_path / "progress.log").open("a") as file:
        file.write("thr")
        file.flush()
        assert news.lines() == []
        file.write("ee\n")
    assert news.lines() == ["three"]


NEWS = """\
from pathlib import Path
from fixtures.core.progress import FileProgress

@check("demo.works")
def test_works(cell):
    FileProgress(Path(os.environ["IRONGUEST_WORK"]))(f"checkpoint {cell.id}: booting cold once")
"""


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_news_of_long_work_come_before_the_result(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    lines = Inner.at(tmp_path, NEWS).run(*arguments).splitlines()
    for cell in ("left@pc-bios-ide", "right@pc-bios-ide"):
        news = lines.index(f"checkpoint {cell}: booting cold once")
        result = next(at for at, line in enumerate(lines) if "PASS" in line and cell in line)
        assert news < result
