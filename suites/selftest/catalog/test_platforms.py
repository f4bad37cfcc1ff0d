"""Every shipped platform and every device model starts in this host's QEMU."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.specs import Cell
from fixtures.core.errors import IronguestError, MissingTool
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host.host_features import require_backend
from fixtures.host.own_firmware import platform_firmware
from fixtures.host.qemu import qemu_program, require_device
from fixtures.lab.instance.hardware_plan import BackingFiles, MachineDirectories, create_files, plan_hardware
from fixtures.machine.command_line.board import CHIPSET_MODELS
from fixtures.machine.inventory import inventory
from fixtures.machine.machine import Machine
from suites.selftest.support.machine_sample import HANG, TCG, disk

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = Catalog.load([SHIPPED_GUESTS])

# Device models that no shipped platform has, each on a platform that can have it.
VARIANTS = [
    *(f"pc-bios-scsi,scsi={model}" for model in ("am53c974", "megasas", "megasas-gen2", "mptsas1068")),
    *("q35-uefi-virtio-scsi,scsi=virtio-scsi-pci-transitional", "q35-bios-sata,sata=ich9-ahci"),
    *(f"q35-uefi-virtio,nic={model}" for model in ("e1000", "rtl8139", "vmxnet3", "igb")),
    *(f"q35-uefi-virtio,display={model}" for model in ("virtio-gpu-pci", "cirrus-vga", "none")),
    *(f"q35-bios-sata,sound={model}" for model in ("intel-hda", "virtio-sound-pci", "AC97+ES1370")),
    *("q35-uefi-virtio,iommu=virtio-iommu-pci", "q35-uefi-virtio,panic=pvpanic", "q35-uefi-virtio,tpm=tpm-tis"),
    *("q35-uefi-virtio,vsock=vhost-vsock-pci", "pc-bios-ide,usb=piix3-usb-uhci,disk=usb-storage"),
    *("pc-bios-ide,disk=nvme", "pc-bios-ide,disk=virtio-blk-pci", "pc-bios-ide,firmware=uefi"),
]  # fmt: skip

# Devices that are not PCI functions: on USB, SCSI or ISA, on the board, or in firmware tables.
NOT_PCI = ("usb-*", "scsi-hd", "ide-hd", "pvpanic", "ib700", "itco", "tpm-*", "vmgenid", "intel-iommu")


def start(cell: Cell, directory: Path) -> Machine:
    root = disk(directory / "disk.raw", HANG)
    hardware = plan_hardware(cell, TCG, MachineDirectories(directory / "work", directory / "evidence"))
    return Machine(create_files(hardware, BackingFiles(root, "raw")), directory / "evidence")


def check_devices(cell: Cell, directory: Path) -> None:
    """Start the machine paused, find every device of the platform, and let QEMU exit."""
    machine = start(cell, directory)
    try:
        machine.start()
        # QEMU does not show the devices behind a bridge until the firmware has numbered the buses.
        assert "unknown" not in {function.model for function in inventory(machine)}
        entries = machine.execute("qom-list", {"path": "/machine/peripheral"})
        present = {entry["type"].removeprefix("child<").removesuffix(">") for entry in entries}
        assert set(cell.platform.models) - present - CHIPSET_MODELS == set()
        ended = machine.quit()
    finally:
        machine.end()
    assert ended == "left with exit status 0", (directory / "evidence/qemu.log").read_text()
    assert (directory / "evidence/qemu.log").read_text() == ""


def skip_unless_host_has_devices(cell: Cell) -> None:
    platform = cell.platform
    try:
        qemu_program(platform.arch)
        platform_firmware(platform)
        for role, models in platform.devices.items():
            require_backend(role)
            for model in models:
                if model not in CHIPSET_MODELS:
                    require_device(model, platform.arch)
    except IronguestError as error:
        if isinstance(error, MissingTool) and platform.id in CATALOG.platforms and platform.arch == "x86_64":
            # ci/setup installs everything for shipped platforms of x86_64; other architectures are optional.
            raise
        pytest.skip(error.message.splitlines()[0])


@pytest.mark.parametrize("name", CATALOG.platforms)
def test_a_shipped_platform_starts(tmp_path: Path, name: str) -> None:
    # No guest boots, so any guest will do; enlightenments are features of the CPU, not devices.
    platform = CATALOG.platforms[name].model_copy(update={"enlightenments": ()})
    guest = {"x86_64": "debian-12", "aarch64": "debian-12-arm64"}[platform.arch]
    cell = Cell.of(CATALOG.guests[guest], platform)
    skip_unless_host_has_devices(cell)
    check_devices(cell, tmp_path)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_varied_platform_starts(tmp_path: Path, name: str) -> None:
    (cell,) = CATALOG.select(["debian-12"], [name])
    skip_unless_host_has_devices(cell)
    check_devices(cell, tmp_path)


def test_debian_names_a_driver_for_every_model_of_every_platform() -> None:
    cells = [cell for cell in CATALOG.cells() if cell.guest.id == "debian-12"]
    cells += CATALOG.select(["debian-12"], VARIANTS)
    drivers = CATALOG.guests["debian-12"].drivers
    models = {model for cell in cells for model in cell.platform.models}
    undescribed = {m for m in models - set(drivers) if not any(fnmatchcase(m, glob) for glob in NOT_PCI)}
    assert undescribed == set()
