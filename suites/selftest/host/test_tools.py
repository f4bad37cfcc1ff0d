"""Programs of the host: their paths, their packages, and the messages about their failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault, MissingTool
from fixtures.host import tools
from fixtures.host.tools import PACKAGES, require_tool, run_tool

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_path_comes_before_the_sbin_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_path, in_sbin = program(tmp_path / "bin/mke2fs"), program(tmp_path / "sbin/mke2fs")
    monkeypatch.setattr(tools, "_SYSTEM_DIRECTORIES", (str(in_sbin.parent),))
    monkeypatch.setenv("PATH", str(in_path.parent))
    assert require_tool("mke2fs") == in_path
    in_path.unlink()
    assert require_tool("mke2fs") == in_sbin


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "_SYSTEM_DIRECTORIES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, package in PACKAGES.items():
        with pytest.raises(MissingTool, match=f"{name} is not installed .*apt-get install {package}$"):
            require_tool(name)
    with pytest.raises(MissingTool) as missing:
        require_tool("no-such-program")
    assert str(missing.value) == f"no-such-program is not installed (looked in {tmp_path})"


def test_the_output_is_standard_output_alone(tmp_path: Path) -> None:
    assert run_tool([program(tmp_path / "say", "#!/bin/sh\necho yes; echo aside >&2\n")]) == "yes\n"


def test_a_failure_shows_the_error_output(tmp_path: Path) -> None:
    failing = program(tmp_path / "fail", "#!/bin/sh\necho no such option >&2; exit 3\n")
    with pytest.raises(HostFault, match="fail --x ended with exit status 3: no such option"):
        run_tool([failing, "--x"])


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(HostFault, match=r"nothing cannot be run: .*No such file"):
        run_tool([tmp_path / "nothing"])


def test_a_program_that_does_not_end(tmp_path: Path) -> None:
    with pytest.raises(HostFault, match=r"sleep 60 did not end within 0\.1 s"):
        run_tool(["sleep", "60"], Deadline.after(0.1))
