"""Parsers of Linux's answers about PCI devices, disks and network interfaces."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import errors
from fixtures.systems.base.answers import BlockDevice, NetworkInterface, PciDevice
from fixtures.systems.linux import disks as linux_disks
from fixtures.systems.linux import network, pci
from fixtures.systems.linux.scripts import parse_rows
from suites.selftest.support.paths import SAMPLES


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def test_stock_drivers_of_a_virtio_machine() -> None:
    drivers = {
        device.address: device.effective_driver for device in pci.parse(sample("debian-12-q35/pci.txt"))
    }
    assert drivers == {
        "0000:00:00.0": None,
        "0000:00:01.0": "bochs-drm",
        "0000:00:02.0": "virtio_blk",
        "0000:00:03.0": "virtio_net",
        "0000:00:04.0": "virtio_rng",
        "0000:00:05.0": "virtio_balloon",
        "0000:00:06.0": "virtio_console",
        "0000:00:07.0": "virtio_blk",
        "0000:00:08.0": "virtio_blk",
        "0000:00:1f.0": "lpc_ich",
        "0000:00:1f.2": "ahci",
        "0000:00:1f.3": "i801_smbus",
    }


def test_every_field_of_a_pci_device() -> None:
    devices = {device.address: device for device in pci.parse(sample("debian-12-pc/pci.txt"))}
    assert devices["0000:00:06.0"] == PciDevice(
        address="0000:00:06.0",
        vendor=0x1AF4,
        device=0x1004,
        subsystem_vendor=0x1AF4,
        subsystem_device=0x0008,
        class_code=0x010000,
        enabled=True,
        driver="virtio-pci",
        child_drivers=("virtio_scsi",),
    )
    assert devices["0000:00:03.0"].effective_driver == "e1000"
    assert str(devices["0000:00:00.0"]) == "0000:00:00.0 [8086:1237] class 060000, no driver"


def test_a_virtio_device_without_its_driver_has_no_effective_driver() -> None:
    devices = {device.address: device for device in pci.parse(sample("debian-12-q35-broken/pci.txt"))}
    without_driver, without_transport = devices["0000:00:08.0"], devices["0000:00:04.0"]
    assert (without_driver.driver, without_driver.effective_driver) == ("virtio-pci", None)
    assert (without_transport.driver, without_transport.enabled) == (None, False)


GOOD_PCI = "0000:00:03.0|0x8086|0x100e|0x1af4|0x1100|0x020000|1|a driver|"


def test_a_driver_may_have_a_blank_in_its_name() -> None:
    (device,) = pci.parse(f"{GOOD_PCI}\nend|1\n")
    assert device.effective_driver == "a driver"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (GOOD_PCI.replace("0x8086", ""), "a number in place of ''"),
        (GOOD_PCI.replace("0x8086", "8086"), "a number in place of '8086'"),
        (GOOD_PCI.replace("0x8086", "0x80zz"), "a number in place of '0x80zz'"),
        (GOOD_PCI.replace("|1|", "|-1|"), "a number in place of '-1'"),
        (GOOD_PCI.replace("0000:00:03.0", "eth0"), "an address like"),
        (GOOD_PCI + "vfio=x,", "virtioN=driver"),
        ("0000:00:03.0|0x8086|0x100e", "9 fields, 3 are there"),
        ("sh: 1: Syntaxfehler: \u00bb(\u00ab unerwartet", "9 fields, 1 are there"),
    ],
)
def test_an_invalid_row_is_quoted_in_the_error(row: str, message: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood) as caught:
        pci.parse(f"{GOOD_PCI}\n{row}\nend|2\n")
    assert message in str(caught.value)
    assert repr(row) in str(caught.value)


def test_serial_numbers_of_every_bus() -> None:
    disks = {disk.name: disk for disk in linux_disks.parse(sample("debian-12-pc/disks.txt"))}
    assert {name: (disk.serial, disk.transport, disk.pci_address) for name, disk in disks.items()} == {
        "nvme0n1": ("IG-nvme-01", "nvme", "0000:00:08.0"),
        "sda": ("IG-ide-01", "ata", "0000:00:01.1"),
        "sdb": ("ROOT-IDE", "ata", "0000:00:01.1"),
        "sdc": ("IG-ahci-01", "ata", "0000:00:05.0"),
        "sdd": ("IG-scsi-01", "scsi", "0000:00:06.0"),
        "sde": ("IG-usb-01", "usb", "0000:00:04.0"),
        "sr0": ("QM00007", "ata", "0000:00:05.0"),
        "vda": ("IG-vblk-01", "virtio", "0000:00:07.0"),
        "vdb": ("", "virtio", "0000:00:09.0"),
        "vdc": ("IG-ro-4k", "virtio", "0000:00:0a.0"),
    }


def test_every_field_of_a_disk() -> None:
    disks = {disk.name: disk for disk in linux_disks.parse(sample("debian-12-pc/disks.txt"))}
    assert disks["vdc"] == BlockDevice(
        name="vdc",
        serial="IG-ro-4k",
        size=16 << 20,
        logical_block=4096,
        physical_block=4096,
        read_only=True,
        removable=False,
        transport="virtio",
        pci_address="0000:00:0a.0",
    )
    assert disks["sr0"].removable
    assert disks["sdb"].path == "/dev/sdb"
    assert str(disks["vdb"]) == "vdb (virtio, 16777216 bytes, no serial)"


DISK = "sda|32768|512|512|0|0|/sys/devices/pci0000:00/0000:00:01.1/ata2/host1/target1:0:1/1:0:1:0"


def test_a_serial_number_may_hold_anything() -> None:
    (disk,) = linux_disks.parse(f"cciss!c0d0{DISK[3:]}|sysfs| a|b\\x20\u00fc \nend|1\n")
    assert (disk.serial, disk.path) == ("a|b\\x20\u00fc", "/dev/cciss/c0d0")


def test_a_short_vpd_page_padded_with_zeros() -> None:
    (disk,) = linux_disks.parse(f"{DISK}|vpd|00800004414200000000\nend|1\n")
    assert disk.serial == "AB"


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("|vpd|0080001449472d", "a page of 24 bytes, 7 are there"),
        ("|vpd|0083000449472d31", "a page with code 80"),
        ("|vpd|od: missing", "in hexadecimal"),
        ("|vpd|00", "a page with code 80"),
        ("|guessed|x", "the source of the serial number"),
    ],
)
def test_an_invalid_serial_number_is_quoted_in_the_error(end: str, message: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood) as caught:
        linux_disks.parse(f"{DISK}{end}\nend|1\n")
    assert message in str(caught.value)
    assert repr(DISK + end) in str(caught.value)


def test_network_interfaces() -> None:
    assert network.parse(sample("debian-12-q35/network.txt")) == (
        NetworkInterface(
            name="enp0s3",
            mac="52:54:00:12:34:57",
            state="up",
            mtu=1500,
            driver="virtio_net",
            pci_address="0000:00:03.0",
            ipv4=("10.0.2.15",),
        ),
        NetworkInterface(
            name="lo",
            mac="00:00:00:00:00:00",
            state="unknown",
            mtu=65536,
            driver=None,
            pci_address=None,
            ipv4=("127.0.0.1",),
        ),
    )
    card = network.parse(sample("debian-12-pc/network.txt"))[0]
    assert str(card) == "ens3 (e1000, 52:54:00:12:34:56, up, 10.0.2.15)"


def test_an_interface_without_an_ethernet_address_and_with_two_addresses() -> None:
    answer = "link|ib0|80:00:02:08:fe|down|2044||\naddr|ib0@if3|10.0.0.1/8\naddr|ib0|10.0.0.2/8\nend|3"
    (interface,) = network.parse(answer)
    assert (interface.mac, interface.ipv4) == ("", ("10.0.0.1", "10.0.0.2"))


@pytest.mark.parametrize(
    ("state", "addresses", "connected"),
    [
        ("up", (), True),
        ("unknown", ("10.0.2.15",), True),
        ("unknown", (), False),
        # The DHCP client of BusyBox keeps the address of a card whose cable is unplugged.
        ("down", ("10.0.2.15",), False),
    ],
)
def test_a_card_without_a_link_is_not_connected(
    state: str, addresses: tuple[str, ...], connected: bool
) -> None:
    card = NetworkInterface("eth0", "52:54:00:12:34:56", state, 1500, "e1000", "0000:00:03.0", addresses)
    assert card.is_connected == connected
    assert not replace(card, pci_address=None).is_connected


@pytest.mark.parametrize(
    "row",
    ["addr|eth0|10.0.0.999/8", "addr|eth0|10.0.0.1/99", "link|eth0|x", "link|eth0|||1500||", "ip: not found"],
)
def test_an_invalid_interface_is_quoted_in_the_error(row: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood) as caught:
        network.parse(f"{row}\nend|1")
    assert repr(row) in str(caught.value)


ANSWERS = ["debian-12-pc/pci.txt", "debian-12-pc/disks.txt", "debian-12-q35/network.txt"]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_truncated_at_any_length_raises(name: str) -> None:
    complete = sample(name).rstrip("\n")
    for length in range(len(complete)):
        with pytest.raises(errors.AnswerNotUnderstood):
            parse_rows(complete[:length], "devices")
    assert len(parse_rows(complete, "devices")) == complete.count("\n")


@given(st.text())
def test_any_other_text_is_empty_or_raises(text: str) -> None:
    for parse in (pci.parse, linux_disks.parse, network.parse):
        with contextlib.suppress(errors.AnswerNotUnderstood):
            assert parse(text) == ()


def test_a_disk_that_the_kernel_is_registering_is_not_listed_yet() -> None:
    registering = "vdb|65536|||0|0|/sys/devices/pci0000:00/0000:00:07.0/0000:06:00.0/virtio5|sysfs|IGSOURCE"
    ready = registering.replace("vdb|65536||", "vda|65536|512|512")
    disks = linux_disks.parse(f"{ready}\n{registering}\nend|2\n")
    assert [disk.name for disk in disks] == ["vda"]
