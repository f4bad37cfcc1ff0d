"""Directories in options do not change pytest's root and configuration, also in workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites.selftest.support.inner_run import PROJECT, InnerRun
from suites.selftest.support.run_limit import RUN_LIMIT


def run(inner: InnerRun, *arguments: str, select: str = "nosuchcheck") -> str:
    """The output of plain pytest in the checkout, with a selection that matches no test."""
    ours = ("PYTEST", "IRONGUEST_WORK")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--ignore=suites/selftest"),
            *(
                "--accel=tcg",
                "--guests-dir",
                str(inner.directory / "guests"),
                "--guest=left",
                "-k",
                select,
            ),
            *arguments,
        ],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith(ours)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=RUN_LIMIT,
    )
    return done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
@pytest.mark.parametrize("there", [False, True])
def test_a_bundle_outside_the_project_is_not_taken_for_a_path_of_tests(
    tmp_path: Path, workers: tuple[str, ...], there: bool
) -> None:
    inner = InnerRun.create(tmp_path, "")
    bundle = tmp_path / "bundle"
    if there:
        bundle.mkdir()
    output = run(inner, "--bundle", str(bundle), *workers)
    assert f"rootdir: {PROJECT}" in output
    assert "node down" not in output, output
    assert ("0 selected" in output) or ("1 worker [0 items]" in output), output
    assert (bundle / "run.json").exists()


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_invalid_selection_gives_one_clear_message(tmp_path: Path, workers: tuple[str, ...]) -> None:
    output = run(InnerRun.create(tmp_path, ""), *workers, select="boot network")
    assert "ERROR: Wrong expression passed to '-k': boot network" in output
    assert "INTERNALERROR" not in output
