"""``ci/describe`` looks at images: each kind of file system is read, nothing is changed, defects are named."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fixtures.commands.describe.__main__ import main
from fixtures.commands.describe.boot_check import load_description
from fixtures.commands.describe.file_collection import elf_machine
from fixtures.commands.describe.file_readers import path_pattern
from fixtures.commands.describe.image_reading import read_file_system, read_image
from fixtures.commands.describe.logged_in import missing_programs, programs_question
from fixtures.core.file_digest import file_digest
from fixtures.host.tools import require_tool
from fixtures.media.base_images import Image, prepare
from fixtures.media.boot_code import find_partitions
from fixtures.media.disk_content import DiskContent
from suites.selftest.support.describe_sample import GRUB, RELEASE
from suites.selftest.support.machine_sample import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


@pytest.mark.parametrize("make", [ext4, xfs, btrfs, btrfs_in_a_subvolume])
def test_each_file_system_of_linux_is_read_without_mounting_it(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "part", directory_of(tmp_path / "content"))
    seen = read_file_system("partition 1", tmp_path / "part", tmp_path)
    assert (seen.kind, seen.label, seen.unread) == (make.__name__.partition("_")[0], "root", "")
    assert seen.tree is not None, "expected the files of the file system"
    assert seen.tree.text("/etc/os-release", "/usr/lib/os-release")[1] == RELEASE
    assert seen.tree.files["/boot/grub/grub.cfg"] == GRUB
    assert seen.tree.names("/etc/cloud") == ("cloud.cfg",)
    assert "/var/lib/dpkg/status" in seen.tree.programs
    assert "/usr/bin/bash" not in seen.tree.programs
    assert seen.tree.machine == "x86_64"
    assert dict(seen.tree.accounts) == {"root": "password", "daemon": "locked"}
    assert "hash" not in repr(seen)


def test_fat_is_read(tmp_path: Path) -> None:
    part = tmp_path / "part"
    with part.open("wb") as file:
        file.truncate(4 << 20)
    run("mkfs.vfat", "-n", "ESP", part)
    run("mmd", "-i", part, "::EFI", "::EFI/BOOT")
    (tmp_path / "loader").write_bytes(b"MZ")
    run("mcopy", "-i", part, tmp_path / "loader", "::EFI/BOOT/BOOTAA64.EFI")
    seen = read_file_system("partition 1", part, tmp_path)
    assert (seen.kind, seen.label) == ("vfat", "ESP")
    assert seen.tree is not None, "expected the files of the file system"
    assert seen.tree.names("/EFI/BOOT") == ("BOOTAA64.EFI",)
    assert seen.tree.machine == "aarch64"


def test_an_encrypted_partition_is_named(tmp_path: Path) -> None:
    header = (
        b"LUKS\xba\xbe\0\x01"
        + b"aes".ljust(32, b"\0")
        + b"xts-plain64".ljust(32, b"\0")
        + b"sha256".ljust(32, b"\0")
    )
    (tmp_path / "part").write_bytes(header.ljust(1 << 20, b"\0"))
    seen = read_file_system("partition 1", tmp_path / "part", tmp_path)
    assert (seen.kind, seen.tree, seen.unread) == ("crypto_LUKS", None, "it is encrypted (LUKS)")


def test_a_damaged_file_system_is_no_error(tmp_path: Path) -> None:
    ext4(tmp_path / "part", directory_of(tmp_path / "content"))
    with (tmp_path / "part").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (1 << 20))
    seen = read_file_system("partition 1", tmp_path / "part", tmp_path)
    assert seen.kind == "ext4"
    assert seen.tree is None or not seen.tree.files


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


def test_logical_partitions_are_found_with_their_sizes(tmp_path: Path) -> None:
    script = "label: dos\nstart=2048, size=2048, type=83\nstart=4096, size=20480, type=5\nsize=4096, type=83\nsize=2048, type=82\n"
    disk = partitioned(tmp_path / "disk.raw", script)
    _, found = find_partitions(DiskContent(disk, "raw").read)
    listed = subprocess.run([require_tool("sfdisk"), "--json", disk], check=True, capture_output=True)
    expected = [
        (part["start"] * 512, part["size"] * 512)
        for part in yaml.safe_load(listed.stdout)["partitiontable"]["partitions"]
    ]
    assert [(part.offset, part.size) for part in found] == expected


def linux_disk(tmp_path: Path, files: Mapping[str, str] = FILES) -> Path:
    """A disk for BIOS and UEFI with a small root file system."""
    disk = partitioned(
        tmp_path / "appliance.img",
        "label: gpt\nstart=2048, size=8192, type=uefi\nstart=16384, size=32768, type=linux\n",
    )
    ext4(tmp_path / "part", directory_of(tmp_path / "content", files))
    put(disk, tmp_path / "part", 16384 * 512)
    return disk


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_image_is_read_and_not_changed(image_format: str, tmp_path: Path) -> None:
    disk = linux_disk(tmp_path)
    if image_format == "qcow2":
        run("qemu-img", "convert", "-O", "qcow2", disk, tmp_path / "appliance.qcow2")
        disk = tmp_path / "appliance.qcow2"
    before = file_digest(disk), disk.stat().st_mtime_ns
    evidence = read_image(disk, Image(disk, image_format, before[0], "x"), None, no_progress)  # type: ignore[arg-type]  # both formats are valid
    assert (file_digest(disk), disk.stat().st_mtime_ns) == before
    assert [each.kind for each in evidence.file_systems] == ["", "ext4"]
    assert (evidence.published, evidence.drive, evidence.bios) == (image_format, "disk", True)


# --- the command ---------------------------------------------------------------------------------------


@pytest.fixture
def tidy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files, which must be empty at the end."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr("tempfile.tempdir", None)
    return directory


def test_an_image_is_described_without_a_boot(
    tidy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = linux_disk(tmp_path)
    assert main(["--no-boot", str(disk)]) == 0
    told = capsys.readouterr()
    data = yaml.safe_load(told.out)
    assert (data["id"], data["title"], data["console"]) == (
        "appliance",
        "Debian GNU/Linux 12 (bookworm)",
        "serial",
    )
    assert data["image"] == {"path": str(disk), "format": "raw"}
    assert "console=ttyS0 on the kernel's command line (/boot/grub/grub.cfg" in told.out
    assert "reading GPT partition 2" in told.err
    assert list(tidy.iterdir()) == []


@pytest.mark.parametrize("kind", ["gz", "vmdk", "vmdk.gz"])
def test_a_packed_or_foreign_image_is_described_so_that_a_run_can_use_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    disk = linux_disk(tmp_path)
    if "vmdk" in kind:
        run("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", disk, tmp_path / "x.vmdk")
        disk = tmp_path / "x.vmdk"
    if "gz" in kind:
        disk.with_name(f"{disk.name}.gz").write_bytes(gzip.compress(disk.read_bytes(), 1))
        disk = disk.with_name(f"{disk.name}.gz")
    assert main(["--no-boot", "--id", "packed", str(disk)]) == 0
    text = capsys.readouterr().out
    assert yaml.safe_load(text)["title"] == "Debian GNU/Linux 12 (bookworm)"
    (tmp_path / "guests").mkdir()
    (tmp_path / "guests" / "packed.yaml").write_text(text, encoding="utf-8")
    assert prepare(load_description(tmp_path / "guests", "packed"), no_progress).format in {"raw", "qcow2"}


def test_an_os_release_that_lies_is_a_question_at_the_top(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = linux_disk(tmp_path, {**FILES, "usr/lib/os-release": LIE})
    out = tmp_path / "liar.yaml"
    assert main(["--no-boot", "--user", "root", "--out", str(out), str(disk)]) == 0
    assert capsys.readouterr().out == ""
    text = out.read_text(encoding="utf-8")
    assert text.index("Which is true?") < text.index("\nid: liar")
    assert yaml.safe_load(text)["image"]["path"] == "appliance.img"


def test_a_disk_for_uefi_alone_is_not_tried_under_bios(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = partitioned(tmp_path / "disk.img", "label: gpt\nstart=2048, size=8192, type=uefi\n")
    put(disk, Path("/dev/null"), 0)
    with disk.open("r+b") as file:
        file.write(bytes(440))
    with (tmp_path / "esp").open("wb") as file:
        file.truncate(4 << 20)
    run("mkfs.vfat", tmp_path / "esp")
    run("mmd", "-i", tmp_path / "esp", "::EFI")
    put(disk, tmp_path / "esp", 2048 * 512)
    assert main(["--no-boot", str(disk)]) == 0
    data = yaml.safe_load(capsys.readouterr().out)
    assert data["platforms"] == ["q35-uefi-virtio", "q35-uefi-inbox"]
    assert data["requires"] == {"firmware": ["uefi", "uefi-secure"]}
    assert main(["--platform", "pc-bios-ide", str(disk)]) == 1
    assert "the image boots under UEFI alone" in capsys.readouterr().err


def encrypted(path: Path) -> None:
    options = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"
    run(
        "qemu-img",
        "create",
        "-q",
        "--object",
        "secret,id=key,data=x",
        "-f",
        "qcow2",
        "-o",
        options,
        path,
        "1M",
    )


def with_a_backing_file(path: Path) -> None:
    run("qemu-img", "create", "-q", "-f", "raw", path.with_name("base.raw"), "1M")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", path.with_name("base.raw"), "-F", "raw", path)


def text_file(path: Path) -> None:
    path.write_text("Not a disk.\n" * 100, encoding="utf-8")


def broken_archive(path: Path) -> None:
    path.write_bytes(b"\xfd7zXZ\0" + b"broken" * 100)


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (encrypted, "is encrypted (LUKS); decrypt it with qemu-img convert"),
        (with_a_backing_file, "has a backing file"),
        (text_file, "has no known format, no boot sector, no partition table and no ISO 9660"),
        (text_file, "needs the option --raw"),
        (broken_archive, "is damaged"),
        (empty, "is empty"),
    ],
)
def test_what_is_no_usable_image_is_named(
    make: Callable[[Path], None],
    words: str,
    tidy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make(tmp_path / "image")
    assert main(["--no-boot", str(tmp_path / "image")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err
    assert len(told.err.splitlines()) == 1 or make is broken_archive
    assert list(tidy.iterdir()) == []


def test_an_interrupt_leaves_nothing(
    tidy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fixtures.commands.describe.image_reading.read_file_system", interrupt)
    assert main(["--no-boot", str(linux_disk(tmp_path))]) == 130
    assert capsys.readouterr().err.endswith("ci/describe: cancelled\n")
    assert list(tidy.iterdir()) == []


# --- parts ---------------------------------------------------------------------------------------------


def test_the_question_for_programs_is_understood_by_a_shell() -> None:
    done = subprocess.run(["sh", "-c", programs_question()], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert {"bash", "coreutils", "util-linux", "perl"}.isdisjoint(missing_programs(done.stdout))
    without = subprocess.run(
        ["/bin/sh", "-c", programs_question()],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/nowhere"},
    )
    assert missing_programs(without.stdout) == (
        "bash",
        "coreutils",
        "kmod",
        "packages",
        "perl",
        "systemd",
        "udev",
        "util-linux",
    )


def test_the_programs_of_busybox_do_not_count(tmp_path: Path) -> None:
    applets = tmp_path / "bin"
    applets.mkdir()
    for name in ("modinfo", "blkdiscard", "rpm", "dd"):
        # A hard link to BusyBox looks like this to its caller.
        (applets / name).write_text(
            '#!/bin/sh\necho "BusyBox v1.35.0 multi-call binary." >&2\nexit 1\n', encoding="utf-8"
        )
        (applets / name).chmod(0o755)
    grep = require_tool("grep")
    (applets / "grep").symlink_to(grep)
    done = subprocess.run(
        ["/bin/sh", "-c", programs_question()],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": str(applets)},
    )
    assert {"kmod", "util-linux", "packages", "coreutils"} <= set(missing_programs(done.stdout))


def test_the_paths_for_btrfs_have_all_directories_above_them() -> None:
    assert (
        path_pattern(["/usr/lib/x", "/usr/b.c/*"]) == r"^/(|usr|usr/b\.c|usr/b\.c/[^/]*|usr/lib|usr/lib/x)$"
    )


@pytest.mark.parametrize(
    ("program", "machine"),
    [(b"\x7fELF\x02\x01".ljust(18, b"\0") + b"\xb7\0", "aarch64"), (b"\x7fELF\x02\x02".ljust(18, b"\0") + b"\0\x16", "s390x"), (b"#!/bin/sh\n" * 4, ""), (b"\x7fELF", "")],
)  # fmt: skip
def test_the_machine_of_a_program(program: bytes, machine: str) -> None:
    assert elf_machine(program) == machine
