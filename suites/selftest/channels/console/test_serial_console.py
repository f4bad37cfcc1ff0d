"""The serial console of a real machine: matching, bounded memory, typing, and its end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import CommandTimeout, ConsoleLost, GuestCrashed, IronguestError
from suites.selftest.support.machine_sample import MachineBench, printing_code

if TYPE_CHECKING:
    from pathlib import Path

PANIC = "[    1.000000] Kernel panic - not syncing: test\n"


def test_an_endlessly_repeated_panic_ends_the_wait(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code(PANIC, for_ever=True)) as bench:
        bench.run()
        with pytest.raises(GuestCrashed):
            bench.console.wait_for([b"never"], Deadline.after(60.0))


def test_a_flood_of_output_does_not_fill_memory(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        console = bench.console
        bench.start()
        flood = _Flood(bench, 24 << 20)
        console._take = flood.take  # type: ignore[method-assign]
        assert console.wait_for([b"never"], Deadline.after(0.2)) is None
        assert flood.size_taken > 0
        console.wait_for([b"last"], Deadline.after(60.0))
        unmatched = len(console._before.getvalue()) + len(console._buffer.getvalue())
        assert flood.size_taken == 24 << 20
        assert unmatched < 10 << 20


class _Flood:
    """An output of ``size`` bytes that is always available, followed by the word "last" without end."""

    def __init__(self, bench: MachineBench, size: int) -> None:
        self._source = io.BytesIO(b"word " * (size // 5) + b"last "[: size % 5])
        self._size = size
        self.size_taken = 0

    def take(self, size: int) -> bytes:
        data = self._source.read(size)
        self.size_taken += len(data)
        return data or b"last"


def test_unread_output_is_bounded(tmp_path: Path) -> None:
    """The guest prints 16 MiB, and no caller reads it."""
    with MachineBench(tmp_path) as bench:
        console = bench.console
        qemu_end = bench.machine._qemu_ends[1]
        piece = b"x" * 65536
        for _ in range((16 << 20) // len(piece)):
            qemu_end.sendall(piece)
        with console._lock:
            assert console._unread <= 8 << 20
            assert sum(map(len, console._chunks)) == console._unread


def test_a_console_that_closes_while_qemu_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.channels.console.serial_console._END_GRACE", 0.1)
    with MachineBench(tmp_path) as bench:
        bench.machine._qemu_ends[1].close()
        with pytest.raises(ConsoleLost, match="the console is closed, but QEMU still runs"):
            bench.console.wait_for([b"x"], Deadline.after(60.0))


def test_output_before_the_wait_is_matched(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.machine._qemu_ends[1].sendall(b"one two three")
        assert bench.console.wait_for([b"three"], Deadline.after(60.0)) == 0
        assert bench.console.matched[0] == b"one two "
        bench.machine._qemu_ends[1].sendall(b"four")
        assert bench.console.wait_for([b"one", b"four"], Deadline.after(60.0)) == 1
        assert bench.console.wait_for([b"four"], Deadline.after(0.0)) is None


def test_discarded_output_is_not_matched(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.machine._qemu_ends[1].sendall(b"abc")
        assert bench.console.wait_for([b"b"], Deadline.after(60.0)) == 0
        bench.console.discard_unread()
        assert bench.console.wait_for([b"c"], Deadline.after(0.0)) is None
        assert bench.transcript.tail() == ("abc",)


def test_matched_before_the_first_match_is_an_error(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench, pytest.raises(ValueError, match="no pattern has matched yet"):
        assert bench.console.matched


def test_a_guest_that_takes_no_input(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.console.send(b"hello", Deadline.after(60.0))
        assert bench.machine._qemu_ends[1].recv(5) == b"hello"
        with pytest.raises(
            CommandTimeout, match=r"the console accepted only \d+ of 8388608 bytes of input within"
        ):
            bench.console.send(b"x" * (8 << 20), Deadline.after(0.1))


def test_a_crash_while_typing(tmp_path: Path) -> None:
    with MachineBench(tmp_path) as bench:
        bench.machine._qemu_ends[1].sendall(PANIC.encode())
        with pytest.raises(IronguestError, match="not syncing: test"):
            bench.console.send(b"x" * (8 << 20), Deadline.after(60.0))
