"""Serial ports of virtio: a line between host and guest that needs no network."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "ports")

LENGTH = 1 << 20


@pytest.mark.device("virtio-serial-*")
@pytest.mark.check("drivers.serial-port-carries-bytes", level="mandatory")
def test_a_serial_port_carries_bytes(guest: Guest) -> None:
    """1 MiB of noise arrives through the port as the host sent it, and comes back as it was."""
    sent = guest.devices.serial_ports.sent(seed=31, length=LENGTH)
    assert guest.devices.serial_ports.receive(seed=31, length=LENGTH) == sent
    assert guest.devices.serial_ports.send(seed=31, length=LENGTH) == sent
