"""Saving a machine and loading its state into clones, with each mechanism, and the errors if that fails."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import NotMigratable
from fixtures.machine.hardware import Memory
from fixtures.machine.migration import MECHANISMS, Mechanism, load, save
from suites.selftest.support.machine_sample import MachineBench, printing_code

if TYPE_CHECKING:
    from pathlib import Path

COUNTING = printing_code("tick ", for_ever=True)


def bench(directory: Path, code: bytes, memory: Memory | None, *, incoming: bool = False) -> MachineBench:
    directory.mkdir(exist_ok=True)
    machine_bench = MachineBench(directory, code)
    hardware = machine_bench.machine.hardware
    machine_bench.machine.hardware = replace(hardware, memory=memory, incoming=incoming)
    return machine_bench


def in_30_seconds() -> Deadline:
    return Deadline.after(30.0)


def is_ticking(machine: MachineBench) -> bool:
    return machine.console.wait_for([b"tick tick"], in_30_seconds()) == 0


def save_template(directory: Path, mechanism: Mechanism) -> Path:
    """Save a machine that prints ticks and check that it continues. Returns ``directory``."""
    memory = Memory(directory / "memory", shared=True)
    with bench(directory / "template", COUNTING, memory).run() as template:
        assert is_ticking(template)
        save(template.machine, directory / "state", mechanism, in_30_seconds())
        assert template.machine.run_state in {"paused", "postmigrate", "finish-migrate"}
        (directory / "saved-memory").write_bytes((directory / "memory").read_bytes())
        template.console.discard_unread()
        template.machine.execute("cont")
        assert is_ticking(template)
    return directory


def create_clone(directory: Path, mechanism: Mechanism, name: str = "clone") -> MachineBench:
    """A clone of the state of :func:`save_template`. Its disk is blank: only its memory can make it tick."""
    shared = mechanism == "shared memory"
    memory = Memory(directory / "saved-memory", shared=False) if shared else None
    return bench(directory / name, b"", memory, incoming=True)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_clones_continue_from_the_saved_state(tmp_path: Path, mechanism: Mechanism) -> None:
    save_template(tmp_path, mechanism)
    before = (tmp_path / "saved-memory").read_bytes()
    for number in range(2):
        with create_clone(tmp_path, mechanism, f"clone-{number}").start() as clone:
            load(clone.machine, tmp_path / "state", mechanism, in_30_seconds())
            assert clone.machine.execute("query-status")["running"] is False
            clone.machine.execute("cont")
            assert is_ticking(clone)
            clone.health.check()
    assert (tmp_path / "saved-memory").read_bytes() == before


@pytest.mark.parametrize("mechanism", MECHANISMS)
# QEMU does not read the description at the end of a state. Its truncation shows in the digest only.
@pytest.mark.parametrize("remaining", [0, 100, 0.25])
def test_loading_a_truncated_state_fails(tmp_path: Path, mechanism: Mechanism, remaining: float) -> None:
    state = save_template(tmp_path, mechanism) / "state"
    with state.open("r+b") as file:
        file.truncate(int(remaining * state.stat().st_size) if remaining < 1 else int(remaining))
    with (
        create_clone(tmp_path, mechanism).start() as clone,
        pytest.raises(NotMigratable, match="loading the machine's state"),
    ):
        load(clone.machine, state, mechanism, in_30_seconds())


def test_a_machine_that_cannot_be_saved_continues(tmp_path: Path) -> None:
    # QEMU 7.2 cannot migrate an NVMe controller.
    with bench(tmp_path, COUNTING, None) as machine:
        machine.machine.hardware = replace(machine.machine.hardware, qemu=unmigratable(tmp_path, machine))
        machine.run()
        assert is_ticking(machine)
        with pytest.raises(NotMigratable, match="QEMU refused migrate"):
            save(machine.machine, tmp_path / "state", "full migration", in_30_seconds())
        machine.console.discard_unread()
        machine.machine.execute("cont")
        assert is_ticking(machine)


def unmigratable(directory: Path, machine: MachineBench) -> Path:
    """A wrapper of QEMU that adds a device without migration support."""
    program = directory / "qemu"
    qemu = machine.machine.hardware.qemu
    program.write_text(f'#!/bin/sh\nexec {qemu} "$@" -device nvme,serial=x\n')
    program.chmod(0o755)
    return program


def test_an_unknown_migration_capability_is_named(tmp_path: Path) -> None:
    with bench(tmp_path, COUNTING, None).run() as machine:
        execute = machine.machine.execute

        def execute_on_older_qemu(
            command: str, arguments: dict[str, object] | None = None, within: float = 10.0
        ) -> object:
            if command == "migrate-set-capabilities":
                return execute(command, {"capabilities": [{"capability": "x-not-there", "state": True}]})
            return execute(command, arguments, within)

        machine.machine.execute = execute_on_older_qemu  # type: ignore[method-assign, assignment]
        with pytest.raises(NotMigratable, match=re.escape("x-not-there")):
            save(machine.machine, tmp_path / "state", "shared memory", in_30_seconds())
