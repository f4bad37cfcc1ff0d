"""Firmware of the user's own: in YAML, on a machine, in a checkpoint's key and in the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.firmware_specs import FirmwareFile
from fixtures.catalog.specs import PlatformSpec
from fixtures.core.deadline import Deadline
from fixtures.core.errors import CatalogError, IronguestError, MediaFault
from fixtures.host.firmware import find_firmware
from fixtures.host.own_firmware import platform_firmware
from fixtures.lab.checkpoints.checkpoint_inputs import checkpoint_inputs
from fixtures.media.base_images import Image
from fixtures.report.compare.configuration import configuration, deviations
from fixtures.run.run_start import host_facts
from fixtures.run.settings import Request, preflight, read_settings
from suites.selftest.catalog.test_validation import PLATFORM, error_message
from suites.selftest.support import report_sample
from suites.selftest.support.machine_sample import TCG, MachineBench, cell, hardware

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB, MIB = 1 << 10, 1 << 20
# An x86 ROM of 64 KiB: the CPU starts in its last 16 bytes with a jump to its first byte, in real mode. It prints one
# character on the serial port for ever: mov dx, 0x3f8; mov al, '!'; out dx, al; jmp to the first instruction
OWN_ROM = bytes.fromhex("baf803b021eeebf8").ljust(0xFFF0, b"\xf4") + bytes.fromhex("ea000000f0").ljust(
    16, b"\0"
)
GUEST = """\
id: tiny
title: A tiny guest
system: none
arch: x86_64
image: {blank: 1M}
platforms: [own]
console: serial
screen: {ready: x}
"""


def rom(path: Path, content: bytes = OWN_ROM) -> Path:
    path.write_bytes(content)
    return path


def own_platform(path: Path, machine: str = "pc", **keys: str) -> PlatformSpec:
    devices = {"disk": "virtio-blk-pci"} if machine == "virt" else {"disk": "ide-hd"}
    return cell(firmware={"path": str(path), **keys}, machine=machine, devices=devices).platform


def catalog_with(directory: Path, firmware: str, files: Mapping[str, str] | None = None) -> Catalog:
    """A catalog whose platform ``own`` has this ``firmware``; ``files`` are further files."""
    (directory / "platforms").mkdir()
    (directory / "tiny.yaml").write_text(GUEST)
    text = PLATFORM.replace("id: pc", "id: own").replace("firmware: bios", f"firmware: {firmware}")
    (directory / "platforms/own.yaml").write_text(text)
    for name, content in (files or {}).items():
        (directory / name).write_text(content)
    return Catalog.load([directory])


# --- in YAML ------------------------------------------------------------------------------------------


def test_a_path_is_relative_to_the_platforms_file(tmp_path: Path) -> None:
    catalog = catalog_with(tmp_path, "{path: own.rom}", {"platforms/own.rom": ""})
    expanded = catalog.expand_cell(catalog.cell("tiny@own"), {}).platform
    assert expanded.firmware == FirmwareFile(path=str(tmp_path / "platforms/own.rom"))
    assert expanded.firmware_kind == "bios"
    # The catalog itself, which a report holds, does not tell of this host.
    assert catalog.platforms["own"].firmware == FirmwareFile(path="own.rom")


def test_a_path_may_have_a_variable(tmp_path: Path) -> None:
    catalog = catalog_with(tmp_path, "{path: '${FIRMWARE}/u-boot.rom', kind: uefi}")
    cell_of_own = catalog.cell("tiny@own")
    expanded = catalog.expand_cell(cell_of_own, {"FIRMWARE": "/srv"}).platform
    assert expanded.firmware == FirmwareFile(path="/srv/u-boot.rom", kind="uefi")
    with pytest.raises(CatalogError, match="own.yaml:4: the environment variable FIRMWARE is not set"):
        catalog.expand_cell(cell_of_own, {})


def test_a_platform_of_another_directory_inherits_the_file(tmp_path: Path) -> None:
    base, other = tmp_path / "base", tmp_path / "other"
    base.mkdir()
    (other / "platforms").mkdir(parents=True)
    catalog_with(base, "{path: own.rom}", {"platforms/own.rom": ""})
    (other / "platforms/heir.yaml").write_text("id: heir\ntitle: An heir\nextends: own\ncpus: 4\n")
    (other / "other.yaml").write_text(GUEST.replace("tiny", "other").replace("[own]", "[heir]"))
    catalog = Catalog.load([base, other])
    firmware = catalog.expand_cell(catalog.cell("other@heir"), {}).platform.firmware
    assert isinstance(firmware, FirmwareFile)
    assert Path(firmware.path).resolve() == base / "platforms/own.rom"


@pytest.mark.parametrize(
    ("firmware", "message"),
    [
        ("seabios", "firmware: expected 'bios', 'uefi' or 'uefi-secure'; found 'seabios'"),
        ("{kind: uefi}", "firmware: missing key 'path'"),
        ("{path: a, kind: uefi-secure}", "firmware.kind: expected 'bios' or 'uefi'; found 'uefi-secure'"),
        ("{path: a, digest: b}", "firmware: key 'digest' is unknown"),
        ("{path: 5}", "firmware.path: expected text; found 5; put it in quotes"),
    ],
)
def test_a_mistake_in_the_firmware(firmware: str, message: str) -> None:
    text = PLATFORM.replace("firmware: bios", f"firmware: {firmware}")
    assert f"x.yaml:4: {message}" in error_message(text, PlatformSpec)


# --- the files ----------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match=r"platform bare: firmware\.path: .*u-boot\.rom does not exist"):
        platform_firmware(own_platform(tmp_path / "u-boot.rom"))


def test_a_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="is not a file"):
        platform_firmware(own_platform(tmp_path))


def test_a_file_that_cannot_be_read_is_named() -> None:
    # Nothing is mapped at the address 0 of a process.
    with pytest.raises(MediaFault, match=r"/proc/self/mem cannot be read: Input/output error"):
        platform_firmware(own_platform(Path("/proc/self/mem")))


@pytest.mark.parametrize(
    ("machine", "size", "expected"),
    [
        ("pc", 0, "has 0 bytes; expected a multiple of 64 KiB, at most 16 MiB"),
        ("pc", 100_000, "has 100000 bytes; expected a multiple of 64 KiB"),
        ("q35", 17 * MIB, "expected a multiple of 64 KiB, at most 16 MiB"),
        ("virt", 65 * MIB, "expected at most 67108864 bytes, the size of the machine's flash"),
    ],
)
def test_a_file_of_a_wrong_size_is_named(machine: str, size: int, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "own.rom"
    with path.open("wb") as file:
        file.truncate(size)
    kind = "uefi" if machine == "virt" else "bios"
    with pytest.raises(MediaFault, match=expected):
        platform_firmware(own_platform(path, machine, kind=kind))


def test_flash_that_is_too_large_is_named(tmp_path: Path) -> None:
    code, variables = rom(tmp_path / "code", bytes(8 * MIB)), rom(tmp_path / "variables", bytes(128 * KIB))
    with pytest.raises(MediaFault, match="path has 8388608 and variables has 131072 bytes; .* at most 8 MiB"):
        platform_firmware(own_platform(code, variables=str(variables)))


def test_the_preflight_names_the_file(tmp_path: Path) -> None:
    catalog_with(tmp_path, "{path: own.rom}")
    settings = read_settings(Request(guests_dirs=(tmp_path,), guests=("tiny",)))
    with pytest.raises(IronguestError, match=r"platform own: firmware\.path: .*own\.rom does not exist"):
        preflight(settings)


# --- on a machine -------------------------------------------------------------------------------------


def test_a_machine_runs_the_file(tmp_path: Path) -> None:
    """The ROM prints on its own: neither SeaBIOS nor the boot sector does."""
    with MachineBench(tmp_path) as bench:
        platform = own_platform(rom(tmp_path / "own.rom"))
        bench.machine.hardware = replace(bench.machine.hardware, firmware=platform_firmware(platform))
        bench.run()
        assert bench.console.wait_for([b"!!!!"], Deadline.after(60.0)) == 0


def test_a_copy_of_seabios_boots_the_disk(tmp_path: Path) -> None:
    """The alibi: the same firmware as a file of one's own boots as QEMU's does."""
    copy = rom(tmp_path / "mine.bin", find_firmware("bios", "pc").image.read_bytes())
    with MachineBench(tmp_path, bytes.fromhex("baf803b021eeebf8")) as bench:
        firmware = platform_firmware(own_platform(copy))
        bench.machine.hardware = replace(bench.machine.hardware, firmware=firmware)
        bench.run()
        assert bench.console.wait_for([b"!!!!"], Deadline.after(60.0)) == 0


def test_the_file_is_part_of_a_checkpoints_key(tmp_path: Path) -> None:
    path = rom(tmp_path / "own.rom")
    image = Image(rom(tmp_path / "disk.raw"), "raw", "sha256:" + "0" * 64, "a test")
    bare = hardware(image.path)

    def inputs() -> dict[str, object]:
        firmware = platform_firmware(own_platform(path))
        return checkpoint_inputs(replace(bare, firmware=firmware, accelerator=TCG), image)

    before = inputs()
    rom(path, OWN_ROM + OWN_ROM)
    after = inputs()
    assert before["firmware"] != after["firmware"]
    assert str(path) in str(before["firmware"])


def test_the_report_has_the_digest_of_the_file(tmp_path: Path) -> None:
    catalog_with(tmp_path, "{path: own.rom}", {})
    rom(tmp_path / "platforms/own.rom")
    settings = read_settings(Request(guests_dirs=(tmp_path,), guests=("tiny",)))
    (row,) = host_facts(settings, TCG).firmware
    assert (row["role"], row["path"]) == ("bios (a file of the user)", "own.rom")
    assert row["sha256"] == platform_firmware(settings.cells[0].platform).digests()[0][1]


def test_a_comparison_shows_a_changed_file(tmp_path: Path) -> None:
    catalog_with(tmp_path, "{path: own.rom}")
    path = rom(tmp_path / "platforms/own.rom")
    settings = read_settings(Request(guests_dirs=(tmp_path,), guests=("tiny",)))
    before = replace(report_sample.good_report(), host=host_facts(settings, TCG))
    rom(path, OWN_ROM + OWN_ROM)
    after = replace(report_sample.good_report(), host=host_facts(settings, TCG))
    (deviation,) = deviations(configuration(before), configuration(after))
    assert (deviation.component, deviation.part) == ("firmware", "bios (a file of the user) own.rom")
    assert deviation.before != deviation.after
