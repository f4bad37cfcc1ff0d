"""A run is refused where a false assertion would pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.plugin.assertion_proof import assertions_fail
from suites.selftest.support.inner_run import InnerRun
from suites.selftest.support.paths import ROOT

FALSE = """\
@check("demo.false")
def test_false(cell):
    assert 1 == 2
"""
OPTIMIZED = {"PYTHONOPTIMIZE": "1"}
REFUSAL = "ERROR: assertions are switched off in this process, so every check would pass"


@pytest.mark.parametrize("is_rewritten", [True, False])
def test_assertions_fail_in_this_process(is_rewritten: bool) -> None:
    assert assertions_fail(is_rewritten=is_rewritten)


@pytest.mark.parametrize(("is_rewritten", "expected"), [(True, "True"), (False, "False")])
def test_an_optimized_interpreter_needs_rewritten_assertions(is_rewritten: bool, expected: str) -> None:
    code = f"""\
from fixtures.plugin.assertion_proof import assertions_fail
print(assertions_fail(is_rewritten={is_rewritten}))
"""
    output = subprocess.run(
        [sys.executable, "-O", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == expected


@pytest.mark.parametrize(
    ("option", "workers"), [("--assert=plain", "-n0"), ("--assert=plain", "-n2"), ("-pno:assertion", "-n0")]
)
def test_a_run_without_assertions_is_refused(tmp_path: Path, option: str, workers: str) -> None:
    finished = InnerRun.create(tmp_path, FALSE).finish(
        option, workers, f"--bundle={tmp_path / 'bundle'}", **OPTIMIZED
    )
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR
    assert REFUSAL in finished.stdout
    assert "PYTHONOPTIMIZE" in finished.stdout
    assert "--assert=plain" in finished.stdout
    assert "Traceback" not in finished.stdout
    assert not (tmp_path / "bundle").exists()


def test_a_worker_without_assertions_runs_no_check(tmp_path: Path) -> None:
    finished = InnerRun.create(tmp_path, FALSE).finish(
        *("--assert=plain", "--dist=load", f"--tx=popen//python={sys.executable} -O"),
        "--max-worker-restart=0",
    )
    assert finished.returncode not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}, finished.stdout
    assert "assertions are switched off in this process" in finished.stdout
    assert "passed" not in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["-n2"], OPTIMIZED), (["--assert=plain", "-n0"], {})],
    ids=["optimized", "plain"],
)
def test_a_false_assertion_fails(tmp_path: Path, arguments: list[str], environment: dict[str, str]) -> None:
    finished = InnerRun.create(tmp_path, FALSE).finish(*arguments, **environment)
    assert finished.returncode == pytest.ExitCode.TESTS_FAILED
    assert "2 failed" in finished.stdout


@pytest.mark.parametrize("option", ["--help", "--list-cells"])
def test_help_and_the_list_of_cells_need_no_assertions(tmp_path: Path, option: str) -> None:
    finished = InnerRun.create(tmp_path, FALSE).finish("--assert=plain", option, **OPTIMIZED)
    assert finished.returncode == pytest.ExitCode.OK
    assert REFUSAL not in finished.stdout
