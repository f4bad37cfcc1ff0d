"""File systems in image files: created, damaged, recovered, checked and read."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from fixtures.host.tools import require_tool
from fixtures.lab.operations.power_cuts import DurableFile, check_file_system
from fixtures.oracles import filesystem_images
from fixtures.oracles.filesystem_images import FileSystem

KINDS: tuple[FileSystem, ...] = ("ext4", "vfat", "xfs", "btrfs")
CONTENT = b"flushed content" * 1000


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def file_system(kind: FileSystem, directory: Path) -> Path:
    """A file system with one file, which the file system's own tools put there."""
    path, content = directory / "disk.raw", directory / "record1"
    content.write_bytes(CONTENT)
    with path.open("wb") as file:
        file.truncate(filesystem_images.MIN_SIZES.get(kind, 32 << 20))
    match kind:
        case "ext4":
            filesystem_images.create(kind, path)
            run(require_tool("debugfs"), "-w", "-R", f"write {content} record1", path)
        case "vfat":
            filesystem_images.create(kind, path)
            run(require_tool("mcopy"), "-i", path, content, "::record1")
        case "xfs":
            # A prototype (mkfs.xfs(8)): the boot block, the size, the root directory and its content.
            prototype = directory / "prototype"
            prototype.write_text(f"/\n0 0\nd--755 0 0\nrecord1 ---644 0 0 {content}\n$\n")
            run(require_tool("mkfs.xfs"), "-q", "-p", prototype, path)
        case "btrfs":
            (directory / "root").mkdir()
            content.rename(directory / "root" / content.name)
            run(require_tool("mkfs.btrfs"), "-q", "--rootdir", directory / "root", path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_file_system_can_be_read(tmp_path: Path, kind: FileSystem) -> None:
    path = file_system(kind, tmp_path)
    if not filesystem_images.needs_kernel_recovery(kind):
        filesystem_images.recover(kind, path)
    assert filesystem_images.check(kind, path) == ""
    assert filesystem_images.read_file(kind, path, "record1") == CONTENT
    assert filesystem_images.read_file(kind, path, "record2") is None


# Where damage is found: the block bitmap of the first group and inodes; both copies of the table of clusters; the
# headers and trees of free room of the first group of XFS; the trees of Btrfs, in both copies.
DAMAGE = {
    "ext4": (64 << 10, 512 << 10),
    "vfat": (4 << 10, 64 << 10),
    "xfs": (512, 32 << 10),
    "btrfs": (1 << 20, 60 << 20),
}


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_reported(tmp_path: Path, kind: FileSystem) -> None:
    path = file_system(kind, tmp_path)
    at, length = DAMAGE[kind]
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x55" * length)
    assert filesystem_images.check(kind, path) != ""


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_recovery_that_needs_a_kernel_is_refused(tmp_path: Path, kind: FileSystem) -> None:
    with pytest.raises(ValueError, match=f"only a kernel can recover {kind}"):
        filesystem_images.recover(kind, tmp_path / "disk.raw")


@pytest.mark.parametrize("kind", KINDS)
def test_a_created_file_system_is_sound(tmp_path: Path, kind: FileSystem) -> None:
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        file.truncate(filesystem_images.MIN_SIZES.get(kind, 32 << 20))
    filesystem_images.create(kind, path)
    assert filesystem_images.check(kind, path) == ""
    assert filesystem_images.read_file(kind, path, "record1") is None


@pytest.mark.parametrize("kind", KINDS)
def test_durable_files_are_checked_by_name_and_content(tmp_path: Path, kind: FileSystem) -> None:
    path = file_system(kind, tmp_path)
    correct = DurableFile(1, "record1", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
    assert check_file_system(kind, path, [correct]) == []
    wrong = [DurableFile(1, "record1", "sha256:0"), DurableFile(2, "record2", correct.digest)]
    assert check_file_system(kind, path, wrong) == [
        f"record1 has other content than was flushed ({len(CONTENT)} bytes)",
        "record2 is missing, although the guest reported it as flushed",
    ]
