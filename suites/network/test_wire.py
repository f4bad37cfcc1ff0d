"""The wire: data crosses it whole between a card and its peer, also where frames are lost or changed."""

from __future__ import annotations

from typing import get_args

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.wires.frames import ALL_FRAME_SIZES
from fixtures.guest.wires.wire import Wire, payload_digest
from fixtures.lab.operations.echo_exchanges import Order
from fixtures.lab.services.wire_faults import WireFaults
from fixtures.systems.base.cards import Offload

# Cards that can be plugged in while the guest runs.
CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
# Each is the probability for one frame; the longest delay is in seconds.
BAD_WIRE = WireFaults(loss=0.02, duplication=0.02, reordering=0.02, corruption=0.02, delay=0.002)
# Bytes.
PAYLOAD = 2 << 20
SMALL_PAYLOAD = 256 << 10
LONGEST_FRAME = max(ALL_FRAME_SIZES)
OFFLOADS: tuple[Offload, ...] = get_args(Offload)
CORRUPTING_WIRE = WireFaults(corruption=0.02)
MALFORMED_FRAMES = 10_000
# Frame sizes of a quick look at whether a card works.
SAMPLE_SIZES = (60, 61, 512, 1513, 1514)
# Bytes of data in datagrams that need 2 to 46 frames; the last is the longest that IPv4 permits.
DATAGRAMS = (1480, 2888, 9000, 16_384, 32_768, 65_507)
ORDERS: tuple[Order, ...] = ("in order", "backwards", "shuffled", "repeated")
OVERLAPPING_DATAGRAMS = 64


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo")
@pytest.mark.check("network.frames-of-every-size-arrive", level="mandatory")
def test_frames_of_every_size_arrive(wires: list[Wire]) -> None:
    """Frames of every size up to the MTU cross each card both ways, in order, with right data and sums."""
    for wire in wires:
        exchange = wire.exchange_echoes(ALL_FRAME_SIZES, seed=80 + wire.number)
        assert (wire.model, exchange.faults) == (wire.model, ())
        assert (wire.model, exchange.frame_sizes) == (wire.model, ALL_FRAME_SIZES)


@pytest.mark.device(*CARDS)
@pytest.mark.check("network.data-intact-at-loss", level="mandatory")
def test_data_is_intact_at_loss(wires: list[Wire]) -> None:
    """TCP data is intact both ways over a wire that loses, repeats, delays, reorders and corrupts frames."""
    for wire in wires:
        seed = 90 + wire.number
        expected = payload_digest(seed, PAYLOAD)
        wire.disturb(BAD_WIRE, seed)
        assert (wire.model, wire.receive(seed, PAYLOAD)) == (wire.model, expected)
        assert (wire.model, wire.send(seed)) == (wire.model, expected)
        assert wire.fault_counts().fewest(BAD_WIRE) > 0, "the wire did not have all faults both ways"


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "offloads")
@pytest.mark.check("network.offloads-keep-checksums", level="mandatory")
def test_offloads_keep_checksums(wires: list[Wire]) -> None:
    """With each offload off and on, all frames that the guest sends are right; data is intact both ways."""
    for wire in wires:
        seed = 160 + wire.number
        expected = payload_digest(seed, SMALL_PAYLOAD)
        wire.disturb(CORRUPTING_WIRE, seed)
        for offload in (None, *OFFLOADS):
            if offload is None:
                off = [wire.set_offload(name, on=False) for name in OFFLOADS]
                assert any(off), f"{wire.model}: the guest can turn no offload off"
            else:
                wire.set_offload(offload, on=True)
            wire.wait_for_answer()
            wire.start_recording()
            assert (wire.model, offload, wire.receive(seed, SMALL_PAYLOAD)) == (wire.model, offload, expected)
            assert (wire.model, offload, wire.send(seed)) == (wire.model, offload, expected)
            sent = wire.sent_frames()
            assert (wire.model, offload, sent.faults) == (wire.model, offload, ())
            assert sent.longest == LONGEST_FRAME
            assert sent.count > SMALL_PAYLOAD // LONGEST_FRAME


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo")
@pytest.mark.check("network.fragments-are-reassembled", level="mandatory")
def test_fragments_are_reassembled(wires: list[Wire]) -> None:
    """Datagrams up to 64 KiB cross each card both ways in fragments, also where these are in disorder."""
    for wire in wires:
        seed = 110 + wire.number
        for order in ORDERS:
            exchange = wire.exchange_fragments(DATAGRAMS, order, seed)
            assert (wire.model, order, exchange.faults) == (wire.model, order, ())
            assert (wire.model, order, exchange.answered) == (wire.model, order, tuple(range(len(DATAGRAMS))))
        assert wire.send_overlapping_fragments(9000, OVERLAPPING_DATAGRAMS, seed) > OVERLAPPING_DATAGRAMS
        exchange = wire.exchange_fragments(DATAGRAMS, "in order", seed + 1)
        assert (wire.model, exchange.faults) == (wire.model, ())
        assert (wire.model, exchange.answered) == (wire.model, tuple(range(len(DATAGRAMS))))


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "echo")
@pytest.mark.check("network.malformed-frames-do-no-harm", level="mandatory")
def test_malformed_frames_do_no_harm(guest: Guest, wires: list[Wire]) -> None:
    """Ten thousand malformed frames change nothing: traffic is intact afterwards, and no error is logged."""
    boot, messages = guest.boot_id(), guest.unexpected_messages()
    for wire in wires:
        seed = 100 + wire.number
        assert wire.send_malformed_frames(MALFORMED_FRAMES, seed) == MALFORMED_FRAMES
        exchange = wire.exchange_echoes(SAMPLE_SIZES, seed)
        assert (wire.model, exchange.faults) == (wire.model, ())
        assert (wire.model, exchange.frame_sizes) == (wire.model, SAMPLE_SIZES)
    assert guest.unexpected_messages() == messages
    assert guest.boot_id() == boot
