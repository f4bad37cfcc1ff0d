"""Sabotage of the proof in suites/integrity: modules, Secure Boot, command line, signed lists, CPU interfaces."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.systems.linux import loaded_modules
from suites.integrity import test_integrity
from suites.selftest.support.vendor_key import VendorKey, gpg

LISTS = "/var/lib/apt/lists/archive.example_dists_stable"
PACKAGES = f"{LISTS}_main_binary-amd64_Packages"


@pytest.fixture
def vendor() -> Iterator[VendorKey]:
    # gpg's agent has its socket in this directory, whose path must be short.
    with tempfile.TemporaryDirectory(prefix="key-") as directory:
        key = VendorKey.make(Path(directory) / "k", "vendor")
        yield key
        key.end()


def write(guest: Guest, path: str, content: bytes) -> None:
    guest.run_check(f"echo {base64.b64encode(content).decode()} | base64 -d >{path}")


@pytest.mark.one_platform
def test_one_changed_byte_of_the_kernel_is_found(victim: Guest) -> None:
    kernel = '"/boot/vmlinuz-$(uname -r)"'
    byte = victim.run_check(f"od -An -tu1 -j100000 -N1 {kernel}").strip()
    put = f"| dd of={kernel} bs=1 seek=100000 conv=notrunc status=none"
    victim.run_check(f"printf '\\{(int(byte) + 1) % 256:03o}' {put}")
    with pytest.raises(AssertionError, match="md5:"):
        test_integrity.test_the_kernel_is_the_vendors(victim)
    victim.run_check(f"printf '\\{int(byte):03o}' {put}")
    test_integrity.test_the_kernel_is_the_vendors(victim)


@pytest.mark.one_platform
def test_unsigned_modules_and_changed_files_are_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its last 28 bytes, a module of the vendor's has no signature that the kernel recognises.

    One module only, since the question about all of them takes long under software emulation.
    """
    monkeypatch.setattr(
        loaded_modules, "QUERY", loaded_modules.QUERY.replace("</proc/modules", "</run/modules")
    )
    victim.run_check("modprobe dummy && grep '^dummy ' /proc/modules >/run/modules")
    test_integrity.test_the_loaded_modules_are_the_vendors(victim)
    module = victim.run_check("modinfo -F filename dummy").strip()
    victim.run_check(f"printf x >>{module}")
    with pytest.raises(AssertionError, match=r"dummy: .*, package linux-image-\S+ lists [0-9a-f]{32}"):
        test_integrity.test_the_loaded_modules_are_the_vendors(victim)
    victim.run_check(f"truncate -s -1 {module} && rmmod dummy && cp {module} /run/dummy.ko")
    victim.run_check("truncate -s -28 /run/dummy.ko && insmod /run/dummy.ko")
    with pytest.raises(AssertionError, match=r"dummy: taints the kernel \(E\)"):
        test_integrity.test_the_loaded_modules_are_the_vendors(victim)


def test_a_machine_without_secure_boot_is_found(victim: Guest) -> None:
    with pytest.raises(AssertionError, match="variable SecureBoot: expected 1, found"):
        test_integrity.test_secure_boot_is_in_force(victim)


@pytest.mark.one_platform
def test_weakening_parameters_are_found(victim: Guest) -> None:
    test_integrity.test_the_kernel_parameters_weaken_nothing(victim)
    victim.run_check('{ cat /proc/cmdline; echo " mitigations=off"; } | tr -d "\\n" >/run/parameters')
    victim.run_check("mount --bind /run/parameters /proc/cmdline")
    with pytest.raises(AssertionError, match="mitigations=off: it turns a protection off"):
        test_integrity.test_the_kernel_parameters_weaken_nothing(victim)
    victim.run_check("umount /proc/cmdline")
    test_integrity.test_the_kernel_parameters_weaken_nothing(victim)


@pytest.mark.one_platform
def test_a_visible_hypervisor_is_found(victim: Guest, instance: GuestInstance, tmp_path: Path) -> None:
    test_integrity.test_the_paravirtual_interfaces_are_offered(victim)
    platform = victim.cell.platform.model_copy(update={"hypervisor": "hidden"})
    record = LiveRecord(tmp_path / "hidden.jsonl")
    hidden = Guest(replace(victim.cell, platform=platform), RecordingProxy(record, instance))
    with pytest.raises(AssertionError, match="the CPU's flag for a hypervisor"):
        test_integrity.test_the_paravirtual_interfaces_are_offered(hidden)
    record.close()


@pytest.mark.one_platform
def test_a_tampered_package_database_is_found(victim: Guest, vendor: VendorKey) -> None:
    """The archive here is a small one of two of the guest's packages, signed by a key of the test's."""
    if victim.integrity.package_index().missing == "":
        pytest.skip("the guest has lists of its own")
    entries = victim.run_check(
        "dpkg-query -f '${Package}#${Version}#${Architecture}#${Depends}#${Pre-Depends}#${Installed-Size}"
        "#${Maintainer}#${Essential}\\n' -W grep procps"
    )
    names = ("Package", "Version", "Architecture", "Depends", "Pre-Depends", "Installed-Size", "Maintainer")
    stanzas = []
    for entry in entries.strip().splitlines():
        values = zip((*names, "Essential"), entry.strip().split("#"), strict=True)
        stanzas.append("".join(f"{name}: {value}\n" for name, value in values if value))
    # dpkg's own default for a package that is not essential.
    packages = "\n".join(stanzas).replace("Essential: no\n", "").encode()
    digest = hashlib.sha256(packages).hexdigest()
    release = f"Origin: Example\nSHA256:\n {digest} {len(packages)} main/binary-amd64/Packages\n"
    write(victim, PACKAGES, packages)
    write(victim, f"{LISTS}_InRelease", vendor.clear_signed(release.encode()))
    write(victim, "/etc/apt/trusted.gpg.d/example.gpg", gpg(vendor.home, "--export"))
    test_integrity.test_the_package_database_is_the_vendors(victim)
    assert victim.integrity.package_index().compared == 2

    victim.run_check("cp /var/lib/dpkg/status /run/status")
    victim.run_check(
        "sed -i '/^Package: procps$/,/^$/s/^Maintainer: .*/Maintainer: Eve/' /var/lib/dpkg/status"
    )
    with pytest.raises(AssertionError, match=r"procps \S+, field Maintainer: the database differs"):
        test_integrity.test_the_package_database_is_the_vendors(victim)
    victim.run_check("cp /run/status /var/lib/dpkg/status")
    victim.run_check(f"echo >>{PACKAGES}")
    with pytest.raises(AssertionError, match=f"the signed list has {digest}"):
        test_integrity.test_the_package_database_is_the_vendors(victim)
    victim.run_check("rm /etc/apt/trusted.gpg.d/example.gpg")
    with pytest.raises(AssertionError, match="InRelease: no good signature by a key of the system"):
        test_integrity.test_the_package_database_is_the_vendors(victim)
