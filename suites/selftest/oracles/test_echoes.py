"""The judgement of echo replies: right ones are counted, and each way to be wrong is named."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest

from fixtures.oracles import frame_builder as build
from fixtures.oracles.echoes import EchoAnswers, EchoJudge, EchoRequests, judge_echoes
from fixtures.oracles.frame_builder import Route

PEER, CARD, OTHER = "52:55:0a:00:01:64", "52:54:00:fe:01:0f", "52:54:00:fe:02:0f"
ROUTE = Route(PEER, CARD, "10.0.3.100", "10.0.3.15")
ROUTE6 = Route(PEER, CARD, "fd00:0:0:2::64", "fd00:0:0:2::15")
DATA = {0: b"first", 1: b"x" * 100, 2: b"y" * 4000}
REQUESTS = EchoRequests(ROUTE, 7, DATA)


def reply_message(route: Route, sequence: int, data: bytes, identifier: int) -> bytes:
    """What a guest answers to a request on ``route``."""
    back = route.reversed()
    message = bytearray(build.echo_message(back, identifier, sequence, data))
    message[0] = 129 if route.is_ipv6 else 0
    message[2:4] = b"\0\0"
    covered = b""
    if route.is_ipv6:
        ends = socket.inet_pton(socket.AF_INET6, back.source), socket.inet_pton(socket.AF_INET6, back.target)
        covered = build.pseudo_header(*ends, build.ICMPV6, len(message))
    struct.pack_into(">H", message, 2, build.internet_checksum(covered + bytes(message)))
    return bytes(message)


def reply(route: Route, sequence: int, data: bytes, identifier: int = 7) -> bytes:
    protocol = build.ICMPV6 if route.is_ipv6 else build.ICMP
    return build.packet(route.reversed(), protocol, reply_message(route, sequence, data, identifier))


def reply_fragments(route: Route, sequence: int, data: bytes, identifier: int = 7) -> list[bytes]:
    protocol = build.ICMPV6 if route.is_ipv6 else build.ICMP
    parts = build.pieces(reply_message(route, sequence, data, identifier), 1448)
    return [build.fragment(route.reversed(), protocol, 5, part) for part in parts]


@pytest.mark.parametrize("route", [ROUTE, ROUTE6, replace(ROUTE, vlan=7)], ids=["ipv4", "ipv6", "vlan"])
def test_right_answers_have_no_fault(route: Route) -> None:
    sent = [reply(route, 0, DATA[0]), reply(route, 1, DATA[1]), *reply_fragments(route, 2, DATA[2])]
    answers = judge_echoes(sent, EchoRequests(route, 7, DATA))
    assert (answers.sequences, answers.faults) == ([0, 1, 2], [])
    assert answers.lengths == [len(frame) for frame in sent]
    judge = EchoJudge(EchoRequests(route, 7, DATA))
    assert [judge.add(frame) for frame in sent] == [True, True, False, False, True]


def test_requests_and_other_frames_are_no_answers() -> None:
    sent = [
        build.echo_request(ROUTE.reversed(), 7, 0, DATA[0]),
        build.packet(ROUTE.reversed(), build.UDP, build.udp_datagram(ROUTE.reversed(), 9, 9, b"")),
        build.ethernet(CARD, PEER, 0x0806, bytes(28)),
        # The answers to earlier requests.
        reply(ROUTE, 0, b"earlier", identifier=8),
        *reply_fragments(ROUTE, 2, b"earlier" * 500, identifier=8),
    ]
    assert judge_echoes(sent, REQUESTS) == EchoAnswers([], [], [])


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (reply(ROUTE, 0, b"other"), "the reply 0 has other data than its request of 5 bytes"),
        (reply(ROUTE, 9, b"first"), "the reply 9 answers no request"),
        (reply(replace(ROUTE, target_mac=OTHER), 0, b"first"), f"from, to, by VLAN ('{OTHER}'"),
        (reply(replace(ROUTE, source_mac=OTHER), 0, b"first"), f"'{CARD}', '{OTHER}', 0"),
        (reply(replace(ROUTE, vlan=7), 0, b"first"), f"'{CARD}', '{PEER}', 7"),
        (reply(ROUTE, 1, DATA[1])[:-1] + b"?", "the checksum of protocol 1"),
        (reply(ROUTE, 1, DATA[1]) + b"?", "1 bytes follow the packet's"),
    ],
)
def test_each_fault_is_named(frame: bytes, fault: str) -> None:
    (named,) = judge_echoes([frame], REQUESTS).faults
    assert named.startswith("frame 0 from the guest: ")
    assert fault in named


def test_fragments_out_of_order_are_put_together() -> None:
    sent = reply_fragments(ROUTE, 2, DATA[2])
    assert judge_echoes(reversed(sent), REQUESTS).sequences == [2]


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_answer_without_a_fragment_is_none(missing: int) -> None:
    sent = reply_fragments(ROUTE, 2, DATA[2])
    del sent[missing]
    answers = judge_echoes(sent, REQUESTS)
    assert (answers.sequences, answers.faults) == ([], [])


def test_a_changed_fragment_is_found() -> None:
    sent = reply_fragments(ROUTE, 2, DATA[2])
    sent[1] = sent[1][:-1] + b"?"
    assert "wrong checksum" in judge_echoes(sent, REQUESTS).faults[0]


def test_many_faults_are_cut_off() -> None:
    assert len(judge_echoes([reply(ROUTE, 0, b"?")] * 50, REQUESTS).faults) == 10
