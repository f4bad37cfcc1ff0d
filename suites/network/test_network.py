"""Network: the guest gets its address, and what it sends and receives stays whole."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.network import WireTraffic

PAYLOAD = 16 << 20
LENGTH = 1 << 20


@pytest.mark.check("network.address-by-dhcp", level="mandatory")
def test_address_by_dhcp(guest: Guest) -> None:
    """Each card has exactly the address that DHCP gave to it on the wire."""
    leases = guest.network.leases()
    assert leases != []
    assert guest.network.addresses() == leases


@pytest.mark.check("network.payload-intact", level="mandatory")
def test_payload_is_intact(guest: Guest) -> None:
    """16 MiB arrive through each card as the host sent them, and come back as they were."""
    for card, model in enumerate(guest.network.models):
        sent = guest.network.payload_digest(seed=16 + card, length=PAYLOAD)
        assert (model, guest.network.receive(16 + card, PAYLOAD, card)) == (model, sent)
        assert (model, guest.network.send(16 + card, PAYLOAD, card)) == (model, sent)


@pytest.mark.device("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
@pytest.mark.check("network.each-card-carries-its-own", level="mandatory")
def test_each_card_carries_its_own(guest: Guest) -> None:
    """Each card has its driver, and what is meant for it crosses its own wire, both ways, and no other."""
    assert guest.network.drivers() == guest.network.expected_drivers()
    for card, model in enumerate(guest.network.models):
        before = guest.network.wire_traffic()
        sent = guest.network.payload_digest(seed=70 + card, length=LENGTH)
        assert (model, guest.network.receive(70 + card, LENGTH, card)) == (model, sent)
        assert (model, guest.network.send(70 + card, LENGTH, card)) == (model, sent)
        crossed = [now.since(then) for now, then in zip(guest.network.wire_traffic(), before, strict=True)]
        expected = [WireTraffic(0, 0)] * len(before)
        expected[card] = WireTraffic(LENGTH, LENGTH)
        assert (model, crossed) == (model, expected)
