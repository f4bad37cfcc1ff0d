"""Runs of pytest in processes of their own, with checks on cells that are never booted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pexpect

from suites.selftest.support.paths import ROOT

PROJECT = ROOT

GUEST = """\
id: {id}
title: A disk that nobody boots
system: linux
arch: x86_64
image: {{path: {image}, format: raw}}
platforms: [pc-bios-ide]
console: serial
login: {{user: root}}
drivers: {{}}
timeouts: {{boot: 5s}}
"""
# These checks use nothing but the id of their cell.
HEAD = """\
import os, threading
import pytest

def check(name):
    return pytest.mark.check(name, level="mandatory")

"""


@dataclass(frozen=True)
class Inner:
    """A directory with tests on the cells ``left@pc-bios-ide`` and ``right@pc-bios-ide``."""

    place: Path

    @classmethod
    def at(cls, place: Path, tests: str) -> Inner:
        """Write all that a run needs."""
        disk = place / "disk.raw"
        disk.write_bytes(bytes(1 << 20))
        (place / "guests").mkdir()
        for name in ("left", "right"):
            (place / "guests" / f"{name}.yaml").write_text(GUEST.format(id=name, image=disk))
        (place / "test_inner.py").write_text(HEAD + tests)
        return cls(place)

    def _command(self, *arguments: str) -> list[str]:
        cells = ("--accel=tcg", f"--guests-dir={self.place / 'guests'}", "--guest=left,right")
        return [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
            *("-c", str(PROJECT / "pyproject.toml"), "--rootdir", str(PROJECT)),
            # A replay has the cells of its bundle.
            *(() if any(each.startswith("--replay") for each in arguments) else cells),
            *(*arguments, str(self.place / "test_inner.py")),
        ]

    def _environment(self) -> dict[str, str]:
        ours = ("PYTEST", "IRONGUEST_WORK", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS", "CI")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "TERM": "xterm", "TMPDIR": str(self.place)}

    def run(self, *arguments: str, **environment: str) -> str:
        """What a run prints that has no terminal."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=PROJECT,
            env={**self._environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout

    def on_terminal(self, *arguments: str, columns: int = 100) -> pexpect.spawn[str]:
        """A run on a terminal of its own."""
        command = self._command(*arguments)
        return pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(PROJECT),
            env=self._environment(),
            dimensions=(24, columns),
            encoding="utf-8",
            timeout=60,
        )
