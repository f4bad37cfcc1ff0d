"""Whatever directories the options name, pytest keeps the project's root and configuration, in workers too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites.selftest.support.inner_run import PROJECT, Inner


def run(inner: Inner, *arguments: str, select: str = "nosuchcheck") -> str:
    """What plain pytest prints in the checkout, where nothing that is collected is selected."""
    ours = ("PYTEST", "IRONGUEST_WORK")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--ignore=suites/selftest"),
            *(
                "--accel=tcg",
                "--guests-dir",
                str(inner.place / "guests"),
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
        timeout=120,
    )
    return done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
@pytest.mark.parametrize("there", [False, True])
def test_a_bundle_elsewhere_is_no_path_of_tests(
    tmp_path: Path, workers: tuple[str, ...], there: bool
) -> None:
    inner = Inner.at(tmp_path, "")
    bundle = tmp_path / "bundle"
    if there:
        bundle.mkdir()
    output = run(inner, "--bundle", str(bundle), *workers)
    assert f"rootdir: {PROJECT}" in output
    assert "node down" not in output, output
    assert ("0 selected" in output) or ("1 worker [0 items]" in output), output
    assert (bundle / "run.json").exists()


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_selection_that_makes_no_sense_is_one_clear_message(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    output = run(Inner.at(tmp_path, ""), *workers, select="boot network")
    assert "ERROR: Wrong expression passed to '-k': boot network" in output
    assert "INTERNALERROR" not in output
