"""The memory balloon: the guest returns memory to the host, and gets it back."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "balloon")

MIB = 1 << 20
# What the guest uses on its own between two answers.
TOLERANCE = 12 * MIB
USED = 48 * MIB
# What a program uses beyond the memory that is available.
MORE = 96 * MIB


@pytest.mark.private_memory
@pytest.mark.device("virtio-balloon-*")
@pytest.mark.check("drivers.balloon-takes-and-returns-memory", level="mandatory")
def test_balloon_takes_and_returns_memory(guest: Guest) -> None:
    """The guest's memory shrinks by exactly what the host asks back, and grows to its old size again."""
    full = guest.devices.balloon.size()
    three_quarters = full.host // 4 * 3
    assert guest.devices.balloon.resize(three_quarters) == full.reduced_to(three_quarters)
    assert guest.devices.balloon.resize(full.host) == full


@pytest.mark.device("virtio-balloon-*")
@pytest.mark.check("drivers.balloon-statistics", level="recommended")
def test_balloon_statistics(guest: Guest) -> None:
    """The balloon reports to the host the memory that the guest's kernel reports, idle and under load."""
    balloon = guest.devices.balloon
    idle = balloon.statistics()
    assert idle.differences(TOLERANCE) == (), f"idle: {idle}"
    balloon.use_memory(USED)
    used = balloon.statistics()
    assert used.differences(TOLERANCE) == (), f"with {USED} bytes more in use: {used}"
    freed, cached = idle.balloon.free - used.balloon.free, used.balloon.caches - idle.balloon.caches
    assert abs(freed - USED) <= TOLERANCE, "bytes that are less free, by the balloon"
    assert abs(cached - USED) <= TOLERANCE, "bytes that are in caches too, by the balloon"
    balloon.free_memory()


@pytest.mark.private_memory
@pytest.mark.device("virtio-balloon-*")
@pytest.mark.check("drivers.balloon-deflates-on-oom", level="recommended")
def test_balloon_deflates_on_oom(guest: Guest) -> None:
    """A guest that runs out of memory takes it back from a balloon that may deflate, and no program dies."""
    balloon = guest.devices.balloon
    full = balloon.replace(deflates_on_oom=True)
    half = full.host // 2
    assert balloon.resize(half).host == half, "bytes of memory that the balloon left to the guest at first"
    size = balloon.available_memory() + MORE
    assert balloon.allocate(size) == size, "bytes that a program got, more than were available"
    assert balloon.size().host > half, "bytes of memory that the balloon left to the guest then"
