"""The DHCP and echo services behind a tap, and the guest's command that uses them; loopback replaces the tap."""

from __future__ import annotations

import socket
import subprocess
import threading

import dpkt
import pytest

from fixtures.lab.services.tap_services import dhcp_reply
from fixtures.systems.linux.load import exchange_datagrams_command

HOST, GUEST = "10.0.3.100", "10.0.3.15"
MAC = bytes.fromhex("525400123456")


def dhcp_message(message_type: int, **fields: int) -> bytes:
    options = ((dpkt.dhcp.DHCP_OPT_MSGTYPE, bytes([message_type])),)
    return bytes(dpkt.dhcp.DHCP(chaddr=MAC, xid=0xABCD, opts=options, **fields))


@pytest.mark.parametrize(
    ("kind", "answer"),
    [(dpkt.dhcp.DHCPDISCOVER, dpkt.dhcp.DHCPOFFER), (dpkt.dhcp.DHCPREQUEST, dpkt.dhcp.DHCPACK)],
)
def test_a_dhcp_request_gets_the_address(kind: int, answer: int) -> None:
    reply = dhcp_reply(dhcp_message(kind), HOST, GUEST)
    assert reply is not None
    read = dpkt.dhcp.DHCP(reply)
    assert (read.op, read.xid, read.chaddr[:6]) == (dpkt.dhcp.DHCP_OP_REPLY, 0xABCD, MAC)
    assert socket.inet_ntoa(read.yiaddr.to_bytes(4, "big")) == GUEST
    options = dict(read.opts)
    assert options[dpkt.dhcp.DHCP_OPT_MSGTYPE] == bytes([answer])
    assert options[dpkt.dhcp.DHCP_OPT_SERVER_ID] == socket.inet_aton(HOST)
    assert options[dpkt.dhcp.DHCP_OPT_NETMASK] == bytes([255, 255, 255, 0])
    assert dpkt.dhcp.DHCP_OPT_ROUTER not in options


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 40,
        dhcp_message(dpkt.dhcp.DHCPRELEASE),
        dhcp_message(dpkt.dhcp.DHCPDISCOVER, op=dpkt.dhcp.DHCP_OP_REPLY),
        dhcp_message(dpkt.dhcp.DHCPDISCOVER)[:200],
    ],
    ids=["empty", "short", "release", "an answer", "cut"],
)
def test_other_messages_get_no_reply(message: bytes) -> None:
    assert dhcp_reply(message, HOST, GUEST) is None


@pytest.mark.parametrize("answers", [6, 0])
def test_the_guest_counts_correct_replies(answers: int) -> None:
    """Five sockets send two datagrams each; the host echoes some, and replies to the others with another text."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind(("127.0.0.1", 0))

        def serve() -> None:
            for number in range(10):
                data, sender = host.recvfrom(100)
                host.sendto(data if number < answers else b"other\n", sender)

        thread = threading.Thread(target=serve)
        thread.start()
        command = exchange_datagrams_command(0, "127.0.0.1", host.getsockname()[1], 5)
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        thread.join()
    assert done.stdout == f"{answers}\n"
