"""Architectures other than x86_64: cells, command lines, accelerators, selection of cells, firmware."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.consistency import platform_conflicts, unmet_requirements
from fixtures.catalog.serialization import to_plain
from fixtures.catalog.specs import Cell, PlatformSpec
from fixtures.core.errors import CatalogError, IronguestError, MissingTool
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.evidence.architecture_facts import ArchitectureFacts, accelerator_names
from fixtures.host import qemu
from fixtures.host.acceleration import accelerator_for, kvm_unavailable_reason
from fixtures.host.firmware import find_firmware
from fixtures.machine.block_devices import unsupported_disk_reason
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.disk_options import DEFAULT_DISK_OPTIONS
from fixtures.machine.hardware import Hardware, Memory
from fixtures.run.run_start import host_facts
from fixtures.run.settings import Request, preflight, read_settings, require_assistance
from suites.selftest.machine.test_argv import DISKS, FD_MAP, UEFI
from suites.selftest.support.machine_sample import KVM, TCG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.host.acceleration import Accelerator

CATALOG = Catalog.load([SHIPPED_GUESTS])
(ARM,) = CATALOG.select(["debian-12-arm64"], ["virt-uefi-virtio"])
PC = CATALOG.platforms["pc-bios-ide"]


def test_a_guest_and_a_platform_of_different_architectures_make_no_cell() -> None:
    with pytest.raises(CatalogError) as refused:
        CATALOG.select(["debian-12"], ["virt-uefi-virtio"])
    assert str(refused.value).startswith(
        "guest 'debian-12' is of x86_64 and platform 'virt-uefi-virtio' of aarch64: they make no cell;"
        " it lists pc-bios-ide,"
    )
    assert list(unmet_requirements(ARM.guest, PC)) == [
        "its machine 'pc' is of x86_64, debian-12-arm64 is of aarch64"
    ]
    (message,) = unmet_requirements(CATALOG.guests["debian-12"], ARM.platform)
    assert message == "its machine 'virt' is of aarch64, debian-12 is of x86_64"
    assert list(unmet_requirements(ARM.guest, ARM.platform)) == []


def test_a_64_bit_machine_runs_32_bit_guests() -> None:
    small = CATALOG.guests["debian-12"].model_copy(update={"arch": "i386"})
    assert list(unmet_requirements(small, PC)) == []


def test_a_guest_cannot_list_a_platform_of_another_architecture(tmp_path: Path) -> None:
    guest = (SHIPPED_GUESTS / "debian-12-arm64.yaml").read_text()
    listed = guest.replace("id: debian-12-arm64", "id: mine").replace("[virt-", "[q35-uefi-virtio, virt-")
    (tmp_path / "mine.yaml").write_text(listed)
    with pytest.raises(CatalogError, match=r"mine\.yaml:\d+: platforms\.0: q35-uefi-virtio does not fit"):
        Catalog.load([SHIPPED_GUESTS, tmp_path])


def virt(**changes: Any) -> PlatformSpec:
    fields = to_plain(ARM.platform)
    return PlatformSpec.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"firmware": "bios"}, "firmware: bios needs machine pc or q35; found 'virt'"),
        ({"firmware": "uefi-secure"}, "firmware: uefi-secure needs machine q35; found 'virt'"),
        (
            {"devices": {"disk": "ide-hd"}},
            "devices.disk: ide-hd needs the role 'sata' on machine 'virt': a controller, like ich9-ahci",
        ),
        (
            {"devices": {"disk": "virtio-blk-pci", "watchdog": "itco"}},
            "devices.watchdog: itco needs machine q35; found 'virt'",
        ),
    ],
)
def test_conflicts_of_the_machine_virt(changes: dict[str, Any], message: str) -> None:
    assert [found for _, found in platform_conflicts(virt(**changes))] == [message]
    assert list(platform_conflicts(virt())) == []


def test_the_machine_virt_has_no_cd_or_floppy_drive() -> None:
    memtest = CATALOG.guests["memtest86plus"].model_copy(update={"arch": "aarch64"})
    assert list(unmet_requirements(memtest, virt())) == [
        "its machine 'virt' has no cdrom drive, which memtest86plus boots from"
    ]


def test_the_machine_virt_has_a_cd_drive_only_on_scsi() -> None:
    message = f"{ARM.platform.id} has no controller for a CD drive"
    assert unsupported_disk_reason(virt(), DEFAULT_DISK_OPTIONS, read_only=False, drive="cdrom") == message
    scsi = virt(devices={"disk": "scsi-hd", "scsi": "virtio-scsi-pci"})
    assert unsupported_disk_reason(scsi, DEFAULT_DISK_OPTIONS, read_only=False, drive="cdrom") is None
    assert unsupported_disk_reason(PC, DEFAULT_DISK_OPTIONS, read_only=False, drive="cdrom") is None


def hardware(accelerator: Accelerator, **changes: Any) -> Hardware:
    return Hardware(
        cell=Cell.of(ARM.guest, virt(**changes)),
        qemu=Path("/q/qemu"),
        accelerator=accelerator,
        firmware=UEFI,
        disks=DISKS[:1],
        capture=Path("/w/net0.pcap"),
        variables=Path("/w/variables.qcow2"),
    )


def values_of(machine: Hardware, option: str) -> list[str]:
    """The values of each ``option`` on the command line."""
    line = command_line(machine, FD_MAP)
    return [value for name, value in itertools.pairwise(line) if name == option]


def test_the_command_line_of_the_machine_virt() -> None:
    emulated = hardware(TCG)
    flash = "pflash0=firmware-code,pflash1=firmware-variables"
    assert values_of(emulated, "-machine") == [f"virt,{flash},gic-version=3"]
    assert values_of(emulated, "-cpu") == ["max,pauth-impdef=on"]
    assert values_of(hardware(KVM), "-cpu") == ["host"]
    assert values_of(hardware(TCG, cpu="cortex-a72"), "-cpu") == ["cortex-a72"]
    devices = {each["id"]: each for each in map(json.loads, values_of(emulated, "-device"))}
    assert devices["disk-root"]["bus"] == "port1"
    assert devices["port1"]["driver"] == "pcie-root-port"
    assert devices["display0"] == {"driver": "virtio-gpu-pci", "id": "display0"}
    assert {"spare1", "spare2", "spare3", "spare4"} < set(devices)


def test_the_name_of_the_memory_of_the_machine_virt() -> None:
    machine = dataclasses.replace(hardware(TCG), memory=Memory(Path("/w/memory"), shared=True))
    (memory,) = [json.loads(word) for word in values_of(machine, "-object") if "memory-backend-file" in word]
    assert memory["id"] == "mach-virt.ram"
    assert values_of(machine, "-machine")[0].endswith(",memory-backend=mach-virt.ram")


def test_kvm_runs_only_machines_of_the_hosts_architecture() -> None:
    assert kvm_unavailable_reason("x86_64", "x86_64") is None
    assert kvm_unavailable_reason("aarch64", "aarch64") is None
    reason = "this host is x86_64: its KVM cannot run aarch64 machines"
    assert kvm_unavailable_reason("aarch64", "x86_64") == reason
    assert kvm_unavailable_reason("x86_64", "i686") == "this host is i686: its KVM cannot run x86_64 machines"


@pytest.mark.parametrize("chosen", [KVM, TCG], ids=["kvm", "tcg"])
def test_machines_of_another_architecture_are_emulated_with_a_reason(chosen: Accelerator) -> None:
    assert accelerator_for(chosen, "x86_64", "x86_64") == chosen
    taken = accelerator_for(dataclasses.replace(chosen, emulation_scale=7.5), "aarch64", "x86_64")
    assert (taken.name, taken.proven, taken.scale) == ("tcg", False, 7.5)
    assert taken.argument == TCG.argument
    assert taken.reasons == ("this host is x86_64: its KVM cannot run aarch64 machines",)


def test_the_text_about_the_accelerators_of_a_run() -> None:
    facts = [
        ArchitectureFacts(arch, "", "", "", used, False)
        for arch, used in (("x86_64", "kvm"), ("aarch64", "tcg"))
    ]
    assert accelerator_names(facts) == "kvm for x86_64, tcg for aarch64"
    assert accelerator_names(facts[:1]) == "kvm"
    assert accelerator_names([]) == ""


def test_the_host_has_facts_for_each_architecture_of_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONGUEST_QEMU_AARCH64", str(qemu.qemu_program("x86_64")))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("fixtures.run.run_start._firmware", lambda _: {})
    qemu.find_qemu.cache_clear()
    settings = dataclasses.replace(
        read_settings(Request()), cells=(ARM, CATALOG.cell("debian-12@q35-uefi-virtio"))
    )
    host = host_facts(settings, KVM)
    qemu.find_qemu.cache_clear()
    assert [(each.arch, each.accelerator, each.hardware_assisted) for each in host.architectures] == [
        ("x86_64", "kvm", True),
        ("aarch64", "tcg", False),
    ]
    assert host.architectures[1].reasons == ("this host is x86_64: its KVM cannot run aarch64 machines",)
    assert host.accelerator == "kvm for x86_64, tcg for aarch64"
    assert (host.hardware_assisted, host.qemu_digest) == (False, host.architectures[0].digest)
    only = host_facts(dataclasses.replace(settings, cells=settings.cells[1:]), KVM)
    assert only.architectures == host.architectures[:1]
    assert (only.hardware_assisted, only.accelerator) == (True, "kvm")


@pytest.fixture
def without_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pretend that the host is x86_64 with only the QEMU for x86_64."""
    monkeypatch.setenv("IRONGUEST_QEMU_AARCH64", "/nowhere/qemu")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    qemu.find_qemu.cache_clear()
    yield
    qemu.find_qemu.cache_clear()


