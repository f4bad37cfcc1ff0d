"""Frames that are built are read back as right, and each fault in a frame is named."""

from __future__ import annotations

import struct

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.oracles import frame_builder as build
from fixtures.oracles.frame_builder import Route
from fixtures.oracles.frame_reader import TCP, read_frame
from fixtures.oracles.packet_capture import frames
from suites.selftest.support.paths import SAMPLES

PEER, CARD = "52:55:0a:00:01:64", "52:54:00:fe:01:0f"
ROUTE = Route(PEER, CARD, "10.0.3.100", "10.0.3.15")
ROUTE6 = Route(PEER, CARD, "fd00:0:0:2::64", "fd00:0:0:2::15")
ROUTES = pytest.mark.parametrize("route", [ROUTE, ROUTE6], ids=["ipv4", "ipv6"])


@ROUTES
@given(data=st.binary(max_size=1400), vlan=st.sampled_from([0, 1, 4094]))
def test_an_echo_request_is_read_back(route: Route, data: bytes, vlan: int) -> None:
    frame = build.echo_request(_on(route, vlan), 7, 9, data)
    read = read_frame(frame)
    assert (read.fault, read.vlan, read.source_mac, read.target_mac) == ("", vlan, PEER, CARD)
    assert read.data[build.ECHO_HEADER :] == data
    assert read.length == max(build.SHORTEST_FRAME, len(frame))


def _on(route: Route, vlan: int) -> Route:
    return Route(route.source_mac, route.target_mac, route.source, route.target, vlan)


@ROUTES
@given(data=st.binary(max_size=600))
def test_another_library_agrees_on_datagrams(route: Route, data: bytes) -> None:
    """dpkt computes the checksum of a datagram whose checksum is 0."""
    frame = build.packet(route, build.UDP, build.udp_datagram(route, 7, 7, data))
    packet = dpkt.ethernet.Ethernet(frame).data
    expected = packet.data.sum
    packet.data.sum = 0
    if route.is_ipv6:
        packet.data.sum = 0
        covered = packet.src + packet.dst + struct.pack(">II", packet.plen, build.UDP)
        bare = bytes(packet.data)
        assert (dpkt.in_cksum(covered + bare) or 0xFFFF) == expected
    else:
        packet.sum = 0
        assert dpkt.ip.IP(bytes(packet)).data.sum == expected
    assert read_frame(frame).fault == ""


@ROUTES
@given(flip=st.data())
def test_an_inverted_bit_in_what_a_checksum_covers_is_found(route: Route, flip: st.DataObject) -> None:
    frame = bytearray(build.packet(route, build.UDP, build.udp_datagram(route, 7, 9, b"data" * 30)))
    # The IPv6 header has no checksum, and its length is judged; the addresses are covered by the datagram's.
    first = build.ETHERNET_HEADER + (8 if route.is_ipv6 else 0)
    bit = flip.draw(st.integers(8 * first, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert read_frame(bytes(frame)).fault != ""


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (b"\0" * 13, "13 bytes are no Ethernet frame"),
        (build.ethernet(PEER, CARD, build.IPV4, b"\x65" + bytes(60)), "no IPv4 header"),
        (build.ethernet(PEER, CARD, build.IPV6, bytes(60)), "no IPv6 header"),
        (build.echo_request(ROUTE, 1, 1, b"x" * 100)[:-1], "says 128 bytes, the frame has 127"),
        (build.echo_request(ROUTE, 1, 1, b"x" * 100) + b"!", "1 bytes follow the packet's 128"),
        (build.echo_request(ROUTE6, 1, 1, b"x" * 100)[:-1], "says 148 bytes, the frame has 147"),
        (build.packet(ROUTE, TCP, b"short"), "5 bytes are no header of protocol 6"),
        (build.packet(ROUTE, build.UDP, b"\0\7\0\7\0\x30\0\0"), "UDP says 48 bytes, the packet carries 8"),
        (build.packet(ROUTE6, 0, b"\x3a\xff" + bytes(30)), "extension header 0 does not fit into 32 bytes"),
        (
            build.packet(ROUTE, build.ICMP, bytes([0, 0, 1, 2, 0, 0, 0, 0])),
            "protocol 1 is 0102, expected ffff",
        ),
    ],
)
def test_each_fault_is_named(frame: bytes, fault: str) -> None:
    assert fault in read_frame(frame).fault


def test_padding_of_a_short_frame_is_no_fault() -> None:
    frame = build.echo_request(ROUTE, 1, 1, b"")
    assert (len(frame), read_frame(frame).fault, len(read_frame(frame).data)) == (60, "", 8)


@ROUTES
def test_fragments_say_where_they_belong(route: Route) -> None:
    message = build.echo_message(route, 3, 4, bytes(range(256)) * 16)
    parts = build.pieces(message, 1448)
    reads = [read_frame(build.fragment(route, 1, 99, part)) for part in parts]
    assert [(read.offset, read.more, read.identifier, read.fault) for read in reads] == [
        (0, True, 99, ""),
        (1448, True, 99, ""),
        (2896, False, 99, ""),
    ]
    assert b"".join(read.data for read in reads) == message
    assert all(read.is_fragment for read in reads)


def test_a_router_advertisement_is_right() -> None:
    link_local = build.link_local_address(PEER)
    read = read_frame(build.router_advertisement(PEER, link_local, "fd00:0:0:2::"))
    assert (link_local, read.fault, read.target_mac) == ("fe80::5055:aff:fe00:164", "", "33:33:00:00:00:01")


def test_what_a_real_guest_sent_is_right() -> None:
    """The capture holds the first bytes of each frame, and its guest computed all checksums."""
    sample = SAMPLES / "debian-12-q35-broken" / "network.pcap"
    whole = [frame for frame in frames(sample) if len(frame.data) == frame.length]
    assert len(whole) > 10, f"whole frames in {sample}"
    assert [
        (frame.time, read_frame(frame.data).fault) for frame in whole if read_frame(frame.data).fault
    ] == []
