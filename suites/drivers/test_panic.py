"""The panic device: the host hears of a panic from the guest itself."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "panic")


@pytest.mark.device("pvpanic*")
@pytest.mark.check("drivers.panic-is-reported", level="mandatory")
def test_a_panic_is_reported(guest: Guest) -> None:
    """When the guest's kernel panics, its driver tells QEMU so, once, which stops the machine."""
    assert guest.devices.panic.happens() == ["GUEST_PANICKED (pause)"]
