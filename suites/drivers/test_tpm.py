"""The TPM: it answers, and keeps what it is given."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "tpm")

EMPTY = "00" * 32


@pytest.mark.boots
@pytest.mark.device("tpm-*")
@pytest.mark.check("drivers.tpm-keeps-a-value", level="mandatory")
def test_the_tpm_keeps_a_value_across_a_reset(guest: Guest) -> None:
    """The TPM answers; a value is in its state on the host, and outlives a reset that clears registers."""
    tpm = guest.devices.tpm
    assert tpm.random(16) != tpm.random(16)
    value = tpm.new_value()
    tpm.store(value)
    before = tpm.kept(value)
    assert (before.value, before.on_host) == (value, True)
    assert before.register != EMPTY
    guest.power.reset()
    after = tpm.kept(value)
    assert (after.value, after.on_host) == (value, True)
    assert after.register == EMPTY
