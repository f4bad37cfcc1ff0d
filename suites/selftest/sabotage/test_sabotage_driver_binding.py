"""Sabotage of suites/drivers/test_driver_binding.py: drivers that stay bound or do not come back."""

from __future__ import annotations

import pytest

from fixtures.systems.base.device_answers import UnboundDisk
from suites.drivers import test_driver_binding
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_driver_that_stays_unbound_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.guest.devices.driver_binding, "bind", lambda row, driver: None)
    with pytest.raises(AssertionError, match="driver='none'"):
        test_driver_binding.test_unbind_and_bind(broken.guest)


def test_driver_that_stays_bound_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.guest.devices.driver_binding, "unbind", lambda row: "virtio-pci")
    with pytest.raises(AssertionError, match="driver='none'"):
        test_driver_binding.test_unbind_and_bind(broken.guest)


def test_load_that_does_not_run_is_found(broken: SabotagedGuest) -> None:
    """The guest's load generator is replaced by a program that does nothing."""
    broken.guest.devices.driver_binding.timeout = 0.2
    broken.guest.run_check("mount --bind /bin/true /bin/bash")
    assert broken.guest.devices.driver_binding.reload_card_module("virtio_net", under_load=True) == 0


def test_disk_driver_that_stays_bound_or_unbound_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, binding = broken.guest, broken.guest.devices.driver_binding
    disk = guest.storage.attach(guest.storage.source)
    with monkeypatch.context() as patch:
        patch.setattr(binding, "unbind_disk", lambda disk: UnboundDisk("/nowhere", "nothing"))
        with pytest.raises(AssertionError, match=r"BindingState\(driver='bound', virtio_driver_ok=True\)"):
            test_driver_binding.test_disk_unbind_and_bind(guest, disk)
    monkeypatch.setattr(binding, "bind_disk", lambda disk, binding: None)
    with pytest.raises(AssertionError, match=r"BindingState\(driver='none', virtio_driver_ok=False\)"):
        test_driver_binding.test_disk_unbind_and_bind(guest, disk)
