"""Network: the guest gets its address, and what it sends and receives stays whole."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

PAYLOAD = 16 << 20


@pytest.mark.check("network.address-by-dhcp", level="mandatory")
def test_address_by_dhcp(guest: Guest) -> None:
    """Each card has exactly the address that DHCP gave to it on the wire."""
    leases = guest.network.leases()
    assert leases != []
    assert guest.network.addresses() == leases


@pytest.mark.check("network.payload-intact", level="mandatory")
def test_payload_is_intact(guest: Guest) -> None:
    """16 MiB arrive in the guest as the host sent them, and come back as they were."""
    sent = guest.network.sent_payload(seed=16, length=PAYLOAD)
    assert guest.network.receive(seed=16, length=PAYLOAD) == sent
    assert guest.network.send(seed=16, length=PAYLOAD) == sent
