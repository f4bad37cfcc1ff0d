"""QEMU's complete command line: a pure function of the hardware and the file descriptors."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from fixtures.host.firmware import Firmware
from fixtures.machine.command_line.argv import command_line
from fixtures.machine.hardware import Disk, FdMap, Hardware, Memory
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from fixtures.host.acceleration import Accelerator

FD_MAP = FdMap(qmp=10, serial=11, port=13, agent=14, entropy=16, payloads=(12,))
DISKS = (
    Disk("root", Path("/w/root.qcow2"), "qcow2", "IGROOT"),
    Disk("source", Path("/w/source.raw"), "raw", "IGSOURCE"),
    Disk("target", Path("/w/target.raw"), "raw", "IGTARGET"),
)
VIRTIO = {
    "disk": "virtio-blk-pci",
    "nic": "virtio-net-pci",
    "rng": "virtio-rng-pci",
    "balloon": "virtio-balloon-pci",
    "serial-port": "virtio-serial-pci",
    "display": "VGA",
    "generation-id": "vmgenid",
}
UEFI = Firmware(
    "uefi",
    Path("/f/CODE.fd"),
    "raw",
    Path("/f/VARS.fd"),
    "raw",
    False,
    Path("/f/CODE.fd"),
)
SECURE = dataclasses.replace(UEFI, kind="uefi-secure", requires_smm=True)

HEAD = ["/q/qemu", "-name", "nothing@bare", "-nodefaults", "-no-user-config"]
MIDDLE = [
    *("-S", "-no-shutdown", "-boot", "strict=on", "-display", "none"),
    *("-chardev", "socket,id=qmp,fd=10", "-mon", "chardev=qmp,mode=control"),
    *("-chardev", "socket,id=console,fd=11", "-serial", "chardev:console"),
]
NETWORK = [
    *("-chardev", "socket,id=payload,fd=12"),
    *("-netdev", "user,id=net0,restrict=on,guestfwd=tcp:10.0.2.100:7000-chardev:payload"),
    "-object",
    {"qom-type": "filter-dump", "id": "capture0", "netdev": "net0", "file": "/w/net0.pcap", "maxlen": 320},
]


def hardware(start: Firmware, accelerator: Accelerator, **platform: object) -> Hardware:
    return Hardware(
        cell=machine_sample.cell(**platform),
        qemu=Path("/q/qemu"),
        accelerator=accelerator,
        firmware=start,
        disks=DISKS,
        capture=Path("/w/net0.pcap"),
        variables=None if start.variables is None else Path("/w/variables.qcow2"),
    )


def parsed(machine: Hardware) -> list[object]:
    """The command line with its JSON parsed, so that the order of keys does not matter."""
    return [json.loads(word) if word.startswith("{") else word for word in command_line(machine, FD_MAP)]


def block_node(disk: Disk) -> list[object]:
    cache = {"direct": False, "no-flush": disk.name == "root"}
    file = {"driver": "file", "filename": str(disk.path), "cache": cache}
    node = {"driver": disk.format, "node-name": disk.name, "read-only": False, "cache": cache, "file": file}
    return ["-blockdev", node]


def root_port(number: int) -> list[object]:
    return ["-device", {"driver": "pcie-root-port", "id": f"port{number}", "chassis": number}]


def spare_ports(first: int) -> list[object]:
    """The empty root ports for hot-plug."""
    ports = [
        {"driver": "pcie-root-port", "id": f"spare{number + 1}", "chassis": first + number}
        for number in range(4)
    ]
    return [word for spare in ports for word in ("-device", spare)]


def ide_devices(machine: str, addresses: list[tuple[str, int]]) -> list[object]:
    """IDE disks, an e1000 and a VGA."""
    expected: list[object] = []
    for index, (disk, (bus, unit)) in enumerate(zip(DISKS, addresses, strict=True)):
        device = {"driver": "ide-hd", "id": f"disk-{disk.name}", "drive": disk.name, "serial": disk.serial}
        boot = {"bootindex": 0} if index == 0 else {}
        expected += [*block_node(disk), "-device", {**device, **boot, "bus": bus, "unit": unit}]
    nic_bus = {"bus": "port1"} if machine == "q35" else {}
    expected += [*NETWORK, *(root_port(1) if nic_bus else [])]
    expected += ["-device", {"driver": "e1000", "id": "nic0", "netdev": "net0", **nic_bus}]
    return [*expected, "-device", {"driver": "VGA", "id": "display0"}, *(spare_ports(2) if nic_bus else [])]


@pytest.mark.parametrize(
    ("machine", "addresses"),
    [
        ("pc", [("ide.0", 0), ("ide.0", 1), ("ide.1", 0)]),
        ("q35", [("ide.0", 0), ("ide.1", 0), ("ide.2", 0)]),
    ],
)
def test_a_machine_with_ide_disks(machine: str, addresses: list[tuple[str, int]]) -> None:
    devices = {"disk": "ide-hd", "nic": "e1000", "display": "VGA"}
    machine_hardware = hardware(
        machine_sample.BIOS, machine_sample.TCG, machine=machine, devices=devices, cpus=2, memory="1G"
    )
    assert parsed(machine_hardware) == [
        *HEAD,
        *("-machine", machine, "-accel", "tcg,thread=multi,tb-size=128"),
        *("-cpu", "max", "-smp", "2", "-m", "size=1024M"),
        *MIDDLE,
        *ide_devices(machine, addresses),
    ]


def test_a_q35_with_uefi_and_virtio() -> None:
    machine_hardware = hardware(
        UEFI, machine_sample.KVM, machine="q35", firmware="uefi", devices=VIRTIO, cpus=2, memory="1G"
    )
    expected: list[object] = [
        *HEAD,
        *("-machine", "q35,pflash0=firmware-code,pflash1=firmware-variables", "-accel", "kvm"),
        *("-cpu", "host", "-smp", "2", "-m", "size=1024M"),
        "-blockdev",
        {
            "driver": "raw",
            "node-name": "firmware-code",
            "read-only": True,
            "file": {"driver": "file", "filename": "/f/CODE.fd"},
        },
        "-blockdev",
        {
            "driver": "qcow2",
            "node-name": "firmware-variables",
            "file": {"driver": "file", "filename": "/w/variables.qcow2"},
        },
        *MIDDLE,
    ]
    for number, disk in enumerate(DISKS, 1):
        device = {"driver": "virtio-blk-pci", "id": f"disk-{disk.name}", "drive": disk.name}
        boot = {"bootindex": 0} if number == 1 else {}
        expected += [*block_node(disk), *root_port(number), "-device"]
        expected += [{**device, **boot, "serial": disk.serial, "bus": f"port{number}"}]
    expected += [*NETWORK, *root_port(4)]
    expected += ["-device", {"driver": "virtio-net-pci", "id": "nic0", "netdev": "net0", "bus": "port4"}]
    expected += [
        "-chardev",
        "socket,id=entropy,fd=16",
        "-object",
        "rng-egd,id=entropy0,chardev=entropy",
        *root_port(5),
    ]
    expected += ["-device", {"driver": "virtio-rng-pci", "id": "rng0", "rng": "entropy0", "bus": "port5"}]
    expected += [*root_port(6), "-device", {"driver": "virtio-balloon-pci", "id": "balloon0", "bus": "port6"}]
    expected += [*root_port(7), "-device", {"driver": "virtio-serial-pci", "id": "ports0", "bus": "port7"}]
    expected += ["-chardev", "socket,id=port0,fd=13", "-device"]
    serial = {"driver": "virtserialport", "id": "serial-port0", "bus": "ports0.0", "nr": 1}
    expected += [{**serial, "chardev": "port0", "name": "org.ironguest.port.0"}]
    agent = {"driver": "virtserialport", "id": "agent-port0", "bus": "ports0.0", "nr": 2}
    expected += ["-chardev", "socket,id=agent,fd=14", "-device"]
    expected += [{**agent, "chardev": "agent", "name": "org.qemu.guest_agent.0"}]
    expected += ["-device", {"driver": "VGA", "id": "display0"}]
    expected += ["-device", {"driver": "vmgenid", "id": "generation-id0", "guid": "auto"}, *spare_ports(8)]
    assert parsed(machine_hardware) == expected


def test_a_clone_maps_the_checkpoints_memory_and_waits_for_its_state() -> None:
    plain = hardware(machine_sample.BIOS, machine_sample.TCG)
    memory = Memory(Path("/c/memory"), shared=False)
    clone = dataclasses.replace(plain, memory=memory, incoming=True)
    added = [word for word in parsed(clone) if word not in parsed(plain)]
    backend = {"qom-type": "memory-backend-file", "id": "pc.ram", "mem-path": "/c/memory"}
    assert added == [
        "-object",
        {**backend, "size": 16 << 20, "share": False},
        "pc,memory-backend=pc.ram",
        *("-incoming", "defer"),
    ]


@pytest.mark.parametrize("code_format", ["raw", "qcow2"])
def test_the_code_of_the_firmware_has_the_format_of_its_descriptor(
    code_format: Literal["raw", "qcow2"],
) -> None:
    firmware = dataclasses.replace(UEFI, code_format=code_format)
    argv = parsed(hardware(firmware, machine_sample.TCG, machine="q35", firmware="uefi"))
    (code,) = [
        argument
        for argument in argv
        if isinstance(argument, dict) and argument.get("node-name") == "firmware-code"
    ]
    assert code["driver"] == code_format


def test_secure_boot_adds_smm_and_protects_the_flash() -> None:
    plain = command_line(hardware(UEFI, machine_sample.TCG, machine="q35", firmware="uefi"), FD_MAP)
    secure = command_line(hardware(SECURE, machine_sample.TCG, machine="q35", firmware="uefi-secure"), FD_MAP)
    assert [word for word in secure if word not in plain] == [
        "-global",
        "driver=cfi.pflash01,property=secure,value=on",
        "q35,smm=on,pflash0=firmware-code,pflash1=firmware-variables",
    ]
    assert len(secure) == len(plain) + 2


@pytest.mark.parametrize(
    ("accelerator", "cpu", "expected"),
    [
        (machine_sample.TCG, "host", "max"),
        (machine_sample.KVM, "host", "host"),
        (machine_sample.TCG, "EPYC", "EPYC"),
        (machine_sample.KVM, "EPYC", "EPYC"),
    ],
)
def test_cpu_host_becomes_max_without_hardware_assistance(
    accelerator: Accelerator, cpu: str, expected: str
) -> None:
    line = command_line(hardware(machine_sample.BIOS, accelerator, cpu=cpu), FD_MAP)
    assert line[line.index("-cpu") + 1] == expected


def test_the_command_line_is_deterministic_and_ids_are_unique() -> None:
    machine_hardware = hardware(
        SECURE, machine_sample.KVM, machine="q35", firmware="uefi-secure", devices=VIRTIO
    )
    assert command_line(machine_hardware, FD_MAP) == command_line(machine_hardware, FD_MAP)
    ids = [word["id"] for word in parsed(machine_hardware) if isinstance(word, dict) and "id" in word]
    assert len(ids) == len(set(ids))


def test_paths_with_special_characters_are_passed_unchanged() -> None:
    path = Path("/w/a b,c='d\"é.raw")
    machine_hardware = dataclasses.replace(
        hardware(machine_sample.BIOS, machine_sample.TCG), disks=(Disk("root", path, "raw", "IGROOT"),)
    )
    node = next(
        word
        for word in parsed(machine_hardware)
        if isinstance(word, dict) and word.get("node-name") == "root"
    )
    assert node["file"]["filename"] == str(path)
