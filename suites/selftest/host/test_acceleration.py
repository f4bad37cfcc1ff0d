"""The assessment of hardware assistance from invented facts, and the selection of an accelerator."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.errors import NoHardwareAssistance
from fixtures.core.host_layers import ParentKind
from fixtures.host import hardware_assistance
from fixtures.host.acceleration import SOFTWARE_SCALE, select_accelerator
from fixtures.host.hardware_assistance import Assistance, AssistanceFacts, assess, detect_assistance
from fixtures.host.kvm import CAPABILITIES
from fixtures.host.kvm_probe import STEPS, ProbeResult

if TYPE_CHECKING:
    from pathlib import Path

INTEL = AssistanceFacts(
    architecture="x86_64",
    flags=frozenset({"vmx"}),
    device="usable",
    device_detail="",
    user="ada",
    modules=("kvm_intel",),
    api_version=12,
    capabilities=tuple((name, 1) for name in CAPABILITIES),
    probe=ProbeResult(STEPS, None, ""),
)
AT_CMPXCHG16B = ProbeResult(
    STEPS[:7], "cmpxchg16b", "KVM internal error, suberror 1 (emulation failure) at rip 0x131a"
)
NESTED = "this machine is itself a guest: turn nested virtualization on in the hypervisor below it"
NO_FLAG = "the CPU reports neither vmx (Intel VT-x) nor svm (AMD-V)"


def assess_with(**changes: Any) -> Assistance:
    return assess(dataclasses.replace(INTEL, **changes))


def without_device(state: str, detail: str) -> Assistance:
    return assess_with(device=state, device_detail=detail, api_version=None, capabilities=(), probe=None)


def test_the_proof_for_intel() -> None:
    assistance = assess_with()
    assert assistance.available
    assert assistance.usable
    assert assistance.reasons[0] == "the CPU reports vmx (Intel VT-x) and module kvm_intel uses it"
    assert assistance.reasons[1] == "/dev/kvm opens with API version 12"
    assert assistance.reasons[2].startswith(
        f"the probe guest passed {len(STEPS)} steps of an unmodified kernel: real-mode"
    )
    assert len(assistance.reasons) == 3


def test_the_proof_for_amd() -> None:
    assistance = assess_with(flags=frozenset({"svm"}), modules=("kvm_amd",))
    assert assistance.available
    assert assistance.reasons[0] == "the CPU reports svm (AMD-V) and module kvm_amd uses it"


def test_the_proof_for_a_nested_host() -> None:
    assistance = assess_with(flags=frozenset({"vmx", "hypervisor"}))
    assert assistance.available
    assert assistance.reasons[-1].startswith("nested: ")


def test_a_missing_device() -> None:
    assistance = without_device("missing", "[Errno 2] No such file or directory: '/dev/kvm'")
    assert not assistance.available
    assert not assistance.usable
    assert assistance.reasons == ("/dev/kvm does not exist: load the module kvm_intel",)


def test_a_missing_permission() -> None:
    assistance = without_device("denied", "[Errno 13] Permission denied: '/dev/kvm'")
    assert assistance.reasons == ("/dev/kvm exists but user ada may not open it: join group kvm",)


def test_a_device_that_does_not_open_shows_the_systems_message() -> None:
    assistance = without_device("broken", "[Errno 19] No such device: '/dev/kvm'")
    assert assistance.reasons == ("/dev/kvm does not open as KVM: [Errno 19] No such device: '/dev/kvm'",)


def test_every_objection_to_kvm_pvm_is_named() -> None:
    assistance = assess_with(flags=frozenset({"hypervisor"}), modules=("kvm_pvm",), probe=AT_CMPXCHG16B)
    assert assistance.usable
    assert not assistance.available
    assert assistance.reasons == (
        f"{NO_FLAG}; {NESTED}",
        "KVM opens, but module kvm_pvm is not hardware assistance",
        f"the probe guest failed at cmpxchg16b: {AT_CMPXCHG16B.why}",
    )


def test_another_kvm_module_spoils_the_proof() -> None:
    assistance = assess_with(modules=("kvm_intel", "kvm_pvm"))
    assert assistance.reasons == ("KVM opens, but module kvm_pvm is not hardware assistance",)


def test_the_module_must_match_the_cpu() -> None:
    assistance = assess_with(modules=("kvm_amd",))
    assert assistance.reasons == ("KVM opens, but kvm_amd is loaded where vmx needs kvm_intel",)
    assert assess_with(modules=()).reasons == (
        "KVM opens, but no module is loaded where vmx needs kvm_intel",
    )


def test_a_cpu_without_the_flag_on_bare_metal() -> None:
    assistance = assess_with(flags=frozenset())
    assert assistance.reasons == (f"{NO_FLAG}; it may be turned off in the firmware's setup",)


def test_a_failed_or_missing_probe_is_an_objection() -> None:
    assert assess_with(probe=AT_CMPXCHG16B).reasons == (
        f"the probe guest failed at cmpxchg16b: {AT_CMPXCHG16B.why}",
    )
    assert assess_with(probe=None).reasons == ("the probe guest was not run",)


def test_an_old_interface_is_not_usable() -> None:
    assistance = assess_with(api_version=10)
    assert not assistance.usable
    assert assistance.reasons == ("KVM's API version is 10, not 12",)


def test_missing_capabilities_are_named() -> None:
    capabilities = tuple((name, int(name not in {"IRQCHIP", "SYNC_MMU", "HYPERV"})) for name in CAPABILITIES)
    assert assess_with(capabilities=capabilities).reasons == ("KVM lacks KVM_CAP_IRQCHIP, KVM_CAP_SYNC_MMU",)


def test_another_architecture() -> None:
    assistance = assess_with(architecture="aarch64", flags=frozenset(), modules=(), probe=None)
    assert assistance.reasons[0] == "this machine is aarch64, and the proof is for x86_64 alone"


def test_the_facts_for_the_report() -> None:
    facts = dict(
        assess_with(flags=frozenset({"hypervisor"}), modules=("kvm_pvm",), probe=AT_CMPXCHG16B).facts
    )
    assert facts["kvm modules"] == "kvm_pvm"
    assert facts["probe guest"] == "failed at cmpxchg16b"
    assert facts["cpu flags"] == "hypervisor"


PROVEN = assess_with()
PVM = assess_with(flags=frozenset(), modules=("kvm_pvm",), probe=AT_CMPXCHG16B)
ABSENT = without_device("missing", "no such file")


def test_auto_selects_proven_kvm() -> None:
    accelerator = select_accelerator("auto", required=True, assistance=PROVEN)
    assert (accelerator.name, accelerator.proven, accelerator.scale, accelerator.argument) == (
        "kvm",
        True,
        1.0,
        "kvm",
    )
    assert accelerator.reasons == PROVEN.reasons


def test_auto_falls_back_to_emulation_with_reasons() -> None:
    accelerator = select_accelerator("auto", required=False, assistance=PVM)
    assert (accelerator.name, accelerator.proven, accelerator.scale, accelerator.argument) == (
        "tcg",
        False,
        SOFTWARE_SCALE,
        "tcg,thread=multi,tb-size=128",
    )
    assert accelerator.reasons == PVM.reasons


def test_required_assistance_without_proof_is_an_error_with_every_reason() -> None:
    with pytest.raises(NoHardwareAssistance) as refused:
        select_accelerator("auto", required=True, assistance=PVM)
    assert all(reason in str(refused.value) for reason in PVM.reasons)
    with pytest.raises(NoHardwareAssistance, match="required and not proven"):
        select_accelerator("kvm", required=True, assistance=PVM)


def test_required_contradicts_software_emulation() -> None:
    with pytest.raises(NoHardwareAssistance, match="is required, and software emulation"):
        select_accelerator("tcg", required=True, assistance=PROVEN)


def test_kvm_can_be_selected_without_proof_if_it_opens() -> None:
    accelerator = select_accelerator("kvm", required=False, assistance=PVM)
    assert (accelerator.name, accelerator.proven, accelerator.argument) == ("kvm", False, "kvm")
    assert accelerator.reasons == PVM.reasons
    with pytest.raises(NoHardwareAssistance, match="load the module kvm_intel"):
        select_accelerator("kvm", required=False, assistance=ABSENT)


def test_emulation_can_be_selected_on_a_host_with_proof() -> None:
    accelerator = select_accelerator("tcg", required=False, assistance=PROVEN)
    assert (accelerator.name, accelerator.proven) == ("tcg", False)
    assert accelerator.reasons == ("software emulation was chosen",)


def test_an_explicit_scale_replaces_the_usual_one() -> None:
    assert select_accelerator("auto", False, PROVEN, 2.5).scale == 2.5
    assert select_accelerator("tcg", False, PROVEN, 2.5).scale == 2.5
    with pytest.raises(ValueError, match="positive"):
        select_accelerator("tcg", False, PROVEN, 0.0)


def test_a_missing_device_and_a_file_are_distinguished(tmp_path: Path) -> None:
    path = tmp_path / "kvm"
    assert hardware_assistance._read_device(path)[0] == "missing"
    path.touch()
    assert hardware_assistance._read_device(path)[0] == "broken"


def test_the_facts_about_this_host_are_gathered_once() -> None:
    assistance = detect_assistance()
    assert assistance.reasons
    assert hardware_assistance.gather_facts() is hardware_assistance.gather_facts()


@pytest.mark.parametrize(
    ("kind", "name", "available"),
    [
        ("none", "", True),
        ("hypervisor", "KVM", True),
        ("emulator", "QEMU's software emulation (TCG)", False),
        ("unknown", "an unknown hypervisor", False),
    ],
)
def test_an_emulated_extension_proves_no_hardware(kind: ParentKind, name: str, available: bool) -> None:
    """Everything else on this host is as on bare metal: the flag, the module, KVM and the probe guest."""
    assistance = assess_with(parent_kind=kind, parent_hypervisor=name)
    assert assistance.available is available
    assert available or assistance.reasons == (
        f"this machine is itself a guest of {name}, which may emulate Intel VT-x",
    )
