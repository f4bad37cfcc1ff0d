"""The host's end of a line: both ways at once, bytes that are held back, XON and XOFF."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from fixtures.core.deadline import Deadline
from fixtures.lab.services.duplex_service import XOFF, XON, DuplexService, without_flow_characters
from fixtures.lab.services.payload_service import payload
from fixtures.machine.health import Health
from fixtures.machine.machine import Machine
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup


class StandIn:
    """The parts of a machine that the service uses."""

    name = "stand-in"

    def __init__(self, journal: Journal, wakeup: Wakeup) -> None:
        self.wakeup = wakeup
        self.health = Health(self.name, journal, wakeup)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[DuplexService, socket.socket]]:
    wakeup = Wakeup()
    own, other = socket.socketpair()
    other.settimeout(20)
    machine = StandIn(Journal(tmp_path / "qmp.jsonl", wakeup), wakeup)
    service = DuplexService(cast("Machine", machine), own)
    with other:
        yield service, other
        service.close()


def exactly(end: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += end.recv(length - len(data))
    return data


def test_bytes_go_both_ways_at_once(line: tuple[DuplexService, socket.socket]) -> None:
    service, guest = line
    out, back = payload(1, 300_000), payload(2, 1000)
    service.expect(len(back))
    service.begin(out)
    guest.sendall(back)
    assert exactly(guest, len(out)) == out
    assert service.received_within(20) == back


def test_the_held_bytes_come_after_the_release(line: tuple[DuplexService, socket.socket]) -> None:
    service, guest = line
    service.begin(b"before-after", held=6)
    assert exactly(guest, 6) == b"before"
    guest.setblocking(False)
    with pytest.raises(BlockingIOError):
        guest.recv(1)
    guest.settimeout(20)
    service.release()
    assert exactly(guest, 6) == b"-after"


def test_bytes_that_came_before_do_not_count(line: tuple[DuplexService, socket.socket]) -> None:
    service, guest = line
    service.expect(3)
    guest.sendall(b"old")
    assert service.received_within(20) == b"old"
    service.expect(3)
    guest.sendall(b"new")
    assert service.received_within(20) == b"new"


def test_missing_bytes_are_left_to_the_judge(line: tuple[DuplexService, socket.socket]) -> None:
    service, _ = line
    service.expect(3)
    assert service.received_within(0) == b""


def test_xoff_stops_the_host_and_xon_lets_it_go(line: tuple[DuplexService, socket.socket]) -> None:
    service, guest = line
    service.expect(1, flow="software")
    guest.sendall(XOFF + b"x")
    assert service.received_within(20) == b"x", "the flow characters are no data"
    service._may_send.clear()
    service.begin(b"at last")
    guest.setblocking(False)
    with pytest.raises(BlockingIOError):
        guest.recv(1)
    guest.settimeout(20)
    guest.sendall(XON)
    assert exactly(guest, 7) == b"at last"


def test_a_payload_for_software_flow_control_has_no_flow_characters() -> None:
    data = payload(3, 10_000)
    changed = without_flow_characters(data)
    assert (len(changed), XON in changed, XOFF in changed) == (len(data), False, False)
