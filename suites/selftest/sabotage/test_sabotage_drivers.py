"""Sabotage of suites/drivers/test_drivers.py: missing, unexpected and undriven devices, tainting modules."""

from __future__ import annotations

import pytest

from fixtures.catalog.specs import Cell
from fixtures.guest.guest import Guest
from suites.drivers import test_drivers
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_card_without_its_driver_is_found(victim: Guest) -> None:
    row = next(row for row in victim.devices.table() if row.model == victim.cell.platform.model("nic"))
    bus = f"/sys/bus/pci/devices/{row.address}"
    victim.run_check(f"echo {row.address} >{bus}/driver/unbind")
    with pytest.raises(AssertionError, match="none"):
        test_drivers.test_every_device_is_driven(victim)
    victim.run_check(f"echo 1 >{bus}/remove")
    with pytest.raises(AssertionError, match="not seen by the guest"):
        test_drivers.test_every_device_is_driven(victim)
    victim.run_check("echo 1 >/sys/bus/pci/rescan")
    test_drivers.test_every_device_is_driven(victim)


def test_virtio_device_without_its_driver_is_found(victim: Guest, cell: Cell) -> None:
    if "balloon" not in cell.platform.devices:
        pytest.skip("device_absent_by_design: this platform has no virtio device")
    driver = "/sys/bus/virtio/drivers/virtio_balloon"
    name = victim.run_check(f"cd {driver} && ls -d virtio*").strip()
    victim.run_check(f"echo {name} >{driver}/unbind")
    with pytest.raises(AssertionError, match="balloon0: its driver did not come up"):
        test_drivers.test_virtio_reaches_driver_ok(victim)
    victim.run_check(f"echo {name} >{driver}/bind")
    test_drivers.test_virtio_reaches_driver_ok(victim)


def test_missing_device_names_all_three_views(broken: SabotagedGuest) -> None:
    machine = broken.instance.machine
    mark = machine.journal.mark()
    machine.execute("device_del", {"id": "input0"})
    broken.instance.poll_until(lambda: machine.journal.since(mark, ["DEVICE_DELETED"]), bool, 10.0)
    views = "asked for: usb-kbd; QEMU has: not there; guest drives it with: not seen by the guest"
    with pytest.raises(AssertionError, match=views):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_unexpected_device_names_all_three_views(broken: SabotagedGuest) -> None:
    broken.instance.machine.execute("device_add", {"driver": "usb-mouse", "id": "mouse9", "bus": "usb0.0"})
    wait_for_driver = "until ls -d /sys/bus/usb/devices/1-3:1.0/driver; do :; done"
    broken.guest.run_check(wait_for_driver)
    views = "asked for: not there; QEMU has: usb-mouse; guest drives it with: usbhid"
    with pytest.raises(AssertionError, match=views):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_usb_device_without_its_driver_is_found(broken: SabotagedGuest) -> None:
    test_drivers.test_every_device_is_driven(broken.guest)
    broken.guest.run_check("echo 1-2:1.0 >/sys/bus/usb/drivers/usbhid/unbind")
    views = "asked for: usb-tablet; QEMU has: usb-tablet; guest drives it with: none"
    with pytest.raises(AssertionError, match=views):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_driver_other_than_the_expected_one_is_found(broken: SabotagedGuest) -> None:
    """The watchdog is unbound from its driver, and bound to another one."""
    broken.guest.run_check(
        "modprobe pci-stub && d=$(grep -lx 0x25ab /sys/bus/pci/devices/*/device) && cd ${d%/*} && a=${PWD##*/}"
        " && echo pci-stub >driver_override && echo $a >driver/unbind && echo $a >/sys/bus/pci/drivers_probe"
    )
    views = "QEMU has: i6300esb; guest drives it with: "
    with pytest.raises(AssertionError, match=f"{views}pci-stub.* != .*{views}i6300ESB timer"):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_tainting_module_is_found(broken: SabotagedGuest) -> None:
    test_drivers.test_modules_are_the_vendors(broken.guest)
    broken.guest.run_check("echo OE >/run/taint && mount --bind /run/taint /sys/module/virtio_net/taint")
    with pytest.raises(AssertionError, match=r"virtio_net: taints the kernel \(OE\)"):
        test_drivers.test_modules_are_the_vendors(broken.guest)
