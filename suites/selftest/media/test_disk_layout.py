"""The disk that boots under both firmwares, checked with sfdisk and mtools; and apt's package sources."""

from __future__ import annotations

import json
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import MediaFault
from fixtures.host.tools import require_tool
from fixtures.media import apt_sources, disk_layout
from fixtures.media.apt_sources import AptSource, parse_targets

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def test_the_partition_table(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    size = disk_layout.partition(disk, 256 * MIB)
    assert disk.stat().st_size == 256 * MIB
    done = subprocess.run([require_tool("sfdisk"), "-J", disk], check=True, capture_output=True)
    table = json.loads(done.stdout)["partitiontable"]
    assert table["label"] == "gpt"
    bios, esp, root = table["partitions"]
    assert bios["type"] == "21686148-6449-6E6F-744E-656564454649"
    assert esp["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    assert root["type"] == "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    assert (bios["start"], bios["size"]) == (2048, 2048)
    assert (esp["start"], esp["size"]) == (4096, 64 * 2048)
    assert root["start"] * 512 == disk_layout.ROOT_START == 66 * MIB
    assert root["size"] * 512 == size == 189 * MIB


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="partition table: sfdisk"):
        disk_layout.partition(tmp_path / "disk", 16 * MIB)


def test_grubs_sectors_contain_the_right_block_addresses(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk_layout.partition(disk, 128 * MIB)
    before = disk.read_bytes()[: 1 * MIB]
    disk_layout.install_bios_boot(disk, b"\xaa" * 512, b"\xbb" * 30_000)
    after = disk.read_bytes()
    boot = after[:512]
    assert struct.unpack_from("<Q", boot, 0x5C) == (2048,)
    assert boot[0x66:0x68] == b"\x90\x90"
    assert boot[:0x5C] == b"\xaa" * 0x5C
    # The protective partition table in the boot sector and the GPT are unchanged.
    assert after[440:MIB] == before[440:]
    core = after[MIB : MIB + 30_000]
    assert struct.unpack_from("<Q", core, 0x1F4) == (2049,)
    assert core.count(b"\xbb") >= 30_000 - 8
    assert after[MIB + 30_000 : 2 * MIB].count(0) == MIB - 30_000


def test_a_core_image_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="its partition holds 1048576"):
        disk_layout.install_bios_boot(tmp_path / "disk", b"\0" * 512, b"\0" * (MIB + 1))


def test_the_efi_system_partition(tmp_path: Path) -> None:
    disk, shim = tmp_path / "disk", tmp_path / "shim.efi"
    size = disk_layout.partition(disk, 128 * MIB)
    shim.write_bytes(b"signed" * 1000)
    disk_layout.install_uefi_boot(disk, {"EFI/BOOT/BOOTX64.EFI": shim, "EFI/debian/grub.cfg": shim})
    volume = f"{disk}@@{2 * MIB}"
    for name in ("EFI/BOOT/BOOTX64.EFI", "EFI/debian/grub.cfg"):
        copied = subprocess.run(["mtype", "-i", volume, f"::{name}"], check=True, capture_output=True)
        assert copied.stdout == shim.read_bytes()
    assert disk.stat().st_size == 128 * MIB
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "shim.efi"]
    with disk.open("rb") as file:
        file.seek(disk_layout.ROOT_START)
        assert file.read(size).count(0) == size


def target(uri: str, release: str, codename: str, component: str = "main", origin: str = "Debian") -> str:
    return f"{uri}\t{release}\t{codename}\t{component}\t{origin}\n"


HERE = target("http://m/debian/", "bookworm", "bookworm")
UPDATES = target("http://m/debian/", "bookworm-updates", "bookworm-updates")
SECURITY = target("http://s/debian-security/", "bookworm-security", "bookworm-security")


@pytest.mark.parametrize(
    ("listing", "suite", "expected"),
    [
        (
            HERE + UPDATES + SECURITY,
            "bookworm",
            [
                ("http://m/debian/", "bookworm"),
                ("http://m/debian/", "bookworm-updates"),
                ("http://s/debian-security/", "bookworm-security"),
            ],
        ),
        (HERE + HERE, "bookworm", [("http://m/debian/", "bookworm")]),
        (HERE + SECURITY, "trixie", [("http://m/debian/", "trixie")]),
        (SECURITY, "trixie", None),
        ("", "bookworm", None),
        (target("http://u/ubuntu", "noble", "noble", origin="Ubuntu"), "bookworm", None),
        (target("http://m/debian", "bookworm", "bookworm", "contrib"), "bookworm", None),
        (target("http://m/debian", "stable", "bookworm"), "bookworm", [("http://m/debian", "bookworm")]),
        (target("http://m/debian", "bookworm", "", origin=""), "bookworm", [("http://m/debian", "bookworm")]),
        ("garbage\n\n\t\t\n", "bookworm", None),
    ],
)
def test_parse_targets(listing: str, suite: str, expected: list[tuple[str, str]] | None) -> None:
    sources = parse_targets(listing, suite)
    assert [(source.uri, source.suite) for source in sources] == (expected or [])


def test_a_source_as_a_line_of_sources_list() -> None:
    assert AptSource("http://m/debian/", "trixie").line == "deb http://m/debian trixie main"


def test_a_host_without_apt_leaves_the_mirror_to_mmdebstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert apt_sources.debian_sources("sid") == ()
    assert apt_sources.acquire_options() == ()
