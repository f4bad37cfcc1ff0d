"""The random number device: the guest's random bytes come from the host."""

from __future__ import annotations

import pytest

from fixtures.guest.device_kinds.rng import RandomBytes
from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "random")

# Pieces of 64 bytes.
PIECES = 16
LIMITED_PIECES = 48
# Bytes that the device may hand out in a period, and the period in milliseconds.
LIMIT, PERIOD = 512, 1000


@pytest.mark.device("virtio-rng-*")
@pytest.mark.check("drivers.rng-hands-out-the-hosts-bytes", level="mandatory")
def test_random_bytes_are_the_hosts(guest: Guest) -> None:
    """Every byte that the guest draws from its random number device is a byte that the host supplied."""
    drawn = guest.devices.rng.draw(PIECES)
    assert drawn == RandomBytes(length=64 * PIECES, foreign_blocks=0), str(drawn)


@pytest.mark.device("virtio-rng-*")
@pytest.mark.check("drivers.rng-rate-limit-and-statistics", level="recommended")
def test_rng_rate_limit_and_statistics(guest: Guest) -> None:
    """A device with a rate limit is never asked for more, and no byte that it hands out is used twice."""
    limited = guest.devices.rng.draw_limited(LIMITED_PIECES, limit=LIMIT, period=PERIOD)
    assert limited.drawn == RandomBytes(length=64 * LIMITED_PIECES, foreign_blocks=0), str(limited.drawn)
    # A window of a period's length lies in two periods. A request that waited for the host comes on top.
    assert limited.most <= 2 * LIMIT + 64, "bytes within a period"
    assert limited.problems == (), "statistics of the random bytes"
