"""The random number device: its bytes are the host's."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "random")

PIECES = 16


@pytest.mark.device("virtio-rng-*")
@pytest.mark.check("drivers.rng-hands-out-the-hosts-bytes", level="mandatory")
def test_random_bytes_are_the_hosts(guest: Guest) -> None:
    """Every byte that the guest draws from its random number device is one that the host gave to it."""
    drawn = guest.devices.rng.draw(PIECES)
    assert (drawn.length, drawn.foreign_blocks) == (64 * PIECES, 0)
