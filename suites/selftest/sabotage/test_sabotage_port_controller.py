"""Sabotage of suites/drivers/test_port_controller.py: two ports that lead to each other's ends."""

from __future__ import annotations

import pytest

from fixtures.lab.operations.extra_ports import ExtraController
from suites.drivers import test_port_controller
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_exchanged_ports_are_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    class ExchangedPorts(ExtraController):
        """A controller whose first two ports lead to each other's ends on the host."""

        def __init__(self, instance: object, ports: int) -> None:
            super().__init__(instance, ports)  # type: ignore[arg-type]
            one, other = self.ports[1], self.ports[2]
            one.service, other.service = other.service, one.service

    monkeypatch.setattr("fixtures.guest.device_kinds.port_controller.ExtraController", ExchangedPorts)
    monkeypatch.setattr(test_port_controller, "LENGTH", 8192)
    with pytest.raises(AssertionError, match=r"Received\(length=8192, digest='sha256:"):
        test_port_controller.test_virtio_serial_ports(broken.guest)