def test_cells_of_another_architecture_are_left_out_unless_named(without_emulator: None) -> None:
    settings = read_settings(Request())
    assert [cell.id for cell in settings.foreign] == [ARM.id]
    assert ARM.id not in {cell.id for cell in settings.cells}
    assert settings.left_out_lines()[1:] == [
        (
            "  left out: 1 cell for another machine, of debian-12-arm64:"
            " IRONGUEST_QEMU_AARCH64=/nowhere/qemu does not name an executable program"
        )
    ]
    # A glob does not name a guest; a plan leaves nothing out.
    assert read_settings(Request(guests=("debian-*",))).foreign == (ARM,)
    assert ARM.id not in {cell.id for cell in read_settings(Request(plan="certification")).cells}


@pytest.mark.parametrize(
    "request_",
    [Request(guests=("debian-12-arm64",)), Request(platforms=("virt-*",))],
    ids=["guest", "nothing-else"],
)
def test_a_named_guest_without_its_emulator_is_an_error(without_emulator: None, request_: Request) -> None:
    settings = read_settings(request_)
    assert [cell.id for cell in settings.cells] == [ARM.id]
    with pytest.raises(
        IronguestError, match="IRONGUEST_QEMU_AARCH64=/nowhere/qemu does not name an executable program"
    ):
        preflight(settings)


