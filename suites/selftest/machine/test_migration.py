"""Machines that are saved and go on elsewhere: by each mechanism, and what happens where that is impossible."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import NotMigratable
from fixtures.machine.hardware import Memory
from fixtures.machine.migration import MECHANISMS, Mechanism, load, save
from suites.selftest.support.machine_sample import Bench, saying

if TYPE_CHECKING:
    from pathlib import Path

COUNTING = saying("tick ", for_ever=True)


def bench(directory: Path, code: bytes, memory: Memory | None, *, incoming: bool = False) -> Bench:
    directory.mkdir(exist_ok=True)
    found = Bench(directory, code)
    found.machine.hardware = replace(found.machine.hardware, memory=memory, incoming=incoming)
    return found


def soon() -> Deadline:
    return Deadline.after(30.0)


def ticks(machine: Bench) -> bool:
    return machine.console.wait_for([b"tick tick"], soon()) == 0


def saved(directory: Path, mechanism: Mechanism) -> Path:
    """The directory of a machine that ticked when it was saved, and goes on to tick."""
    memory = Memory(directory / "memory", shared=True)
    with bench(directory / "template", COUNTING, memory).run() as template:
        assert ticks(template)
        save(template.machine, directory / "state", mechanism, soon())
        assert template.machine.run_state in {"paused", "postmigrate", "finish-migrate"}
        (directory / "kept").write_bytes((directory / "memory").read_bytes())
        template.console.discard_unread()
        template.machine.execute("cont")
        assert ticks(template)
    return directory


def copy(directory: Path, mechanism: Mechanism, name: str = "clone") -> Bench:
    """A clone of what :func:`saved` left. Its disk is blank: only its memory can make it tick."""
    shared = mechanism == "shared memory"
    memory = Memory(directory / "kept", shared=False) if shared else None
    return bench(directory / name, b"", memory, incoming=True)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_clones_go_on_where_the_template_was(tmp_path: Path, mechanism: Mechanism) -> None:
    saved(tmp_path, mechanism)
    before = (tmp_path / "kept").read_bytes()
    for number in range(2):
        with copy(tmp_path, mechanism, f"clone-{number}").start() as clone:
            load(clone.machine, tmp_path / "state", mechanism, soon())
            assert clone.machine.execute("query-status")["running"] is False
            clone.machine.execute("cont")
            assert ticks(clone)
            clone.health.check()
    assert (tmp_path / "kept").read_bytes() == before


@pytest.mark.parametrize("mechanism", MECHANISMS)
# The end of a state describes the rest and is not read: what it must be, its digest tells.
@pytest.mark.parametrize("left", [0, 100, 0.25])
def test_a_truncated_state_is_named(tmp_path: Path, mechanism: Mechanism, left: float) -> None:
    state = saved(tmp_path, mechanism) / "state"
    with state.open("r+b") as file:
        file.truncate(int(left * state.stat().st_size) if left < 1 else int(left))
    with (
        copy(tmp_path, mechanism).start() as clone,
        pytest.raises(NotMigratable, match="loading the machine's state"),
    ):
        load(clone.machine, state, mechanism, soon())


def test_a_machine_that_cannot_be_saved_says_why_and_goes_on(tmp_path: Path) -> None:
    # An NVMe controller has no saved state in QEMU 7.2, and forbids migration.
    with bench(tmp_path, COUNTING, None) as machine:
        machine.machine.hardware = replace(machine.machine.hardware, qemu=unmigratable(tmp_path, machine))
        machine.run()
        assert ticks(machine)
        with pytest.raises(NotMigratable, match="QEMU refused migrate"):
            save(machine.machine, tmp_path / "state", "full migration", soon())
        machine.console.discard_unread()
        machine.machine.execute("cont")
        assert ticks(machine)


def unmigratable(directory: Path, machine: Bench) -> Path:
    """A QEMU whose machines cannot be saved."""
    program = directory / "qemu"
    qemu = machine.machine.hardware.qemu
    program.write_text(f'#!/bin/sh\nexec {qemu} "$@" -device nvme,serial=x\n')
    program.chmod(0o755)
    return program


def test_an_unknown_capability_is_a_reason(tmp_path: Path) -> None:
    with bench(tmp_path, COUNTING, None).run() as machine:
        real = machine.machine.execute

        def older(command: str, arguments: dict[str, object] | None = None, within: float = 10.0) -> object:
            if command == "migrate-set-capabilities":
                return real(command, {"capabilities": [{"capability": "x-not-there", "state": True}]})
            return real(command, arguments, within)

        machine.machine.execute = older  # type: ignore[method-assign, assignment]
        with pytest.raises(NotMigratable, match=re.escape("x-not-there")):
            save(machine.machine, tmp_path / "state", "shared memory", soon())
