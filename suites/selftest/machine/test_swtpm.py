"""A machine's TPM emulator: it ends with the machine, and an early end is named."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import HostFault, LaunchFailed
from fixtures.machine.machine import Machine
from suites.selftest.support.machine_sample import HANG, disk, hardware

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine_hardware = hardware(
        disk(tmp_path / "disk.raw", HANG), machine="q35", devices={"disk": "ide-hd", "tpm": "tpm-crb"}
    )
    machine = Machine(dataclasses.replace(machine_hardware, tpm=tmp_path / "tpm"), tmp_path / "evidence")
    yield machine
    machine.end()


def swtpm_pid() -> int:
    """The process id of the only swtpm among the children of this process."""
    pids = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): "pid (name) state ppid ..."; the name may contain spaces.
            number, _, rest = status.read_text().partition(" (")
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, _, fields = rest.rpartition(") ")
        pids += [int(number)] if name == "swtpm" and int(fields.split()[1]) == os.getpid() else []
    (pid,) = pids
    return pid


def test_a_tpm_ends_with_its_machine(machine: Machine, tmp_path: Path) -> None:
    machine.start()
    assert machine.execute("query-tpm")[0]["model"] == "tpm-crb"
    pid = swtpm_pid()
    machine.power_on()
    machine.health.check()
    assert machine.quit() == "left with exit status 0"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (tmp_path / "tpm/tpm2-00.permall").exists()


def test_an_early_end_of_the_tpm_is_an_error_of_the_host(machine: Machine) -> None:
    machine.start()
    pid = swtpm_pid()
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
    os.close(pidfd)
    with pytest.raises(HostFault, match="swtpm ended unexpectedly with status -9"):
        machine.health.check()


def test_a_missing_swtpm_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.machine.swtpm.require_tool", lambda name: f"/nowhere/{name}")
    with pytest.raises(LaunchFailed, match="/nowhere/swtpm: No such file"):
        machine.start()
