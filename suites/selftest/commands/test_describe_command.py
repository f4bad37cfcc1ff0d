"""The command ``ci/describe --no-boot``: what it prints, refuses and leaves behind."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fixtures.commands.describe.__main__ import main
from fixtures.commands.describe.boot_check import load_description
from fixtures.media.base_images import prepare
from suites.selftest.support.machine_sample import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable

from suites.selftest.support.describe_disks import FILES, LIE, linux_disk, partitioned, put, run


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
