"""Sabotage of suites/network/test_wire.py and test_link.py on a card: a wrong MTU, cable, filter, VLAN, log.

What needs no card is broken in a namespace: see suites/selftest/guest/test_wires.py.
"""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.wires.wire import Wire
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.network import test_link, test_wire

pytestmark = [pytest.mark.one_platform, pytest.mark.device(*test_wire.CARDS)]


def connected(victim: Guest) -> list[Wire]:
    """The wires of the victim, with short timeouts."""
    reason = victim.wires.connect_all()
    if reason is not None:
        pytest.skip(reason)
    for wire in victim.wires.all():
        wire.answer_timeout = 1.0
    return victim.wires.all()


def run_on_card(victim: Guest, wire: Wire, command: str) -> None:
    """Run a command for the card of a wire, whose name replaces CARD."""
    victim.run_check(command.replace("CARD", wire.interface().name))


def test_frames_and_data_that_change_are_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    wires = connected(victim)
    monkeypatch.setattr(test_wire, "ALL_FRAME_SIZES", (60, 800, 1514))
    test_wire.test_frames_of_every_size_arrive(wires)
    # The guest answers the longest request in two fragments.
    run_on_card(victim, wires[0], "ip link set mtu 1400 dev CARD")
    with pytest.raises(AssertionError, match="1410"):
        test_wire.test_frames_of_every_size_arrive(wires)
    run_on_card(victim, wires[0], "ip link set mtu 1500 dev CARD")
    # The wire flips bits and mends the checksums, so that TCP does not notice.
    mending = dataclasses.replace(test_wire.BAD_WIRE, mends=True)
    monkeypatch.setattr(test_wire, "BAD_WIRE", mending)
    monkeypatch.setattr(test_wire, "PAYLOAD", 1 << 19)
    with pytest.raises(AssertionError, match="sha256:"):
        test_wire.test_data_is_intact_at_loss(wires)
    wires[0].disturb()
    monkeypatch.setattr(test_wire, "MALFORMED_FRAMES", 100)
    send = Wire.send_malformed_frames

    def send_and_complain(wire: Wire, count: int, seed: int) -> int:
        taken = send(wire, count, seed)
        victim.run_check("echo '<3>a frame did harm' >/dev/kmsg")
        return taken

    monkeypatch.setattr(Wire, "send_malformed_frames", send_and_complain)
    with pytest.raises(AssertionError, match="a frame did harm"):
        test_wire.test_malformed_frames_do_no_harm(victim, wires)


@pytest.mark.needs("shell", "vlan")
def test_filters_that_are_wrong_are_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    wires = connected(victim)
    run_on_card(victim, wires[0], "ip link set CARD promisc on")
    with pytest.raises(AssertionError, match="promiscuous: True != False|frames for another"):
        test_link.test_vlan_and_multicast_filters(wires)
    run_on_card(victim, wires[0], "ip link set CARD promisc off")
    with monkeypatch.context() as patch:
        patch.setattr(Wire, "join_vlan", lambda self, vlan: None)
        with pytest.raises(AssertionError, match=r"', ''\) == "):
            test_link.test_vlan_and_multicast_filters(wires)


def test_a_cable_that_stays_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request to pull the cable does not reach QEMU."""
    wires = connected(victim)
    execute = instance.machine.execute

    def drop_set_link(command: str, *arguments: object, **options: object) -> object:
        return {} if command == "set_link" else execute(command, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(instance.machine, "execute", drop_set_link)
    monkeypatch.setattr(victim._context, "wait_until", lambda description, condition: None)
    with pytest.raises(AssertionError, match="'up'.* == .*'down'"):
        test_link.test_link_down_and_up(wires)
