"""Every platform, and every device model that a platform may have, comes up in the QEMU that this host has."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.specs import Cell
from fixtures.core.errors import IronguestError, MissingTool
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host.device_backends import require_backend
from fixtures.host.firmware import find_firmware
from fixtures.host.qemu import qemu_program, require_device
from fixtures.lab.instance import Base, MachineDirectories, make_files, plan
from fixtures.machine.command_line.board import CHIPSET
from fixtures.machine.inventory import inventory
from fixtures.machine.machine import Machine
from suites.selftest.support.machine_sample import HANG, TCG, disk

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = Catalog.load([SHIPPED_GUESTS])

# Models that no shipped platform has, each where it can be.
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

# What is not a PCI function: on USB, SCSI or ISA, on the board, or in the firmware's tables.
NO_PCI = ("usb-*", "scsi-hd", "ide-hd", "pvpanic", "ib700", "itco", "tpm-*", "vmgenid", "intel-iommu")


def start(cell: Cell, directory: Path) -> Machine:
    root = disk(directory / "disk.raw", HANG)
    hardware = plan(cell, TCG, MachineDirectories(directory / "work", directory / "evidence"))
    return Machine(make_files(hardware, Base(root, "raw")), directory / "evidence")


def judge(cell: Cell, directory: Path) -> None:
    """Starts the machine paused, finds all that the platform asks for, and lets it go."""
    machine = start(cell, directory)
    try:
        machine.start()
        # Before the firmware has numbered the buses, QEMU does not say what is behind their bridges.
        assert "unknown" not in {function.model for function in inventory(machine)}
        listed = machine.execute("qom-list", {"path": "/machine/peripheral"})
        found = {each["type"].removeprefix("child<").removesuffix(">") for each in listed}
        assert set(cell.platform.models) - found - CHIPSET == set()
        ended = machine.quit()
    finally:
        machine.end()
    assert ended == "left with exit status 0", (directory / "evidence/qemu.log").read_text()
    assert (directory / "evidence/qemu.log").read_text() == ""


def skip_unless_possible(cell: Cell) -> None:
    platform = cell.platform
    try:
        qemu_program(platform.arch)
        find_firmware(platform.firmware, platform.machine)
        for role, models in platform.devices.items():
            require_backend(role)
            for model in models:
                if model not in CHIPSET:
                    require_device(model, platform.arch)
    except IronguestError as error:
        if isinstance(error, MissingTool) and platform.id in CATALOG.platforms and platform.arch == "x86_64":
            # Shipped platforms are made of what ci/setup installs; another architecture's, if it is asked to.
            raise
        pytest.skip(error.message.splitlines()[0])


@pytest.mark.parametrize("name", CATALOG.platforms)
def test_a_shipped_platform_starts(tmp_path: Path, name: str) -> None:
    # Whatever guest is on it, none is started; and the CPU's enlightenments are no devices.
    platform = CATALOG.platforms[name].model_copy(update={"enlightenments": ()})
    guest = {"x86_64": "debian-12", "aarch64": "debian-12-arm64"}[platform.arch]
    cell = Cell.of(CATALOG.guests[guest], platform)
    skip_unless_possible(cell)
    judge(cell, tmp_path)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_varied_platform_starts(tmp_path: Path, name: str) -> None:
    (cell,) = CATALOG.select(["debian-12"], [name])
    skip_unless_possible(cell)
    judge(cell, tmp_path)


def test_debian_names_a_driver_for_every_model_of_every_platform() -> None:
    cells = [cell for cell in CATALOG.cells() if cell.guest.id == "debian-12"]
    cells += CATALOG.select(["debian-12"], VARIANTS)
    drivers = CATALOG.guests["debian-12"].drivers
    models = {model for cell in cells for model in cell.platform.models}
    unnamed = {m for m in models - set(drivers) if not any(fnmatchcase(m, each) for each in NO_PCI)}
    assert unnamed == set()
