"""The life cycle of drivers: taken from devices and given back, unloaded and loaded, idle and at work."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
LENGTH = 1 << 20
BLOCKS = 64


@pytest.mark.needs("shell", "rebind")
@pytest.mark.check("drivers.unbind-and-bind", level="mandatory")
def test_drivers_let_go_and_take_again(guest: Guest) -> None:
    """Each spare device loses its driver and gets it back, for guest and QEMU; the network still works."""
    binding = guest.devices.binding
    for row in guest.devices.spare():
        before = binding.bound(row)
        driver = binding.take(row)
        assert (row.model, binding.bound(row)) == (row.model, before.released)
        binding.give_back(row, driver)
        assert (row.model, binding.bound(row)) == (row.model, before)
    binding.come_back(1)
    sent = guest.network.sent_payload(seed=41, length=LENGTH)
    assert guest.network.receive(seed=41, length=LENGTH) == sent


@pytest.mark.needs("shell", "reload")
@pytest.mark.device(*CARDS)
@pytest.mark.check("drivers.module-reload", level="mandatory")
def test_a_cards_module_is_loaded_again(guest: Guest) -> None:
    """The card's module leaves and returns, idle and while it sends, and a payload crosses it as before."""
    sent = guest.network.sent_payload(seed=42, length=LENGTH)
    assert guest.network.receive(seed=42, length=LENGTH) == sent
    for flooded in (False, True):
        frames = guest.devices.binding.reload_card(guest.devices.card_module(), flooded=flooded)
        assert (frames > 0) is flooded
        assert guest.network.send(seed=42, length=LENGTH) == sent


@pytest.mark.needs("shell", "interrupts")
@pytest.mark.device("virtio-blk-*", "virtio-scsi-*")
@pytest.mark.check("drivers.every-queue-is-used", level="mandatory")
def test_every_queue_is_used(guest: Guest) -> None:
    """Read on every processor, the root disk moves each queue by that much; interrupts come as messages."""
    name, queues = guest.devices.queues.of_root()
    assert len(queues) == guest.cell.platform.cpus
    before = guest.devices.interrupts(name)
    moved = guest.devices.queues.read_on_every_processor(name, queues, BLOCKS)
    assert [use.queue for use in moved if use.moved < BLOCKS] == []
    after = guest.devices.interrupts(name)
    raised = [now for then, now in zip(before, after, strict=True) if now.count > then.count]
    assert len(raised) >= len(queues)
    assert [interrupt.name for interrupt in raised if not interrupt.by_message] == []
