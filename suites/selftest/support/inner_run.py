"""Runs of pytest in separate processes, with checks on cells that never boot."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pexpect

from suites.selftest.support.paths import ROOT
from suites.selftest.support.run_limit import RUN_LIMIT

PROJECT = ROOT

GUEST = """\
id: {id}
title: A disk without a system
system: linux
arch: x86_64
image: {{path: {image}, format: raw}}
platforms: [pc-bios-ide]
console: serial
login: {{user: root}}
drivers: {{}}
timeouts: {{boot: 5s}}
"""
# The checks use only the id of their cell.
HEAD = """\
import os, threading
import pytest

def check(name):
    return pytest.mark.check(name, level="mandatory")

"""


@dataclass(frozen=True)
class InnerRun:
    """A directory with tests on the cells ``left@pc-bios-ide`` and ``right@pc-bios-ide``."""

    directory: Path

    @classmethod
    def create(cls, directory: Path, tests: str) -> InnerRun:
        """Write the guests, their disk and the tests to ``directory``."""
        disk = directory / "disk.raw"
        disk.write_bytes(bytes(1 << 20))
        (directory / "guests").mkdir()
        for name in ("left", "right"):
            (directory / "guests" / f"{name}.yaml").write_text(GUEST.format(id=name, image=disk))
        (directory / "test_inner.py").write_text(HEAD + tests)
        return cls(directory)

    def _command(self, *arguments: str) -> list[str]:
        cells = ("--accel=tcg", f"--guests-dir={self.directory / 'guests'}", "--guest=left,right")
        return [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
            *("-c", str(PROJECT / "pyproject.toml"), "--rootdir", str(PROJECT)),
            # A replay takes its cells from the bundle.
            *(() if any(argument.startswith("--replay") for argument in arguments) else cells),
            *(*arguments, str(self.directory / "test_inner.py")),
        ]

    def _environment(self) -> dict[str, str]:
        removed = ("PYTEST", "IRONGUEST_WORK", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS", "CI")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
        return {**inherited, "TERM": "xterm", "TMPDIR": str(self.directory)}

    def run(self, *arguments: str, **environment: str) -> str:
        """The output of a run without a terminal."""
        return self.finish(*arguments, **environment).stdout

    def finish(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A finished run without a terminal; ``stdout`` also holds its error output."""
        return subprocess.run(
            self._command(*arguments),
            cwd=PROJECT,
            env={**self._environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=RUN_LIMIT,
        )

    def on_terminal(self, *arguments: str, columns: int = 100) -> pexpect.spawn[str]:
        """A run on a terminal with ``columns`` columns."""
        command = self._command(*arguments)
        return pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(PROJECT),
            env=self._environment(),
            dimensions=(24, columns),
            encoding="utf-8",
            timeout=RUN_LIMIT,
        )
