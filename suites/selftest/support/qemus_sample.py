"""The report of a run on two QEMUs: most results are the same, and some are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fixtures.evidence.qemu_facts import QemuFacts
from fixtures.evidence.result import CheckResult, Failure
from fixtures.report.model.report import Report
from suites.selftest.support import report_sample as sample

QEMUS = (
    QemuFacts("7.2", "x86_64", "qemu-system-x86 1:7.2+dfsg-7+deb12u18", "7.2.22", sample.SHA_A),
    QemuFacts(
        "10.0", "x86_64", "QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0)", "10.0.13", sample.SHA_B
    ),
)
BASES = sample.CELLS
OLD, NEW = (tuple(f"{cell}#{qemu.label}" for cell in BASES) for qemu in QEMUS)
CELLS = (*OLD, *NEW)
REGRESSED = "storage.write-reaches-disk"
FIXED = "network.payload-intact"


def host(**changes: Any) -> Any:
    rows = tuple(
        {"role": "bios", "path": "bios-256k.bin", "sha256": digest * 32, "qemu": qemu.label}
        for qemu, digest in zip(QEMUS, ("c1", "d2"), strict=True)
    )
    text = ", ".join(f"{qemu.label}: {qemu.name}" for qemu in QEMUS)
    return sample.host_facts(**({"qemu": text, "qemus": QEMUS, "firmware": rows} | changes))


def failed(result: CheckResult, message: str) -> CheckResult:
    return replace(result, outcome="FAIL", failure=Failure("AssertionError", message))


def results() -> list[CheckResult]:
    """One check fails on the newer QEMU only, one on the older only, and one on both in the same way."""
    found = {(each.check, each.cell): each for each in sample.good_results(CELLS)}

    def fail(check: str, cell: str, message: str) -> None:
        found[check, cell] = failed(found[check, cell], message)

    fail(REGRESSED, NEW[1], "assert 3 == 0\n  3 bad sectors")
    fail(FIXED, OLD[0], f"{OLD[0]}: 12 bytes were lost")
    for cell in (OLD[0], NEW[0]):
        fail("boot.no-fatal-events", cell, f"{cell}: the console says: BUG: soft lockup")
    return list(found.values())


def report(**changes: Any) -> Report:
    """Two guests and platforms on two QEMUs."""
    arguments: dict[str, Any] = {
        "host": host(),
        "planned": sample.planned(CELLS),
        "cells": [sample.cell_facts(cell) for cell in CELLS],
    }
    return sample.report_of(results(), **(arguments | changes))
