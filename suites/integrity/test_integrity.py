"""Integrity: what runs is what the vendor ships, and it is not changed by running."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest


@pytest.mark.read_only
@pytest.mark.check("integrity.kernel-is-the-vendors", level="mandatory")
def test_the_kernel_is_the_vendors(guest: Guest) -> None:
    """The kernel that runs is the packaged file, with the digest of the package's list, and not tainted."""
    kernel = guest.kernel()
    assert kernel.image_is_running
    assert kernel.file_digest == kernel.vendor_digest
    assert kernel.vendor_digest is not None
    assert kernel.taint_flags == ()


@pytest.mark.read_only
@pytest.mark.needs("nothing")
@pytest.mark.check("integrity.base-image-unchanged", level="mandatory")
def test_the_base_image_is_unchanged(guest: Guest) -> None:
    """The base image has the digest that it had before the machine started."""
    before, now = guest.image_digests()
    assert now == before


@pytest.mark.read_only
@pytest.mark.needs("shell", "package-files")
@pytest.mark.check("integrity.system-files-are-the-vendors", level="recommended")
def test_the_system_files_are_the_vendors(guest: Guest) -> None:
    """Every file that a package brought is there, and has its content; configuration is its owner's."""
    assert guest.changed_files() == []
