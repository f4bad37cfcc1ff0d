"""Sabotage of suites/platform/test_nested_virtualization.py, and healthy guests that it must not accuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.core import errors
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.evidence.recording import LiveRecord
from fixtures.evidence.replay import ReplayRecord
from fixtures.guest.guest import Guest
from fixtures.guest.nested_virtualization import NestedVirtualization
from fixtures.host import kvm_probe
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.lab.pool.machine_request import MachineRequest
from fixtures.oracles import nested_probe
from suites.platform.test_nested_virtualization import test_nested_virtualization_works as check
from suites.selftest.support.sabotaged_guest import SabotagedGuest

CMPXCHG16B = bytes.fromhex("f0 48 0f c7 0f")
ROTATE = bytes.fromhex("48 c1 c0 0d")  # rolq $13, %rax: a part of the answer to the challenge
HALT, JUMP_TO_ITSELF = bytes.fromhex("f4 90 90 90 90"), bytes.fromhex("eb fe 90 90 90")


@pytest.fixture
def nested(pool: MachinePool, tmp_path: Path) -> Iterator[SabotagedGuest]:
    """A clone of Debian that can be a hypervisor."""
    (cell,) = Catalog.load([SHIPPED_GUESTS]).select(["debian-12"], ["q35-uefi-nested"])
    instance, _ = pool.acquire(MachineRequest(cell, is_cold=False, group=None))
    record = LiveRecord(tmp_path / "answers.jsonl")
    try:
        yield SabotagedGuest(Guest(cell, RecordingProxy(record, instance)), instance)
    finally:
        record.close()
        pool.release(None)


def change_probe(monkeypatch: pytest.MonkeyPatch, directory: Path, old: bytes, new: bytes) -> None:
    """Replace the code ``old`` of the probe guest, which the next check brings to its guest."""
    image = kvm_probe.IMAGE.read_bytes()
    assert old in image
    changed = directory / "probe.bin"
    changed.write_bytes(image.replace(old, new))
    monkeypatch.setattr(nested_probe, "IMAGE", changed)


# It starts early, so that no two workers wait for the checkpoint of the guest that can be a hypervisor.
@pytest.mark.boots
def test_a_probe_guest_that_stops_hangs_answers_wrongly_or_never_ran_is_found(
    nested: SabotagedGuest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        change_probe(patch, tmp_path, CMPXCHG16B, HALT)
        with pytest.raises(AssertionError, match=r"cmpxchg16b: the CPU halted, at rip 0x1\w+"):
            check(nested.guest)
    with monkeypatch.context() as patch:
        change_probe(patch, tmp_path, CMPXCHG16B, JUMP_TO_ITSELF)
        patch.setattr(nested.guest.nested, "limit", 1)
        with pytest.raises(
            AssertionError, match="cmpxchg16b: the probe guest did not leave this step within"
        ):
            check(nested.guest)
    with monkeypatch.context() as patch:
        change_probe(patch, tmp_path, ROTATE, ROTATE[:-1] + b"\x0c")
        with pytest.raises(AssertionError, match="the answer to the challenge"):
            check(nested.guest)
    monkeypatch.setattr(NestedVirtualization, "_entries", lambda _: 5)
    with pytest.raises(
        AssertionError, match="entries into the probe guest that the host's KVM did not count"
    ):
        check(nested.guest)


def test_a_guest_whose_disk_keeps_no_report_is_found(
    nested: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest reports success, and nothing of it is on the host's disk."""
    monkeypatch.setattr(type(nested.guest._system.devices), "run_program_of_disk", lambda *_: None)
    with pytest.raises(AssertionError, match="monitor: the monitor wrote no report to the disk"):
        check(nested.guest)


def test_a_masked_feature_and_a_missing_module_are_found(nested: SabotagedGuest) -> None:
    hide = "sed 's/ svm / /' /proc/cpuinfo >/run/cpuinfo && mount --bind /run/cpuinfo /proc/cpuinfo"
    nested.guest.run_check(hide)
    with pytest.raises(AssertionError, match="'none' in "):
        check(nested.guest)
    nested.guest.run_check("umount /proc/cpuinfo")
    nested.guest.run_check(
        "modprobe -r kvm_amd && rm /lib/modules/$(uname -r)/kernel/arch/x86/kvm/kvm-amd.ko*"
    )
    # modprobe finds the module in the list of modules, and says this where its file is missing.
    with pytest.raises(errors.CommandFailed, match="could not insert 'kvm_amd': Unknown symbol") as failure:
        check(nested.guest)
    assert failure.value.outcome == "FAIL"


def test_a_kvm_that_opens_no_machine_is_named(nested: SabotagedGuest) -> None:
    nested.guest.run_check("mount --bind /dev/null /dev/kvm")
    with pytest.raises(AssertionError, match="asking for KVM's version: Inappropriate ioctl for device"):
        check(nested.guest)


def test_healthy_guests_pass_and_are_judged_again(nested: SabotagedGuest, tmp_path: Path) -> None:
    """KVM is loaded already, or built into the kernel; programs run from few directories only."""
    nested.guest.run_check("grep -q ^kvm_amd /proc/modules")
    check(nested.guest)
    replayed = RecordingProxy(ReplayRecord(tmp_path / "answers.jsonl", "answers.jsonl"), None)
    again = Guest(nested.guest.cell, replayed)
    again.run_check("grep -q ^kvm_amd /proc/modules")
    check(again)
    nested.guest.run_check("mount -t tmpfs none /sys/module/kvm_amd; mount -t tmpfs -o noexec none /var/tmp")
    check(nested.guest)
