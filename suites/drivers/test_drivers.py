"""Drivers: every device of the machine is seen by the guest, and driven by what its vendor ships."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest


@pytest.mark.read_only
@pytest.mark.check("drivers.every-device-is-driven", level="mandatory")
def test_every_device_is_driven(guest: Guest) -> None:
    """Each device that was asked for is in QEMU, and the guest drives it with what its YAML names."""
    devices = guest.devices.table()
    assert {f"{row.model} {row.name} at {row.address}": row.views for row in devices} == {
        f"{row.model} {row.name} at {row.address}": row.expected_views for row in devices
    }


@pytest.mark.needs("shell", "modules")
@pytest.mark.read_only
@pytest.mark.check("drivers.modules-are-the-vendors", level="mandatory")
def test_modules_are_the_vendors(guest: Guest) -> None:
    """By the guest's word, the modules that drive devices are of its tree, signed, and taint nothing."""
    modules = guest.devices.modules()
    assert modules != ()
    assert [f"{module.name}: {module.problem}" for module in modules if module.problem] == []


@pytest.mark.device("virtio-*")
@pytest.mark.read_only
@pytest.mark.check("drivers.virtio-reaches-driver-ok", level="mandatory")
def test_virtio_reaches_driver_ok(guest: Guest) -> None:
    """As the host sees it, the guest's drivers brought every virtio device up and broke no rule."""
    devices = guest.devices.virtio()
    assert devices != []
    assert [problem for device in devices for problem in device.problems()] == []
