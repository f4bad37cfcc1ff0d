"""The layer below a host, from the signatures and vendors that hosts of each kind show."""

from __future__ import annotations

import platform

import pytest

from fixtures.host.cpuid import cpuid, hypervisor_signature
from fixtures.host.host_summary import read_cpuinfo
from fixtures.host.parent_hypervisor import detect_parent, identify


@pytest.mark.parametrize(
    ("signature", "dmi", "has_flag", "expected"),
    [
        ("", None, False, ("", "none")),
        # Without the flag the leaf is not valid: Intel's CPUs answer with the data of another leaf.
        ("KVMKVMKVM", None, False, ("", "none")),
        ("KVMKVMKVM", "QEMU", True, ("KVM", "hypervisor")),
        ("KVMKVMKVM", None, True, ("KVM", "hypervisor")),
        ("KVMKVMKVM", "Amazon EC2", True, ("Nitro", "hypervisor")),
        ("KVMKVMKVM", "Google Compute Engine", True, ("KVM", "hypervisor")),
        ("Microsoft Hv", "Hyper-V", True, ("Hyper-V", "hypervisor")),
        ("VMwareVMware", "VMware", True, ("VMware", "hypervisor")),
        ("XenVMMXenVMM", "Xen", True, ("Xen", "hypervisor")),
        ("TCGTCGTCGTCG", "QEMU", True, ("QEMU's software emulation (TCG)", "emulator")),
        ("", "Bochs", False, ("Bochs", "emulator")),
        ("", "QEMU", True, ("an unknown hypervisor (QEMU)", "unknown")),
        # -cpu ...,-hypervisor hides the flag; the firmware tables still name QEMU.
        ("", "QEMU", False, ("an unknown hypervisor (QEMU)", "unknown")),
        ("SomethingNew", "unnamed", True, ("an unknown hypervisor ('SomethingNew')", "unknown")),
        ("", "unnamed", True, ("an unknown hypervisor", "unknown")),
    ],
)
def test_layers(signature: str, dmi: str | None, has_flag: bool, expected: tuple[str, str]) -> None:
    assert identify(signature, dmi, has_flag=has_flag) == expected


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CPUID is an instruction of x86_64")
def test_cpuid_of_this_machine() -> None:
    highest_leaf, *vendor = cpuid(0)
    assert highest_leaf >= 1
    assert bytes(
        b for register in (vendor[0], vendor[2], vendor[1]) for b in register.to_bytes(4, "little")
    ).isascii()
    # Bit 31 of ECX in leaf 1 is the flag that the kernel calls "hypervisor".
    assert bool(cpuid(1)[2] >> 31) == ("hypervisor" in read_cpuinfo().flags)


def test_this_host_is_identified() -> None:
    name, kind = detect_parent()
    assert bool(name) == (kind != "none")
    if "hypervisor" in read_cpuinfo().flags:
        assert hypervisor_signature().isascii()
