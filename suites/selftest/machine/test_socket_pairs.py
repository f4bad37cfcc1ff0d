"""The buffer of a machine's sockets: a late reader loses nothing, and the guest does not wait for it."""

from __future__ import annotations

import errno
import socket

import pytest

from fixtures.machine import socket_pairs
from fixtures.machine.socket_pairs import socket_pair

# The output of OVMF up to its shell is about 3,000 characters.
_CHARACTERS = 8000


def _characters_until_full(end: socket.socket) -> int:
    """How many single characters fit, as QEMU's 16550 sends them."""
    end.setblocking(False)
    for count in range(_CHARACTERS):
        try:
            end.send(b"x")
        except BlockingIOError:
            return count
    return _CHARACTERS


def test_the_output_of_firmware_fits_without_a_reader() -> None:
    own_end, qemu_end = socket_pair()
    with own_end, qemu_end:
        size = qemu_end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        # Without the right to exceed the host's limit, the limit decides.
        expected = _CHARACTERS if size >= socket_pairs._BUFFER_SIZE else 100
        assert _characters_until_full(qemu_end) >= expected


def test_a_user_without_the_right_takes_what_the_host_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class UnprivilegedSocket(socket.socket):
        def setsockopt(self, level: int, option: int, value: object) -> None:  # type: ignore[override]
            if option == socket_pairs._SO_SNDBUFFORCE:
                raise PermissionError(errno.EPERM, "Operation not permitted")
            asked.append((level, option, value))

    pair = (UnprivilegedSocket(socket.AF_UNIX), UnprivilegedSocket(socket.AF_UNIX))
    monkeypatch.setattr(socket, "socketpair", lambda: pair)
    for end in socket_pair():
        end.close()
    assert asked == [(socket.SOL_SOCKET, socket.SO_SNDBUF, socket_pairs._BUFFER_SIZE)]
