"""The installed QEMU: parsing of its output, and the messages about missing parts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import MissingTool
from fixtures.host import qemu
from fixtures.host.qemu import (
    Qemu,
    find_qemu,
    parse_device_models,
    parse_version,
    require_device,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES = """\
Controller/Bridge/Hub devices:
name "i82801b11-bridge", bus PCI
name "pcie-root-port", bus PCI, desc "PCI Express Root Port"

Storage devices:
name "floppy", bus floppy-bus, desc "virtual floppy drive"
name "ich9-ahci", bus PCI, alias "ahci"
name "nvdimm", desc "DIMM memory module"
name "virtio-blk-pci", bus PCI, alias "virtio-blk"
name "virtio-blk-pci-non-transitional", bus PCI

Network devices:
name "e1000", bus PCI, alias "e1000-82540em", desc "Intel Gigabit Ethernet"
"""


@pytest.fixture
def empty_caches() -> Iterator[None]:
    """Clear the caches about QEMU before and after the test."""
    cached = (qemu.find_qemu, qemu.device_models, qemu.data_directories)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "device_models", lambda *_: parse_device_models(DEVICES))
    installed = Qemu(Path("/usr/bin/qemu-system-x86_64"), (7, 2, 22), "QEMU emulator version 7.2.22")
    monkeypatch.setattr(qemu, "find_qemu", lambda *_: installed)


def test_the_names_and_aliases_of_device_models() -> None:
    assert parse_device_models(DEVICES) == {
        *("i82801b11-bridge", "pcie-root-port", "floppy", "nvdimm", "virtio-blk-pci-non-transitional"),
        *("ich9-ahci", "ahci", "virtio-blk-pci", "virtio-blk", "e1000", "e1000-82540em"),
    }


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c)", (7, 2, 22)),
        ("QEMU emulator version 10.0.2 (v10.0.2-dirty)", (10, 0, 2)),
    ],
)
def test_versions(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


def test_the_output_of_another_program_is_an_error() -> None:
    with pytest.raises(MissingTool, match="BusyBox"):
        parse_version("BusyBox v1.35.0")


def test_a_device_is_found_by_name_and_by_alias(sample: None) -> None:
    require_device("ahci")
    require_device("ich9-ahci")
    require_device("e1000")


def test_a_missing_device_names_the_nearest(sample: None) -> None:
    with pytest.raises(MissingTool) as missing:
        require_device("virtio-blk-pc")
    assert str(missing.value).startswith(
        "QEMU emulator version 7.2.22 has no device model virtio-blk-pc; the nearest"
    )
    assert "virtio-blk-pci" in str(missing.value)


def test_qemu_that_is_not_installed_names_its_package(
    empty_caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IRONGUEST_QEMU", raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MissingTool, match="apt-get install qemu-system-x86"):
        find_qemu()
    with pytest.raises(MissingTool, match="apt-get install qemu-utils"):
        qemu.find_qemu_img()


def test_a_variable_selects_another_qemu(
    empty_caches: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "my-qemu"
    program.write_text("#!/bin/sh\necho 'QEMU emulator version 9.1.0 (mine)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("IRONGUEST_QEMU", str(program))
    assert find_qemu() == Qemu(program, (9, 1, 0), "QEMU emulator version 9.1.0 (mine)")
    assert find_qemu().package is None


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "IRONGUEST_QEMU="), ("#!/bin/sh\necho broken library >&2; exit 127\n", "broken library")],
)
def test_a_selected_qemu_that_does_not_run_is_an_error(
    empty_caches: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, message: str
) -> None:
    program = tmp_path / "my-qemu"
    if content is not None:
        program.write_text(content)
        program.chmod(0o755)
    monkeypatch.setenv("IRONGUEST_QEMU", str(program))
    with pytest.raises(MissingTool, match=message):
        find_qemu()


def test_the_output_of_the_installed_qemu(empty_caches: None) -> None:
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("tool absent: qemu-system-x86_64, so its real answers are not parsed")
    assert find_qemu().version >= (4, 0, 0)
    require_device("virtio-blk-pci")
    assert any((directory / "bios-256k.bin").is_file() for directory in qemu.data_directories())
