"""The host carries a limited number of machines, for all processes together and however they end."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault
from fixtures.host import capacity as capacity_module
from fixtures.host.capacity import Capacity, Lease
from fixtures.host.host_summary import summarize
from suites.selftest.support.paths import ROOT

GIB = 1 << 30
HOLDER = """
import sys
from pathlib import Path
from fixtures.core.deadline import Deadline
from fixtures.host.capacity import Capacity
lease = Capacity(Path(sys.argv[1]), 1, 4 << 30).lease_machine("holder", 1 << 30, Deadline.after(5.0), print)
print("held", flush=True)
sys.stdin.read()
"""


def lease(capacity: Capacity, memory: int = GIB, seconds: float = 0.0) -> Lease:
    return capacity.lease_machine("guest@platform", memory, Deadline.after(seconds), lambda _: None)


def error_message(capacity: Capacity, memory: int = GIB) -> str:
    with pytest.raises(HostFault) as caught:
        lease(capacity, memory)
    return caught.value.message


def test_the_capacity_is_most_of_what_this_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = dataclasses.replace(summarize(), cpus=3, memory=10 * GIB)
    monkeypatch.setattr("fixtures.host.capacity.summarize", lambda: limited)
    assert Capacity.of_host(tmp_path) == Capacity(tmp_path, 3, 8 * GIB)


def test_a_machine_for_each_core(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path / "units", 2, 16 * GIB)
    first, second = lease(capacity), lease(capacity)
    assert error_message(capacity).startswith(
        "guest@platform: no free capacity on this host within 0 s; other runs hold it"
    )
    first.release()
    third = lease(capacity)
    third.release()
    second.release()


def test_memory_can_run_out_before_cores(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, 16, 3 * GIB)
    leases = [lease(capacity), lease(capacity)]
    assert "no free capacity" in error_message(capacity)
    # The failed attempt released its units, so a smaller machine fits.
    leases.append(lease(capacity, 256 << 20))
    for held in leases:
        held.release()


def test_a_machine_that_is_too_large_is_refused_at_once(tmp_path: Path) -> None:
    message = error_message(Capacity(tmp_path, 2, 2 * GIB), 2 * GIB)
    assert message == (
        "guest@platform needs 2048 MiB of memory and 256 MiB for QEMU; this host has 2048 MiB for machines"
    )


def test_a_waiter_reports_the_wait_and_gets_released_units(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, 1, 4 * GIB)
    first = lease(capacity)
    reports: list[str] = []
    waits = threading.Event()

    def report_wait(message: str) -> None:
        reports.append(message)
        waits.set()

    leases: list[Lease] = []
    other = threading.Thread(
        target=lambda: leases.append(capacity.lease_machine("other", GIB, Deadline.after(20.0), report_wait))
    )
    other.start()
    assert waits.wait(10.0)
    first.release()
    other.join(20.0)
    assert reports == [
        "machines wait for room on this host: at most 1 at once, in 4,096 MiB, for all runs of this user together"
    ]
    leases[0].release()


def test_a_machine_that_waits_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity_module, "_LONG_WAIT", 0.15)
    capacity = Capacity(tmp_path, 1, 4 * GIB)
    first = lease(capacity)
    reports: list[str] = []

    def report_wait(message: str) -> None:
        reports.append(message)
        if len(reports) == 3:
            first.release()

    capacity.lease_machine("other", GIB, Deadline.after(20.0), report_wait).release()
    assert reports[0].startswith("machines wait for room on this host")
    assert [line.partition(" after ")[0] for line in reports[1:3]] == [
        "other: still waiting for room on this host"
    ] * 2
    assert len(set(reports)) == 3


def test_the_kernel_releases_the_units_of_a_killed_process(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None, "expected a pipe"
        assert holder.stdout.readline() == "held\n"
        capacity = Capacity(tmp_path, 1, 4 * GIB)
        assert "no free capacity" in error_message(capacity)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        lease(capacity, seconds=5.0).release()


def test_a_machine_started_ahead_takes_memory_and_later_a_core(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, cores=1, memory=1 << 30)
    first = capacity.lease_machine("first", 256 << 20, Deadline.after(5.0), lambda _: None)
    memory = capacity.try_lease_memory(256 << 20)
    assert memory is not None, "expected a lease for memory"
    assert capacity.try_lease_memory(256 << 20) is None
    assert capacity.try_lease_core() is None
    first.release()
    core = capacity.try_lease_core()
    assert core is not None, "expected a lease for a core"
    assert capacity.try_lease_core() is None
    core.release()
    memory.release()
    assert len(memory) == 0


def test_a_waiter_has_priority_over_a_machine_started_ahead(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, cores=1, memory=4 << 30)
    first = capacity.lease_machine("first", 256 << 20, Deadline.after(5.0), lambda _: None)
    waits = threading.Event()
    leases: list[Lease] = []

    def wait() -> None:
        leases.append(
            capacity.lease_machine("second", 256 << 20, Deadline.after(30.0), lambda _: waits.set())
        )

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert waits.wait(30.0)
    assert capacity.try_lease_memory(256 << 20) is None
    first.release()
    waiter.join(30.0)
    assert capacity.try_lease_memory(256 << 20) is not None
    leases[0].release()
