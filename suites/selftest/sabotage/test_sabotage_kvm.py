"""Faults of KVM: guests without an operating system, whose boot sector is enough."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from fixtures.core.deadline import Deadline
from fixtures.host.hardware_assistance import detect_assistance
from suites.selftest.sabotage.test_sabotage_killed_workers import Run, assert_clean, processes
from suites.selftest.sabotage.test_sabotage_run import HANG, own_guest, run
from suites.selftest.support.run_limit import RUN_LIMIT

pytestmark = pytest.mark.boots

# An emulated host is slow, and no test waits for a timeout: the fault comes first.
PATIENT = HANG.replace("boot: 5s, silence: 400ms", "boot: 60s, silence: 60s")
SELECTION = ["suites/boot", "--accel=kvm", "--timeout-scale=10", "--guest=hang", "--platform=pc-bios-ide"]
# Never set: its timed wait is a pause.
NEVER = threading.Event()


@pytest.fixture(autouse=True)
def _kvm_opens() -> None:
    # A boot sector runs also under a KVM that cannot run a kernel.
    host = detect_assistance()
    if not host.usable:
        pytest.skip(f"KVM cannot be used here: {host.reasons[0]}")


def test_an_instruction_that_kvm_cannot_fetch_is_an_internal_error(tmp_path: Path) -> None:
    guests = own_guest(tmp_path, PATIENT)
    disk = tmp_path / "hang.raw"
    # A jump to a000:0000, the window of the VGA card: KVM emulates each access there, and no fetch of code.
    jump = b"\xea\x00\x00\x00\xa0"
    disk.write_bytes(jump + disk.read_bytes()[len(jump) :])
    finished = run(tmp_path, *SELECTION, f"--guests-dir={guests}", "-k", "reaches_login")
    reached = finished.results["boot.reaches-login"]
    assert (reached["outcome"], reached["failure"]["kind"]) == ("FAIL", "HypervisorInternalError"), (
        finished.output
    )
    assert "internal error" in reached["failure"]["message"]


def cpu_thread(process: int) -> int | None:
    """The thread of QEMU that has run the guest's code under KVM; None while none has."""
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            stat = (task / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # This thread ended after the directory was listed.
        # Field 43 of proc(5): the time for which the thread ran a virtual CPU. Field 3 follows the name.
        fields = stat.rpartition(")")[2].split()
        if int(fields[43 - 3]) > 0:
            return int(task.name)
    return None


def test_a_killed_cpu_is_named(tmp_path: Path) -> None:
    guests = own_guest(tmp_path, PATIENT)
    running = Run(tmp_path, *SELECTION, f"--guests-dir={guests}", "-k", "reaches_login")
    worker = running.wait_for_machine("-accel kvm")
    machine = next(pid for pid, parent, line in processes() if parent == worker and "-accel kvm" in line)
    deadline = Deadline.after(RUN_LIMIT)
    while (thread := cpu_thread(machine)) is None:
        assert not deadline.expired, f"no thread of QEMU ran the guest within {deadline.limit:g} s"
        NEVER.wait(0.005)
    os.kill(thread, signal.SIGKILL)
    output = running.wait_for_end()
    reached = running.results()["boot.reaches-login"]
    assert (reached["outcome"], reached["failure"]["kind"]) == ("ERROR", "MachineKilled"), output
    assert_clean(tmp_path)
