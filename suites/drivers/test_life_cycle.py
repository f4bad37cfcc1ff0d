"""The life cycle of drivers: taken from devices and given back, unloaded and loaded, idle and at work."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import ScratchDisk

CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
LENGTH = 1 << 20
# Datagrams that are sent and come back, on each processor.
DATAGRAMS = 32
BLOCKS = 64


@pytest.mark.needs("shell", "rebind")
@pytest.mark.check("drivers.unbind-and-bind", level="mandatory")
def test_drivers_let_go_and_take_again(guest: Guest) -> None:
    """Each spare device loses its driver and gets it back, for guest and QEMU; the network still works."""
    binding = guest.devices.driver_binding
    for row in guest.devices.rebindable():
        before = binding.bound(row)
        driver = binding.take(row)
        assert (row.model, binding.bound(row)) == (row.model, before.released)
        binding.give_back(row, driver)
        assert (row.model, binding.bound(row)) == (row.model, before)
    binding.come_back(len(guest.network.models))
    for card, model in enumerate(guest.network.models):
        sent = guest.network.payload_digest(seed=41, length=LENGTH)
        assert (model, guest.network.receive(41, LENGTH, card)) == (model, sent)


@pytest.mark.needs("shell", "disk-rebind")
@pytest.mark.check("drivers.disk-unbind-and-bind", level="mandatory")
def test_a_disks_driver_lets_go_and_takes_again(guest: Guest, source_disk: ScratchDisk) -> None:
    """A disk loses its driver and gets it back, idle and while it is read, for both sides; it stays whole."""
    binding, plug = guest.devices.driver_binding, guest.devices.hotplug
    before = binding.of_disk(source_disk)
    for busy in (False, True):
        assert not busy or plug.start_reading(source_disk) > 0
        held = binding.take_disk(source_disk)
        assert not busy or plug.reading_ended() != ""
        assert (busy, binding.of_disk(source_disk)) == (busy, before.released)
        binding.give_back_disk(source_disk, held)
        assert (busy, binding.of_disk(source_disk)) == (busy, before)
        assert guest.storage.checksum(source_disk) == source_disk.checksum()


@pytest.mark.needs("shell", "reload")
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.module-reload", level="mandatory")
def test_a_cards_module_is_loaded_again(guest: Guest) -> None:
    """Each card's module leaves and returns, idle and while it sends; a payload crosses it as before."""
    for module, card in guest.devices.card_modules().items():
        sent = guest.network.payload_digest(seed=42, length=LENGTH)
        assert (module, guest.network.receive(42, LENGTH, card)) == (module, sent)
        for flooded in (False, True):
            frames = guest.devices.driver_binding.reload_card(module, flooded=flooded, card=card)
            assert (module, frames > 0) == (module, flooded)
            assert (module, guest.network.send(42, LENGTH, card)) == (module, sent)


@pytest.mark.needs("shell", "interrupts")
@pytest.mark.device("virtio-blk-*", "virtio-scsi-*")
@pytest.mark.check("drivers.every-queue-is-used", level="mandatory")
def test_every_queue_is_used(guest: Guest) -> None:
    """Read on every processor, the root disk moves each queue by that much; interrupts come as messages."""
    name, queues = guest.devices.disk_queues.of_root()
    assert len(queues) == guest.cell.platform.cpus
    before = guest.devices.interrupts(name)
    moved = guest.devices.disk_queues.read_on_every_processor(name, queues, BLOCKS)
    assert [use.queue for use in moved if use.moved < BLOCKS] == []
    after = guest.devices.interrupts(name)
    raised = [now for then, now in zip(before, after, strict=True) if now.count > then.count]
    assert len(raised) >= len(queues)
    assert [interrupt.name for interrupt in raised if not interrupt.by_message] == []


@pytest.mark.needs("shell", "interrupts")
@pytest.mark.device("virtio-net-*")
@pytest.mark.check("drivers.every-queue-of-a-card-is-used", level="mandatory")
def test_every_queue_of_a_card_is_used(guest: Guest) -> None:
    """Conversing on every processor moves both queues of each pair of a card; interrupts come as messages."""
    queues, processors = guest.devices.card_queues, guest.cell.platform.cpus
    lack = queues.plug()
    if lack is not None:
        pytest.skip(f"channel_not_available: {lack}")
    name, pairs = queues.of_card()
    before = guest.devices.interrupts(name)
    moved, answered = queues.converse_on_every_processor(name, pairs, DATAGRAMS)
    assert answered == queues.heard() == [DATAGRAMS] * processors
    assert [use.queue for use in moved if use.moved < DATAGRAMS] == []
    after = guest.devices.interrupts(name)
    raised = [now for then, now in zip(before, after, strict=True) if now.count > then.count]
    assert len(raised) >= processors
    assert [interrupt.name for interrupt in raised if not interrupt.by_message] == []
    assert queues.unplug()
