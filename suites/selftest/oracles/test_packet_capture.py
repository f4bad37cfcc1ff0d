from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import errors
from fixtures.oracles import dhcp_leases
from fixtures.oracles.packet_capture import MacCount, datagrams_to, frames, frames_by_mac, tcp_totals
from suites.selftest.support.paths import SAMPLES

SAMPLE = SAMPLES / "debian-12-q35-broken" / "network.pcap"
PORT = 41911
GUEST, HOST = "10.0.2.15", "10.0.2.2"
WRAP = 1 << 32


@dataclass
class CaptureWriter:
    """Writes a capture as QEMU does."""

    snap_length: int = 65536
    order: str = "<"
    records: list[bytes] = field(default_factory=list)

    def frame(self, data: bytes) -> None:
        captured = data[: self.snap_length]
        self.records.append(struct.pack(f"{self.order}IIII", 1, 500_000, len(captured), len(data)) + captured)

    def udp(self, source: int, payload: bytes) -> None:
        datagram = dpkt.udp.UDP(sport=source, dport=68, data=payload)
        datagram.ulen = len(datagram)
        self.ip(HOST, GUEST, dpkt.ip.IP_PROTO_UDP, datagram)

    def tcp(
        self,
        payload: bytes,
        sequence: int,
        *,
        back: bool = False,
        flags: int = dpkt.tcp.TH_ACK,
        sport: int = 40000,
    ) -> None:
        ports = {"sport": 80, "dport": sport} if back else {"sport": sport, "dport": 80}
        segment = dpkt.tcp.TCP(seq=sequence % WRAP, flags=flags, data=payload, **ports)
        self.ip(*((HOST, GUEST) if back else (GUEST, HOST)), dpkt.ip.IP_PROTO_TCP, segment)

    def ip(self, source: str, target: str, protocol: int, data: object, *, offset: int | None = None) -> None:
        """A packet; with ``offset``, in bytes, a fragment of which there are 400 bytes but in the last."""
        packet = dpkt.ip.IP(src=socket.inet_aton(source), dst=socket.inet_aton(target), p=protocol, data=data)
        packet.len = len(packet)
        if offset is not None:
            packet.offset, packet.mf = offset // 8, int(len(packet) == 420)
        self.frame(
            bytes(dpkt.ethernet.Ethernet(src=b"\x52\x54\0\0\0\1", dst=b"\x52\x54\0\0\0\2", data=packet))
        )

    def save(self, directory: Path) -> Path:
        path = directory / "x.pcap"
        header = struct.pack(f"{self.order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, self.snap_length, 1)
        path.write_bytes(header + b"".join(self.records))
        return path


def test_a_capture_of_a_real_guest_whose_frames_were_cut() -> None:
    found = tcp_totals(SAMPLE, HOST, PORT)
    assert (found.to_server, found.from_server) == (20_000, 20_000)
    assert (found.carried_to, found.carried_from, found.unreadable) == (20_000, 20_000, 0)
    assert (found.connections, found.packets) == (2, 58)
    assert max(len(frame.data) for frame in frames(SAMPLE)) == 96
    assert max(frame.length for frame in frames(SAMPLE)) == 1514


def test_frames_of_a_real_guests_card() -> None:
    found = frames_by_mac(SAMPLE)
    assert found["52:54:00:12:34:57"] == MacCount(sent=53, received=34)
    assert found["ff:ff:ff:ff:ff:ff"] == MacCount(sent=0, received=5)


def test_datagrams_to_a_server_are_counted() -> None:
    assert datagrams_to(SAMPLE, "255.255.255.255", 67) == 2
    assert datagrams_to(SAMPLE, HOST, 9) == 0


def test_another_server_has_no_traffic() -> None:
    assert tcp_totals(SAMPLE, HOST, PORT + 1).packets == 0
    assert tcp_totals(SAMPLE, "10.0.2.3", PORT).packets == 0


def test_a_growing_file_may_end_anywhere(tmp_path: Path) -> None:
    raw = SAMPLE.read_bytes()
    total = len(list(frames(SAMPLE)))
    path = tmp_path / "live.pcap"
    counts = set()
    for length in (*range(24, 300), len(raw) - 1):
        path.write_bytes(raw[:length])
        counts.add(len(list(frames(path))))
    assert counts == {0, 1, 2, total - 1}


@pytest.mark.parametrize("head", [b"", b"\xd4\xc3\xb2\xa1", bytes(24), b"\n\r\r\n" + bytes(100)])
def test_a_file_that_is_no_capture_is_refused(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(head)
    with pytest.raises(errors.SuiteFault, match="not a pcap of Ethernet frames"):
        list(frames(path))


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order(tmp_path: Path, order: str) -> None:
    wire = CaptureWriter(order=order)
    wire.frame(bytes(60))
    (frame,) = frames(wire.save(tmp_path))
    assert (frame.time, frame.length, frame.data) == (1.5, 60, bytes(60))


def test_a_retransmitted_byte_counts_once(tmp_path: Path) -> None:
    wire = CaptureWriter()
    wire.tcp(b"", 999, flags=dpkt.tcp.TH_SYN)
    wire.tcp(b"", 999, flags=dpkt.tcp.TH_SYN)
    wire.tcp(b"a" * 100, 1000)
    wire.tcp(b"c" * 100, 1200)
    wire.tcp(b"a" * 100, 1000)
    wire.tcp(b"ab" * 75, 1050)
    wire.tcp(b"k", 1299)
    wire.tcp(b"reply", 5, back=True)
    found = tcp_totals(wire.save(tmp_path), HOST, 80)
    assert (found.to_server, found.carried_to) == (300, 451)
    assert (found.from_server, found.connections, found.packets) == (5, 1, 8)


def test_a_reused_port_is_another_connection(tmp_path: Path) -> None:
    wire = CaptureWriter()
    for start in (1000, 900_000):
        wire.tcp(b"", start - 1, flags=dpkt.tcp.TH_SYN)
        wire.tcp(b"x" * 10, start)
    found = tcp_totals(wire.save(tmp_path), HOST, 80)
    assert (found.connections, found.to_server) == (2, 20)


@given(st.integers(0, WRAP - 1), st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=4))
def test_reordered_segments_and_wrapped_numbers(
    tmp_path_factory: pytest.TempPathFactory, start: int, order: list[int], repeated: list[int]
) -> None:
    wire = CaptureWriter()
    for index in (*order, *repeated):
        wire.tcp(bytes(100), start + 100 * index)
    found = tcp_totals(wire.save(tmp_path_factory.mktemp("wire")), HOST, 80)
    assert (found.to_server, found.carried_to) == (1200, 100 * (12 + len(repeated)))


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2)])
def test_fragments_are_assigned_to_their_segment(tmp_path: Path, order: tuple[int, ...]) -> None:
    wire = CaptureWriter()
    segment = bytes(
        dpkt.tcp.TCP(sport=40000, dport=80, seq=WRAP - 100, flags=dpkt.tcp.TH_ACK, data=bytes(1000))
    )
    for index in order:
        wire.ip(GUEST, HOST, dpkt.ip.IP_PROTO_TCP, segment[400 * index :][:400], offset=400 * index)
    found = tcp_totals(wire.save(tmp_path), HOST, 80)
    lost = 0 if order[0] == 0 else 400
    assert (found.to_server, found.unreadable, found.packets) == (1000 - lost, bool(lost), 3 - bool(lost))