def test_required_hardware_assistance_for_another_architecture_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    reason = "this host is x86_64: its KVM cannot run aarch64 machines"
    assert read_settings(Request(require_hardware_assist=True)).foreign == (ARM,)
    named = Request(guests=("debian-12-arm64",), accel="kvm")
    with pytest.raises(IronguestError, match=f"virt-uefi-virtio cannot have hardware assistance: {reason}"):
        require_assistance(named, ARM.platform)


def test_firmware_has_the_architecture_of_the_machine(tmp_path: Path) -> None:
    names = {"code": tmp_path / "code", "variables": tmp_path / "variables"}
    for path in names.values():
        path.touch()
    files = {name: {"filename": str(path), "format": "raw"} for name, path in names.items()}
    descriptor = {
        "interface-types": ["uefi"],
        "mapping": {
            "device": "flash",
            "executable": files["code"],
            "nvram-template": files["variables"],
        },
        "targets": [{"architecture": "aarch64", "machines": ["virt-*"]}],
        "features": [],
    }
    (tmp_path / "60.json").write_text(json.dumps(descriptor))
    assert find_firmware("uefi", "virt", [tmp_path]).code == names["code"]
    with pytest.raises(MissingTool, match="is not for machine q35"):
        find_firmware("uefi", "q35", [tmp_path])
    descriptor["targets"] = [{"architecture": "x86_64", "machines": ["virt-*"]}]
    (tmp_path / "60.json").write_text(json.dumps(descriptor))
    with pytest.raises(MissingTool, match="apt-get install qemu-efi-aarch64"):
        find_firmware("uefi", "virt", [tmp_path])
