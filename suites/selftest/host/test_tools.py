"""Programs: where they are found, and what is said when they are not, or do not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault, MissingTool
from fixtures.host import tools
from fixtures.host.tools import PACKAGES, ask, require_tool

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_path_comes_before_the_administrators_directories(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine, theirs = program(tmp_path / "bin/mke2fs"), program(tmp_path / "sbin/mke2fs")
    monkeypatch.setattr(tools, "_ADMINISTRATOR", (str(theirs.parent),))
    monkeypatch.setenv("PATH", str(mine.parent))
    assert require_tool("mke2fs") == mine
    mine.unlink()
    assert require_tool("mke2fs") == theirs


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "_ADMINISTRATOR", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, package in PACKAGES.items():
        with pytest.raises(MissingTool, match=f"{name} is not installed .*apt-get install {package}$"):
            require_tool(name)
    with pytest.raises(MissingTool) as missing:
        require_tool("no-such-program")
    assert str(missing.value) == f"no-such-program is not installed (looked in {tmp_path})"


def test_an_answer_is_standard_output(tmp_path: Path) -> None:
    assert ask([program(tmp_path / "say", "#!/bin/sh\necho yes; echo aside >&2\n")]) == "yes\n"


def test_a_failure_shows_the_programs_own_words(tmp_path: Path) -> None:
    failing = program(tmp_path / "fail", "#!/bin/sh\necho no such option >&2; exit 3\n")
    with pytest.raises(HostFault, match="fail --x ended with exit status 3: no such option"):
        ask([failing, "--x"])


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(HostFault, match=r"nothing cannot be run: .*No such file"):
        ask([tmp_path / "nothing"])


def test_a_program_that_does_not_end(tmp_path: Path) -> None:
    with pytest.raises(HostFault, match=r"sleep 60 did not end within 0\.1 s"):
        ask(["sleep", "60"], Deadline.after(0.1))
