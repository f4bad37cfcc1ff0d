"""Hardware assistance: judged from invented machines, and the accelerator that follows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.errors import NoHardwareAssistance
from fixtures.host import acceleration
from fixtures.host.acceleration import (
    SOFTWARE_SCALE,
    AccelerationFacts,
    Assistance,
    assistance,
    choose,
    judge,
)
from fixtures.host.kvm import CAPABILITIES
from fixtures.host.probe import STEPS, ProbeResult

if TYPE_CHECKING:
    from pathlib import Path

INTEL = AccelerationFacts(
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


def seen(**changes: Any) -> Assistance:
    return judge(dataclasses.replace(INTEL, **changes))


def without_device(state: str, detail: str) -> Assistance:
    return seen(device=state, device_detail=detail, api_version=None, capabilities=(), probe=None)


def test_intel_is_proven_and_says_why() -> None:
    judged = seen()
    assert judged.available
    assert judged.usable
    assert judged.reasons[0] == "the CPU reports vmx (Intel VT-x) and module kvm_intel uses it"
    assert judged.reasons[1] == "/dev/kvm opens with API version 12"
    assert judged.reasons[2].startswith(
        f"the probe guest passed {len(STEPS)} steps of an unmodified kernel: real-mode"
    )
    assert len(judged.reasons) == 3


def test_amd_is_proven() -> None:
    judged = seen(flags=frozenset({"svm"}), modules=("kvm_amd",))
    assert judged.available
    assert judged.reasons[0] == "the CPU reports svm (AMD-V) and module kvm_amd uses it"


def test_nested_is_proven_and_says_that_it_is_nested() -> None:
    judged = seen(flags=frozenset({"vmx", "hypervisor"}))
    assert judged.available
    assert judged.reasons[-1].startswith("nested: ")


def test_no_device_names_the_module_to_load() -> None:
    judged = without_device("missing", "[Errno 2] No such file or directory: '/dev/kvm'")
    assert not judged.available
    assert not judged.usable
    assert judged.reasons == ("/dev/kvm does not exist: load the module kvm_intel",)


def test_no_permission_names_the_user_and_the_group() -> None:
    judged = without_device("denied", "[Errno 13] Permission denied: '/dev/kvm'")
    assert judged.reasons == ("/dev/kvm exists but user ada may not open it: join group kvm",)


def test_a_device_that_does_not_open_shows_the_systems_words() -> None:
    judged = without_device("broken", "[Errno 19] No such device: '/dev/kvm'")
    assert judged.reasons == ("/dev/kvm does not open as KVM: [Errno 19] No such device: '/dev/kvm'",)


def test_pvm_names_every_reason() -> None:
    judged = seen(flags=frozenset({"hypervisor"}), modules=("kvm_pvm",), probe=AT_CMPXCHG16B)
    assert judged.usable
    assert not judged.available
    assert judged.reasons == (
        f"{NO_FLAG}; {NESTED}",
        "KVM opens, but module kvm_pvm is not hardware assistance",
        f"the probe guest failed at cmpxchg16b: {AT_CMPXCHG16B.why}",
    )


def test_a_foreign_module_spoils_the_proof_even_beside_a_good_one() -> None:
    judged = seen(modules=("kvm_intel", "kvm_pvm"))
    assert judged.reasons == ("KVM opens, but module kvm_pvm is not hardware assistance",)


def test_the_module_must_be_that_of_the_cpu() -> None:
    judged = seen(modules=("kvm_amd",))
    assert judged.reasons == ("KVM opens, but kvm_amd is loaded where vmx needs kvm_intel",)
    assert seen(modules=()).reasons == ("KVM opens, but no module is loaded where vmx needs kvm_intel",)


def test_a_cpu_without_the_flag_may_have_it_turned_off() -> None:
    judged = seen(flags=frozenset())
    assert judged.reasons == (f"{NO_FLAG}; it may be turned off in the firmware's setup",)


def test_a_failing_probe_counts_although_all_else_is_fine() -> None:
    assert seen(probe=AT_CMPXCHG16B).reasons == (
        f"the probe guest failed at cmpxchg16b: {AT_CMPXCHG16B.why}",
    )
    assert seen(probe=None).reasons == ("the probe guest was not run",)


def test_an_old_interface_is_not_usable() -> None:
    judged = seen(api_version=10)
    assert not judged.usable
    assert judged.reasons == ("KVM's API version is 10, not 12",)


def test_missing_capabilities_are_named() -> None:
    capabilities = tuple((name, int(name not in {"IRQCHIP", "SYNC_MMU", "HYPERV"})) for name in CAPABILITIES)
    assert seen(capabilities=capabilities).reasons == ("KVM lacks KVM_CAP_IRQCHIP, KVM_CAP_SYNC_MMU",)


def test_another_architecture() -> None:
    judged = seen(architecture="aarch64", flags=frozenset(), modules=(), probe=None)
    assert judged.reasons[0] == "this machine is aarch64, and the proof is for x86_64 alone"


def test_facts_are_for_the_report() -> None:
    facts = dict(seen(flags=frozenset({"hypervisor"}), modules=("kvm_pvm",), probe=AT_CMPXCHG16B).facts)
    assert facts["kvm modules"] == "kvm_pvm"
    assert facts["probe guest"] == "failed at cmpxchg16b"
    assert facts["cpu flags"] == "hypervisor"


PROVEN = seen()
PVM = seen(flags=frozenset(), modules=("kvm_pvm",), probe=AT_CMPXCHG16B)
ABSENT = without_device("missing", "no such file")


def test_auto_takes_kvm_where_it_is_proven() -> None:
    taken = choose("auto", required=True, assistance=PROVEN)
    assert (taken.name, taken.proven, taken.scale, taken.argument) == ("kvm", True, 1.0, "kvm")
    assert taken.reasons == PROVEN.reasons


def test_auto_falls_back_visibly() -> None:
    taken = choose("auto", required=False, assistance=PVM)
    assert (taken.name, taken.proven, taken.scale, taken.argument) == (
        "tcg",
        False,
        SOFTWARE_SCALE,
        "tcg,thread=multi,tb-size=128",
    )
    assert taken.reasons == PVM.reasons


def test_required_refuses_with_every_reason() -> None:
    with pytest.raises(NoHardwareAssistance) as refused:
        choose("auto", required=True, assistance=PVM)
    assert all(reason in str(refused.value) for reason in PVM.reasons)
    with pytest.raises(NoHardwareAssistance, match="required and not proven"):
        choose("kvm", required=True, assistance=PVM)


def test_required_contradicts_software_emulation() -> None:
    with pytest.raises(NoHardwareAssistance, match="is required, and software emulation"):
        choose("tcg", required=True, assistance=PROVEN)


def test_kvm_may_be_insisted_on_unproven_where_it_opens() -> None:
    taken = choose("kvm", required=False, assistance=PVM)
    assert (taken.name, taken.proven, taken.argument) == ("kvm", False, "kvm")
    assert taken.reasons == PVM.reasons
    with pytest.raises(NoHardwareAssistance, match="load the module kvm_intel"):
        choose("kvm", required=False, assistance=ABSENT)


def test_software_may_be_chosen_where_hardware_is_proven() -> None:
    taken = choose("tcg", required=False, assistance=PROVEN)
    assert (taken.name, taken.proven) == ("tcg", False)
    assert taken.reasons == ("software emulation was chosen",)


def test_a_given_scale_replaces_the_usual_one() -> None:
    assert choose("auto", False, PROVEN, 2.5).scale == 2.5
    assert choose("tcg", False, PROVEN, 2.5).scale == 2.5
    with pytest.raises(ValueError, match="positive"):
        choose("tcg", False, PROVEN, 0.0)


def test_devices_that_are_no_kvm_are_told_apart(tmp_path: Path) -> None:
    plain = tmp_path / "kvm"
    assert acceleration._ask_device(plain)[0] == "missing"
    plain.touch()
    assert acceleration._ask_device(plain)[0] == "broken"


def test_this_machine_is_judged_once_with_reasons() -> None:
    judged = assistance()
    assert judged.reasons
    assert acceleration.gather() is acceleration.gather()
