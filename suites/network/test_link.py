"""The link: a cable that is pulled, the hardware address of a card, and IPv6 from nothing but a router."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.wires.wire import Wire, payload_digest
from fixtures.oracles.receive_filter import ReceiveFilter

# Cards that can be plugged in while the guest runs.
CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
ROUNDS = 3
# Frame sizes of a quick look at whether a card works; a frame of IPv6 with an echo has 62 bytes at least.
SAMPLE_SIZES = (62, 512, 1513, 1514)
DATAGRAMS = (1480, 9000, 65_507)
OTHER_ADDRESS = "52:54:00:0d:15:ea"
# Bytes.
PAYLOAD = 1 << 20
VLAN = 7
# A tag makes the longest frame four bytes longer.
TAGGED_SIZES = (64, 512, 1517, 1518)
# Every node with IPv6 is in the group of all nodes; no node is in the other group.
OWN_GROUP, OTHER_GROUP = "33:33:00:00:00:01", "01:00:5e:13:57:9b"
# More than the guest gets otherwise in a few seconds.
FRAMES = 300


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo")
@pytest.mark.check("network.link-down-and-up", level="mandatory")
def test_link_down_and_up(wires: list[Wire]) -> None:
    """The guest notices that its cable is pulled and put back, three times; traffic is intact afterwards."""
    for wire in wires:
        for _ in range(ROUNDS):
            assert (wire.model, wire.set_link(up=False)) == (wire.model, "down")
            assert (wire.model, wire.set_link(up=True)) == (wire.model, "up")
        wire.wait_for_address()
        exchange = wire.exchange_echoes(SAMPLE_SIZES, seed=120 + wire.number)
        assert (wire.model, exchange.faults) == (wire.model, ())
        assert (wire.model, exchange.frame_sizes) == (wire.model, SAMPLE_SIZES)


@pytest.mark.boots
@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo", "card-settings")
@pytest.mark.check("network.hardware-address-is-kept", level="mandatory")
def test_hardware_address_is_kept(guest: Guest, wires: list[Wire]) -> None:
    """A card has its own MAC address, another one while the guest says so, and its own after a restart."""
    addresses = [("configured", ""), ("set by the guest", OTHER_ADDRESS), ("after a restart", "")]
    for state, mac in addresses:
        if state == "after a restart":
            guest.power.reboot()
        for wire in wires:
            if mac:
                wire.set_hardware_address(mac)
            wire.wait_for_address()
            exchange = wire.exchange_echoes(SAMPLE_SIZES, seed=130 + wire.number, mac=mac)
            assert (wire.model, state, exchange.faults) == (wire.model, state, ())
            assert (wire.model, state, exchange.frame_sizes) == (wire.model, state, SAMPLE_SIZES)
            assert wire.interface().mac == (mac or wire.hardware_address)


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo", "card-settings", "vlan")
@pytest.mark.check("network.vlan-and-multicast-filters", level="mandatory")
def test_vlan_and_multicast_filters(wires: list[Wire]) -> None:
    """Tagged frames cross both ways in their VLAN only; the card drops what is for others or takes it all."""
    for wire in wires:
        own, model = ReceiveFilter(wire.hardware_address, (), promiscuous=False), wire.model
        assert wire.receive_filter(own) == own
        assert wire.find_neighbour(VLAN) == "", f"{model}: the guest answers in a VLAN that it has not joined"
        wire.join_vlan(VLAN)
        assert (model, wire.find_neighbour(VLAN)) == (model, wire.hardware_address)
        exchange = wire.exchange_echoes(TAGGED_SIZES, seed=150 + wire.number, vlan=VLAN)
        assert (model, exchange.faults) == (model, ())
        assert (model, exchange.frame_sizes) == (model, TAGGED_SIZES)
        joined = replace(own, vlans=(VLAN,))
        assert wire.receive_filter(joined) == joined
        assert wire.find_neighbour(VLAN + 1) == "", f"{model}: the guest answers in another VLAN"
        wire.leave_vlan(VLAN)
        assert wire.receive_filter(own) == own
        assert (model, wire.packets_from(OWN_GROUP, FRAMES)) >= (model, FRAMES), (
            "frames for the guest's group"
        )
        assert (model, wire.packets_from(OTHER_GROUP, FRAMES)) < (model, FRAMES), "frames for another group"
        assert (model, wire.packets_from(OTHER_ADDRESS, FRAMES)) < (model, FRAMES), "frames for another card"
        wire.set_promiscuous(on=True)
        open_to_all = replace(own, promiscuous=True)
        assert wire.receive_filter(open_to_all) == open_to_all
        assert (model, wire.packets_from(OTHER_ADDRESS, FRAMES)) >= (model, FRAMES), "frames for another card"
        wire.set_promiscuous(on=False)
        assert wire.receive_filter(own) == own
        assert (model, wire.packets_from(OTHER_ADDRESS, FRAMES)) < (model, FRAMES), "frames for another card"


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo")
@pytest.mark.check("network.ipv6-works", level="mandatory")
def test_ipv6_works(wires: list[Wire]) -> None:
    """The guest forms an IPv6 address by itself; echoes, fragments and TCP data cross each card both ways."""
    for wire in wires:
        seed = 140 + wire.number
        address = wire.form_ipv6_address()
        assert address != "", "the guest announced no address with the router's prefix"
        exchange = wire.exchange_echoes(SAMPLE_SIZES, seed, ipv6=address)
        assert (wire.model, exchange.faults) == (wire.model, ())
        assert (wire.model, exchange.frame_sizes) == (wire.model, SAMPLE_SIZES)
        exchange = wire.exchange_fragments(DATAGRAMS, "shuffled", seed, ipv6=address)
        assert (wire.model, exchange.faults) == (wire.model, ())
        assert (wire.model, exchange.answered) == (wire.model, tuple(range(len(DATAGRAMS))))
        expected = payload_digest(seed, PAYLOAD)
        assert (wire.model, wire.receive(seed, PAYLOAD, by_ipv6=True)) == (wire.model, expected)
        assert (wire.model, wire.send(seed, by_ipv6=True)) == (wire.model, expected)
