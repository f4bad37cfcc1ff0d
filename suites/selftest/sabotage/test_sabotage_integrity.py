"""Sabotage of suites/integrity: a changed base image, kernel file or system file, and a tainted kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.core.file_digest import file_digest
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.integrity import test_integrity
from suites.selftest.support.sabotaged_guest import SabotagedGuest


@pytest.mark.one_platform
def test_changed_base_image_is_found(victim: Guest, instance: GuestInstance, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"as it was")
    image = instance.image
    instance.image = replace(image, path=disk, digest=file_digest(disk))
    test_integrity.test_the_base_image_is_unchanged(victim)
    disk.write_bytes(b"as it is!")
    with pytest.raises(AssertionError, match="sha256:"):
        test_integrity.test_the_base_image_is_unchanged(victim)
    instance.image = image


@pytest.mark.one_platform
def test_changed_kernel_file_is_found(victim: Guest) -> None:
    victim.run_check('printf x >>"/boot/vmlinuz-$(uname -r)"')
    with pytest.raises(AssertionError, match="md5:"):
        test_integrity.test_the_kernel_is_the_vendors(victim)
    victim.run_check('truncate -s -1 "/boot/vmlinuz-$(uname -r)"')
    test_integrity.test_the_kernel_is_the_vendors(victim)


@pytest.mark.one_platform
def test_tainted_kernel_is_found(victim: Guest) -> None:
    victim.run_check("echo 64 >/proc/sys/kernel/tainted")
    with pytest.raises(AssertionError, match=r"== \(\)"):
        test_integrity.test_the_kernel_is_the_vendors(victim)


def test_changed_and_missing_system_files_are_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two packages only, since a verification of all packages takes minutes."""
    monkeypatch.setattr(
        "fixtures.systems.linux.package_files.QUERY", "env LC_ALL=C dpkg --verify grep procps || true"
    )
    test_integrity.test_the_system_files_are_the_vendors(broken.guest)
    broken.guest.run_check("echo more >>/bin/grep && rm /usr/bin/free && echo '# mine' >>/etc/sysctl.conf")
    with pytest.raises(AssertionError) as caught:
        test_integrity.test_the_system_files_are_the_vendors(broken.guest)
    assert "/bin/grep: of other content" in str(caught.value)
    assert "/usr/bin/free: missing" in str(caught.value)
    assert "sysctl.conf" not in str(caught.value)
