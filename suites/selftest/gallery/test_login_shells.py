"""Login shells of many systems: each becomes the shell that runs the checks' commands."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from suites.selftest.support.gallery_bench import GalleryBench
from suites.selftest.support.shell_kit import missing_shell

if TYPE_CHECKING:
    from pathlib import Path

# The program of each login shell, and the command that starts it as getty's login does.
SHELLS = {
    "dash": "PS1='# ' exec dash -i -l",
    "bash": "exec bash -i -l",
    "busybox": "PS1='~ # ' exec busybox ash -i -l",
    "csh": "exec csh -i",
    "tcsh": "exec tcsh -i",
    "zsh": "exec zsh -i -l",
    "fish": "exec fish -i -l",
    "ksh": "exec ksh -i -l",
    "mksh": "exec mksh -i -l",
    "yash": "exec yash -i -l",
}


def require_shell(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``program`` in PATH: the host's own, or the one in its package."""
    if shutil.which(program) is None:
        directory = missing_shell(program)
        if directory is None:
            pytest.skip(f"this host has neither {program} nor its package")
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{directory}")


@pytest.mark.parametrize("program", SHELLS)
def test_a_login_shell_runs_commands(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_shell(program, monkeypatch)
    with GalleryBench(tmp_path, f"getty root secret; cd /; {SHELLS[program]}") as bench:
        bench.boot()
        assert bench.shell.run("echo $((6 * 7)) 'a  b'; echo error >&2; exit 3").output == b"42 a  b\nerror\n"
        assert bench.shell.run('printf %s "$HOME"').text == str(tmp_path)
        assert bench.boot_share < 0.25


@pytest.mark.parametrize("program", SHELLS)
def test_a_login_shell_at_once_runs_commands(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An automatic login: nothing but the prompt says that the boot is over."""
    require_shell(program, monkeypatch)
    with GalleryBench(tmp_path, f"cd /; {SHELLS[program]}") as bench:
        bench.boot()
        assert bench.shell.run("echo $((6 * 7))").text == "42\n"
        assert bench.boot_share < 0.25


@pytest.mark.parametrize("sh", ["dash", "bash", "busybox", "mksh", "zsh"])
def test_the_systems_sh_may_be_any(sh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``sh`` of a system is one of these programs: of Debian dash, of Fedora bash, of Alpine BusyBox."""
    require_shell(sh, monkeypatch)
    with GalleryBench(tmp_path, "getty root secret; shell '# '", sh=sh) as bench:
        bench.boot()
        assert bench.shell.run("echo $((6 * 7)); exit 3").status == 3
        assert bench.shell.run("printf '%s' 'x  y'").text == "x  y"
