"""The benchmarks' own sums, tables and drawings. Nothing is measured here, and no guest is started."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from ci.benchmarks import collecting, command, plot, runs, table
from ci.benchmarks.clones import processor_seconds, when_continued
from ci.benchmarks.figures import CannotMeasure, Figure, Target, in_turn, number, spread, to_json
from ci.benchmarks.memory import parse_pss
from fixtures.evidence.result import CheckResult, Measure
from suites.selftest.support.paths import ROOT

CLONE = Figure(
    "clone", "a guest", "s", (0.3, 0.2, 0.4), (0.1, 0.2, 0.3), target=Target("ratio", "at most", 1.25)
)
RATE = Figure("checks", "checks <fast>", "1/s", (6.0, 4.0), target=Target("median", "at least", 5))
PLAIN = Figure("clone.end", "the end", "s", (0.01,), (0.02,), against="a hammer")
GROWTH = tuple(
    Figure(f"growth.{count}", "a check", "s", (seconds,), series="one worker", count=count)
    for count, seconds in ((1, 3.0), (10, 0.8), (100, 0.5))
)


def result(worker: str, start: float, seconds: float, waited: float = 0.1) -> CheckResult:
    return CheckResult(
        check="bench.number-000",
        title="",
        level="informational",
        cell="debian-12@q35-uefi-virtio",
        nodeid="",
        outcome="PASS",
        started=f"2026-01-01T00:00:{start:06.3f}+00:00",
        seconds=seconds,
        worker=worker,
        measures=(Measure("waited", waited, "s"),),
    )


def test_a_ratio_is_that_of_the_medians() -> None:
    assert CLONE.ratio == pytest.approx(1.5)
    assert (CLONE.median, CLONE.reached) == (0.3, False)
    assert (RATE.median, RATE.ratio, RATE.reached) == (5.0, None, True)
    assert (PLAIN.ratio, PLAIN.judged, PLAIN.reached) == (0.5, None, None)


@pytest.mark.parametrize(
    ("bound", "value", "seen", "reached"),
    [
        ("at most", 1.25, 1.25, True),
        ("at most", 1.25, 1.26, False),
        ("at least", 40, 40, True),
        ("at least", 40, 39.9, False),
    ],
)
def test_a_target_that_is_met_exactly_is_reached(
    bound: str, value: float, seen: float, reached: bool
) -> None:
    target = Target("median", "at most" if bound == "at most" else "at least", value)
    assert target.allows(seen) is reached
    figure = Figure("x", "", "s", (seen,), target=target)
    assert figure.reached is reached
    assert (plot.cost(figure, seen) <= 1) is reached


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (0.25, "0.250"), (1.5, "1.50"), (25.04, "25.0"), (10000, "10,000")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_spread_is_the_median_between_the_extremes() -> None:
    assert spread(CLONE.samples) == "0.300 (0.200..0.400)"
    assert spread((1.5,)) == "1.50"


def test_the_table_says_what_was_reached_and_what_was_missed() -> None:
    text = table.render({"CPU": "a fast one"}, [CLONE, RATE, PLAIN], 140, colour=False)
    assert text.startswith("CPU          a fast one\n")
    assert re.search(
        r"^clone +a guest +0.300 \(0.200..0.400\) s .* 1.50 +<= 1.25 times +missed$", text, re.MULTILINE
    )
    assert re.search(
        r"^checks +checks <fast> +5.00 \(4.00..6.00\) 1/s +>= 5 1/s +reached$", text, re.MULTILINE
    )
    assert "a hammer" in text
    assert "1 of 2 targets reached; missed: clone" in text
    assert max(map(len, text.splitlines())) <= 140
    coloured = table.render({}, [CLONE], 140, colour=True)
    assert "\x1b[" in coloured
    assert "\x1b" not in text


def test_all_samples_are_in_the_json() -> None:
    data = json.loads(json.dumps(to_json([CLONE, RATE, *GROWTH])))
    assert data[0]["samples"] == [0.3, 0.2, 0.4]
    assert data[0]["other"] == [0.1, 0.2, 0.3]
    assert data[0]["target"] == {"of": "ratio", "bound": "at most", "value": 1.25}
    assert data[0]["reached"] is False
    assert data[1]["against"] is None
    assert data[4] == data[4] | {"series": "one worker", "count": 100, "reached": None}


def test_the_drawing_is_well_formed_and_has_all() -> None:
    drawn = ElementTree.fromstring(plot.render([CLONE, RATE, PLAIN, *GROWTH]))
    space = "{http://www.w3.org/2000/svg}"
    words = [each.text for each in drawn.iter(f"{space}text")]
    assert {"clone", "checks", "one worker", "100", "1.5 times, at most 1.25"} <= set(words)
    kinds = [each.get("class") for each in drawn.iter(f"{space}circle")]
    assert kinds == ["missed", "reached", "shade0", "shade0", "shade0", "shade0"]
    assert "checks <fast>: 5 1/s, at least 5" in [each.text for each in drawn.iter(f"{space}title")]
    assert len(ElementTree.fromstring(plot.render([]))) == 1


def test_an_axis_is_logarithmic_and_has_ends() -> None:
    axis = plot.Axis(0.1, 10.0, 100.0, 300.0)
    assert [axis.place(value) for value in (0.01, 0.1, 1, 10, 99)] == [100, 100, 200, 300, 300]
    assert [round(tick, 3) for tick in axis.ticks()] == [0.1, 0.2, 0.5, 1, 2, 5, 10]
    assert list(plot.Axis(1.0, 10000.0, 0.0, 1.0).ticks()) == [1, 10, 100, 1000, 10000]


def test_turns_go_round() -> None:
    assert [in_turn("abc", repetition) for repetition in range(4)] == [
        list(each) for each in ("abc", "bca", "cab", "abc")
    ]


def test_a_rate_counts_from_the_first_start_to_the_last_end() -> None:
    results = [result("gw0", 10, 2), result("gw1", 10.5, 2), result("gw0", 12, 1), result("gw1", 13, 1)]
    assert runs.taken(results) == pytest.approx(4)
    assert runs.rate(results) == pytest.approx(1)
    # From 12.5 on, when both had ended their first: one check, which ended at 14.
    assert runs.steady_rate(results) == pytest.approx(1 / 1.5)
    assert runs.steady_rate(results[:2]) is None


def test_the_first_check_of_each_worker_does_not_count_as_waiting() -> None:
    results = (
        result("gw0", 1, 1, 9.0),
        result("gw1", 1, 1, 9.0),
        result("gw0", 2, 1, 0.2),
        result("gw1", 2, 1, 0.3),
    )
    ran = runs.Ran(results, 5.0, {"gw0": 80.0, "gw1": 90.0, "controller": 70.0})
    assert ran.waited == (0.2, 0.3)
    assert ran.workers == (80.0, 90.0)
    assert replace(ran, peaks={"controller": 70.0}).workers == (70.0,)


def test_the_journal_tells_when_a_clone_went_on() -> None:
    lines = [
        '{"t": 0.1, "at": 5.0, "kind": "command", "execute": "migrate-incoming", "arguments": {}}',
        '{"t": 0.2, "at": 5.5, "kind": "event", "event": "MIGRATION", "data": {}}',
        '{"t": 0.3, "at": 6.25, "kind": "command", "execute": "cont", "arguments": {}}',
    ]
    assert when_continued(lines) == 6.25
    with pytest.raises(CannotMeasure, match="has no command cont"):
        when_continued(lines[:2])


def test_the_processor_time_is_read() -> None:
    stat = "42 (qemu) (x) S " + " ".join(str(number) for number in range(4, 53))
    assert processor_seconds(stat) == pytest.approx((14 + 15) / os.sysconf("SC_CLK_TCK"))


def test_the_proportional_set_size_is_read() -> None:
    rollup = "5600 ---p 00000000 00:00 0 [rollup]\nRss:  204800 kB\nPss:  102400 kB\nPss_Anon: 51200 kB\n"
    assert parse_pss(rollup) == 100.0
    with pytest.raises(CannotMeasure):
        parse_pss("Rss: 1 kB\n")


def collected(arguments: list[str]) -> str:
    line, environment = runs.pytest_command(*arguments)
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_what_is_made_for_collecting_is_as_large_as_said(tmp_path: Path) -> None:
    assert "6 tests collected" in collected(collecting.write_harness(tmp_path, 3, 2))
    assert "6 tests collected" in collected(collecting.write_plain(tmp_path, 3, 2))


def test_a_run_that_fails_is_told_with_its_output(tmp_path: Path) -> None:
    (tmp_path / "test_bad.py").write_text("def test_bad():\n    assert 6 * 9 == 42\n")
    line, environment = runs.pytest_command("-c", str(ROOT / "pyproject.toml"), str(tmp_path))
    with pytest.raises(CannotMeasure, match=r"exit status 1:(.|\n)*assert \(6 \* 9\) == 42"):
        runs.run(line, environment)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nothing"], "invalid choice: 'nothing'"),
        (["--often"], "unrecognized arguments: --often"),
        (["--json"], "--json: expected one argument"),
        (["--json", "/nowhere/at/all.json"], "/nowhere/at/all.json: cannot be written: No such file"),
        (["--plot", "/"], "/: cannot be written: Is a directory"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_measured(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = command.main(arguments)
    output = capsys.readouterr()
    assert (status, output.out) == (4, "")
    assert output.err.startswith("ci/bench: ")
    assert words in output.err


def test_help_names_all_benchmarks() -> None:
    done = subprocess.run([ROOT / "ci/bench", "--help"], capture_output=True, text=True, check=True)
    named = re.search(r"only these figures: (.*)", done.stdout)
    assert named, f"no list of figures in the help: {done.stdout}"
    assert named[1].split(", ") == list(command.BENCHMARKS)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "ci.benchmarks", "--only", "compare"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None, "expected a pipe from the program's standard error"
    late = threading.Timer(60, process.kill)
    late.start()
    assert "comparing" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    late.cancel()
    assert (process.returncode, out) == (130, "")
    assert err == "ci/bench: interrupted; nothing is left running\n"
    assert list(tmp_path.iterdir()) == []
