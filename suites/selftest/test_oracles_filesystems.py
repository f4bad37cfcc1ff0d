"""File systems in files of the host: made, damaged, recovered, checked and read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.host.tools import require_tool
from fixtures.oracles import filesystems
from fixtures.oracles.filesystems import FileSystem

KINDS: tuple[FileSystem, ...] = ("ext4", "vfat")


def made(kind: FileSystem, place: Path) -> Path:
    """A file system with one file."""
    path, content = place / "disk.raw", place / "content"
    command: list[str | Path]
    with path.open("wb") as file:
        file.truncate(32 << 20)
    filesystems.make(kind, path)
    content.write_bytes(b"what was safe" * 1000)
    if kind == "ext4":
        command = [require_tool("debugfs"), "-w", "-R", f"write {content} record1", path]
    else:
        command = [require_tool("mcopy"), "-i", path, content, "::record1"]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_one_is_sound_and_can_be_read(tmp_path: Path, kind: FileSystem) -> None:
    path = made(kind, tmp_path)
    filesystems.recover(kind, path)
    assert filesystems.problems(kind, path) == ""
    assert filesystems.read_file(kind, path, "record1") == b"what was safe" * 1000
    assert filesystems.read_file(kind, path, "record2") is None


# Where it hurts: the block bitmap of the first group and inodes; both copies of the table of clusters.
DAMAGE = {"ext4": (64 << 10, 512 << 10), "vfat": (4 << 10, 64 << 10)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_one_is_told(tmp_path: Path, kind: FileSystem) -> None:
    path = made(kind, tmp_path)
    at, length = DAMAGE[kind]
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x55" * length)
    assert filesystems.problems(kind, path) != ""
