"""A serial line on a UART 16550A: every byte value, both ways at once, flow control, and breaks."""

from __future__ import annotations

from typing import get_args

import pytest

from fixtures.guest.guest import Guest
from fixtures.systems.base.channel_answers import BREAK, LineFlow

pytestmark = pytest.mark.needs("shell", "serial-lines")

# Bytes of a payload: all values, and in number far more than any buffer on the way holds.
LENGTH = 48 << 10
FLOWS: tuple[LineFlow, ...] = get_args(LineFlow)


@pytest.mark.check("drivers.serial-port-full-rate", level="recommended")
def test_serial_port_full_rate(guest: Guest) -> None:
    """Noise crosses a 16550's line both ways at once with each flow control; XOFF and breaks are obeyed."""
    line = guest.devices.serial_line
    line.plug()
    for number, flow in enumerate(FLOWS):
        seed = 71 + 2 * number
        exchange = line.exchange(seed, LENGTH, flow)
        assert exchange.alone == line.received_in_full(seed, LENGTH, flow), f"flow control {flow}"
        assert exchange.at_once == line.received_in_full(seed + 1, LENGTH, flow), f"flow control {flow}"
        assert exchange.returned.is_right, f"flow control {flow}: {exchange.returned.description}"
    stopped = line.stop_and_start(seed=81, length=4096)
    assert stopped.while_stopped == 0, "bytes that the guest sent although the host had stopped it (XOFF)"
    assert stopped.at_last.is_right, f"after XON: {stopped.at_last.description}"
    marks = line.receive_break(before=b"before\xff", after=b"after")
    assert marks == (b"before\xff".hex(), BREAK, b"after".hex())
