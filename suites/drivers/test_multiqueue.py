"""Multiqueue: a virtio device has a queue or a pair for each processor, and the guest uses all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fixtures.guest.guest import Guest
from fixtures.systems.base.device_answers import Interrupt

# Read requests on each processor, and sockets that send two datagrams each.
BLOCKS = 64
SOCKETS = 32


def _raised(before: Sequence[Interrupt], after: Sequence[Interrupt]) -> list[Interrupt]:
    return [end for start, end in zip(before, after, strict=True) if end.count > start.count]


@pytest.mark.needs("shell", "interrupts")
@pytest.mark.device("virtio-blk-*", "virtio-scsi-*")
@pytest.mark.check("drivers.every-queue-is-used", level="mandatory")
def test_every_queue_is_used(guest: Guest) -> None:
    """Reads on every processor use every queue of the root disk and raise message-signalled interrupts."""
    name, queues = guest.devices.disk_queues.of_root()
    assert len(queues) == guest.cell.platform.cpus, "request queues of the root disk, and processors"
    before = guest.devices.interrupts(name)
    use = guest.devices.disk_queues.read_on_every_processor(name, queues, BLOCKS)
    assert [queue.queue for queue in use if queue.completed < BLOCKS] == [], use
    raised = _raised(before, guest.devices.interrupts(name))
    assert len(raised) >= len(queues), f"interrupts that were raised: {raised}"
    assert [interrupt.name for interrupt in raised if not interrupt.is_msi] == []


@pytest.mark.needs("shell", "interrupts", "traffic")
@pytest.mark.device("virtio-net-*")
@pytest.mark.check("drivers.every-queue-of-a-card-is-used", level="mandatory")
def test_every_queue_of_a_card_is_used(guest: Guest) -> None:
    """Datagrams on every processor use every queue pair of a card and raise message-signalled interrupts."""
    card, processors = guest.devices.card_queues, guest.cell.platform.cpus
    reason = card.plug()
    if reason is not None:
        pytest.skip(f"channel_not_available: {reason}")
    name, queues = card.of_card()
    before = guest.devices.interrupts(name)
    use, answers = card.exchange_on_every_processor(name, queues, SOCKETS)
    assert answers == card.datagrams_on_host() == [2 * SOCKETS] * processors
    assert [queue.queue for queue in use if queue.completed < SOCKETS] == [], use
    raised = _raised(before, guest.devices.interrupts(name))
    assert len(raised) >= processors, f"interrupts that were raised: {raised}"
    assert [interrupt.name for interrupt in raised if not interrupt.is_msi] == []
    assert card.unplug(), "the guest did not release the card"
