"""Hot-plug: disks and cards come and go while the guest runs, and both sides know."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.plugging import GONE, THERE
from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk

ROUNDS = 50
CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
DISKS = ("virtio-blk-*", "nvme", "virtio-scsi-*", "usb-storage")
LENGTH = 1 << 20


@pytest.mark.boots
@pytest.mark.device(*DISKS)
@pytest.mark.check("drivers.disk-hot-plug", level="mandatory")
def test_a_disk_comes_and_goes(guest: Guest, source_disk: ScratchDisk) -> None:
    """Fifty times a disk goes and comes, by QEMU and by the guest; it reads right, and QEMU leaks nothing."""
    plug = guest.devices.hotplug
    assert plug.take_out(source_disk) == GONE
    before = plug.descriptors()
    for _ in range(ROUNDS):
        assert plug.put_in(source_disk) == THERE
        assert plug.take_out(source_disk) == GONE
    assert plug.descriptors() == before
    assert plug.put_in(source_disk) == THERE
    assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.device(*DISKS)
@pytest.mark.check("drivers.disk-hot-plug-while-paused", level="mandatory")
def test_a_disk_comes_and_goes_while_the_machine_is_paused(guest: Guest, source_disk: ScratchDisk) -> None:
    """What is unplugged and plugged while the machine is paused is gone and there once it goes on."""
    plug = guest.devices.hotplug
    assert plug.take_out_paused(source_disk) == GONE
    assert plug.put_in(source_disk, paused=True) == THERE
    assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.needs("shell", "busy-unplug")
@pytest.mark.device(*DISKS)
@pytest.mark.check("drivers.disk-hot-unplug-under-load", level="mandatory")
def test_a_disk_goes_while_it_is_read(guest: Guest, source_disk: ScratchDisk) -> None:
    """A disk that the guest reads from goes all the same; the reading ends, and the disk comes back whole."""
    plug = guest.devices.hotplug
    assert plug.start_reading(source_disk) > 0
    assert plug.take_out(source_disk) == GONE
    assert plug.reading_ended() != ""
    assert plug.put_in(source_disk) == THERE
    assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.boots
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-plug", level="mandatory")
def test_a_card_comes_carries_and_goes(guest: Guest) -> None:
    """A card that is plugged in carries a payload over its own wire, again and again; QEMU leaks nothing."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1) == THERE
    assert plug.unplug_card(1) == GONE
    before = plug.descriptors()
    for _ in range(3):
        assert plug.plug_card(1) == THERE
        assert plug.receive(1, seed=61, length=LENGTH) == plug.sent(seed=61, length=LENGTH)
        assert plug.carried(1) >= LENGTH
        assert plug.unplug_card(1) == GONE
    assert plug.descriptors() == before


@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-plug-while-paused", level="mandatory")
def test_a_card_comes_and_goes_while_the_machine_is_paused(guest: Guest) -> None:
    """A card that is plugged in while the machine is paused carries once it goes on; so it leaves."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1, paused=True) == THERE
    assert plug.receive(1, seed=62, length=LENGTH) == plug.sent(seed=62, length=LENGTH)
    assert plug.carried(1) >= LENGTH
    assert plug.unplug_card(1, paused=True) == GONE


@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-unplug-under-load", level="mandatory")
def test_a_card_goes_while_it_sends(guest: Guest) -> None:
    """A card through which the guest sends without end goes all the same, and carries when it is back."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1) == THERE
    assert plug.start_sending(1) > 0
    assert plug.unplug_card(1) == GONE
    plug.stop_sending()
    assert plug.plug_card(1) == THERE
    assert plug.receive(1, seed=63, length=LENGTH) == plug.sent(seed=63, length=LENGTH)
    assert plug.carried(1) >= LENGTH


@pytest.mark.boots
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.card-hot-plug-many-times", level="informational")
def test_a_card_comes_and_goes_many_times(guest: Guest) -> None:
    """Fifty times a card comes, gets an address and goes, by QEMU and by the guest; QEMU leaks nothing."""
    plug = guest.devices.hotplug
    assert plug.plug_card(1) == THERE
    assert plug.unplug_card(1) == GONE
    before = plug.descriptors()
    for _ in range(ROUNDS):
        assert plug.plug_card(1) == THERE
        assert plug.unplug_card(1) == GONE
    assert plug.descriptors() == before
