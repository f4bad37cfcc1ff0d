"""QEMU as it is installed: its answers parsed from samples, and what is said when it lacks something."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import MissingTool
from fixtures.host import qemu
from fixtures.host.qemu import (
    DeviceModel,
    MachineType,
    Qemu,
    find_qemu,
    parse_device_models,
    parse_machine_types,
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

MACHINES = """\
Supported machines are:
microvm              microvm (i386)
pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)
pc-i440fx-7.2        Standard PC (i440FX + PIIX, 1996) (default)
pc-i440fx-1.7        Standard PC (i440FX + PIIX, 1996) (deprecated)
q35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-7.2)
none                 empty machine
"""


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Nothing that was cached about QEMU survives into the test, or out of it."""
    cached = (qemu.find_qemu, qemu.device_models, qemu.machine_types, qemu.data_directories)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "device_models", lambda _: parse_device_models(DEVICES))
    found = Qemu(Path("/usr/bin/qemu-system-x86_64"), (7, 2, 22), "QEMU emulator version 7.2.22", None)
    monkeypatch.setattr(qemu, "find_qemu", lambda _="x86_64": found)


def test_device_models_with_their_bus_alias_description_and_category() -> None:
    models = {model.name: model for model in parse_device_models(DEVICES)}
    assert len(models) == 8
    assert models["ich9-ahci"] == DeviceModel("ich9-ahci", "PCI", "ahci", "", "Storage")
    assert models["nvdimm"] == DeviceModel("nvdimm", "", "", "DIMM memory module", "Storage")
    assert models["floppy"].bus == "floppy-bus"
    assert models["pcie-root-port"].category == "Controller/Bridge/Hub"
    assert models["e1000"].description == "Intel Gigabit Ethernet"


def test_machine_types_and_what_an_alias_stands_for() -> None:
    machines = {machine.name: machine for machine in parse_machine_types(MACHINES)}
    assert len(machines) == 6
    assert machines["q35"].alias_of == "pc-q35-7.2"
    assert machines["none"] == MachineType("none", "empty machine", None)
    assert machines["pc-i440fx-7.2"].alias_of is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c)", (7, 2, 22)),
        ("QEMU emulator version 10.0.2 (v10.0.2-dirty)", (10, 0, 2)),
    ],
)
def test_versions(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


def test_another_program_is_no_qemu() -> None:
    with pytest.raises(MissingTool, match="BusyBox"):
        parse_version("BusyBox v1.35.0")


def test_a_device_is_found_by_name_and_by_alias(sample: None) -> None:
    assert require_device("ahci") == require_device("ich9-ahci")
    assert require_device("e1000").bus == "PCI"


def test_a_missing_device_names_the_nearest(sample: None) -> None:
    with pytest.raises(MissingTool) as missing:
        require_device("virtio-blk-pc")
    assert str(missing.value).startswith(
        "QEMU emulator version 7.2.22 has no device model virtio-blk-pc; the nearest"
    )
    assert "virtio-blk-pci" in str(missing.value)


def test_qemu_that_is_not_installed_names_its_package(
    forgetful: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IRONGUEST_QEMU", raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MissingTool, match="apt-get install qemu-system-x86"):
        find_qemu()
    with pytest.raises(MissingTool, match="apt-get install qemu-utils"):
        qemu.find_qemu_img()


def test_another_qemu_may_be_named(forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "my-qemu"
    program.write_text("#!/bin/sh\necho 'QEMU emulator version 9.1.0 (mine)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("IRONGUEST_QEMU", str(program))
    assert find_qemu() == Qemu(program, (9, 1, 0), "QEMU emulator version 9.1.0 (mine)", None)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "IRONGUEST_QEMU="), ("#!/bin/sh\necho broken library >&2; exit 127\n", "broken library")],
)
def test_a_named_qemu_that_does_not_do_is_explained(
    forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, said: str
) -> None:
    program = tmp_path / "my-qemu"
    if content is not None:
        program.write_text(content)
        program.chmod(0o755)
    monkeypatch.setenv("IRONGUEST_QEMU", str(program))
    with pytest.raises(MissingTool, match=said):
        find_qemu()


def test_the_installed_qemu_answers(forgetful: None) -> None:
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("tool absent: qemu-system-x86_64, so its real answers are not parsed")
    assert find_qemu().version >= (4, 0, 0)
    assert require_device("virtio-blk-pci").bus == "PCI"
    assert {"pc", "q35"} <= {machine.name for machine in qemu.machine_types()}
    assert any((directory / "bios-256k.bin").is_file() for directory in qemu.data_directories())
