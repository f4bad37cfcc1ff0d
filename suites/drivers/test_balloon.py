"""The balloon: memory that the guest gives back, and takes again."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "balloon")


@pytest.mark.private_memory
@pytest.mark.device("virtio-balloon-*")
@pytest.mark.check("drivers.balloon-takes-and-returns-memory", level="mandatory")
def test_the_balloon_takes_and_returns_memory(guest: Guest) -> None:
    """The guest has less memory by as much as the host asked back, and all of it again afterwards."""
    before = guest.devices.balloon.size()
    asked = before.host // 4 * 3
    less = guest.devices.balloon.leave(asked)
    assert (less.host, before.guest - less.guest) == (asked, before.host - asked)
    assert guest.devices.balloon.leave(before.host) == before
