"""Drivers: every device of the machine is seen by the guest, and driven by what its vendor ships."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest


@pytest.mark.looks
@pytest.mark.check("drivers.every-device-is-driven", level="mandatory")
def test_every_device_is_driven(guest: Guest) -> None:
    """Each PCI function that QEMU has is seen by the guest and has the driver that the guest's YAML names."""
    devices = guest.devices.table()
    assert {f"{row.model} at {row.address}": row.driver for row in devices} == {
        f"{row.model} at {row.address}": row.expected for row in devices
    }


@pytest.mark.device("virtio-*")
@pytest.mark.looks
@pytest.mark.check("drivers.virtio-reaches-driver-ok", level="mandatory")
def test_virtio_reaches_driver_ok(guest: Guest) -> None:
    """As the host sees it, the guest's drivers brought every virtio device up and broke no rule."""
    devices = guest.devices.virtio()
    assert devices != []
    assert [problem for device in devices for problem in device.problems()] == []
