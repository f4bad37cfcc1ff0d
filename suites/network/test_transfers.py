"""Load on a wire: data both ways at once, other MTUs, resets of the card, and a loss of frames."""

from __future__ import annotations

import pytest

from fixtures.guest.wires.wire import Wire, payload_digest
from fixtures.lab.services.wire_faults import WireFaults
from fixtures.oracles.frame_builder import ETHERNET_HEADER
from fixtures.run.collection import MeasureVerb

# Cards that can be plugged in while the guest runs, and those of them that take frames of 9014 bytes.
CARDS = ("e1000*", "rtl8139", "vmxnet3", "igb", "virtio-net-*")
JUMBO_CARDS = ("e1000*", "vmxnet3", "igb", "virtio-net-*")
# Bytes in each direction, and for the digest of a payload.
BOTH_WAYS = 4 << 20
PAYLOAD = 1 << 20
LOAD = 1 << 19
LONGEST_FRAME = 1514
# For each MTU the sizes of frames: the shortest, the longest, and those around the sizes of buffers.
FRAME_SIZES = {
    1280: (60, 61, 512, 1293, 1294),
    9000: (60, 1514, 1515, 1522, 1523, 2048, 2049, 4096, 4097, 8192, 8193, 9013, 9014),
}
RESETS = 3
LOSS = WireFaults(loss=0.02)


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "transfers")
@pytest.mark.check("network.both-ways-at-once", level="mandatory")
def test_both_ways_at_once(wires: list[Wire]) -> None:
    """TCP data crosses each card both ways at once, and all frames that the guest sends are right."""
    for wire in wires:
        wire.start_transfers(seed=170 + wire.number)
        wire.start_recording()
        carried = wire.wait_for_bytes(BOTH_WAYS)
        sent = wire.sent_frames()
        assert carried >= BOTH_WAYS, f"{wire.model}: bytes in the direction in which fewer crossed the wire"
        assert (wire.model, wire.finish_transfers().faults) == (wire.model, ())
        assert (wire.model, sent.faults) == (wire.model, ())
        assert (wire.model, sent.longest) == (wire.model, LONGEST_FRAME)


@pytest.mark.device(*JUMBO_CARDS)
@pytest.mark.needs("shell", "echo", "card-settings")
@pytest.mark.check("network.small-and-large-mtu", level="mandatory")
def test_small_and_large_mtu(wires: list[Wire]) -> None:
    """With an MTU of 1280 and of 9000 frames of every kind of size cross each card, and none is longer."""
    for wire in wires:
        if not wire.is_of(*JUMBO_CARDS):
            continue
        for mtu, sizes in FRAME_SIZES.items():
            seed, longest = 180 + wire.number, ETHERNET_HEADER + mtu
            assert (wire.model, wire.set_mtu(mtu)) == (wire.model, mtu)
            exchange = wire.exchange_echoes(sizes, seed)
            assert (wire.model, mtu, exchange.faults) == (wire.model, mtu, ())
            assert (wire.model, mtu, exchange.frame_sizes) == (wire.model, mtu, sizes)
            expected = payload_digest(seed, PAYLOAD)
            wire.start_recording()
            assert (wire.model, mtu, wire.receive(seed, PAYLOAD)) == (wire.model, mtu, expected)
            assert (wire.model, mtu, wire.send(seed)) == (wire.model, mtu, expected)
            sent = wire.sent_frames()
            assert (wire.model, mtu, sent.faults) == (wire.model, mtu, ())
            assert (wire.model, sent.longest) == (wire.model, longest), "bytes of a frame from the guest"
            assert (wire.model, wire.longest_frame_to_guest()) == (wire.model, longest)


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "transfers", "rebind")
@pytest.mark.check("network.card-reset-under-load", level="mandatory")
def test_card_reset_under_load(wires: list[Wire]) -> None:
    """Connections with data both ways survive three resets of each card, and every byte is right."""
    for wire in wires:
        wire.start_transfers(seed=190 + wire.number)
        for reset in range(RESETS):
            assert wire.wait_for_bytes(LOAD) >= LOAD, f"{wire.model}: bytes both ways after {reset} resets"
            wire.reset()
        assert wire.wait_for_bytes(LOAD) >= LOAD, f"{wire.model}: bytes both ways after {RESETS} resets"
        assert (wire.model, wire.finish_transfers().faults) == (wire.model, ())


@pytest.mark.device(*CARDS)
@pytest.mark.needs("shell", "transfers")
@pytest.mark.check("network.load-at-loss", level="mandatory")
def test_load_at_loss(wires: list[Wire], soak: float, measure: MeasureVerb) -> None:
    """For a given time data goes both ways over a wire that loses two per cent, and every byte is right."""
    for wire in wires:
        seed = 200 + wire.number
        wire.start_transfers(seed)
        wire.disturb(LOSS, seed)
        carried = wire.keep_loaded(soak)
        assert wire.wait_for_bytes(LOAD) >= LOAD, f"{wire.model}: bytes both ways after {soak:g} s of loss"
        lost = wire.fault_counts().fewest(LOSS)
        assert (wire.model, wire.finish_transfers().faults) == (wire.model, ())
        assert lost > 0, f"{wire.model}: the wire lost no frame in one direction"
        measure(f"{wire.model} to the guest at 2 % loss", carried.to_guest / soak / 1024, "KiB/s")
        measure(f"{wire.model} from the guest at 2 % loss", carried.from_guest / soak / 1024, "KiB/s")
