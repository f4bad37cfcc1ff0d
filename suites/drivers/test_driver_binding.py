"""Driver binding: drivers are unbound and bound, modules are unloaded and loaded, idle and under load."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk

CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
# Bytes of a payload.
LENGTH = 1 << 20


@pytest.mark.needs("shell", "rebind")
@pytest.mark.check("drivers.unbind-and-bind", level="mandatory")
def test_unbind_and_bind(guest: Guest) -> None:
    """The guest unbinds and binds the driver of each device that it can spare; the network still works."""
    binding, spare_cards = guest.devices.driver_binding, guest.devices.plug_spare_cards()
    for device in guest.devices.rebindable():
        bound = binding.state(device)
        driver = binding.unbind(device)
        assert (device.model, binding.state(device)) == (device.model, bound.unbound)
        binding.bind(device, driver)
        assert (device.model, binding.state(device)) == (device.model, bound)
    binding.wait_for_cards(len(guest.network.models) + len(spare_cards))
    expected = guest.network.payload_digest(seed=41, length=LENGTH)
    for card, model in enumerate(guest.network.models):
        assert (model, guest.network.receive(41, LENGTH, card)) == (model, expected)
    for number in spare_cards:
        assert guest.devices.hotplug.receive(number, 41, LENGTH) == expected, f"spare card {number}"


@pytest.mark.needs("shell", "disk-rebind")
@pytest.mark.expects_complaints("i/o error")
@pytest.mark.check("drivers.disk-unbind-and-bind", level="mandatory")
def test_disk_unbind_and_bind(guest: Guest, source_disk: ScratchDisk) -> None:
    """The guest unbinds and binds a disk's driver, idle and while it reads the disk; the disk is intact."""
    binding, plug = guest.devices.driver_binding, guest.devices.hotplug
    bound = binding.disk_state(source_disk)
    for load in ("idle", "reading"):
        if load == "reading":
            assert plug.start_reading(source_disk) > 0, "the guest's load made no read of the disk"
        driver = binding.unbind_disk(source_disk)
        if load == "reading":
            assert plug.wait_for_read_error() != "", "the guest's reading ended without an error message"
        assert (load, binding.disk_state(source_disk)) == (load, bound.unbound)
        binding.bind_disk(source_disk, driver)
        assert (load, binding.disk_state(source_disk)) == (load, bound)
        assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.needs("shell", "reload")
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.module-reload", level="mandatory")
def test_module_reload(guest: Guest) -> None:
    """The guest reloads the module of each card, idle and while it sends, and the card carries a payload."""
    expected = guest.network.payload_digest(seed=42, length=LENGTH)
    for module, card in guest.devices.card_modules().items():
        assert (module, guest.network.receive(42, LENGTH, card)) == (module, expected)
        for under_load in (False, True):
            datagrams = guest.devices.driver_binding.reload_card_module(
                module, under_load=under_load, card=card
            )
            load = f"{module} sent {datagrams} datagrams before it was unloaded"
            assert (datagrams > 0) == under_load, load
            assert (module, guest.network.send(42, LENGTH, card)) == (module, expected)
