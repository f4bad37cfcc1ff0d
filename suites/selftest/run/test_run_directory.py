"""The directory of a run: it goes away with the run, also when the run was killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.run.run_directory import RunDirectory
from suites.selftest.support.paths import ROOT

# Creates a directory and lives until it is killed.
RUN = """
import sys
from fixtures.run.run_directory import RunDirectory

directory = RunDirectory.create()
print(directory.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("IRONGUEST_WORK", raising=False)


def start_run(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A run in a process of its own, and its directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None, "expected a pipe"
    return process, Path(process.stdout.readline().strip())


def test_other_processes_join_the_directory(tmp_path: Path) -> None:
    directory = RunDirectory.create()
    assert directory.path.parent == tmp_path
    assert RunDirectory.join().path == directory.path
    (directory.path / "overlay").write_text("x")
    directory.remove()
    assert not directory.path.exists()


def test_the_next_run_removes_the_directory_of_a_killed_run(tmp_path: Path) -> None:
    process, path = start_run(tmp_path)
    RunDirectory.create().remove()
    assert path.exists()
    process.kill()
    process.communicate()
    RunDirectory.create().remove()
    assert not path.exists()


def test_a_kept_directory_stays(tmp_path: Path) -> None:
    directory = RunDirectory.create()
    directory.keep()
    RunDirectory.create().remove()
    assert directory.path.exists()


def test_a_directory_that_another_run_removes_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "ironguest-run-dead"
    dead.mkdir()
    (dead / "run.lock").touch()
    user = os.getuid()

    def remove_and_return_user() -> int:
        shutil.rmtree(dead, ignore_errors=True)
        return user

    monkeypatch.setattr("os.getuid", remove_and_return_user)
    RunDirectory.create().remove()
    assert not dead.exists()
