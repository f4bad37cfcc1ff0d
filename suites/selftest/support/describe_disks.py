"""Disks with a small Linux, made by the tools of their file systems, for tests of ``ci/describe``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures.host.tools import require_tool
from suites.selftest.support.describe_sample import GRUB, RELEASE

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE = b"\xfa\xf4\xeb\xfd".ljust(440, b"\0")  # cli; hlt; jmp
LIE = 'PRETTY_NAME="Fedora Linux 42"\nID=fedora\n'
FILES: Mapping[str, str] = {
    "usr/lib/os-release": RELEASE,
    "boot/grub/grub.cfg": GRUB,
    "etc/cloud/cloud.cfg": "users: [default]\n",
    "etc/shadow": "root:$y$j9T$salt$hash:19000::::::\ndaemon:*:::::::\n",
    "var/lib/dpkg/status": "Package: base-files\n",
}


def run(*command: str | Path) -> None:
    tool, *arguments = command
    subprocess.run([require_tool(str(tool)), *arguments], check=True, capture_output=True)


def directory_of(path: Path, files: Mapping[str, str] = FILES) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content, encoding="utf-8")
    (path / "usr/bin").mkdir(parents=True, exist_ok=True)
    (path / "usr/bin/env").write_bytes(b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + b"\x3e\0" + bytes(44))
    (path / "etc").mkdir(exist_ok=True)
    (path / "etc/os-release").symlink_to("../usr/lib/os-release")
    return path


def ext4(path: Path, content: Path) -> None:
    run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-d", content, path, "16M")


def btrfs(path: Path, content: Path) -> None:
    with path.open("wb") as file:
        file.truncate(128 << 20)
    run("mkfs.btrfs", "-q", "-f", "-L", "root", "-r", content, path)


def btrfs_in_a_subvolume(path: Path, content: Path) -> None:
    """A subvolume looks like a directory to the reader of paths; only a kernel makes a real one."""
    top = content.with_name("top")
    top.mkdir()
    content.rename(top / "@rootfs")
    btrfs(path, top)


def xfs(path: Path, content: Path) -> None:
    def node(folder: Path) -> str:
        lines = []
        for entry in sorted(folder.iterdir()):
            if entry.is_symlink():
                lines.append(f"{entry.name} l--777 0 0 {entry.readlink()}")
            elif entry.is_dir():
                lines.append(f"{entry.name} d--755 0 0\n{node(entry)}\n$")
            else:
                lines.append(f"{entry.name} ---644 0 0 {entry}")
        return "\n".join(lines)

    prototype = path.with_suffix(".proto")
    prototype.write_text(f"x\n0 0\nd--755 0 0\n{node(content)}\n$\n", encoding="utf-8")
    with path.open("wb") as file:
        file.truncate(320 << 20)
    run("mkfs.xfs", "-q", "-f", "-i", "nrext64=0", "-L", "root", "-p", prototype, path)


def partitioned(path: Path, script: str, size: int = 64 << 20) -> Path:
    with path.open("wb") as file:
        file.write(CODE)
        file.truncate(size)
    subprocess.run(
        [require_tool("sfdisk"), "--quiet", path], input=script.encode(), check=True, capture_output=True
    )
    return path


def put(disk: Path, part: Path, offset: int) -> None:
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(part.read_bytes())


def linux_disk(tmp_path: Path, files: Mapping[str, str] = FILES) -> Path:
    """A disk for BIOS and UEFI with a small root file system."""
    disk = partitioned(
        tmp_path / "appliance.img",
        "label: gpt\nstart=2048, size=8192, type=uefi\nstart=16384, size=32768, type=linux\n",
    )
    ext4(tmp_path / "part", directory_of(tmp_path / "content", files))
    put(disk, tmp_path / "part", 16384 * 512)
    return disk
