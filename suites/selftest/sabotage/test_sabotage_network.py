"""Sabotage of suites/network: a wrong address, a cut cable, a payload on the wrong wire, an unbound driver."""

from __future__ import annotations

import pytest

from fixtures.core import errors
from fixtures.guest.device_kinds.hotplug import PRESENT
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.network import test_network
from suites.selftest.support.sabotaged_guest import SabotagedGuest


@pytest.mark.one_platform
def test_address_without_a_lease_is_found(victim: Guest) -> None:
    assert victim.network.addresses() != []
    name = victim.run_check("ls /sys/class/net | grep -v lo").strip()
    victim.run_check(f"ip address add 10.0.2.99/24 dev {name}")
    with pytest.raises(AssertionError, match=r"10\.0\.2\.99"):
        test_network.test_address_by_dhcp(victim)
    victim.run_check(f"ip address del 10.0.2.99/24 dev {name}")


def test_cut_cable_is_found(victim: Guest, instance: GuestInstance) -> None:
    assert victim.network.addresses() != []
    victim.network.timeout = 1.0
    instance.machine.execute("set_link", {"name": "net0", "up": False})
    with pytest.raises(errors.GuestFault, match="Network is unreachable|no answer within") as failure:
        test_network.test_payload_is_intact(victim)
    assert failure.value.outcome == "FAIL"
    instance.machine.execute("set_link", {"name": "net0", "up": True})


def test_payload_on_the_wrong_wire_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    payload_digest = guest.network.payload_digest

    def receive_through_extra_card(seed: int, length: int, card: int) -> str:
        assert plug.plug_card(1 + card) == PRESENT
        plug.receive(1 + card, seed, length)
        return payload_digest(seed, length)

    monkeypatch.setattr(guest.network, "receive", receive_through_extra_card)
    monkeypatch.setattr(guest.network, "send", lambda seed, length, card: payload_digest(seed, length))
    with pytest.raises(AssertionError, match=r"WireTraffic\(to_guest=0, from_guest=0\)"):
        test_network.test_each_card_carries_its_own(guest)


def test_unbound_driver_is_found(broken: SabotagedGuest) -> None:
    broken.guest.run_check("cd /sys/bus/virtio/drivers/virtio_net && echo virtio* >unbind")
    with pytest.raises(AssertionError, match="'52:54:00:12:34:56': 'virtio_net'"):
        test_network.test_each_card_carries_its_own(broken.guest)
