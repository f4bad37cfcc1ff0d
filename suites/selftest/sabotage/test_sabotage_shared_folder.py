"""Sabotage of suites/drivers/test_shared_folder.py: a name that changes behind the guest's back.

It breaks a guest whose platform has a shared folder, such as q35-uefi-channels.
"""

from __future__ import annotations

import pytest

from fixtures.core.invariants import required
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.drivers import test_shared_folder

pytestmark = [pytest.mark.one_platform, pytest.mark.device("virtio-9p-*")]


@pytest.mark.needs("shell", "shared-folder")
def test_names_that_change_behind_the_guests_back_are_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = victim.devices.shared_folder
    copy = folder.copy

    def copy_and_rename() -> None:
        copy()
        root = required(instance.hardware.shared_folder, "expected a shared folder of the platform")
        (root / "from-guest" / "names" / "CON").rename(root / "from-guest" / "names" / "con")

    monkeypatch.setattr(folder, "copy", copy_and_rename)
    with pytest.raises(AssertionError, match=r"b'names/CON' is missing"):
        test_shared_folder.test_shared_folder_9p(victim)
