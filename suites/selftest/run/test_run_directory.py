"""The directory of a run: gone with it, also when the run was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.run.run_directory import RunDirectory
from suites.selftest.support.paths import ROOT

# Creates a directory and lives until it is killed.
RUN = """
import sys
from fixtures.run.run_directory import Workplace

place = Workplace.create()
print(place.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("IRONGUEST_WORK", raising=False)


def another(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A run in a process of its own, and its directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_other_processes_join(tmp_path: Path) -> None:
    place = RunDirectory.create()
    assert place.path.parent == tmp_path
    assert RunDirectory.join().path == place.path
    (place.path / "overlay").write_text("x")
    place.remove()
    assert not place.path.exists()


def test_the_directory_of_a_run_that_was_killed_goes_with_the_next_run(tmp_path: Path) -> None:
    process, path = another(tmp_path)
    RunDirectory.create().remove()
    assert path.exists()
    process.kill()
    process.communicate()
    RunDirectory.create().remove()
    assert not path.exists()


def test_what_is_to_be_kept_stays(tmp_path: Path) -> None:
    place = RunDirectory.create()
    place.keep()
    RunDirectory.create().remove()
    assert place.path.exists()
