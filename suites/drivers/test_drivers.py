"""Drivers: the guest sees every device of the machine, and drives it with what its vendor ships."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.read_only


@pytest.mark.check("drivers.every-device-is-driven", level="mandatory")
def test_every_device_is_driven(guest: Guest) -> None:
    """Every requested device is in QEMU, and the guest binds the driver that its YAML names."""
    devices = guest.devices.table()
    assert {f"{row.model} {row.name} at {row.address}": row.views for row in devices} == {
        f"{row.model} {row.name} at {row.address}": row.expected_views for row in devices
    }


@pytest.mark.needs("shell", "modules")
@pytest.mark.check("drivers.modules-are-the-vendors", level="mandatory")
def test_modules_are_the_vendors(guest: Guest) -> None:
    """The guest reports that the modules of its drivers are in-tree, signed, and do not taint the kernel."""
    modules = guest.devices.modules()
    assert modules != (), "the guest reports no module of a bound driver"
    assert [f"{module.name}: {module.problem}" for module in modules if module.problem] == []


@pytest.mark.device("virtio-*")
@pytest.mark.check("drivers.virtio-reaches-driver-ok", level="mandatory")
def test_virtio_reaches_driver_ok(guest: Guest) -> None:
    """The host sees that the guest's drivers initialised every virtio device by the rules (DRIVER_OK)."""
    devices = guest.devices.virtio()
    assert devices != [], "QEMU reports no virtio device that the guest has a driver for"
    assert [problem for device in devices for problem in device.problems()] == []
