"""Many virtio serial ports on one controller: all carry at once, one comes and goes, ends close and open."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.hotplug import ABSENT, PRESENT
from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "many-ports")

PORTS = range(1, 9)
ONE_MORE = 9
# Bytes of each payload.
LENGTH = 256 << 10


@pytest.mark.device("virtio-serial-*")
@pytest.mark.check("drivers.virtio-serial-ports", level="mandatory")
def test_virtio_serial_ports(guest: Guest) -> None:
    """Eight ports carry noise both ways at once, whether a ninth comes or goes or the host closes its end."""
    ports = guest.devices.port_controller
    ports.plug(len(PORTS))
    assert ports.receive_on_all(seed=100, length=LENGTH) == ports.received_in_full(100, LENGTH, PORTS)
    ports.start_exchange(seed=200, length=LENGTH)
    assert ports.plug_port(ONE_MORE) == PRESENT
    received = ports.receive_on(ONE_MORE, seed=300, length=LENGTH)
    assert {ONE_MORE: received} == ports.received_in_full(300, LENGTH, [ONE_MORE])
    assert ports.unplug_port(ONE_MORE) == ABSENT
    exchange = ports.finish_exchange()
    assert exchange.received == ports.received_in_full(200, LENGTH, PORTS)
    assert exchange.returned == dict.fromkeys(PORTS, f"all {LENGTH} bytes are right")
    assert ports.close_host_end(1) == "closed"
    assert ports.host_end(2) == "open"
    assert ports.open_host_end(1) == "open"
    received = ports.receive_on(1, seed=400, length=LENGTH)
    assert {1: received} == ports.received_in_full(400, LENGTH, [1])
