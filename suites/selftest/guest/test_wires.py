"""The checks of a wire on the Linux stack of a namespace: each passes there, and sees what is broken in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from fixtures.core.errors import HostFault
from fixtures.guest.guest import Guest
from fixtures.guest.wires.wire import Wire
from fixtures.lab.services import peer
from suites.network import test_link, test_wire
from suites.selftest.support.namespace_guest import NamespaceShell, namespace_wire

DOWN = "ip link set tap0 down"
UP = "ip link set tap0 up"

# Seconds: for answers of a sound guest on a busy host, and for those that a spoilt one never gives.
PATIENT, IMPATIENT = 30.0, 1.0


@dataclass
class Namespace:
    """What a check gets, with a wire to a namespace. ``power`` restarts nothing unless a test says so."""

    wires: list[Wire]
    shell: NamespaceShell
    reboot: Callable[[], None] = lambda: None

    @property
    def guest(self) -> Guest:
        return cast("Guest", self)

    @property
    def power(self) -> Namespace:
        return self

    def boot_id(self) -> str:
        return self.shell.run("cat /proc/sys/kernel/random/boot_id").text

    def unexpected_messages(self) -> list[str]:
        return []

    def change(self, *commands: str) -> None:
        """Run commands in the namespace."""
        for command in commands:
            result = self.shell.run(command)
            assert result.status == 0, f"{command}: {result.text}"


@pytest.fixture
def namespace(tmp_path: Path) -> Iterator[Namespace]:
    try:
        with namespace_wire(tmp_path) as (wire, shell):
            yield Namespace([wire], shell)
    except HostFault as fault:
        pytest.skip(f"this host has no network for a peer: {fault}")


def test_frames_that_are_cut_changed_or_lost_are_found(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, wires = test_wire.test_frames_of_every_size_arrive, namespace.wires
    check(wires)
    wires[0].answer_timeout = IMPATIENT
    monkeypatch.setattr(test_wire, "ALL_FRAME_SIZES", (60, 800, 1514))
    namespace.change("ip link set mtu 1400 dev tap0")
    with pytest.raises(AssertionError, match="1410"):
        check(wires)
    namespace.change("ip link set mtu 1500 dev tap0")
    note = peer.Peer._note

    def note_flipped(self: peer.Peer, direction: peer.Direction, frame: bytes) -> None:
        note(self, direction, frame[:50] + bytes([frame[50] ^ 1]) + frame[51:])

    with monkeypatch.context() as patch:
        patch.setattr(peer.Peer, "_note", note_flipped)
        with pytest.raises(AssertionError, match="the checksum of protocol 1"):
            check(wires)
    namespace.change(DOWN)
    with pytest.raises(AssertionError, match=r"\('tap', \(\)\)"):
        check(wires)


def test_data_that_changes_is_found(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    check, wires = test_wire.test_data_is_intact_at_loss, namespace.wires
    monkeypatch.setattr(test_wire, "PAYLOAD", 1 << 19)
    check(wires)
    wires[0].answer_timeout = IMPATIENT
    monkeypatch.setattr(test_wire, "BAD_WIRE", dataclasses.replace(test_wire.BAD_WIRE, mends=True))
    with pytest.raises(AssertionError, match="sha256:"):
        check(wires)


def test_wrong_checksums_are_found(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    check, wires = test_wire.test_offloads_keep_checksums, namespace.wires
    monkeypatch.setattr(test_wire, "SMALL_PAYLOAD", 1 << 16)
    check(wires)
    wires[0].answer_timeout = IMPATIENT
    note = peer.Peer._note

    def note_flipped(self: peer.Peer, direction: peer.Direction, frame: bytes) -> None:
        is_long = direction == "from guest" and len(frame) == test_wire.LONGEST_FRAME
        note(self, direction, frame[:-1] + bytes([frame[-1] ^ is_long]))

    monkeypatch.setattr(peer.Peer, "_note", note_flipped)
    with pytest.raises(AssertionError, match="the checksum of protocol 6"):
        check(wires)


def test_datagrams_that_stay_in_pieces_are_found(namespace: Namespace) -> None:
    check, wires = test_wire.test_fragments_are_reassembled, namespace.wires
    check(wires)
    wires[0].answer_timeout = IMPATIENT
    namespace.change("sysctl -q -w net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=0")
    with pytest.raises(AssertionError, match=r"'in order', \(\)\)"):
        check(wires)


def test_harm_by_malformed_frames_is_found(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    check = test_wire.test_malformed_frames_do_no_harm
    monkeypatch.setattr(test_wire, "MALFORMED_FRAMES", 2000)
    check(namespace.guest, namespace.wires)
    namespace.wires[0].answer_timeout = IMPATIENT
    monkeypatch.setattr(test_wire, "MALFORMED_FRAMES", 100)
    send = Wire.send_malformed_frames

    def send_and_break(wire: Wire, count: int, seed: int) -> int:
        taken = send(wire, count, seed)
        namespace.change(DOWN)
        return taken

    monkeypatch.setattr(Wire, "send_malformed_frames", send_and_break)
    with pytest.raises(AssertionError, match=r"\('tap', \(\)\)"):
        check(namespace.guest, namespace.wires)


def test_a_hardware_address_that_is_not_the_cards_is_found(namespace: Namespace) -> None:
    check, wires = test_link.test_hardware_address_is_kept, namespace.wires
    wires[0].answer_timeout = IMPATIENT
    with pytest.raises(AssertionError, match=r"'after a restart', \(\)\)"):
        check(namespace.guest, wires)
    own = f"ip link set tap0 address {wires[0].hardware_address}"
    namespace.change(DOWN, own, UP)
    namespace.reboot = lambda: namespace.change(DOWN, own, UP)
    wires[0].answer_timeout = PATIENT
    check(namespace.guest, wires)


def test_a_guest_without_ipv6_is_found(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    check, wires = test_link.test_ipv6_works, namespace.wires
    check(wires)
    wires[0].answer_timeout = IMPATIENT
    namespace.change("sysctl -q -w net.ipv6.conf.tap0.disable_ipv6=1")
    wires[0].payload_timeout = 0.5
    with pytest.raises(AssertionError, match="the guest announced no address"):
        check(wires)


def test_frames_without_a_meaning_arrive_in_windows(namespace: Namespace) -> None:
    wire = namespace.wires[0]
    assert wire.packets_from(test_link.OWN_GROUP, 100) >= 100
    wire.answer_timeout = IMPATIENT
    namespace.change(DOWN)
    assert wire.packets_from(test_link.OWN_GROUP, 100) == 0
