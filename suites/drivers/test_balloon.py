"""The memory balloon: the guest returns memory to the host, and gets it back."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "balloon")


@pytest.mark.private_memory
@pytest.mark.device("virtio-balloon-*")
@pytest.mark.check("drivers.balloon-takes-and-returns-memory", level="mandatory")
def test_balloon_takes_and_returns_memory(guest: Guest) -> None:
    """The guest's memory shrinks by exactly what the host asks back, and grows to its old size again."""
    full = guest.devices.balloon.size()
    three_quarters = full.host // 4 * 3
    assert guest.devices.balloon.resize(three_quarters) == full.reduced_to(three_quarters)
    assert guest.devices.balloon.resize(full.host) == full
