"""Bus and options of each kind of device on QEMU's command line, and which disks support hot-plug."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.machine.block_devices import can_hotplug_disk, disk_bus
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.disk_options import DiskOptions
from fixtures.machine.hardware import Disk, FdMap, Hardware, SeedMedium
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixtures.host.acceleration import Accelerator

FD_MAP = FdMap(qmp=10, serial=11, port=13, agent=14, entropy=16, payloads=(12,), tpm=15, guest_cid=77)


def hardware(machine: str, accelerator: Accelerator, devices: Mapping[str, Any]) -> Hardware:
    disks = [
        Disk(name, Path(f"/w/{name}"), "raw", f"IG{name.upper()}") for name in ("root", "source", "target")
    ]
    return Hardware(
        cell=machine_sample.cell(machine=machine, devices=dict(devices)),
        qemu=Path("/q/qemu"),
        accelerator=accelerator,
        firmware=machine_sample.BIOS,
        disks=tuple(disks),
        capture=Path("/w/net0.pcap"),
    )


def devices_of(machine: str, **devices: Any) -> dict[str, dict[str, Any]]:
    """The devices of a machine, by id."""
    return parse_devices(hardware(machine, machine_sample.TCG, devices))


def parse_devices(machine_hardware: Hardware) -> dict[str, dict[str, Any]]:
    words = command_line(machine_hardware, FD_MAP)
    objects = [json.loads(word) for word in words if word.startswith("{")]
    return {device["id"]: device for device in objects if "driver" in device and "id" in device}


DISKS = [
    ("q35", {"disk": "scsi-hd", "scsi": "virtio-scsi-pci"}, ["scsi0.0"] * 3, True),
    ("pc", {"disk": "scsi-hd", "scsi": "pvscsi"}, ["scsi0.0"] * 3, False),
    ("pc", {"disk": "scsi-hd", "scsi": "lsi53c895a"}, ["scsi0.0"] * 3, False),
    ("pc", {"disk": "scsi-hd", "scsi": "megasas"}, ["scsi0.0"] * 3, False),
    ("q35", {"disk": "usb-storage", "usb": "qemu-xhci"}, ["usb0.0"] * 3, True),
    ("q35", {"disk": "ide-hd", "sata": "ich9-ahci"}, ["sata0.0", "sata0.1", "sata0.2"], False),
    ("q35", {"disk": "ide-hd"}, ["ide.0", "ide.1", "ide.2"], False),
    ("pc", {"disk": "ide-hd"}, ["ide.0", "ide.0", "ide.1"], False),
    ("q35", {"disk": "nvme"}, ["port1", "port2", "port3"], True),
    ("pc", {"disk": "virtio-blk-pci-transitional"}, [None] * 3, True),
]


SEEDS = [
    ("q35", {"disk": "scsi-hd", "scsi": "virtio-scsi-pci"}, "scsi-hd", "scsi0.0"),
    ("q35", {"disk": "usb-storage", "usb": "qemu-xhci"}, "usb-storage", "usb0.0"),
    ("q35", {"disk": "ide-hd", "sata": "ich9-ahci"}, "ide-cd", "sata0.5"),
    ("q35", {"disk": "ide-hd"}, "ide-cd", "ide.5"),
    ("pc", {"disk": "ide-hd"}, "ide-cd", "ide.1"),
    ("q35", {"disk": "nvme"}, "nvme", "port4"),
    ("pc", {"disk": "virtio-blk-pci"}, "virtio-blk-pci", None),
]


@pytest.mark.parametrize(("machine", "models", "model", "bus"), SEEDS)
def test_a_seed_is_on_the_bus_of_the_disks_and_read_only(
    machine: str, models: dict[str, str], model: str, bus: str | None
) -> None:
    seed = SeedMedium("disk", Path("/w/seed.iso"))
    machine_hardware = dataclasses.replace(hardware(machine, machine_sample.TCG, models), seed=seed)
    device = parse_devices(machine_hardware)["disk-seed"]
    assert (device["driver"], device.get("bus"), device["serial"]) == (model, bus, "IGSEED")
    words = [word for word in command_line(machine_hardware, FD_MAP) if word.startswith("{")]
    nodes = [node for word in words if (node := json.loads(word)).get("node-name") == "seed"]
    assert [(node["driver"], node["read-only"], node["file"]["filename"]) for node in nodes] == [
        ("raw", True, "/w/seed.iso")
    ]


def test_a_seed_of_ignition_is_an_item_of_the_firmware_configuration() -> None:
    seed = SeedMedium("fw_cfg", Path("/w/a,b/seed.ign"))
    machine_hardware = dataclasses.replace(hardware("pc", machine_sample.TCG, {"disk": "ide-hd"}), seed=seed)
    words = command_line(machine_hardware, FD_MAP)
    assert words[words.index("-fw_cfg") + 1] == "name=opt/com.coreos/config,file=/w/a,,b/seed.ign"
    assert "disk-seed" not in parse_devices(machine_hardware)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        (None, "10.0.2.15"),
        ("dhcp", "10.0.2.15"),
        ({"addresses": ["192.168.1.1/24", "10.0.2.50/24"]}, "10.0.2.50"),
    ],
)
def test_ssh_is_forwarded_to_the_address_that_the_seed_gives(network: Any, address: str) -> None:
    plain = hardware("q35", machine_sample.TCG, {"disk": "ide-hd", "nic": ["e1000", "e1000"]})
    fields = plain.cell.guest.model_dump(exclude={"timeouts", "requires"})
    fields |= {"console": "ssh", "seed": {"nocloud": {"network": network}}}
    cell = dataclasses.replace(plain.cell, guest=type(plain.cell.guest).model_validate(fields))
    machine_hardware = dataclasses.replace(plain, cell=cell)
    words = command_line(machine_hardware, dataclasses.replace(FD_MAP, payloads=(12, 13)))
    first, second = [word for word in words if word.startswith("user,id=net")]
    assert first.endswith(f",hostfwd=tcp:127.0.0.1:2222-{address}:22")
    assert "hostfwd" not in second


@pytest.mark.parametrize(("machine", "models", "buses", "hotpluggable"), DISKS)
def test_disks_are_on_the_bus_of_their_model(
    machine: str, models: dict[str, str], buses: list[str | None], hotpluggable: bool
) -> None:
    devices = devices_of(machine, **models)
    assert [devices[f"disk-{name}"].get("bus") for name in ("root", "source", "target")] == buses
    platform = hardware(machine, machine_sample.TCG, models).cell.platform
    assert can_hotplug_disk(platform) is hotpluggable
    assert disk_bus(platform) == (buses[0] if buses[0] in {"scsi0.0", "usb0.0"} else None)


@pytest.mark.parametrize("disk", ["ide-hd", "virtio-blk-pci"])
def test_a_cold_plugged_disk_keeps_its_own_model(disk: str) -> None:
    default = hardware("q35", machine_sample.TCG, {"disk": disk, "usb": "qemu-xhci"})
    stick = Disk("stick", Path("/w/stick"), "raw", "IGSTICK", options=DiskOptions(model="usb-storage"))
    devices = parse_devices(dataclasses.replace(default, disks=(*default.disks, stick)))
    assert devices["disk-root"]["driver"] == disk
    assert devices["disk-stick"]["driver"] == "usb-storage"
    assert devices["disk-stick"]["bus"] == "usb0.0"


def test_a_controller_precedes_its_disks_and_needs_none() -> None:
    assert devices_of("pc", disk="ide-hd", scsi="pvscsi")["scsi0"] == {"driver": "pvscsi", "id": "scsi0"}
    ids = list(devices_of("q35", disk="usb-storage", usb="qemu-xhci"))
    assert ids.index("usb0") < ids.index("disk-root")


def test_input_and_sound_are_on_the_bus_of_their_model() -> None:
    devices = devices_of(
        "q35",
        disk="ide-hd",
        usb="qemu-xhci",
        input=["usb-kbd", "virtio-tablet-pci"],
        sound=["ich9-intel-hda", "AC97"],
    )
    assert devices["input0"] == {"driver": "usb-kbd", "id": "input0", "bus": "usb0.0"}
    assert devices["input1"] == {"driver": "virtio-tablet-pci", "id": "input1", "bus": "port2"}
    assert devices["sound0"] == {"driver": "ich9-intel-hda", "id": "sound0", "bus": "port3"}
    codec = {"driver": "hda-duplex", "id": "codec0", "bus": "sound0.0", "audiodev": "stream0"}
    assert devices["codec0"] == codec
    assert devices["sound1"] == {"driver": "AC97", "id": "sound1", "bus": "port4", "audiodev": "stream1"}


def test_isa_devices_need_no_root_port() -> None:
    devices = devices_of("q35", disk="ide-hd", watchdog=["ib700", "i6300esb"], panic="pvpanic", tpm="tpm-crb")
    assert devices["watchdog0"] == {"driver": "ib700", "id": "watchdog0"}
    assert devices["watchdog1"] == {"driver": "i6300esb", "id": "watchdog1", "bus": "port1"}
    assert devices["panic0"] == {"driver": "pvpanic", "id": "panic0"}
    assert devices["tpm0"] == {"driver": "tpm-crb", "id": "tpm0", "tpmdev": "tpm-backend0"}


def test_the_chipsets_watchdog_is_enabled() -> None:
    words = command_line(hardware("q35", machine_sample.TCG, {"disk": "ide-hd", "watchdog": "itco"}), FD_MAP)
    assert words[words.index("-global") + 1] == "driver=ICH9-LPC,property=noreboot,value=off"


def test_a_tpm_has_its_own_descriptor() -> None:
    words = command_line(hardware("q35", machine_sample.TCG, {"disk": "ide-hd", "tpm": "tpm-tis"}), FD_MAP)
    assert "socket,id=tpm-control,fd=15" in words
    assert 15 in FD_MAP.descriptors
    assert 15 not in dataclasses.replace(FD_MAP, tpm=None).descriptors
    assert 77 not in FD_MAP.descriptors


def test_a_vsock_has_the_address_of_the_fd_map() -> None:
    vsock = devices_of("q35", disk="ide-hd", vsock="vhost-vsock-pci")["vsock0"]
    assert vsock == {"driver": "vhost-vsock-pci", "id": "vsock0", "guest-cid": 77, "bus": "port1"}


@pytest.mark.parametrize(
    ("model", "iommu"),
    [
        ("intel-iommu", {"driver": "intel-iommu", "id": "iommu0", "intremap": "on"}),
        ("amd-iommu", {"driver": "amd-iommu", "id": "iommu0"}),
        ("virtio-iommu-pci", {"driver": "virtio-iommu-pci", "id": "iommu0", "bus": "pcie.0"}),
    ],
)
def test_an_iommu_comes_first_and_virtio_devices_are_behind_it(model: str, iommu: dict[str, str]) -> None:
    devices = devices_of(
        "q35",
        disk="virtio-blk-pci",
        iommu=model,
        nic="e1000e",
        rng="virtio-rng-pci",
        balloon="virtio-balloon-pci",
        vsock="virtio-x-pci-transitional",
    )
    assert next(iter(devices.values())) == iommu
    behind_iommu = {
        name: device.get("iommu_platform", False) for name, device in devices.items() if "port" not in name
    }
    disks = dict.fromkeys(("disk-root", "disk-source", "disk-target"), True)
    others = {"iommu0": False, "nic0": False, "rng0": True, "balloon0": False, "vsock0": False}
    spares = {name: False for name in behind_iommu if name.startswith("spare")}
    assert behind_iommu == {**disks, **others, **spares}


@pytest.mark.parametrize(
    ("accelerator", "model", "split"),
    [
        (machine_sample.KVM, "intel-iommu", True),
        (machine_sample.KVM, "virtio-iommu-pci", False),
        (machine_sample.TCG, "intel-iommu", False),
    ],
)
def test_interrupt_remapping_needs_a_split_irqchip_with_kvm(
    accelerator: Accelerator, model: str, split: bool
) -> None:
    words = command_line(hardware("q35", accelerator, {"disk": "ide-hd", "iommu": model}), FD_MAP)
    assert words[words.index("-machine") + 1] == ("q35,kernel-irqchip=split" if split else "q35")


def test_commas_in_the_name_are_escaped() -> None:
    plain = hardware("pc", machine_sample.TCG, {"disk": "ide-hd"})
    varied = dataclasses.replace(plain, cell=dataclasses.replace(plain.cell, id="g@p,cpus=4,nic=e1000"))
    words = command_line(varied, FD_MAP)
    assert words[words.index("-name") + 1] == "g@p,,cpus=4,,nic=e1000"


def test_the_results_descriptor_adds_a_second_serial_port() -> None:
    bare = hardware("q35", machine_sample.TCG, {"disk": "ide-hd"})
    assert command_line(bare, FD_MAP).count("-serial") == 1
    words = command_line(bare, dataclasses.replace(FD_MAP, results=16))
    assert [words[at + 1] for at, word in enumerate(words) if word == "-serial"] == [
        "chardev:console",
        "chardev:results",
    ]
    assert "socket,id=results,fd=16" in words
    assert 16 in dataclasses.replace(FD_MAP, results=16).descriptors


def test_each_card_has_its_own_network_payload_service_and_capture() -> None:
    bare = hardware("q35", machine_sample.TCG, {"disk": "ide-hd", "nic": ["e1000e", "vmxnet3"]})
    line = command_line(bare, dataclasses.replace(FD_MAP, payloads=(12, 17)))
    assert [word for word in line if word.startswith("user,")] == [
        "user,id=net0,restrict=on,guestfwd=tcp:10.0.2.100:7000-chardev:payload",
        "user,id=net1,restrict=on,net=10.0.3.0/24,guestfwd=tcp:10.0.3.100:7000-chardev:payload1",
    ]
    assert [word for word in line if word.startswith("socket,id=payload")] == [
        "socket,id=payload,fd=12",
        "socket,id=payload1,fd=17",
    ]
    objects = [json.loads(word) for word in line if word.startswith("{")]
    assert {
        entry["id"]: (entry["netdev"], entry["file"])
        for entry in objects
        if "file" in entry and "id" in entry
    } == {
        "capture0": ("net0", "/w/net0.pcap"),
        "capture1": ("net1", "/w/net1.pcap"),
    }
    cards = [entry for entry in objects if entry.get("driver") in {"e1000e", "vmxnet3"}]
    assert [(card["id"], card["netdev"], card["bus"]) for card in cards] == [
        ("nic0", "net0", "port1"),
        ("nic1", "net1", "port2"),
    ]
