"""Progress as the user sees it: on a terminal, in a log, with several workers, and when it is cut short."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pexpect
import pyte
import pytest

from fixtures.core.progress import FileProgress, ProgressReader
from suites.selftest.support.inner_run import InnerRun

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"

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


def screen(text: str, columns: int = 100) -> list[str]:
    """The lines that a terminal shows after ``text``, scrolled-out lines included."""
    terminal = pyte.Screen(columns, lines=500)
    pyte.Stream(terminal).feed(text)
    return [line.rstrip() for line in terminal.display]


def result_lines(output: list[str]) -> list[str]:
    """The lines of finished tests, without their times."""
    return [
        re.sub(r" +\d+\.\d s", "", line)
        for line in output
        if re.match(r"(\[ *\d+/\d+\] )?(PASS|FAIL|SKIP|ERROR)  ", line)
    ]


def start(inner: InnerRun, *arguments: str, columns: int = 100) -> tuple[pexpect.spawn[str], io.StringIO]:
    """A run on a terminal of its own, and all that it prints."""
    child = inner.on_terminal(*arguments, columns=columns)
    output = child.logfile_read = io.StringIO()
    return child, output


def interrupt(child: pexpect.spawn[str], output: io.StringIO, columns: int) -> list[str]:
    """What the terminal shows after the user interrupted the run."""
    child.sendintr()
    child.expect(pexpect.EOF)
    return screen(output.getvalue(), columns)


EXPECTED = [
    "PASS  demo.passes  left@pc-bios-ide",
    "FAIL  demo.fails   left@pc-bios-ide  AssertionError: no such thing",
    "SKIP  demo.skips   left@pc-bios-ide  device_absent_by_design: no such card",
    "PASS  demo.passes  right@pc-bios-ide",
    "FAIL  demo.fails   right@pc-bios-ide  AssertionError: no such thing",
    "SKIP  demo.skips   right@pc-bios-ide  device_absent_by_design: no such card",
]


def test_a_log_has_one_line_for_each_check(tmp_path: Path) -> None:
    output = InnerRun.create(tmp_path, CHECKS).run("-n0")
    assert "\x1b" not in output.partition("= FAILURES =")[0]
    assert "\r" not in output
    expected = [f"[{number}/6] {line}" for number, line in enumerate(EXPECTED, 1)]
    assert result_lines(output.splitlines()) == expected
    assert "%]" not in output
    assert "2 failed, 2 passed, 2 skipped" in output


def test_a_log_of_several_workers_has_them_too(tmp_path: Path) -> None:
    output = InnerRun.create(tmp_path, CHECKS + DIES).run("-n2")
    lines = result_lines(output.splitlines())
    assert [line.partition("]")[0] for line in lines] == [f"[{number}/8" for number in range(1, 9)]
    died = next(line for line in lines if "demo.dies" in line and "left" in line)
    assert re.search(r"ERROR  demo\.dies .* worker 'gw\d' crashed while running", died)
    assert "3 failed, 3 passed, 2 skipped" in output


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_terminal_shows_the_lines_of_a_log_in_the_end(tmp_path: Path, workers: str) -> None:
    child = InnerRun.create(tmp_path, CHECKS).on_terminal(workers)
    child.expect(pexpect.EOF)
    shown = screen(child.before or "")
    assert sorted(result_lines(shown)) == sorted(EXPECTED)
    assert re.search(r"left@pc-bios-ide \d/3 done.*, running demo\.\w+ \d+ s", child.before or "")
    assert not [line for line in shown if "0/3 done" in line or "3/3 done" in line]


def test_running_checks_are_shown_with_their_time_and_gone_after_an_interrupt(tmp_path: Path) -> None:
    child, output = start(InnerRun.create(tmp_path, WAITS), "-n0", columns=60)
    child.expect_exact("[0/2] left@pc-bios-ide 0/1 done, running demo.waits 0 s\r\n")
    child.expect_exact("      right@pc-bios-ide 0/1 done")
    child.expect(r"running demo\.waits [1-9]\d* s")
    shown = interrupt(child, output, columns=60)
    assert output.getvalue().rindex(SHOW_CURSOR) > output.getvalue().rindex(HIDE_CURSOR)
    assert any("KeyboardInterrupt" in line for line in shown)
    assert not [line for line in shown if "running demo.waits" in line]


def test_a_worker_without_work_does_not_end_the_moving_lines(tmp_path: Path) -> None:
    child, output = start(InnerRun.create(tmp_path, ONE_WAITS), "-n2", columns=140)
    child.expect(r"left\S+ 0/1 done, running demo\.waits [3-9] s · right\S+ 1/1 done")
    assert not [line for line in interrupt(child, output, columns=140) if "running demo.waits" in line]


@pytest.mark.parametrize("option", ["-q", "-v"])
def test_quiet_and_verbose_runs_have_pytests_own_output(tmp_path: Path, option: str) -> None:
    output = InnerRun.create(tmp_path, CHECKS).run("-n0", option)
    assert result_lines(output.splitlines()) == []
    assert "[100%]" in output


def test_tests_that_are_not_checks_keep_their_dots(tmp_path: Path) -> None:
    output = InnerRun.create(tmp_path, PLAIN).run("-n0")
    assert re.search(r"^\S+ \. +\[100%\]$", output, re.MULTILINE)
    assert "[100%]" in output


def test_tests_beside_checks_have_lines_too(tmp_path: Path) -> None:
    output = InnerRun.create(tmp_path, CHECKS + PLAIN).run("-n0")
    assert len(result_lines(output.splitlines())) == 7
    assert re.search(r"^PASS  \S*::test_no_check ", output, re.MULTILINE)
    assert "[100%]" not in output


def test_a_terminal_with_the_output_of_tests_has_no_moving_lines(tmp_path: Path) -> None:
    child = InnerRun.create(tmp_path, CHECKS).on_terminal("-n0", "-s")
    child.expect(pexpect.EOF)
    assert "running demo" not in (child.before or "")
    assert len(result_lines(screen(child.before or ""))) == 6


def test_news_are_read_once_and_in_whole_lines(tmp_path: Path) -> None:
    say, news = FileProgress(tmp_path), ProgressReader(tmp_path)
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
    lines = InnerRun.create(tmp_path, NEWS).run(*arguments).splitlines()
    for cell in ("left@pc-bios-ide", "right@pc-bios-ide"):
        news = lines.index(f"checkpoint {cell}: booting cold once")
        result = next(at for at, line in enumerate(lines) if "PASS" in line and cell in line)
        assert news < result


BLOCKED = """\
from fixtures.core.errors import BootTimeout, MachineNotUsable

