"""USB storage: a stick that comes, works and goes."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.plugging import GONE, THERE
from fixtures.guest.guest import Guest
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import ScratchDisk

pytestmark = pytest.mark.needs("shell", "disk-tools")


@pytest.mark.device("*xhci", "*-uhci", "*-ehci*")
@pytest.mark.check("drivers.usb-stick-comes-works-and-goes", level="mandatory")
def test_a_usb_stick_comes_works_and_goes(guest: Guest, usb_stick: ScratchDisk) -> None:
    """A USB stick is driven, reads and writes by both sides, and is whole when it was out and in again."""
    stick = guest.devices.row_of_disk(usb_stick)
    assert (stick.hypervisor, stick.driver) == (stick.model, stick.expected)
    assert guest.storage.block_device(usb_stick).transport == "usb"
    assert guest.storage.checksum(usb_stick) == usb_stick.checksum()
    guest.storage.copy_all(usb_stick, usb_stick, [Copy(2048, 8192, to=32768), Copy(64, 7, to=60001)])
    comparison = guest.storage.compare_on_host(usb_stick)
    assert comparison.bad_sectors == 0, comparison.description
    assert guest.devices.hotplug.take_out(usb_stick) == GONE
    assert guest.devices.hotplug.put_in(usb_stick) == THERE
    assert guest.storage.checksum(usb_stick) == usb_stick.checksum()
