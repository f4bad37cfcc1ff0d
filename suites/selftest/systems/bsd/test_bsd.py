"""Parsers of FreeBSD's answers, in the formats of its manual pages, and the class FreeBsd."""

from __future__ import annotations

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import AnswerNotUnderstood, GuestFault
from fixtures.systems.bsd import parsers
from fixtures.systems.bsd.system import FreeBsd

PCICONF = """\
hostb0@pci0:0:0:0:\tclass=0x060000 rev=0x02 hdr=0x00 vendor=0x8086 device=0x1237 subvendor=0x1af4 subdevice=0x1100
none0@pci0:0:1:3:\tclass=0x068000 rev=0x03 hdr=0x00 vendor=0x8086 device=0x7113 subvendor=0x1af4 subdevice=0x1100
em0@pci0:0:3:0:\tclass=0x020000 rev=0x03 hdr=0x00 vendor=0x8086 device=0x100e subvendor=0x1af4 subdevice=0x1100
virtio_pci1@pci0:0:4:0:\tclass=0x010000 rev=0x00 hdr=0x00 vendor=0x1af4 device=0x1001 subvendor=0x1af4 subdevice=0x0002
"""
OLD = "em0@pci0:0:3:0:\tclass=0x020000 card=0x11001af4 chip=0x100e8086 rev=0x03 hdr=0x00\n"
DMESG = """\
Copyright (c) 1992-2023 The FreeBSD Project.
virtio_pci0: <VirtIO PCI (legacy) Network adapter> port 0xc060-0xc07f irq 11 at device 2.0 on pci0
vtnet0: <VirtIO Networking Adapter> on virtio_pci0
virtio_pci1: <VirtIO PCI (legacy) Block adapter> port 0xc000-0xc03f irq 11 at device 4.0 on pci0
vtblk0: <VirtIO Block Adapter> on virtio_pci1
vtblk0: 2048MB (4194304 512 byte sectors)
ada0: <QEMU HARDDISK 2.5+> ATA-7 device
ahcich0: Timeout on slot 5 port 0
"""
GEOM = """\
Geom name: vtbd0
Providers:
1. Name: vtbd0
   Mediasize: 2147483648 (2.0G)
   Sectorsize: 512
   Stripesize: 4096
   Stripeoffset: 0
   Mode: r2w2e3
   descr: (null)
   ident: IGROOT
   rotationrate: unknown

Geom name: cd0
Providers:
1. Name: cd0
   Mediasize: 0 (0B)
   Sectorsize: 2048
   descr: QEMU QEMU DVD-ROM
   ident: (null)
"""
IFCONFIG = """\
vtnet0: flags=1008843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST,LOWER_UP> metric 0 mtu 1500
\toptions=4c07bb<RXCSUM,TXCSUM,VLAN_MTU>
\tether 52:54:00:12:34:56
\tinet 10.0.2.15 netmask 0xffffff00 broadcast 10.0.2.255
\tmedia: Ethernet autoselect (10Gbase-T <full-duplex>)
\tstatus: active
lo0: flags=1008049<UP,LOOPBACK,RUNNING,MULTICAST,LOWER_UP> metric 0 mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
em1: flags=1008802<BROADCAST,SIMPLEX,MULTICAST> metric 0 mtu 1500
\tether 52:54:00:12:34:57
\tstatus: no carrier
"""


def test_pci_functions_and_their_drivers() -> None:
    devices = parsers.parse_pci_devices(PCICONF, DMESG)
    assert [(device.address, device.effective_driver, device.enabled) for device in devices] == [
        ("0000:00:00.0", "hostb", True),
        ("0000:00:01.3", None, False),
        ("0000:00:03.0", "em", True),
        ("0000:00:04.0", "vtblk", True),
    ]
    assert (devices[3].vendor, devices[3].device, devices[3].subsystem_device) == (0x1AF4, 0x1001, 2)


def test_a_virtio_device_without_its_driver_has_no_effective_driver() -> None:
    assert parsers.parse_pci_devices(PCICONF, "")[3].effective_driver is None


