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


@pytest.mark.needs("shell", "modules", "loaded-modules")
@pytest.mark.check("integrity.loaded-modules-are-the-vendors", level="mandatory")
def test_the_loaded_modules_are_the_vendors(guest: Guest) -> None:
    """The guest reports that every loaded module is in-tree, signed, and the file that its package lists."""
    assert guest.integrity.loaded_modules().problems() == []


@pytest.mark.needs("shell", "secure-boot", "lockdown")
@pytest.mark.check("integrity.secure-boot-is-in-force", level="mandatory")
def test_secure_boot_is_in_force(guest: Guest) -> None:
    """The guest's firmware reports Secure Boot, and a kernel that has lockdown is locked down."""
    assert guest.integrity.secure_boot().problems() == []


@pytest.mark.needs("shell", "kernel-parameters")
@pytest.mark.check("integrity.kernel-parameters-weaken-nothing", level="recommended")
def test_the_kernel_parameters_weaken_nothing(guest: Guest) -> None:
    """No parameter of the kernel turns off a protection, a processor or an interface of the platform."""
    assert guest.integrity.weakening_parameters() == []


@pytest.mark.needs("shell", "package-index")
@pytest.mark.check("integrity.package-database-is-the-vendors", level="recommended")
def test_the_package_database_is_the_vendors(guest: Guest) -> None:
    """The package lists are signed by the vendor, and the package database agrees with them."""
    index = guest.integrity.package_index()
    if index.missing:
        pytest.skip(f"not_in_profile: needs {index.missing}, which {guest.cell.guest.id} does not have")
    assert index.problems() == []


@pytest.mark.needs("shell", "paravirtual")
@pytest.mark.check("integrity.paravirtual-interfaces-are-offered", level="recommended")
def test_the_paravirtual_interfaces_are_offered(guest: Guest) -> None:
    """The guest uses no paravirtual interface of the CPU that the machine hides or does not offer."""
    assert guest.integrity.surplus_interfaces() == []
