"""The random number device: the guest's random bytes come from the host."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.rng import RandomBytes
from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "random")

# Pieces of 64 bytes.
PIECES = 16


@pytest.mark.device("virtio-rng-*")
@pytest.mark.check("drivers.rng-hands-out-the-hosts-bytes", level="mandatory")
def test_random_bytes_are_the_hosts(guest: Guest) -> None:
    """Every byte that the guest draws from its random number device is a byte that the host supplied."""
    drawn = guest.devices.rng.draw(PIECES)
    assert drawn == RandomBytes(length=64 * PIECES, foreign_blocks=0), str(drawn)
