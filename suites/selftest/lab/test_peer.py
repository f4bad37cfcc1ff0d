"""Two peers back to back: the wire of one ends at the other, so no guest is needed. The kernel carries TCP."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault
from fixtures.lab.services.payload_service import payload
from fixtures.lab.services.peer import Peer
from fixtures.lab.services.wire_faults import WireFaults
from fixtures.machine.peer_network import OFFER_PORT, PeerAddresses, open_peer_network
from fixtures.machine.user_network import UserNetwork
from fixtures.oracles import frame_builder as build
from fixtures.oracles.echoes import EchoAnswers, EchoRequests, judge_echoes
from fixtures.oracles.frame_builder import Route
from fixtures.oracles.packet_capture import frames_by_mac

ADDRESSES = PeerAddresses.on(UserNetwork(1))
MIRRORED = replace(
    ADDRESSES,
    mac=ADDRESSES.guest_mac,
    ipv4=ADDRESSES.guest_ipv4,
    ipv6=f"{ADDRESSES.prefix}15",
    guest_mac=ADDRESSES.mac,
    guest_ipv4=ADDRESSES.ipv4,
)
ROUTE = Route(ADDRESSES.mac, ADDRESSES.guest_mac, ADDRESSES.ipv4, ADDRESSES.guest_ipv4)
ROUTE6 = replace(ROUTE, source=ADDRESSES.ipv6, target=MIRRORED.ipv6)
BAD = WireFaults(loss=0.02, duplication=0.02, reordering=0.02, corruption=0.02, delay=0.001)
LENGTH = 1 << 20


@dataclass
class Pair:
    """A peer, and the peer that plays the guest."""

    peer: Peer
    guest: Peer
    capture: Path

    def receive(self, client: socket.socket) -> bytes:
        """What ``peer`` offers, as the other end of the wire gets it."""
        received = bytearray()
        while data := client.recv(1 << 18):
            received += data
        return bytes(received)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    try:
        networks = [open_peer_network(addresses, 1500) for addresses in (ADDRESSES, MIRRORED)]
    except HostFault as fault:
        pytest.skip(f"this host has no network for a peer: {fault}")
    ends = socket.socketpair()
    with ExitStack() as stack:
        peer, guest = (
            stack.enter_context(closing(Peer(network, addresses, end, tmp_path / name)))
            for network, addresses, end, name in zip(
                networks, (ADDRESSES, MIRRORED), ends, ("peer.pcap", "guest.pcap"), strict=True
            )
        )
        yield Pair(peer, guest, tmp_path / "peer.pcap")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = Deadline.after(30.0)
    while not condition():
        assert not deadline.expired, "the frames did not come within 30 s"


def transfer(pair: Pair, data: bytes) -> bytes:
    """Offer ``data`` on one side, and receive it with a socket in the namespace of the other."""

    def offer() -> None:
        connection, _ = pair.peer.network.offer.accept()
        with connection:
            connection.sendall(data)

    thread = threading.Thread(target=offer)
    thread.start()
    # A listener that is shut down is a new socket in its namespace.
    with socket.socket(fileno=pair.guest.network.take.detach()) as client:
        client.shutdown(socket.SHUT_RDWR)
        is_ipv6 = client.family == socket.AF_INET6
        client.connect((f"::ffff:{ADDRESSES.ipv4}" if is_ipv6 else ADDRESSES.ipv4, OFFER_PORT))
        received = pair.receive(client)
    thread.join()
    return received


def test_data_survives_a_bad_wire(pair: Pair) -> None:
    data = payload(3, LENGTH)
    pair.peer.set_faults(BAD, seed=3)
    assert transfer(pair, data) == data
    counts = pair.peer.fault_counts()
    assert all(counts["to guest"][name] > 0 for name in ("loss", "duplication", "reordering", "corruption"))


def test_data_is_changed_by_a_wire_that_mends_checksums(pair: Pair) -> None:
    data = payload(3, LENGTH)
    pair.peer.set_faults(WireFaults(corruption=0.05, mends=True), seed=3)
    received = transfer(pair, data)
    assert (len(received), received == data) == (LENGTH, False)


@pytest.mark.parametrize("route", [ROUTE, ROUTE6], ids=["ipv4", "ipv6"])
def test_frames_of_our_making_are_answered_and_captured(pair: Pair, route: Route) -> None:
    if route.is_ipv6 and not pair.peer.network.has_ipv6:
        pytest.skip("this host's kernel has no IPv6")
    requests = {sequence: bytes([sequence]) * (300 * sequence) for sequence in range(10)}
    protocol = build.ICMPV6 if route.is_ipv6 else build.ICMP
    pair.peer.start_recording()
    for sequence, data in requests.items():
        message = build.echo_message(route, 7, sequence, data)
        parts = build.pieces(message, 1448)
        pair.peer.inject([build.fragment(route, protocol, sequence, part) for part in parts])

    def judge() -> EchoAnswers:
        sent = (frame.data for frame in pair.peer.carried() if frame.direction == "from guest")
        return judge_echoes(sent, EchoRequests(route, 7, requests))

    wait_until(lambda: len(judge().sequences) == len(requests))
    pair.peer.stop_recording()
    judged = judge()
    assert (judged.sequences, judged.faults) == (list(requests), [])
    assert frames_by_mac(pair.capture)[ADDRESSES.guest_mac].sent >= len(judged.lengths)


def test_the_end_of_qemu_is_the_end_of_the_peer(pair: Pair) -> None:
    pair.guest.close()
    pair.peer._thread.join(30.0)
    assert not pair.peer._thread.is_alive(), "the peer's thread goes on without QEMU"
    pair.peer.close()


def test_frames_that_nobody_takes_wait(tmp_path: Path) -> None:
    ours, qemus = socket.socketpair()
    try:
        network = open_peer_network(ADDRESSES, 1500)
    except HostFault as fault:
        pytest.skip(f"this host has no network for a peer: {fault}")
    with qemus, closing(Peer(network, ADDRESSES, ours, tmp_path / "capture.pcap")) as peer:
        peer.inject([bytes(1514)] * 2000)
        wait_until(lambda: peer.waiting() > 0)
        received = 0
        qemus.settimeout(0.05)
        while peer.waiting():
            # The last part may arrive before the peer notes that it has left.
            with suppress(TimeoutError):
                received += len(qemus.recv(1 << 20))
        assert received > 0, "bytes that QEMU received"


def test_a_host_without_namespaces_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda *_, **__: subprocess.CompletedProcess(
            [], 1, "", "unshare: unshare failed: Operation not permitted\n"
        ),
    )
    with pytest.raises(
        HostFault, match="cannot create the network of a peer on this host: unshare: .* not permitted"
    ):
        open_peer_network(ADDRESSES, 1500)
