"""Hosts whose facts become one, and hosts whose facts differ: these are refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands.merge.merged_host import merged_host
from fixtures.evidence.result import HostFacts
from fixtures.report.model.report_json import as_data, from_data
from suites.selftest.support import architectures_sample as sample
from suites.selftest.support import report_sample
from suites.selftest.support.architectures_sample import (
    AARCH64,
    ARM,
    BIOS,
    UEFI,
    X86_64,
    amd64_host,
    arm64_host,
    merged,
    run_merge,
    shard,
)

OTHER_DIGEST = replace(X86_64, digest="sha256:" + "ab" * 32)
NEWER = replace(
    X86_64, qemu="QEMU emulator version 10.0.3 (x86)", version="10.0.3", digest="sha256:" + "cd" * 32
)
EMULATED = replace(X86_64, accelerator="tcg", hardware_assisted=False)
NOT_MERGED: dict[str, tuple[Any, str]] = {
    "another version": (
        NEWER,
        f"another QEMU for x86_64: {NEWER.qemu} {NEWER.digest}, expected {X86_64.qemu}",
    ),
    "another program of the same version": (
        OTHER_DIGEST,
        f"another QEMU for x86_64: {X86_64.qemu} {OTHER_DIGEST.digest}",
    ),
    "another accelerator": (EMULATED, "another accelerator for x86_64: tcg, expected kvm as in run "),
}


def host_with(facts: Any) -> HostFacts:
    return amd64_host(
        qemu=facts.qemu,
        qemu_version=facts.version,
        qemu_digest=facts.digest,
        accelerator=facts.accelerator,
        hardware_assisted=facts.hardware_assisted,
        architectures=(facts,),
    )


@pytest.mark.parametrize("kind", NOT_MERGED)
def test_hosts_of_one_architecture_that_differ_are_refused_by_name(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts, words = NOT_MERGED[kind]
    first = shard(tmp_path / "a", (BIOS,), amd64_host())
    other = shard(tmp_path / "b", (UEFI,), host_with(facts))
    arm = shard(tmp_path / "c", (ARM,), arm64_host())
    assert run_merge(tmp_path / "out", first, other, arm) == 4
    error = capsys.readouterr().err
    assert words in error
    assert f"run {other.report.run.id} (--platform {UEFI}): another" in error
    assert f"as in run {first.report.run.id} (--platform {BIOS})" in error
    assert not (tmp_path / "out").exists()


def test_a_host_that_emulates_the_other_architecture_is_no_third_kind(tmp_path: Path) -> None:
    """One run with cells of both architectures, and one with cells of one of them."""
    emulated = replace(AARCH64, accelerator="tcg", reasons=("this host is x86_64",))
    both = amd64_host(
        qemu=f"{X86_64.qemu}, {AARCH64.qemu}",
        accelerator="kvm for x86_64, tcg for aarch64",
        hardware_assisted=False,
        architectures=(X86_64, emulated),
    )
    report = merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS, ARM), both),
        shard(tmp_path / "b", (UEFI,), amd64_host()),
    )
    assert report.host.accelerator == "kvm for x86_64, tcg for aarch64"
    assert report.verdict.reasons[0].startswith(
        f"Hardware assistance was not proven for {ARM} on {both.cpu} (accelerator: tcg)"
    )


def test_two_parts_of_a_run_have_together_the_facts_of_the_whole() -> None:
    """A machine that runs cells of both architectures, in one run or in two."""
    emulated = replace(AARCH64, accelerator="tcg", reasons=("this host is x86_64",))
    ours = amd64_host()
    other = amd64_host(
        qemu=emulated.qemu,
        qemu_version=emulated.version,
        qemu_digest=emulated.digest,
        accelerator="tcg",
        hardware_assisted=False,
        reasons=emulated.reasons,
        firmware=arm64_host().firmware,
        architectures=(emulated,),
    )
    whole = amd64_host(
        qemu=f"{X86_64.qemu}, {emulated.qemu}",
        accelerator="kvm for x86_64, tcg for aarch64",
        hardware_assisted=False,
        reasons=(*ours.reasons, *emulated.reasons),
        firmware=(*ours.firmware, *other.firmware),
        architectures=(X86_64, emulated),
    )
    assert merged_host([ours, other]) == whole
    assert merged_host([whole, whole]) == whole


def test_a_run_of_both_architectures_on_one_host_is_judged_by_cell() -> None:
    emulated = replace(AARCH64, accelerator="tcg")
    host = amd64_host(
        accelerator="kvm for x86_64, tcg for aarch64",
        hardware_assisted=False,
        architectures=(X86_64, emulated),
    )
    report = report_sample.report_of(
        sample.results(*sample.CELLS),
        host=host,
        planned=report_sample.planned(sample.CELLS),
        cells=[sample.facts_of(cell) for cell in sample.CELLS],
    )
    assert report.verdict.name == "PROVISIONAL"
    assert report.verdict.reasons[0].startswith(f"Hardware assistance was not proven for {ARM} on ")
    assert from_data(as_data(report)) == report


def test_a_shard_without_facts_about_architectures_is_compared_as_a_whole(tmp_path: Path) -> None:
    """The bundles of an older version: nothing says which QEMU was for which architecture."""
    old = shard(tmp_path / "a", (BIOS, UEFI), amd64_host(architectures=()))
    arm = shard(tmp_path / "b", (ARM,), arm64_host())
    assert run_merge(tmp_path / "out", old, arm) == 4
