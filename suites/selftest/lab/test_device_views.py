"""The device table from three views (command line, QEMU, guest), and the driver compatibility made from it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from fixtures.evidence.guest_view import GuestView
from fixtures.evidence.result import CellFacts, from_json, to_json
from fixtures.lab.observation.device_views import device_table, other_table
from fixtures.machine.inventory import NonPciDevice, PciFunction, requested_models, usb_ports
from fixtures.report.model.driver_compatibility import compatibility, drivers_data, proposal
from fixtures.systems.base.answers import PciDevice
from fixtures.systems.base.device_answers import OtherDevice
from fixtures.systems.linux.drivers import NON_PCI_MODELS
from suites.selftest.support import report_sample

NIC = PciFunction("0000:01:00.0", 0x8086, 0x10D3, "e1000e", "nic0")
SEEN = PciDevice("0000:01:00.0", 0x8086, 0x10D3, 0, 0, 0x020000, True, "e1000e")


def views(*arguments: object) -> list[tuple[str, str]]:
    return [(row.views, row.expected_views) for row in device_table(*arguments)]  # type: ignore[arg-type]


def test_all_views_agree() -> None:
    ((actual, expected),) = views({"nic0": "e1000e"}, [NIC], [SEEN], {"e1000e": "e1000e"})
    assert actual == expected == "asked for: e1000e; QEMU has: e1000e; guest drives it with: e1000e"


@pytest.mark.parametrize(
    ("requested", "hypervisor", "guest", "drivers", "expected_text"),
    [
        ({}, [NIC], [SEEN], {"e1000e": "e1000e"}, "asked for: not there; QEMU has: e1000e"),
        ({"nic0": "e1000e"}, [NIC], [], {"e1000e": "e1000e"}, "with: not seen by the guest"),
        ({}, [], [SEEN], {}, "asked for: not there; QEMU has: not there; guest drives it with: 0000:01:00.0"),
        (
            {"nic0": "e1000e"},
            [NIC],
            [dataclasses.replace(SEEN, driver=None)],
            {"e1000e": "e1000e"},
            "with: none",
        ),
        (
            {"nic0": "e1000e"},
            [NIC],
            [dataclasses.replace(SEEN, device=1)],
            {"e1000e": "e1000e"},
            "[8086:0001]",
        ),
        ({"nic0": "e1000e"}, [NIC], [SEEN], {}, "with: e1000e"),
    ],
)
def test_one_view_differs(
    requested: object, hypervisor: object, guest: object, drivers: object, expected_text: str
) -> None:
    ((actual, expected),) = views(requested, hypervisor, guest, drivers)
    assert expected_text in actual
    assert actual != expected


def others(
    requested: dict[str, str], devices: list[NonPciDevice], guest: list[OtherDevice], drivers: dict[str, str]
) -> list[tuple[str, bool]]:
    rows = other_table(requested, devices, guest, drivers, NON_PCI_MODELS, [NIC])
    return [(row.views, row.views == row.expected_views) for row in rows]


def test_devices_on_other_buses() -> None:
    requested = {"nic0": "e1000e", "input0": "usb-kbd", "tpm0": "tpm-crb", "watchdog0": "ib700"}
    devices = [NonPciDevice("input0", "usb-kbd", "1"), NonPciDevice("tpm0", "tpm-crb", "")]
    devices.append(NonPciDevice("watchdog0", "ib700", ""))
    guest = [
        OtherDevice("usb", "1-2", "0627:0001", "usbhid", "another"),
        OtherDevice("usb", "1-1", "0627:0001", "usbhid", "QEMU USB Keyboard"),
        OtherDevice("acpi", "MSFT0101:00", "", "tpm_crb", "TPM 2.0 Device"),
    ]
    drivers = {"usb-kbd": "usbhid", "tpm-crb": "tpm_crb", "ib700": "none"}
    assert [is_expected for _, is_expected in others(requested, devices, guest, drivers)] == [
        True,
        True,
        True,
    ]
    actual = others(requested, devices[1:], guest[2:], drivers)
    assert actual[0] == (
        "asked for: usb-kbd; QEMU has: not there; guest drives it with: not seen by the guest",
        False,
    )
    (gone, extra) = others({}, devices[:2], guest[:2], drivers)
    assert {gone[1], extra[1]} == {False}


@pytest.mark.parametrize("bus", ["acpi", "platform"])
def test_a_driver_may_be_bound_on_either_of_two_buses(bus: str) -> None:
    """vmgenid: a driver of ACPI in Linux 6.1, a platform driver in Linux 6.12."""
    devices = [NonPciDevice("id0", "vmgenid", "")]
    seen = [OtherDevice(bus, "QEMUVGID:00", "", "vmgenid", "")]
    assert others({"id0": "vmgenid"}, devices, seen, {"vmgenid": "vmgenid"}) == [
        ("asked for: vmgenid; QEMU has: vmgenid; guest drives it with: vmgenid", True)
    ]
    ((_, is_expected),) = others({"id0": "vmgenid"}, devices, [], {"vmgenid": "vmgenid"})
    assert not is_expected


def test_each_disk_matches_one_device() -> None:
    requested = {"disk-root": "scsi-hd", "disk-source": "scsi-hd"}
    devices = [NonPciDevice(name, "scsi-hd", "") for name in requested]
    guest = [OtherDevice("scsi", "0:0:0:0", "", "sd", "QEMU HARDDISK")]
    assert [is_expected for _, is_expected in others(requested, devices, guest, {"scsi-hd": "sd"})] == [
        True,
        False,
    ]


def test_the_driver_of_an_undescribed_disk_is_found() -> None:
    devices = [NonPciDevice("disk-root", "scsi-hd", "")]
    seen = [OtherDevice("scsi", "0:0:0:0", "", "sd", "QEMU HARDDISK")]
    assert others({"disk-root": "scsi-hd"}, devices, seen, {}) == [
        ("asked for: scsi-hd; QEMU has: scsi-hd; guest drives it with: sd", False)
    ]
    seen.append(OtherDevice("scsi", "0:0:1:0", "", "sr", "QEMU CD-ROM"))
    ((text, _),) = others({"disk-root": "scsi-hd"}, devices, seen, {})
    assert "not seen by the guest" in text


def test_requested_models_of_a_command_line() -> None:
    argv = ["qemu", "-device", json.dumps({"driver": "e1000e", "id": "nic0"}), "-device"]
    argv.append(json.dumps({"driver": "virtserialport", "id": "serial-port0"}))
    assert requested_models(argv, ["itco"]) == {"nic0": "e1000e", "itco": "itco"}


def test_ports_of_usb_devices() -> None:
    listing = "  Device 0.1, Port 1, Speed 480 Mb/s, Product QEMU USB Keyboard, ID: input0\n"
    listing += "  Device 0.2, Port 2.1, Speed 480 Mb/s, Product QEMU USB Tablet, ID: input1\n"
    assert usb_ports(listing) == {"input0": "1", "input1": "2.1"}


def device(
    model: str, driver: str | None, expected: str | None, guest_view: GuestView = GuestView.SEEN
) -> dict[str, str | None]:
    facts = {"device": model, "address": "0000:01:00.0", "id": "", "driver": driver, "expected": expected}
    return {**facts, "guest_view": guest_view}


def test_compatibility_of_models() -> None:
    report = report_sample.good_report()
    cells = [facts.cell for facts in report.cells]
    rows = [device("virtio-blk-pci", "virtio_blk", "virtio_blk"), device("mch", None, None)]
    rows += [device("AC97", "snd_intel8x0", "snd_intel8x0"), device("e1000", "e1001", "e1000")]
    facts = CellFacts(cells[0], "", "", devices=tuple(rows))  # type: ignore[arg-type]
    actual = {row.model: row for row in compatibility(dataclasses.replace(report, cells=(facts,)))}
    assert actual["mch"].state == "not driven by design"
    assert actual["AC97"].state == "driven"
    assert (actual["e1000"].state, actual["e1000"].driver, actual["e1000"].expected) == (
        "fails",
        "e1001",
        "e1000",
    )
    assert actual["virtio-blk-pci"].state in {"works", "driven"}
    text = proposal(dataclasses.replace(report, cells=(facts,)))
    assert "  e1000: e1001  # was e1000\n" in text
    assert "  mch: none\n" in text


@pytest.mark.parametrize(
    ("guest_view", "seen_as", "expected", "state", "text"),
    [
        (GuestView.NOT_SEEN, "", None, "fails", "not seen by the guest"),
        (GuestView.OTHER_DEVICE, "[8086:0001]", "nvme", "fails", "seen as another device [8086:0001]"),
        (GuestView.ONLY_IN_GUEST, "0000:01:00.0 nvme", None, "fails", "0000:01:00.0 nvme"),
        (GuestView.UNREPORTED, "", None, "not driven by design", "none"),
    ],
)
def test_the_compatibility_of_a_device_that_the_guest_does_not_see(
    guest_view: GuestView, seen_as: str, expected: str | None, state: str, text: str
) -> None:
    report = report_sample.good_report()
    cell = report.cells[0].cell
    row = {**device("nvme", None, expected, guest_view), "seen_as": seen_as}
    facts = CellFacts(cell, "", "", devices=(row,))  # type: ignore[arg-type]
    (compatible,) = compatibility(dataclasses.replace(report, cells=(facts,)))
    assert (compatible.state, compatible.driver_text) == (state, text)
    assert from_json(CellFacts, json.loads(json.dumps(to_json(facts)))) == facts


def test_a_proposal_lists_differing_drivers_and_unseen_devices() -> None:
    report = report_sample.good_report()
    cells = [facts.cell for facts in report.cells][:2]
    rows = [device("igb", "igb", "igb"), device("nvme", None, "nvme", GuestView.NOT_SEEN)]
    other = [device("igb", None, "igb"), device("nvme", None, "nvme", GuestView.NOT_SEEN)]
    facts = (
        CellFacts(cells[0], "", "", devices=tuple(rows)),  # type: ignore[arg-type]
        CellFacts(cells[1], "", "", devices=tuple(other)),  # type: ignore[arg-type]
    )
    text = proposal(dataclasses.replace(report, cells=facts))
    here, there = sorted(cell.partition("@")[2] for cell in cells)
    first, second = (each.partition("@")[2] for each in cells)
    assert f"  igb: igb  # differs: igb on {first}; none on {second}\n" in text
    assert f"  # nvme: not seen by the guest on {here}, {there}\n" in text


def test_the_compatibility_table_is_json() -> None:
    data = drivers_data(report_sample.good_report())
    assert json.loads(json.dumps(data)) == data
