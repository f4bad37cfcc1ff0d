"""Nested virtualization: the guest is a hypervisor itself, on the VT-x or AMD-V of its platform."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.nested_virtualization import KVM_MODULES, LEAST_EXITS, PASSED
from fixtures.host.kvm_probe import STEPS


@pytest.mark.needs("shell", "kvm", "nested")
@pytest.mark.check("platform.nested-virtualization-works", level="recommended")
def test_nested_virtualization_works(guest: Guest) -> None:
    """The guest's KVM runs a probe guest to its end, and the host's disk holds the answer to a challenge."""
    feature = guest.nested.cpu_feature()
    assert feature in KVM_MODULES, "the guest's CPU flag for hardware-assisted virtualization"
    module = guest.nested.load_module(KVM_MODULES[feature])
    assert module.problem == "", module
    probe = guest.nested.run_probe()
    assert probe.ending == PASSED, "the end of the probe guest"
    assert sorted(probe.steps) == sorted(STEPS), "the steps of the probe guest"
    assert probe.answer == probe.right_answer, "the answer to the challenge"
    assert probe.exits >= LEAST_EXITS, "exits from the probe guest to the guest's KVM"
    assert probe.uncounted_entries == 0, "entries into the probe guest that the host's KVM did not count"
