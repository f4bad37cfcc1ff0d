"""Sabotage of suites/drivers/test_usb.py: a stick with changed data, and a stick without a driver."""

from __future__ import annotations

import pytest

from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import ScratchDisk
from suites.drivers import test_usb
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_stick_with_changed_data_or_without_a_driver_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = broken.guest
    stick = guest.storage.attach(guest.storage.usb_stick)
    copy_all = guest.storage.copy_all

    def copy_and_change(source: ScratchDisk, target: ScratchDisk, copies: list[Copy]) -> None:
        copy_all(source, target, copies)
        with broken.instance.disks["stick"].path.open("r+b") as file:
            file.seek(40000 * 512)
            file.write(b"?")

    monkeypatch.setattr(guest.storage, "copy_all", copy_and_change)
    with pytest.raises(AssertionError, match="sector 40000"):
        test_usb.test_usb_stick(guest, stick)
    guest.run_check("cd /sys/bus/usb/drivers/usb-storage && echo *-*:1.0 >unbind")
    with pytest.raises(AssertionError, match=r"\('usb-storage', 'none'\)"):
        test_usb.test_usb_stick(guest, stick)


def test_controller_whose_stick_changes_data_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = broken.guest
    copy_all = guest.storage.copy_all

    def copy_and_change(source: ScratchDisk, target: ScratchDisk, copies: list[Copy]) -> None:
        copy_all(source, target, copies)
        with broken.instance.disks[target.name].path.open("r+b") as file:
            file.seek(3001 * 512)
            file.write(b"?")

    monkeypatch.setattr(guest.storage, "copy_all", copy_and_change)
    with pytest.raises(AssertionError, match="sector 3001"):
        test_usb.test_usb_stick_on_each_controller(guest, "piix3-usb-uhci")
