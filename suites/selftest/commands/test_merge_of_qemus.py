"""Shards of cells on several QEMUs become one bundle."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.catalog.cell_names import without_qemu
from fixtures.commands.merge.__main__ import merge
from fixtures.commands.merge.one_run import NotOneRun
from fixtures.commands.verify.__main__ import verify
from fixtures.evidence.architecture_facts import ArchitectureFacts, qemu_names
from fixtures.evidence.qemu_facts import QemuFacts
from fixtures.evidence.result import HostFacts
from fixtures.report.bundle.signing import Signer
from fixtures.report.model.qemu_reports import qemu_verdicts
from fixtures.run.run_start import utc_now
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import qemus_sample
from suites.selftest.support import report_sample as sample
from suites.selftest.support.architectures_sample import ARM, BIOS, arch_of


def shard(
    directory: Path, cells: tuple[str, ...], host: HostFacts, planned: tuple[str, ...] = qemus_sample.CELLS
) -> Path:
    begun = bundles.run_start(
        host=host, planned=sample.planned(planned), narrowed=(f"--platform {cells[0]}",)
    )
    begun = replace(begun, info=replace(begun.info, id=str(uuid.uuid4())))
    results = [replace(item, started=utc_now()) for item in sample.good_results(cells)]
    facts = [sample.cell_facts(cell, arch=arch_of(without_qemu(cell))) for cell in cells]
    return bundles.make_bundle(directory, results, begun, cells=facts).directory


def host_of(label: str) -> HostFacts:
    """The host of a shard: it knows every QEMU of the plan, and the firmware of its own cells."""
    host: HostFacts = qemus_sample.host()
    return replace(host, firmware=tuple(row for row in host.firmware if row["qemu"] == label))


def test_a_shard_of_each_qemu_makes_the_whole(tmp_path: Path) -> None:
    old, new = (qemu.label for qemu in qemus_sample.QEMUS)
    made = [
        shard(tmp_path / "a", qemus_sample.OLD, host_of(old)),
        shard(tmp_path / "b", qemus_sample.NEW, host_of(new)),
    ]
    out = tmp_path / "out"
    report = merge(made, out, Signer.new(), judge_again=False)
    assert report.verdict.name == "CERTIFIED"
    assert {each.label: each.verdict.name for each in qemu_verdicts(report)} == {
        old: "CERTIFIED",
        new: "CERTIFIED",
    }
    assert [row["qemu"] for row in report.host.firmware] == [old, new]
    _, steps = verify(out, None, None, judge_again=False)
    assert [finding for step in steps for finding in step.findings] == []


def on_label(label: str, digests: tuple[str, str], used: str) -> HostFacts:
    """A host that has the QEMU ``label`` for both architectures, and ran cells of the architecture ``used``."""
    qemus = tuple(
        QemuFacts(label, arch, f"QEMU of {arch} {digest[7:9]}", "10.0.3", digest)
        for arch, digest in zip(("x86_64", "aarch64"), digests, strict=True)
    )
    facts = ArchitectureFacts(used, "", "", "", "kvm", True)
    host: HostFacts = sample.host_facts(
        qemu=qemu_names(qemus, (facts,)), qemus=qemus, firmware=(), architectures=(facts,)
    )
    return host


def digest(pair: str) -> str:
    return f"sha256:{pair * 32}"


def test_a_label_means_the_program_of_the_host_that_ran_the_cell(tmp_path: Path) -> None:
    """Each host has both programs under the label; what it does not run is of no importance."""
    label = "new"
    cells = (f"{BIOS}#{label}", f"{ARM}#{label}")
    made = [
        shard(tmp_path / "a", cells[:1], on_label(label, (digest("a1"), digest("a2")), "x86_64"), cells),
        shard(tmp_path / "b", cells[1:], on_label(label, (digest("b1"), digest("b2")), "aarch64"), cells),
    ]
    report = merge(made, tmp_path / "out", Signer.new(), judge_again=False)
    assert report.verdict.name == "CERTIFIED"
    assert {each.arch: each.digest for each in report.host.qemus} == {
        "x86_64": digest("a1"),
        "aarch64": digest("b2"),
    }
    (verdict,) = qemu_verdicts(report)
    assert (verdict.label, verdict.verdict.name) == (label, "CERTIFIED")
    _, steps = verify(tmp_path / "out", None, None, judge_again=False)
    assert [finding for step in steps for finding in step.findings] == []
    other = shard(tmp_path / "c", cells[:1], on_label(label, (digest("c1"), digest("a2")), "x86_64"), cells)
    with pytest.raises(NotOneRun, match="another QEMU new for x86_64: QEMU of x86_64 c1"):
        merge([*made, other], tmp_path / "none", Signer.new(), judge_again=False)


def test_shards_of_other_programs_under_the_same_labels_are_refused(tmp_path: Path) -> None:
    old, new = qemus_sample.QEMUS
    another = replace(host_of(new.label), qemus=(old, replace(new, digest="sha256:" + "ab" * 32)))
    made = [
        shard(tmp_path / "a", qemus_sample.OLD, host_of(old.label)),
        shard(tmp_path / "b", qemus_sample.NEW, another),
    ]
    with pytest.raises(NotOneRun, match="another QEMU: 7.2: qemu-system-x86"):
        merge(made, tmp_path / "out", Signer.new(), judge_again=False)
