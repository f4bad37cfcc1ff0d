"""Hot-plug: disks and network cards appear and disappear on both sides while the guest runs."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.hotplug import ABSENT, PRESENT
from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk

ROUNDS = 50
CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
DISKS = ("virtio-blk-*", "nvme", "virtio-scsi-*", "usb-storage")
# The guest looks for partitions on a disk that was just plugged in, and may read it when it is unplugged.
expects_read_errors = pytest.mark.expects_complaints("i/o error")
# Bytes of a payload.
LENGTH = 1 << 20


@pytest.mark.boots
@pytest.mark.device(*DISKS)
@expects_read_errors
@pytest.mark.check("drivers.disk-hot-plug", level="mandatory")
def test_disk_hot_plug(guest: Guest, source_disk: ScratchDisk) -> None:
    """A disk is plugged and unplugged fifty times, keeps its data, and leaves no descriptor open in QEMU."""
    plug = guest.devices.hotplug
    assert plug.unplug_disk(source_disk) == ABSENT
    descriptors = plug.open_descriptors()
    for _ in range(ROUNDS):
        assert plug.plug_disk(source_disk) == PRESENT
        assert plug.unplug_disk(source_disk) == ABSENT
    assert plug.open_descriptors() == descriptors, "file descriptors that QEMU has open"
    assert plug.plug_disk(source_disk) == PRESENT
    assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.device(*DISKS)
@expects_read_errors
@pytest.mark.check("drivers.disk-hot-plug-while-paused", level="mandatory")
def test_disk_hot_plug_while_paused(guest: Guest, source_disk: ScratchDisk) -> None:
    """A disk is unplugged and plugged while the machine is paused, and is intact once the machine resumes."""
    plug = guest.devices.hotplug
    assert plug.unplug_disk(source_disk, paused=True) == ABSENT
    assert plug.plug_disk(source_disk, paused=True) == PRESENT
    assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.needs("shell", "busy-unplug")
@pytest.mark.device(*DISKS)
@expects_read_errors
@pytest.mark.check("drivers.disk-hot-unplug-under-load", level="mandatory")
def test_disk_hot_unplug_under_load(guest: Guest, source_disk: ScratchDisk) -> None:
    """A disk can be unplugged while the guest reads it; the read fails, and the disk comes back intact."""
    plug = guest.devices.hotplug
    reads = plug.start_reading(source_disk)
    assert reads > 0, "the guest's load made no read of the disk"
    assert plug.unplug_disk(source_disk) == ABSENT
    assert plug.wait_for_read_error() != "", "the guest's reading ended without an error message"
    assert plug.plug_disk(source_disk) == PRESENT
    assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.boots
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-plug", level="mandatory")
def test_card_hot_plug(guest: Guest) -> None:
    """A hot-plugged card carries a payload over its own wire, three times over; QEMU leaks no descriptor."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1) == PRESENT
    assert plug.unplug_card(1) == ABSENT
    descriptors = plug.open_descriptors()
    for _ in range(3):
        assert plug.plug_card(1) == PRESENT
        assert plug.receive(1, seed=61, length=LENGTH) == plug.payload_digest(seed=61, length=LENGTH)
        assert plug.payload_on_wire(1) >= LENGTH, "bytes of payload on the card's own wire"
        assert plug.unplug_card(1) == ABSENT
    assert plug.open_descriptors() == descriptors, "file descriptors that QEMU has open"


@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-plug-while-paused", level="mandatory")
def test_card_hot_plug_while_paused(guest: Guest) -> None:
    """A card that is plugged in while the machine is paused carries a payload once it resumes, and leaves."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1, paused=True) == PRESENT
    assert plug.receive(1, seed=62, length=LENGTH) == plug.payload_digest(seed=62, length=LENGTH)
    assert plug.payload_on_wire(1) >= LENGTH, "bytes of payload on the card's own wire"
    assert plug.unplug_card(1, paused=True) == ABSENT


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "traffic")
@pytest.mark.check("drivers.card-hot-unplug-under-load", level="mandatory")
def test_card_hot_unplug_under_load(guest: Guest) -> None:
    """A card can be unplugged while the guest sends through it, and carries a payload after it is back."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1) == PRESENT
    datagrams = plug.start_sending(1)
    assert datagrams > 0, "the guest's load sent no datagram over the card's wire"
    assert plug.unplug_card(1) == ABSENT
    plug.stop_sending()
    assert plug.plug_card(1) == PRESENT
    assert plug.receive(1, seed=63, length=LENGTH) == plug.payload_digest(seed=63, length=LENGTH)
    assert plug.payload_on_wire(1) >= LENGTH, "bytes of payload on the card's own wire"


@pytest.mark.boots
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-plug-many-times", level="informational")
def test_card_hot_plug_many_times(guest: Guest) -> None:
    """A card is plugged, gets an address and is unplugged fifty times; QEMU leaks no descriptor."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1) == PRESENT
    assert plug.unplug_card(1) == ABSENT
    descriptors = plug.open_descriptors()
    for _ in range(ROUNDS):
        assert plug.plug_card(1) == PRESENT
        assert plug.unplug_card(1) == ABSENT
    assert plug.open_descriptors() == descriptors, "file descriptors that QEMU has open"
