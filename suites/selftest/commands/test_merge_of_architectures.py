"""Shards of one plan from hosts of two architectures: each cell is judged by the hosts that ran it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalog.waivers import WaiverSpec
from fixtures.commands.matrix.durations import read_records
from fixtures.evidence.result import Failure
from fixtures.report.bundle.report_files import load_report
from fixtures.report.bundle.signing import Signer
from fixtures.report.compare.comparison import compare
from fixtures.report.html.render import render_html
from fixtures.report.junit import render_junit
from fixtures.report.model.report_json import as_data, from_data
from suites.selftest.support import architectures_sample as sample
from suites.selftest.support.architectures_sample import (
    AARCH64,
    ARM,
    BIOS,
    UEFI,
    X86_64,
    amd64_host,
    arm64_host,
    findings,
    merged,
    run_merge,
    shard,
)
from suites.selftest.support.bundle_sample import SampleBundle, edit_json, renew_signature

ARM_PROVEN = replace(AARCH64, hardware_assisted=True, reasons=("It ran.",))


def test_the_verdict_names_the_cells_of_the_host_that_proved_nothing(tmp_path: Path) -> None:
    amd64, arm64 = amd64_host(), arm64_host()
    report = merged(
        tmp_path / "out", shard(tmp_path / "a", (BIOS, UEFI), amd64), shard(tmp_path / "b", (ARM,), arm64)
    )
    assert report.verdict.name == "PROVISIONAL"
    assert report.verdict.reasons[0] == (
        f"Hardware assistance was not proven for {ARM} on {arm64.cpu} (accelerator: kvm), "
        "so the results there do not certify the hypervisor."
    )
    assert [shard.host_facts for shard in report.shards] == [amd64, arm64]
    assert [shard.cells for shard in report.shards] == [(BIOS, UEFI), (ARM,)]
    assert {cell: [each.host.cpu for each in hosts] for cell, hosts in report.cell_hosts.items()} == {
        BIOS: [amd64.cpu],
        UEFI: [amd64.cpu],
        ARM: [arm64.cpu],
    }
    assert report.host.architectures == (X86_64, AARCH64)
    assert report.host.qemu == f"{X86_64.qemu}, {AARCH64.qemu}"
    assert report.host.hardware_assisted is False


def test_the_order_of_the_shards_changes_nothing_that_is_said(tmp_path: Path) -> None:
    made = [shard(tmp_path / "a", (ARM,), arm64_host()), shard(tmp_path / "b", (BIOS, UEFI), amd64_host())]
    report = merged(tmp_path / "out", *made)
    assert report.host.architectures == (X86_64, AARCH64)
    assert report.verdict.reasons[0].startswith(f"Hardware assistance was not proven for {ARM} on ")


def test_two_hosts_that_proved_it_certify(tmp_path: Path) -> None:
    report = merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS, UEFI), amd64_host()),
        shard(tmp_path / "b", (ARM,), arm64_host(ARM_PROVEN)),
    )
    assert report.verdict.name == "CERTIFIED"
    assert report.host.accelerator == "kvm"
    assert report.host.hardware_assisted is True


def test_a_host_that_is_a_guest_limits_only_its_own_cells(tmp_path: Path) -> None:
    nested = arm64_host(ARM_PROVEN, parent_kind="hypervisor", parent_hypervisor="Xen")
    report = merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS, UEFI), amd64_host()),
        shard(tmp_path / "b", (ARM,), nested),
    )
    assert report.verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert report.verdict.reasons[0] == (
        f"The host of {ARM} ({nested.cpu}) is itself a guest of Xen, which takes part in its results."
    )


def test_an_emulator_below_one_host_limits_only_its_own_cells(tmp_path: Path) -> None:
    emulated = amd64_host(
        parent_kind="emulator", parent_hypervisor="QEMU's software emulation (TCG)", cpu="EPYC model"
    )
    report = merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS,), amd64_host()),
        shard(tmp_path / "b", (UEFI,), emulated),
        shard(tmp_path / "c", (ARM,), arm64_host(ARM_PROVEN)),
    )
    assert report.verdict.name == "PROVISIONAL"
    assert report.verdict.reasons[0] == (
        f"Hardware assistance was not proven for {UEFI} on EPYC model: the host is itself a guest of QEMU's software "
        "emulation (TCG), so its virtualization extensions may be emulated."
    )


def test_a_cell_that_was_divided_is_judged_by_all_its_hosts(tmp_path: Path) -> None:
    half = {item.check for item in sample.results(UEFI)[::2]}
    first = [item for item in sample.results(BIOS, UEFI) if item.cell == BIOS or item.check in half]
    second = [item for item in sample.results(UEFI) if item.check not in half]
    unproven = replace(X86_64, hardware_assisted=False, reasons=("The probe was killed.",))
    other = amd64_host(
        cpu="Xeon", hardware_assisted=False, architectures=(unproven,), reasons=unproven.reasons
    )
    report = merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS, UEFI), amd64_host(), first),
        shard(tmp_path / "b", (UEFI,), other, second),
        shard(tmp_path / "c", (ARM,), arm64_host(ARM_PROVEN)),
    )
    assert [each.host.cpu for each in report.cell_hosts[UEFI]] == [amd64_host().cpu, "Xeon"]
    assert report.verdict.name == "PROVISIONAL"
    assert report.verdict.reasons[0].startswith(f"Hardware assistance was not proven for {UEFI} on Xeon (")


def test_the_page_and_junit_tell_of_each_host(tmp_path: Path) -> None:
    amd64, arm64 = amd64_host(), arm64_host()
    report = merged(
        tmp_path / "out", shard(tmp_path / "a", (BIOS, UEFI), amd64), shard(tmp_path / "b", (ARM,), arm64)
    )
    page = render_html(report)
    for text in (
        "kvm for x86_64: hardware assistance proven, on AMD EPYC",
        "kvm for aarch64: hardware assistance not proven, on Ampere Altra",
        AARCH64.reasons[0],
        f"{AARCH64.qemu}, for aarch64",
        f"ran {ARM}",
        f"kernel {arm64.kernel}, {AARCH64.qemu}, accelerator kvm",
    ):
        assert text in page
    suites = render_junit(report).split("<testsuite ")[1:]
    assert [
        (f'name="{ARM}"' in each, 'name="hardware_assisted" value="true"' in each) for each in suites
    ] == [
        (False, True),
        (False, True),
        (True, False),
    ]


def test_the_report_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    report = merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS, UEFI), amd64_host()),
        shard(tmp_path / "b", (ARM,), arm64_host()),
    )
    data = json.loads(json.dumps(as_data(report)))
    assert from_data(data) == report
    assert not compare(report, report).transitions_of("changed")
    signed = json.loads((tmp_path / "out/attestation.dsse.json").read_text())
    assert signed["payload"]


def _no_proof_needed(data: Any) -> None:
    data["shards"][1]["host_facts"]["architectures"][0]["hardware_assisted"] = True


def _another_host(data: Any) -> None:
    data["shards"][1]["cells"] = []


@pytest.mark.parametrize("forge", [_no_proof_needed, _another_host])
def test_facts_about_a_host_that_were_changed_are_found_by_verification(forge: Any, tmp_path: Path) -> None:
    made = [shard(tmp_path / "a", (BIOS, UEFI), amd64_host()), shard(tmp_path / "b", (ARM,), arm64_host())]
    out = tmp_path / "out"
    run_merge(out, *made)
    # A forger who changes the facts also derives the conclusions again, and signs with a key of his own.
    edit_json(out / "run.json", forge)
    forged = json.loads((out / "report.json").read_text())
    forge(forged)
    shards = [
        replace(each, host_facts=replace(facts, architectures=(ARM_PROVEN,)), cells=each.cells)
        if number and forge is _no_proof_needed and (facts := each.host_facts)
        else replace(each, cells=() if number and forge is _another_host else each.cells)
        for number, each in enumerate(load_report(out).shards)
    ]
    report = replace(load_report(out), shards=tuple(shards))
    (out / "report.json").write_text(json.dumps(as_data(report)))
    signer = Signer.new()
    (out / "signing-key.pem").write_bytes(signer.public_pem)
    renew_signature(SampleBundle(out, report, signer))
    assert {"CONTRADICTION shards", "CONTRADICTION run.json"} <= set(findings(out))


def test_a_waiver_for_one_version_of_qemu_applies_by_the_qemu_of_the_cell(tmp_path: Path) -> None:
    check = "storage.write-reaches-disk"

    def failing(*cells: str) -> list[Any]:
        bad = Failure("AssertionError", "differs")
        return [
            replace(item, outcome="FAIL", failure=bad) if item.check == check else item
            for item in sample.results(*cells)
        ]

    today = datetime.now(UTC).date()
    waiver = WaiverSpec.model_validate(
        {
            "id": "arm-disk",
            "check": check,
            "guest": "debian-12*",
            "reason": "a known defect of QEMU 10.0 that its vendor mends in 10.1",
            "owner": "qa@example.org",
            "reference": "https://example.org/defects/7",
            "approved_by": "release manager",
            "created": today,
            "expires": today + timedelta(days=30),
            "when": {"qemu": ">=10"},
            "failure": {"kind": "AssertionError", "pattern": "differs"},
        }
    )
    made = [
        shard(tmp_path / "a", (BIOS, UEFI), amd64_host(), failing(BIOS, UEFI), waivers=(waiver,)),
        shard(tmp_path / "b", (ARM,), arm64_host(), failing(ARM), waivers=(waiver,)),
    ]
    report = merged(tmp_path / "out", *made)
    assert {cell: entry.effective for cell, entry in report.matrix[check].items()} == {
        BIOS: "FAIL",
        UEFI: "FAIL",
        ARM: "WAIVED",
    }


def test_durations_are_taken_of_the_cells_that_ran_with_the_accelerator(tmp_path: Path) -> None:
    emulated = replace(AARCH64, accelerator="tcg")
    merged(
        tmp_path / "out",
        shard(tmp_path / "a", (BIOS, UEFI), amd64_host()),
        shard(tmp_path / "b", (ARM,), arm64_host(emulated)),
    )
    records = read_records([tmp_path / "out"], "kvm")
    assert {cell for cell, _ in records.work} == {BIOS, UEFI}
    assert records.left_out == (
        f"{tmp_path / 'out'}: {ARM} ran with kvm for x86_64, tcg for aarch64, not kvm",
    )
    assert {cell for cell, _ in read_records([tmp_path / "out"]).work} == {BIOS, UEFI, ARM}
