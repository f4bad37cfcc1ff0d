"""Benchmark of a cold boot to the login: the harness against bare QEMU with a bare expect script."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pexpect
from pexpect import fdpexpect

from ci.benchmarks.by_hand import bare_qemu, overlay
from ci.benchmarks.figures import CannotMeasure, Figure, Target, in_turn
from fixtures.host.qemu import find_qemu_img
from fixtures.lab.pool.machine_request import MachineRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci.benchmarks.workbench import Workbench
    from fixtures.lab.pool.machine_pool import MachinePool

_BOOT = 300.0


@dataclass(frozen=True)
class Boot:
    """Seconds from the start to the login prompt, and to the first output of a shell."""

    login: float
    shell: float


def by_harness(bench: Workbench, pool: MachinePool) -> Boot:
    """One cold boot of the harness."""
    began = time.monotonic()
    instance, _ = pool.acquire(MachineRequest(bench.cell, is_cold=True, group=None))
    shell = time.monotonic() - began
    stages = dict(instance.transcript.stages)
    login = instance.machine.power_on_time - began + stages["login"]
    pool.release(None)
    return Boot(login, shell)


def by_hand(bench: Workbench) -> Boot:
    """One cold boot by hand."""
    began = time.monotonic()
    here = bench.directory("by-hand")
    hardware = bench.hardware(here)
    qemu_img = find_qemu_img()
    overlay(qemu_img, bench.image.path, bench.image.format, here / "root.qcow2")
    if hardware.variables is not None and hardware.firmware.variables is not None:
        firmware = hardware.firmware
        overlay(qemu_img, hardware.firmware.variables, firmware.variables_format, hardware.variables)
    user, password = bench.cell.guest.login.user, bench.cell.guest.login.password
    with bare_qemu(hardware) as qemu:
        expect = fdpexpect.fdspawn(qemu.console.fileno(), timeout=_BOOT)
        qemu.qmp.execute("cont")
        try:
            expect.expect_exact(b"login: ")
            login = time.monotonic() - began
            expect.send(f"{user}\n".encode())
            expect.expect_exact(b"assword: ")
            expect.send(f"{password}\n".encode())
            expect.expect_exact(b"# ")
            expect.send(b"echo rea''dy\n")
            expect.expect_exact(b"ready")
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise CannotMeasure(f"by hand: no login within {_BOOT:g} s: {error}") from error
        shell = time.monotonic() - began
    shutil.rmtree(here)
    return Boot(login, shell)


def measure(bench: Workbench) -> list[Figure]:
    """The figures of cold boots."""
    harness: list[Boot] = []
    hand: list[Boot] = []
    bench.tell(f"image: {bench.image.path}")
    with bench.pool(checkpoints=False) as pool:
        for repetition in range(times := bench.times(3, 1)):
            turns: list[tuple[str, list[Boot], Callable[[], Boot]]] = [
                ("by hand", hand, partial(by_hand, bench)),
                ("harness", harness, partial(by_harness, bench, pool)),
            ]
            for name, boots, boot in in_turn(turns, repetition):
                bench.tell(f"cold boot {repetition + 1} of {times}: {name}")
                boots.append(boot())
    return [
        Figure(
            "cold",
            "a cold boot, from start to login prompt",
            "s",
            tuple(each.login for each in harness),
            tuple(each.login for each in hand),
            target=Target("ratio", "at most", 1.05),
        ),
        Figure(
            "cold.shell",
            "... to the first output of a shell",
            "s",
            tuple(each.shell for each in harness),
            tuple(each.shell for each in hand),
        ),
    ]
