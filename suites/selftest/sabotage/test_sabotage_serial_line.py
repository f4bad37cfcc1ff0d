"""Sabotage of suites/drivers/test_serial_line.py: a lost byte, a guest that ignores XOFF, a break not sent."""

from __future__ import annotations

import pytest

from fixtures.lab.operations.extra_ports import ExtraLine
from fixtures.lab.services.duplex_service import DuplexService
from fixtures.systems.linux import channels
from suites.drivers import test_serial_line
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_serial_line_that_loses_a_byte_or_ignores_xoff_or_breaks_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_serial_line, "LENGTH", 4096)
    monkeypatch.setattr(test_serial_line, "FLOWS", ("none",))
    broken.guest.devices.serial_line.timeout = 3
    arrived = DuplexService.received_so_far
    with monkeypatch.context() as patch:
        patch.setattr(
            DuplexService, "received_so_far", lambda line: arrived(line)[:1000] + arrived(line)[1001:]
        )
        with pytest.raises(AssertionError, match="flow control none: 1 bytes lost from offset 1000 of 4096"):
            test_serial_line.test_serial_port_full_rate(broken.guest)
    with monkeypatch.context() as patch:
        patch.setattr(channels, "_FLOWS", dict.fromkeys(channels._FLOWS, channels._FLOWS["none"]))
        with pytest.raises(
            AssertionError, match="bytes that the guest sent although the host had stopped it"
        ):
            test_serial_line.test_serial_port_full_rate(broken.guest)
    monkeypatch.setattr(ExtraLine, "send_break", lambda line: None)
    with pytest.raises(AssertionError, match=r"first extra item: 'break'"):
        test_serial_line.test_serial_port_full_rate(broken.guest)
