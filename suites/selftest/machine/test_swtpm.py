"""A machine's TPM: it is the machine's own, it ends with it, and its end is named."""

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
    made = hardware(
        disk(tmp_path / "disk.raw", HANG), machine="q35", devices={"disk": "ide-hd", "tpm": "tpm-crb"}
    )
    machine = Machine(dataclasses.replace(made, tpm=tmp_path / "tpm"), tmp_path / "evidence")
    yield machine
    machine.end()


def emulator() -> int:
    """The process id of the only swtpm among the children of this process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name stands in brackets and may hold blanks; the parent is the second field after it.
            number, _, rest = status.read_text().partition(" (")
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, _, fields = rest.rpartition(") ")
        found += [int(number)] if name == "swtpm" and int(fields.split()[1]) == os.getpid() else []
    (only,) = found
    return only


def test_a_tpm_lives_as_long_as_its_machine(machine: Machine, tmp_path: Path) -> None:
    machine.start()
    assert machine.execute("query-tpm")[0]["model"] == "tpm-crb"
    pid = emulator()
    machine.power_on()
    machine.health.check()
    assert machine.quit() == "left with exit status 0"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (tmp_path / "tpm/tpm2-00.permall").exists()


def test_the_end_of_a_tpm_is_the_hosts_fault_and_named(machine: Machine) -> None:
    machine.start()
    pid = emulator()
    watch = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PIDFD, watch, os.WEXITED | os.WNOWAIT)
    os.close(watch)
    with pytest.raises(HostFault, match="swtpm ended unexpectedly with status -9"):
        machine.health.check()


def test_an_emulator_that_does_not_start_is_quoted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.machine.swtpm.require_tool", lambda name: f"/nowhere/{name}")
    with pytest.raises(LaunchFailed, match="/nowhere/swtpm: No such file"):
        machine.start()
