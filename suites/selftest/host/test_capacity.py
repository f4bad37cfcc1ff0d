"""A host carries so many machines and no more, whoever starts them and however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault
from fixtures.host.capacity import Capacity, Lease
from suites.selftest.support.paths import ROOT

GIB = 1 << 30
HOLDER = """
import sys
from pathlib import Path
from fixtures.core.deadline import Deadline
from fixtures.host.capacity import Capacity
lease = Capacity(Path(sys.argv[1]), 1, 4 << 30).lease("holder", 1 << 30, Deadline.after(5.0), print)
print("held", flush=True)
sys.stdin.read()
"""


def lease(capacity: Capacity, memory: int = GIB, seconds: float = 0.0) -> Lease:
    return capacity.lease("guest@platform", memory, Deadline.after(seconds), lambda _: None)


def refused(capacity: Capacity, memory: int = GIB) -> str:
    with pytest.raises(HostFault) as caught:
        lease(capacity, memory)
    return caught.value.message


def test_a_machine_for_each_core(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path / "units", 2, 16 * GIB)
    first, second = lease(capacity), lease(capacity)
    assert refused(capacity).startswith("guest@platform: no room on this host for 0 s; machines at once: 2")
    first.end()
    third = lease(capacity)
    third.end()
    second.end()


def test_memory_runs_out_before_cores_do(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, 16, 3 * GIB)
    held = [lease(capacity), lease(capacity)]
    assert "no room" in refused(capacity)
    # What did not suffice was given back: a smaller machine fits.
    held.append(lease(capacity, 256 << 20))
    for each in held:
        each.end()


def test_a_machine_that_never_fits_is_refused_at_once(tmp_path: Path) -> None:
    message = refused(Capacity(tmp_path, 2, 2 * GIB), 2 * GIB)
    assert message == (
        "guest@platform has 2048 MiB of memory and 256 MiB go with it; this host has 2048 MiB for machines"
    )


def test_who_waits_gets_what_is_given_back_and_says_so(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, 1, 4 * GIB)
    first = lease(capacity)
    told: list[str] = []
    waits = threading.Event()

    def waiting(words: str) -> None:
        told.append(words)
        waits.set()

    got: list[Lease] = []
    other = threading.Thread(
        target=lambda: got.append(capacity.lease("other", GIB, Deadline.after(20.0), waiting))
    )
    other.start()
    assert waits.wait(10.0)
    first.end()
    other.join(20.0)
    assert told == ["other: waiting for room on this host; machines at once: 1"]
    got[0].end()


def test_a_killed_holder_gives_back_what_it_held(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        capacity = Capacity(tmp_path, 1, 4 * GIB)
        assert "no room" in refused(capacity)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        lease(capacity, seconds=5.0).end()


def test_a_spare_machine_takes_memory_and_later_a_core(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, cores=1, memory=1 << 30)
    first = capacity.lease("first", 256 << 20, Deadline.after(5.0), lambda _: None)
    spare = capacity.spare(256 << 20)
    assert spare is not None
    assert capacity.spare(256 << 20) is None
    assert capacity.core() is None
    first.end()
    core = capacity.core()
    assert core is not None
    assert capacity.core() is None
    core.end()
    spare.end()
    assert len(spare) == 0


def test_a_spare_machine_does_not_go_before_those_who_wait(tmp_path: Path) -> None:
    capacity = Capacity(tmp_path, cores=1, memory=4 << 30)
    first = capacity.lease("first", 256 << 20, Deadline.after(5.0), lambda _: None)
    waits = threading.Event()
    found: list[Lease] = []

    def wait() -> None:
        found.append(capacity.lease("second", 256 << 20, Deadline.after(30.0), lambda _: waits.set()))

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert waits.wait(30.0)
    assert capacity.spare(256 << 20) is None
    first.end()
    waiter.join(30.0)
    assert capacity.spare(256 << 20) is not None
    found[0].end()
