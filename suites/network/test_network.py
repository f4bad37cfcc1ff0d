"""Network: each card gets its address, and payloads arrive intact through the card that they are sent to."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.network import WireTraffic

# Bytes.
LARGE_PAYLOAD = 16 << 20
SMALL_PAYLOAD = 1 << 20


@pytest.mark.needs("shell", "dhcp")
@pytest.mark.check("network.address-by-dhcp", level="mandatory")
def test_address_by_dhcp(guest: Guest) -> None:
    """Each card has exactly the address that DHCP leased to it on the wire."""
    leases = guest.network.leases()
    assert leases != [], "no DHCP lease crossed the wires of the guest's cards"
    assert guest.network.addresses() == leases


@pytest.mark.check("network.payload-intact", level="mandatory")
def test_payload_is_intact(guest: Guest) -> None:
    """16 MiB through each card arrive as the host sent them, and come back as they were."""
    for card, model in enumerate(guest.network.models):
        seed = 16 + card
        expected = guest.network.payload_digest(seed, LARGE_PAYLOAD)
        assert (model, guest.network.receive(seed, LARGE_PAYLOAD, card)) == (model, expected)
        assert (model, guest.network.send(seed, LARGE_PAYLOAD, card)) == (model, expected)


@pytest.mark.device("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
@pytest.mark.check("network.each-card-carries-its-own", level="mandatory")
def test_each_card_carries_its_own(guest: Guest) -> None:
    """Each card has its driver, and a payload for a card crosses the wire of this card only, both ways."""
    assert guest.network.drivers() == guest.network.expected_drivers()
    for card, model in enumerate(guest.network.models):
        seed = 70 + card
        before = guest.network.wire_traffic()
        expected = guest.network.payload_digest(seed, SMALL_PAYLOAD)
        assert (model, guest.network.receive(seed, SMALL_PAYLOAD, card)) == (model, expected)
        assert (model, guest.network.send(seed, SMALL_PAYLOAD, card)) == (model, expected)
        after = guest.network.wire_traffic()
        crossed = [now.since(then) for now, then in zip(after, before, strict=True)]
        own_wire_only = [WireTraffic(0, 0)] * len(before)
        own_wire_only[card] = WireTraffic(SMALL_PAYLOAD, SMALL_PAYLOAD)
        assert (model, crossed) == (model, own_wire_only)
