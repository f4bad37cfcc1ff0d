"""The panic device: the guest reports its own kernel panic to the host."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "panic")


@pytest.mark.device("pvpanic*")
@pytest.mark.expects_complaints("kernel panic", "page fault in the kernel", "oops")
@pytest.mark.expects_complaints("BSD panic", "kernel debugger")
@pytest.mark.check("drivers.panic-is-reported", level="mandatory")
def test_panic_is_reported(guest: Guest) -> None:
    """When the guest's kernel panics, its driver reports this to QEMU once, and QEMU pauses the machine."""
    assert guest.devices.panic.trigger() == ["GUEST_PANICKED (pause)"]
