"""Integrity: the guest runs what its vendor ships, and running does not change the base image."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.read_only


@pytest.mark.needs("shell", "kernel-digest")
@pytest.mark.check("integrity.kernel-is-the-vendors", level="mandatory")
def test_the_kernel_is_the_vendors(guest: Guest) -> None:
    """The running kernel comes from the packaged file, which has the vendor's digest, and is not tainted."""
    kernel = guest.kernel()
    assert kernel.image_is_running, (
        f"expected {kernel.image_path} to hold the running kernel {kernel.release} {kernel.version_text},"
        f" it holds {kernel.image_version!r}"
    )
    vendor_digest = kernel.vendor_digest or f"a digest in the file list of package {kernel.package!r}"
    assert kernel.file_digest == vendor_digest, f"digest of {kernel.image_path}"
    assert kernel.taint_flags == ()


@pytest.mark.needs("nothing")
@pytest.mark.check("integrity.base-image-unchanged", level="mandatory")
def test_the_base_image_is_unchanged(guest: Guest) -> None:
    """The base image has the same digest as before the machine started."""
    before, now = guest.image_digests()
    assert now == before


@pytest.mark.needs("shell", "package-files")
@pytest.mark.check("integrity.system-files-are-the-vendors", level="recommended")
def test_the_system_files_are_the_vendors(guest: Guest) -> None:
    """Every packaged file except for configuration is present and has the vendor's content."""
    assert guest.changed_files() == []
