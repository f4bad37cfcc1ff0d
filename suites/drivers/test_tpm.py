"""The TPM: it answers, and keeps a value across a reset."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "tpm")

CLEARED_REGISTER = "00" * 32


@pytest.mark.boots
@pytest.mark.device("tpm-*")
@pytest.mark.check("drivers.tpm-keeps-a-value", level="mandatory")
def test_tpm_keeps_a_value(guest: Guest) -> None:
    """A value in the TPM is in its state on the host, and survives a reset, which clears a register."""
    tpm = guest.devices.tpm
    assert tpm.random(16) != tpm.random(16)
    value = tpm.new_value()
    tpm.store(value)
    before = tpm.content(value)
    assert (before.value, before.host_state) == (value, "holds the value")
    assert before.register != CLEARED_REGISTER, "the register after it was extended"
    guest.power.reset()
    after = tpm.content(value)
    assert (after.value, after.host_state) == (value, "holds the value")
    assert after.register == CLEARED_REGISTER, "the register after a reset"
