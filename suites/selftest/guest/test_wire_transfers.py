"""The checks of load on a wire, on the Linux stack of a namespace: each passes, and sees what is broken there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.core.errors import HostFault
from fixtures.guest.wires.wire import Wire
from fixtures.lab.services import peer
from fixtures.lab.services.two_way_transfer import CyclicComparison
from fixtures.lab.services.wire_faults import WireFaults
from fixtures.systems.linux.cards import LinuxCards
from suites.network import test_transfers
from suites.selftest.support.namespace_guest import namespace_wire

# It flips bits and mends the checksums, so that TCP does not notice.
BREAKS_DATA = WireFaults(corruption=0.05, mends=True)


@pytest.fixture
def wires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Wire]]:
    monkeypatch.setattr(test_transfers, "BOTH_WAYS", 1 << 20)
    monkeypatch.setattr(test_transfers, "LOAD", 1 << 18)
    monkeypatch.setattr(test_transfers, "JUMBO_CARDS", ("tap",))
    try:
        with namespace_wire(tmp_path) as (wire, _):
            yield [wire]
    except HostFault as fault:
        pytest.skip(f"this host has no network for a peer: {fault}")


def ignore_measure(name: str, value: float, unit: str) -> None:
    """Record no figure."""


def test_data_that_changes_in_one_direction_is_found(wires: list[Wire]) -> None:
    check = test_transfers.test_both_ways_at_once
    check(wires)
    wires[0].disturb(BREAKS_DATA)
    with pytest.raises(AssertionError, match="to the guest: sent .*from the guest: the first wrong byte"):
        check(wires)


def test_wrong_frames_under_load_are_found(wires: list[Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    note = peer.Peer._note

    def note_flipped(self: peer.Peer, direction: peer.Direction, frame: bytes) -> None:
        is_long = direction == "from guest" and len(frame) == test_transfers.LONGEST_FRAME
        note(self, direction, frame[:-1] + bytes([frame[-1] ^ is_long]))

    monkeypatch.setattr(peer.Peer, "_note", note_flipped)
    with pytest.raises(AssertionError, match="the checksum of protocol 6"):
        test_transfers.test_both_ways_at_once(wires)


def test_an_mtu_that_is_not_kept_is_found(wires: list[Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    check = test_transfers.test_small_and_large_mtu
    check(wires)
    set_mtu = Wire.set_mtu

    def set_and_forget(wire: Wire, mtu: int) -> int:
        accepted = set_mtu(wire, mtu)
        wire._system.cards.set_mtu("tap0", 1500)
        return accepted

    with monkeypatch.context() as patch:
        patch.setattr(Wire, "set_mtu", set_and_forget)
        with pytest.raises(
            AssertionError,
            match=r"bytes of a frame from the guest\s+assert \('tap', 1514\) == \('tap', 1294\)",
        ):
            check(wires)
    monkeypatch.setattr(test_transfers, "FRAME_SIZES", {9000: test_transfers.FRAME_SIZES[9000]})
    with monkeypatch.context() as patch:
        patch.setattr(Wire, "set_mtu", set_and_forget)
        with pytest.raises(AssertionError, match=r"index 2 diff: \(60, 1514, 1514,"):
            check(wires)
    # The driver refuses the MTU.
    monkeypatch.setattr(LinuxCards, "set_mtu", lambda self, name, mtu: 1500)
    with pytest.raises(AssertionError, match=r"1500\) == .*9000\)"):
        check(wires)


def test_a_card_that_does_not_come_back_or_breaks_data_is_found(
    wires: list[Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = test_transfers.test_card_reset_under_load
    check(wires)
    wires[0].disturb(BREAKS_DATA)
    with pytest.raises(AssertionError, match="the first wrong byte"):
        check(wires)
    wires[0].disturb()
    monkeypatch.setattr(test_transfers, "RESETS", 1)
    # The guest keeps the card down.
    monkeypatch.setattr(type(wires[0]), "reset", lambda wire: wire._system._run("ip link set tap0 down"))
    wait = Wire.wait_for_bytes

    def wait_impatiently(wire: Wire, count: int) -> int:
        carried = wait(wire, count)
        wire.payload_timeout = 0.5
        return carried

    monkeypatch.setattr(Wire, "wait_for_bytes", wait_impatiently)
    with pytest.raises(AssertionError, match="bytes both ways after 1 resets"):
        check(wires)


def test_data_that_changes_at_loss_and_a_wire_without_loss_are_found(
    wires: list[Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = test_transfers.test_load_at_loss
    check(wires, 2.0, ignore_measure)
    broken = dataclasses.replace(BREAKS_DATA, loss=0.02)
    with monkeypatch.context() as patch:
        patch.setattr(test_transfers, "LOSS", broken)
        with pytest.raises(AssertionError, match="the first wrong byte"):
            check(wires, 1.0, ignore_measure)
    wires[0].disturb()
    monkeypatch.setattr(Wire, "disturb", lambda wire, faults, seed: None)
    with pytest.raises(AssertionError, match="lost no frame"):
        check(wires, 0.1, ignore_measure)


def test_a_stream_is_compared_byte_for_byte_over_all_its_rounds() -> None:
    expected = bytes(range(256)) * 300
    for size in (1, 1000, 65_536):
        comparison = CyclicComparison(expected)
        stream = expected * 3
        if size == 1:
            stream = stream[: len(expected) + 300]
        for start in range(0, len(stream), size):
            comparison.add(stream[start : start + size])
        assert (comparison.length, comparison.first_wrong) == (len(stream), None)
        comparison.add(bytes([stream[0] ^ 1, 7]) if len(stream) % len(expected) == 0 else b"\xff\xff")
        assert comparison.first_wrong == len(stream)
