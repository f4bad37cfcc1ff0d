"""Benchmark of a clone, from start to the output of its first command: the harness against bare QEMU."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ci.benchmarks.by_hand import bare_qemu, overlay
from ci.benchmarks.figures import CannotMeasure, Figure, Target, in_turn
from fixtures.host.qemu import find_qemu, find_qemu_img
from fixtures.lab.checkpoints.checkpoint import ROOT, STATE, VARIABLES
from fixtures.systems.linux import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ci.benchmarks.workbench import Saved, Workbench
    from fixtures.lab.pool.machine_pool import MachinePool

_FIRST_COMMAND = 60.0


@dataclass(frozen=True)
class Clone:
    """Seconds from the start until the guest ran, was awake, and had answered; and seconds for its end.

    ``processor`` is the CPU time of QEMU until the answer, in seconds: it bounds the rate of clones when all
    processors are busy.
    """

    runs: float
    awake: float
    answered: float
    end: float
    processor: float


def when_continued(journal: Iterable[str]) -> float:
    """The Unix time of the QMP command ``cont``; raises CannotMeasure if the journal has none."""
    for line in journal:
        entry = json.loads(line)
        if entry["kind"] == "command" and entry["execute"] == "cont":
            return float(entry["at"])
    raise CannotMeasure("the journal of a clone has no command cont")


def processor_seconds(stat: str) -> float:
    """User and system time in the text of ``/proc/PID/stat``; its second field can contain any character."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _used(pid: int | None) -> float:
    return processor_seconds(Path(f"/proc/{pid}/stat").read_text())


def by_harness(bench: Workbench, pool: MachinePool) -> Clone:
    """One clone of the harness."""
    wall, began = time.time(), time.monotonic()
    instance, _ = pool.acquire(bench.machine_request)
    awake = time.monotonic()
    result = instance.shell.run("echo ready")
    answered = time.monotonic()
    if result.output != b"ready\n":
        raise CannotMeasure(f"the guest answered {result.output!r} to echo ready")
    processor = _used(instance.machine.pid)
    journal = (instance.directories.evidence / "qmp.jsonl").read_text(encoding="utf-8").splitlines()
    ending = time.monotonic()
    pool.release(None)
    return Clone(
        runs=when_continued(journal) - wall,
        awake=awake - began,
        answered=answered - began,
        end=time.monotonic() - ending,
        processor=processor,
    )


def by_hand(bench: Workbench, saved: Saved, *, awaken: bool) -> Clone:
    """One clone by hand. ``awaken``: set time, randomness and network as the harness does."""
    began = time.monotonic()
    here = bench.directory("by-hand")
    hardware = bench.hardware(here, saved)
    qemu_img = find_qemu_img()
    overlay(qemu_img, saved.directory / ROOT, "qcow2", here / "root.qcow2")
    if hardware.variables is not None:
        overlay(qemu_img, saved.directory / VARIABLES, "qcow2", hardware.variables)
    with bare_qemu(hardware) as qemu:
        qemu.load(saved.directory / STATE, find_qemu().version, shared=saved.mechanism == "shared memory")
        qemu.qmp.execute("cont")
        runs = time.monotonic()
        typed = b"echo ready\n"
        if awaken:
            qemu.qmp.execute("set_link", name="nic0", up=True)
            waking = commands.resume(time.time(), os.urandom(64)).encode()
            typed = b" { " + waking + b"; } >/dev/null 2>&1; " + typed
        qemu.type_and_wait(typed, b"ready", _FIRST_COMMAND)
        answered = time.monotonic()
        processor = _used(qemu.pid)
        ending = time.monotonic()
    shutil.rmtree(here)
    at = answered - began
    return Clone(runs - began, at, at, end=time.monotonic() - ending, processor=processor)


def measure(bench: Workbench) -> list[Figure]:
    """Measure single clones."""
    harness: list[Clone] = []
    bare: list[Clone] = []
    awakened: list[Clone] = []
    with bench.pool() as pool:
        # The first clone of a process verifies the checkpoint, or makes it.
        by_harness(bench, pool)
        saved = bench.checkpoint()
        by_hand(bench, saved, awaken=False)
        bench.tell(f"checkpoint: {saved.mechanism}, {saved.directory}")
        for repetition in range(times := bench.times(15, 5)):
            bench.tell(f"clone {repetition + 1} of {times}")
            turns: list[tuple[list[Clone], Callable[[], Clone]]] = [
                (harness, partial(by_harness, bench, pool)),
                (bare, partial(by_hand, bench, saved, awaken=False)),
                (awakened, partial(by_hand, bench, saved, awaken=True)),
            ]
            for clones, clone in in_turn(turns, repetition):
                clones.append(clone())
    return [
        Figure(
            "clone",
            "a pristine guest, from start to the first command's output",
            "s",
            tuple(each.answered for each in harness),
            tuple(each.answered for each in bare),
            target=Target("ratio", "at most", 1.25),
        ),
        Figure(
            "clone.same-work",
            "the same; by hand with time, randomness and network set too",
            "s",
            tuple(each.answered for each in harness),
            tuple(each.answered for each in awakened),
        ),
        Figure(
            "clone.runs",
            "... until the command cont",
            "s",
            tuple(each.runs for each in harness),
            tuple(each.runs for each in bare),
        ),
        Figure(
            "clone.awakening",
            "... from there until time, randomness and network are set",
            "s",
            tuple(each.awake - each.runs for each in harness),
        ),
        Figure(
            "clone.command",
            "... and the first command; by hand from the command cont on",
            "s",
            tuple(each.answered - each.awake for each in harness),
            tuple(each.answered - each.runs for each in bare),
        ),
        Figure(
            "clone.processor",
            "CPU time of QEMU until then; by hand with time, randomness and network set",
            "s",
            tuple(each.processor for each in harness),
            tuple(each.processor for each in awakened),
        ),
        Figure(
            "clone.end",
            "ending a clone and removing its files",
            "s",
            tuple(each.end for each in harness),
            tuple(each.end for each in bare),
        ),
    ]