@pytest.mark.parametrize("number", range(3))
@check("demo.blocked")
def test_blocked(cell, number):
    if number == 0:
        raise BootTimeout("stuck in the firmware")
    raise MachineNotUsable(f"{cell.id} did not boot before: stuck in the firmware")
"""


@pytest.mark.parametrize("workers", [(), ("-n2", "--dist=loadfile")])
def test_the_cause_of_blocked_checks_is_shown_once(tmp_path: Path, workers: tuple[str, ...]) -> None:
    output = InnerRun.create(tmp_path, BLOCKED).run(*workers)
    cause = "2 checks blocked: MachineNotUsable: left@pc-bios-ide did not boot before: stuck in the firmware"
    assert output.splitlines().count(cause) == 1
    assert "ERROR at" not in output
    assert "2 failed, 4 blocked" in output


def test_a_verbose_run_names_the_blocked_checks(tmp_path: Path) -> None:
    output = InnerRun.create(tmp_path, BLOCKED).run("-v")
    assert len(re.findall(r"^  \S*::test_blocked\[\S*(?:left|right)\S*\]$", output, re.MULTILINE)) == 4


SKIPS = """\
@pytest.mark.parametrize("number", range(4))
@check("demo.skips")
def test_skips(guest, number):
    pass

@check("demo.unneeded")
def test_other(cell):
    pytest.skip("operator_excluded: not today")

def test_plain():
    pytest.skip("no reason code")
"""
NO_SHELL = "console: vga-text\nscreen: {ready: hello}\n"


def test_a_run_sums_its_skips_up(tmp_path: Path) -> None:
    inner = InnerRun.create(tmp_path, SKIPS)
    for name in ("left", "right"):
        file = inner.directory / "guests" / f"{name}.yaml"
        lines = file.read_text().replace("system: linux", "system: none").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(("console", "login", "drivers"))]
        file.write_text("".join(kept) + NO_SHELL)
    output = inner.run("-n0")
    assert "SKIPPED" not in output
    assert re.search(r"^1 check needs a shell, which left and right do not have", output, re.MULTILINE), (
        output
    )
    assert output.count("1 check was skipped: not today") == 1
    assert "1 test skipped: no reason code" in output
    verbose = inner.run("-n0", "-v")
    assert "needs a shell, which left does not have" in verbose
