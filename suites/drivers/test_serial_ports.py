"""Virtio serial ports: bytes between host and guest without a network."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "ports")

# Bytes.
LENGTH = 1 << 20


@pytest.mark.device("virtio-serial-*")
@pytest.mark.check("drivers.serial-port-carries-bytes", level="mandatory")
def test_a_serial_port_carries_bytes(guest: Guest) -> None:
    """1 MiB of noise arrives through the serial port as the host sent it, and comes back as it was."""
    port = guest.devices.serial_ports
    expected = port.payload_digest(seed=31, length=LENGTH)
    assert port.receive(seed=31, length=LENGTH) == expected
    assert port.send(seed=31, length=LENGTH) == expected
