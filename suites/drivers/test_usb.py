"""USB storage: a stick is plugged in, read, written and unplugged."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.hotplug import ABSENT, PRESENT
from fixtures.guest.device_kinds.usb_controllers import CONTROLLERS
from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import ScratchDisk

pytestmark = pytest.mark.needs("shell", "disk-tools")


@pytest.mark.device("*xhci", "*-uhci", "*-ehci*")
# The guest may still read the stick when it is unplugged.
@pytest.mark.expects_complaints("i/o error")
@pytest.mark.check("drivers.usb-stick-comes-works-and-goes", level="mandatory")
def test_usb_stick(guest: Guest, usb_stick: ScratchDisk) -> None:
    """The guest drives a USB stick, reads and writes it correctly, and finds it intact after a re-plug."""
    device = guest.devices.row_of_disk(usb_stick)
    assert (device.hypervisor, device.driver_text) == (device.model, device.expected)
    assert guest.storage.block_device(usb_stick).transport == "usb"
    assert guest.storage.checksum(usb_stick) == usb_stick.checksum()
    guest.storage.copy_all(usb_stick, usb_stick, [Copy(2048, 8192, to=32768), Copy(64, 7, to=60001)])
    comparison = guest.storage.compare_on_host(usb_stick)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.devices.hotplug.unplug_disk(usb_stick) == ABSENT
    assert guest.devices.hotplug.plug_disk(usb_stick) == PRESENT
    assert guest.storage.checksum(usb_stick) == usb_stick.checksum()


@pytest.mark.parametrize("model", CONTROLLERS)
@pytest.mark.needs("usb-controllers")
@pytest.mark.check("drivers.usb-stick-on-each-controller", level="recommended")
def test_usb_stick_on_each_controller(guest: Guest, model: str) -> None:
    """A USB controller of each generation is plugged in, and a stick on it is read and written correctly."""
    stick = guest.devices.usb_controllers.plug_with_stick(model)
    assert guest.storage.block_device(stick).transport == "usb"
    assert guest.storage.checksum(stick) == stick.checksum()
    guest.storage.copy_all(stick, stick, [Copy(0, 512, to=2048), Copy(5, 7, to=3001)])
    comparison = guest.storage.compare_on_host(stick)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.storage.checksum(stick) == stick.checksum()
