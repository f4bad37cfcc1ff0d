"""Files on a guest's floppy, read by the host, and the check that copies a file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import AnswerNotUnderstood, CommandFailed, GuestFault
from fixtures.evidence.recording import Json
from fixtures.guest.dos import Dos
from fixtures.oracles.fat_files import file_digests
from fixtures.systems.dos import parsers
from suites.screen import test_dos


def floppy(directory: Path, **files: bytes) -> Path:
    image = directory / "floppy.img"
    image.write_bytes(bytes(1440 << 10))
    subprocess.run(["mformat", "-i", str(image), "-f", "1440", "::"], check=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
        subprocess.run(["mcopy", "-i", str(image), str(directory / name), f"::{name}.BIN"], check=True)
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", "raw", str(directory / "o")],
        check=True,
    )
    return directory / "o"


def test_files_are_read_through_an_overlay(tmp_path: Path) -> None:
    overlay = floppy(tmp_path, P=b"x" * 300_000, Q=b"x" * 299_999 + b"y")
    first, second = file_digests(overlay, ["P.BIN", "Q.BIN"], tmp_path)
    assert first != second
    assert file_digests(overlay, ["P.BIN"], tmp_path) == [first]
    with pytest.raises(GuestFault, match=r"NO\.BIN: expected on the guest's disk"):
        file_digests(overlay, ["NO.BIN"], tmp_path)


class FakeProxy:
    """A recording proxy with recorded answers of FreeDOS, and given digests."""

    def __init__(self, digests: list[str], **changed: list[str]) -> None:
        files = ["P        BIN       300,000  11-22-26  8:32a"]
        free = "         0 dir(s)       857,632 bytes free"
        self._answers: dict[str, list[list[str]]] = {
            "dir /p a:\\": [
                [*files, "         1 file(s)        300,000 bytes", free],
                [
                    *files,
                    "COPY     IG        300,000  11-22-26  8:33a",
                    "         2 file(s)        600,000 bytes",
                    free,
                ],
            ],
            "copy /b a:\\P.BIN a:\\COPY.IG": [["a:\\P.BIN => a:\\COPY.IG"]],
            "ver /r": [["FreeCom version 0.82 pl 3", "DOS version 7.10"]],
            "mem": [["Conventional         639K       12K      627K"]],
        }
        self._answers |= {key.replace("_", " "): [value] for key, value in changed.items()}
        self._digests = digests

    def observe(self, description: str, read: object, **details: Json) -> Any:
        if description != "prompt":
            return self._digests
        return {"status": 0, "lines": self._answers[str(details["command"])].pop(0)}


class FakeContext:
    """The parts of a guest context that the DOS prompt needs."""

    def __init__(self, proxy: FakeProxy) -> None:
        self.proxy = proxy
        self.dos = Dos(self)  # type: ignore[arg-type]

    def require_writable(self, description: str) -> None:
        """Nobody else looks."""


def guest(digests: list[str], **changed: list[str]) -> Any:
    return FakeContext(FakeProxy(digests, **changed))


def test_a_complete_copy_passes() -> None:
    test_dos.test_copy_is_intact(guest(["sha256:a", "sha256:a"]))
    test_dos.test_versions_and_memory(guest([]))


def test_a_copy_that_differs_on_the_host_is_found() -> None:
    with pytest.raises(AssertionError, match="sha256:b"):
        test_dos.test_copy_is_intact(guest(["sha256:a", "sha256:b"]))


def test_too_little_memory_is_found() -> None:
    with pytest.raises(AssertionError, match="512 <= 64"):
        test_dos.test_versions_and_memory(guest([], mem=["Conventional          64K       12K       52K"]))


def test_an_unknown_command_is_found() -> None:
    with pytest.raises(CommandFailed, match=r"the shell does not know .ver /r.; it printed\n    Bad command"):
        test_dos.test_versions_and_memory(guest([], **{"ver_/r": ['Bad command or filename - "ver".']}))
    with pytest.raises(AnswerNotUnderstood):
        parsers.parse_memory(["nothing"])
