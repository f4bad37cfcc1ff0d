"""Hosts of two architectures, and the shards of one plan that ran on them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from fixtures.commands.merge.__main__ import main
from fixtures.commands.verify.__main__ import verify
from fixtures.evidence.architecture_facts import ArchitectureFacts
from fixtures.evidence.result import CellFacts, CheckResult, HostFacts
from fixtures.report.bundle.report_files import load_report
from fixtures.report.model.report import Report
from fixtures.run.run_start import RunStart, utc_now
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import report_sample as sample
from suites.selftest.support.bundle_sample import SampleBundle

BIOS, UEFI = sample.CELLS
ARM = "debian-12-arm64@virt-uefi-virtio"
CELLS = (BIOS, UEFI, ARM)

X86_64 = ArchitectureFacts(
    "x86_64", "QEMU emulator version 7.2.13 (x86)", "7.2.13", sample.SHA_A, "kvm", True, ("The probe ran.",)
)
AARCH64 = ArchitectureFacts(
    "aarch64",
    "QEMU emulator version 10.0.3 (arm)",
    "10.0.3",
    sample.SHA_B,
    "kvm",
    False,
    ("this machine is aarch64, and the proof is for x86_64 alone",),
)


def amd64_host(**changes: Any) -> HostFacts:
    host: HostFacts = sample.host_facts(
        qemu=X86_64.qemu, qemu_version=X86_64.version, qemu_digest=X86_64.digest, architectures=(X86_64,)
    )
    return replace(host, **changes)


def arm64_host(facts: ArchitectureFacts = AARCH64, **changes: Any) -> HostFacts:
    host: HostFacts = sample.host_facts(
        cpu="Ampere Altra Q80-30",
        cpus=80,
        kernel="6.1.0-26-arm64",
        qemu=facts.qemu,
        accelerator=facts.accelerator,
        hardware_assisted=facts.hardware_assisted,
        reasons=facts.reasons,
        firmware=({"role": "uefi code", "path": "AAVMF_CODE.fd", "sha256": "a4" * 32},),
        qemu_version=facts.version,
        qemu_digest=facts.digest,
        architectures=(facts,),
    )
    return replace(host, **changes)


def arch_of(cell: str) -> str:
    return "aarch64" if cell == ARM else "x86_64"


def facts_of(cell: str) -> CellFacts:
    return sample.cell_facts(cell, arch=arch_of(cell))


def begun(cells: tuple[str, ...], host: HostFacts, **changes: Any) -> RunStart:
    start = bundles.run_start(
        host=host, planned=sample.planned(CELLS), narrowed=tuple(f"--platform {cell}" for cell in cells)
    )
    return replace(start, info=replace(start.info, id=str(uuid.uuid4())), **changes)


def results(*cells: str) -> list[CheckResult]:
    return [replace(item, started=utc_now()) for item in sample.good_results(cells)]


def shard(
    directory: Path,
    cells: tuple[str, ...],
    host: HostFacts,
    held: list[CheckResult] | None = None,
    **changes: Any,
) -> SampleBundle:
    """The bundle of a run that carried out ``cells`` on ``host``."""
    return bundles.make_bundle(
        directory,
        results(*cells) if held is None else held,
        begun(cells, host, **changes),
        cells=[facts_of(cell) for cell in cells],
    )


def run_merge(out: Path, *made: SampleBundle) -> int:
    return main(["--no-rejudge", "--out", str(out), *(str(each.directory) for each in made)])


def findings(directory: Path) -> list[str]:
    _, steps = verify(directory, None, None, judge_again=False)
    return [f"{finding.code} {finding.subject}" for step in steps for finding in step.findings]


def merged(out: Path, *made: SampleBundle) -> Report:
    run_merge(out, *made)
    assert findings(out) == []
    return load_report(out)
