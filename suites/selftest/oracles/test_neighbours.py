"""ARP and neighbour discovery, as they are built and read."""

from __future__ import annotations

import socket
from dataclasses import replace

import dpkt
import pytest

from fixtures.oracles import frame_builder as build
from fixtures.oracles.frame_builder import Route
from fixtures.oracles.frame_reader import ARP
from fixtures.oracles.neighbours import arp_answer, arp_request, tentative_address

PEER, CARD = "52:55:0a:00:01:64", "52:54:00:fe:01:0f"
ROUTE = Route(PEER, CARD, "10.0.3.100", "10.0.3.15")
PREFIX, ADDRESS = "fd00:0:0:2::", "fd00::2:5054:ff:fefe:10f"


def arp_reply(route: Route) -> bytes:
    reply = dpkt.arp.ARP(
        op=dpkt.arp.ARP_OP_REPLY,
        sha=build.mac_bytes(route.target_mac),
        spa=socket.inet_aton(route.target),
        tha=build.mac_bytes(route.source_mac),
        tpa=socket.inet_aton(route.source),
    )
    return build.ethernet(route.target_mac, route.source_mac, ARP, bytes(reply), route.vlan)


def solicitation(source: str, target: str, kind: int = 135) -> bytes:
    route = Route(CARD, "33:33:ff:fe:01:0f", source, "ff02::1:fffe:10f")
    bare = bytes([kind, 0, 0, 0]) + bytes(4) + socket.inet_pton(socket.AF_INET6, target)
    covered = build.route_pseudo_header(route, build.ICMPV6, len(bare))
    message = bare[:2] + build.internet_checksum(covered + bare).to_bytes(2, "big") + bare[4:]
    return build.packet(route, build.ICMPV6, message)


def test_another_library_reads_a_request() -> None:
    request = dpkt.ethernet.Ethernet(arp_request(ROUTE)).data
    assert (request.op, request.sha, request.spa, request.tpa) == (
        dpkt.arp.ARP_OP_REQUEST,
        build.mac_bytes(PEER),
        socket.inet_aton(ROUTE.source),
        socket.inet_aton(ROUTE.target),
    )


@pytest.mark.parametrize("vlan", [0, 7])
def test_an_answer_tells_the_address_of_its_card(vlan: int) -> None:
    route = replace(ROUTE, vlan=vlan)
    assert arp_answer(arp_reply(route), route) == CARD


@pytest.mark.parametrize(
    "frame",
    [
        arp_request(ROUTE),
        arp_reply(replace(ROUTE, vlan=7)),
        arp_reply(replace(ROUTE, target="10.0.3.16")),
        arp_reply(replace(ROUTE, source="10.0.3.101")),
        arp_reply(ROUTE)[:30],
        build.echo_request(ROUTE, 1, 1, b""),
    ],
    ids=["request", "tagged", "another node", "for another node", "cut", "echo"],
)
def test_other_frames_are_no_answer(frame: bytes) -> None:
    assert arp_answer(frame, ROUTE) == ""


def test_an_address_is_announced_before_it_is_used() -> None:
    assert tentative_address(solicitation("::", ADDRESS), PREFIX) == ADDRESS


@pytest.mark.parametrize(
    "frame",
    [
        solicitation("::", "fe80::5054:ff:fefe:10f"),
        solicitation(ADDRESS, "fd00:0:0:2::64"),
        solicitation("::", ADDRESS, kind=136),
        solicitation("::", ADDRESS)[:-1] + b"?",
        arp_request(ROUTE),
    ],
    ids=["link-local", "a question for a neighbour", "an answer", "wrong checksum", "ARP"],
)
def test_other_frames_announce_no_address(frame: bytes) -> None:
    assert tentative_address(frame, PREFIX) == ""
