"""What a bad wire does to frames, and the frames of the fuzzer: all by a seed, in the given measure."""

from __future__ import annotations

import socket

import dpkt
import pytest

from fixtures.lab.services.frame_fuzzer import FrameFuzzer
from fixtures.lab.services.wire_faults import NO_FAULTS, FaultyWire, WireFaults
from fixtures.oracles import frame_builder as build
from fixtures.oracles.frame_builder import Route
from fixtures.oracles.frame_reader import TCP, read_frame

PEER, CARD = "52:55:0a:00:01:64", "52:54:00:fe:01:0f"
ROUTE = Route(PEER, CARD, "10.0.3.100", "10.0.3.15")
ROUTE6 = Route(PEER, CARD, build.link_local_address(PEER), build.link_local_address(CARD))


def tcp_frame(data: bytes) -> bytes:
    segment = dpkt.tcp.TCP(sport=7000, dport=40000, data=data)
    source, target = (socket.inet_aton(address) for address in (ROUTE.source, ROUTE.target))
    segment.sum = build.internet_checksum(
        build.pseudo_header(source, target, TCP, len(segment)) + bytes(segment)
    )
    return build.packet(ROUTE, TCP, bytes(segment))


SEGMENT = tcp_frame(b"data" * 100)
ECHO = build.echo_request(ROUTE, 1, 1, b"data")


def test_a_good_wire_changes_nothing() -> None:
    wire = FaultyWire(NO_FAULTS, seed=1)
    assert [wire.carry(SEGMENT) for _ in range(100)] == [[(0.0, SEGMENT)]] * 100
    assert set(wire.counts.values()) == {0}


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = WireFaults(0.1, 0.1, 0.1, 0.1, 0.01)
    one, two, other = (FaultyWire(faults, seed) for seed in (5, 5, 6))
    assert [one.carry(SEGMENT) for _ in range(200)] == [two.carry(SEGMENT) for _ in range(200)]
    assert one.counts == two.counts
    assert [one.carry(SEGMENT) for _ in range(200)] != [other.carry(SEGMENT) for _ in range(200)]


@pytest.mark.parametrize(
    ("fault", "faults"),
    [
        ("loss", WireFaults(loss=0.25, delay=0.01)),
        ("duplication", WireFaults(duplication=0.25, delay=0.01)),
        ("reordering", WireFaults(reordering=0.25, delay=0.01)),
        ("corruption", WireFaults(corruption=0.25, delay=0.01)),
    ],
)
def test_a_fault_happens_as_often_as_it_should(fault: str, faults: WireFaults) -> None:
    wire = FaultyWire(faults, seed=2)
    arrivals = [wire.carry(SEGMENT) for _ in range(2000)]
    assert 400 < wire.counts[fault] < 600
    frames = [frame for arrival in arrivals for _, frame in arrival]
    late = sum(delay > 0.01 for arrival in arrivals for delay, _ in arrival)
    seen = {
        "loss": sum(arrival == [] for arrival in arrivals),
        "duplication": sum(len(arrival) == 2 for arrival in arrivals),
        "reordering": late,
        "corruption": sum(frame != SEGMENT for frame in frames),
    }
    assert seen[fault] == wire.counts[fault]
    assert [count for name, count in seen.items() if name != fault] == [0, 0, 0]


def test_a_receiver_notices_corruption_unless_it_is_mended() -> None:
    plain, mending = (FaultyWire(WireFaults(corruption=1.0, mends=mends), seed=3) for mends in (False, True))
    for _ in range(200):
        ((_, corrupted),) = plain.carry(SEGMENT)
        assert read_frame(corrupted).fault != ""
        ((_, mended),) = mending.carry(SEGMENT)
        assert read_frame(mended).fault == ""
        assert mended != SEGMENT
        assert len(mended) == len(SEGMENT)


@pytest.mark.parametrize("frame", [ECHO, tcp_frame(b"data")[:50], b"", b"\0" * 60])
def test_only_whole_segments_are_corrupted(frame: bytes) -> None:
    wire = FaultyWire(WireFaults(corruption=1.0), seed=4)
    assert wire.carry(frame) == [(0.0, frame)]
    assert wire.counts["corruption"] == 0


def test_a_mended_segment_without_data_stays_as_it_is() -> None:
    wire = FaultyWire(WireFaults(corruption=1.0, mends=True), seed=4)
    assert wire.carry(tcp_frame(b"")) == [(0.0, tcp_frame(b""))]


def test_malformed_frames_follow_from_their_seed() -> None:
    one, two, other = (list(FrameFuzzer(ROUTE, ROUTE6, seed).frames(300)) for seed in (1, 1, 2))
    assert one == two
    assert one != other


def test_malformed_frames_are_malformed_in_many_ways_and_change_no_neighbour() -> None:
    frames = list(FrameFuzzer(ROUTE, ROUTE6, 1).frames(3000))
    assert min(map(len, frames)) == 1
    assert 1518 < max(map(len, frames)) <= 9000
    reads = [read_frame(frame) for frame in frames]
    assert len({read.fault.translate(DIGITS) for read in reads}) > 8
    assert {read.kind for read in reads if read.kind == 0x0806} == set()
    # ICMP and ICMPv6 that is right means echo requests only: no redirect, no router, no neighbour, no MTU.
    right = [read for read in reads if not read.fault and not read.is_fragment]
    assert {read.data[0] for read in right if read.protocol == build.ICMP and len(read.source) == 4} <= {8}
    assert {read.data[0] for read in right if read.protocol == build.ICMPV6 and len(read.source) == 16} <= {
        128
    }


DIGITS = str.maketrans("", "", "0123456789abcdef")
