"""Sabotage of suites/network/test_transfers.py on a card: an MTU that does not stay, a card that stays unbound.

What needs no card is broken in a namespace: see suites/selftest/guest/test_wire_transfers.py.
"""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.wires.wire import Wire
from fixtures.systems.linux.drivers import LinuxDrivers
from suites.network import test_transfers

pytestmark = [pytest.mark.one_platform, pytest.mark.device(*test_transfers.CARDS)]


@pytest.mark.needs("shell", "transfers")
def test_cards_that_change_their_mtu_or_data_or_stay_away_are_found(
    victim: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = victim.wires.connect_all()
    if reason is not None:
        pytest.skip(reason)
    (wire, *_), wires = victim.wires.all(), victim.wires.all()
    set_mtu = Wire.set_mtu

    def set_and_undo(wire: Wire, mtu: int) -> int:
        accepted = set_mtu(wire, mtu)
        victim.run_check(f"ip link set mtu 1500 dev {wire.interface().name}")
        return accepted

    with monkeypatch.context() as patch:
        patch.setattr(Wire, "set_mtu", set_and_undo)
        patch.setattr(test_transfers, "PAYLOAD", 1 << 17)
        with pytest.raises(
            AssertionError, match=r"bytes of a frame from the guest\s+assert .*1514.* == .*1294"
        ):
            test_transfers.test_small_and_large_mtu(wires)
    monkeypatch.setattr(test_transfers, "LOAD", 1 << 17)
    # The wire flips bits and mends the checksums, so that TCP does not notice.
    breaking = dataclasses.replace(test_transfers.LOSS, corruption=0.05, mends=True)
    with monkeypatch.context() as patch:
        patch.setattr(test_transfers, "LOSS", breaking)
        with pytest.raises(AssertionError, match="the first wrong byte"):
            test_transfers.test_load_at_loss(wires, 1.0, lambda name, value, unit: None)
    wire.disturb()
    # The guest does not bind the driver again.
    monkeypatch.setattr(LinuxDrivers, "bind_driver", lambda self, address, driver: None)
    monkeypatch.setattr(Wire, "wait_for_address", lambda self: setattr(self, "payload_timeout", 0.5))
    monkeypatch.setattr(test_transfers, "RESETS", 1)
    with pytest.raises(AssertionError, match="bytes both ways after 1 resets"):
        test_transfers.test_card_reset_under_load(wires)