def test_the_format_of_older_releases() -> None:
    (card,) = parsers.parse_pci_devices(OLD, "")
    assert (card.vendor, card.device) == (0x8086, 0x100E)
    assert (card.subsystem_vendor, card.subsystem_device) == (0x1AF4, 0x1100)


@pytest.mark.parametrize(
    "line", ["pciconf: /dev/pci: Permission denied", "em0@pci0:0:3:0:", "em0@pci0:0:3:0:\trev=0x1"]
)
def test_a_line_that_is_not_a_function_raises(line: str) -> None:
    with pytest.raises(AnswerNotUnderstood, match="a line of pciconf"):
        parsers.parse_pci_devices(line, "")


def test_disks_and_their_serial_numbers() -> None:
    cd, disk = parsers.parse_block_devices(GEOM)
    assert (disk.path, disk.serial, disk.size, disk.physical_block) == ("/dev/vtbd0", "IGROOT", 2 << 30, 4096)
    assert (disk.transport, cd.serial, cd.read_only) == ("virtio", "", True)
    with pytest.raises(AnswerNotUnderstood, match="Mediasize"):
        parsers.parse_block_devices("Geom name: ada0\nProviders:\n")


def test_interfaces_are_named_after_their_drivers() -> None:
    em, lo, vtnet = parsers.parse_network_interfaces(IFCONFIG)
    assert (vtnet.driver, vtnet.state, vtnet.ipv4, vtnet.mtu) == ("vtnet", "up", ("10.0.2.15",), 1500)
    assert (em.driver, em.state, em.ipv4, lo.mac, lo.driver) == ("em", "down", (), "", None)
    with pytest.raises(AnswerNotUnderstood, match="an interface of ifconfig"):
        parsers.parse_network_interfaces("ifconfig: not found\n")


def test_the_boot_time() -> None:
    assert (
        parsers.parse_boot_time("{ sec = 1718000000, usec = 1234 } Mon Jun 10 06:13:20 2024\n")
        == "1718000000.001234"
    )
    with pytest.raises(AnswerNotUnderstood):
        parsers.parse_boot_time("sysctl: unknown oid 'kern.boottime'")


def test_kernel_messages_with_a_word_for_an_error() -> None:
    assert [str(record) for record in parsers.parse_kernel_errors(DMESG)] == [
        "kernel (err): ahcich0: Timeout on slot 5 port 0"
    ]


class AnsweringShell:
    """A shell that gives prepared answers, and records its commands."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers
        self.commands: list[str] = []

    def run(self, command: str, within: float | None = None) -> CommandResult:
        self.commands.append(command)
        known = next((text for word, text in self._answers.items() if word in command), "")
        return CommandResult(command, 0, known.encode(), 0.0)


def test_every_verb_sends_its_command_and_parses_the_answer() -> None:
    digest = "a" * 64
    kernel = f"14.1-RELEASE\nFreeBSD 14.1-RELEASE GENERIC\n/boot/kernel/kernel\n{digest}\n"
    bsd = FreeBsd(
        AnsweringShell(
            pciconf=PCICONF, dmesg=DMESG, geom=GEOM, ifconfig=IFCONFIG, bootmethod="UEFI\n", uname=kernel,
            sha256sum=f"{digest}  -\n",
        )
    )  # fmt: skip
    assert bsd.driver_of("0000:00:03.0") == "em"
    assert bsd.disk_by_serial("IGROOT").name == "vtbd0"
    assert [card.name for card in bsd.network_cards()] == ["em1", "vtnet0"]
    assert not bsd.is_online()
    assert bsd.firmware().kind == "uefi"
    assert bsd.kernel().file_digest == f"sha256:{digest}"
    assert bsd.kernel().image_is_running
    assert bsd.file_digest("/x") == bsd.digest("/dev/vtbd0", 1024) == f"sha256:{digest}"
    with pytest.raises(GuestFault, match="no disk with serial 'NO'"):
        bsd.disk_by_serial("NO")


def test_copies_are_whole_sectors() -> None:
    shell = AnsweringShell()
    FreeBsd(shell).copy("/dev/vtbd1", "/dev/vtbd2", 4096, source_offset=512, target_offset=1024)
    assert "skip=1 seek=2 count=8" in shell.commands[0]