def test_a_frame_without_complete_headers_is_unreadable(tmp_path: Path) -> None:
    wire = CaptureWriter(snap_length=40)
    wire.tcp(b"x" * 100, 1)
    found = tcp_totals(wire.save(tmp_path), HOST, 80)
    assert (found.unreadable, found.to_server) == (1, 0)


def test_other_traffic_is_ignored(tmp_path: Path) -> None:
    wire = CaptureWriter()
    for data in (
        b"",
        b"\x01",
        bytes(14),
        bytes(12) + b"\x08\x00",
        bytes(12) + b"\x86\xdd" + bytes(8),
        b"\xff" * 99,
    ):
        wire.frame(data)
    path = wire.save(tmp_path)
    assert tcp_totals(path, HOST, 80).packets == 0
    assert dhcp_leases.leases(path) == {}
    assert sum(count.sent for count in frames_by_mac(path).values()) == 4


def test_qemus_announcements_do_not_count(tmp_path: Path) -> None:
    wire = CaptureWriter()
    card = bytes.fromhex("525400123456")
    wire.frame(b"\xff" * 6 + card + b"\x80\x35" + bytes(46))
    assert frames_by_mac(wire.save(tmp_path)) == {}
    wire.frame(b"\xff" * 6 + card + b"\x08\x06" + bytes(46))
    assert frames_by_mac(wire.save(tmp_path))["52:54:00:12:34:56"].sent == 1


def offer(kind: int, address: str) -> bytes:
    head = bytearray(240)
    head[0] = 2
    head[16:20] = socket.inet_aton(address)
    head[28:34] = bytes.fromhex("525400123457")
    return bytes(head) + bytes([0, 1, 4, 255, 255, 255, 0, 53, 1, kind, 255])


def test_a_lease_is_the_last_acknowledged_address(tmp_path: Path) -> None:
    wire = CaptureWriter()
    for kind, address in ((2, "10.0.2.99"), (5, "10.0.2.14"), (5, "10.0.2.15"), (6, "10.0.2.98")):
        wire.udp(67, offer(kind, address))
    wire.udp(1067, offer(5, "10.0.2.97"))
    assert dhcp_leases.leases(wire.save(tmp_path)) == {"52:54:00:12:34:57": "10.0.2.15"}
