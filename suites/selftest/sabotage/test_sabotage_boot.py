"""Sabotage of suites/boot: a guest with the wrong firmware, clock or messages fails its check."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.guest.guest import Guest
from suites.boot import test_boot
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_wrong_firmware_is_found(victim: Guest) -> None:
    test_boot.test_the_firmware_is_the_platforms(victim)
    other = {"bios": "uefi", "uefi": "uefi-secure", "uefi-secure": "uefi"}[victim.cell.platform.firmware_kind]
    platform = victim.cell.platform.model_copy(update={"firmware": other})
    victim.cell = replace(victim.cell, platform=platform)
    with pytest.raises(AssertionError, match="^assert '(bios|uefi with)"):
        test_boot.test_the_firmware_is_the_platforms(victim)


@pytest.mark.one_platform
def test_error_in_the_log_is_found(victim: Guest) -> None:
    victim.run_check("echo '<3>I/O error, dev vdz, sector 2048 op 0x1:(WRITE)' >/dev/kmsg")
    with pytest.raises(AssertionError, match="dev vdz"):
        test_boot.test_no_fatal_events(victim)


# It makes Debian's image and the checkpoint of the platform with all devices; other workers need not wait.
@pytest.mark.boots
@pytest.mark.starts_first
def test_wrong_clock_is_found(broken: SabotagedGuest) -> None:
    test_boot.test_clock_is_set(broken.guest)
    broken.guest.run_check("date -s '-1 hour'")
    with pytest.raises(AssertionError, match=r"the guest's clock is -3[56]\d\d"):
        test_boot.test_clock_is_set(broken.guest)
