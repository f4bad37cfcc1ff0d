"""Every manipulation of a bundle is a finding, also if it was signed again with the right key."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalog.cell_names import CellQemu
from fixtures.commands.verify import contents
from fixtures.commands.verify.__main__ import verify
from fixtures.commands.verify.plans import read_plan
from fixtures.core.errors import CatalogError
from fixtures.evidence.result import Failure
from fixtures.report.bundle.bundle import write_bundle
from fixtures.report.bundle.signing import PUBLIC_KEY, Signer
from fixtures.report.model.canonical_json import canonical
from fixtures.run.run_start import utc_now
from suites.selftest.report.test_waiver_matching import waiver
from suites.selftest.support import bundle_sample as sample
from suites.selftest.support import qemus_sample, report_sample
from suites.selftest.support.bundle_sample import (
    ANSWERS,
    MACHINE,
    SampleBundle,
    edit_json,
    findings,
    public_key,
    renew_signature,
)
from suites.selftest.support.catalog_sample import guest, plan, write

CELL, CHECK = sample.CHECK


def test_an_untouched_bundle_is_verified(made: SampleBundle, tmp_path: Path) -> None:
    assert made.report.verdict.name == "CERTIFIED"
    key = public_key(made.signer, tmp_path / "key.pem")
    assert findings(made, key, made.directory / "plan.json") == []


def test_a_bundle_with_failures_and_waivers_is_verified_too(tmp_path: Path) -> None:
    results = sample.good_results()
    results[5] = replace(
        results[5], outcome="FAIL", failure=Failure("AssertionError", "the checksum differs")
    )
    begun = sample.run_start(waivers=(waiver(created="2020-01-01", expires="2020-02-01"),))
    made = sample.make_bundle(tmp_path / "bundle", results, begun)
    assert made.report.verdict.name == "NOT_CERTIFIED"
    assert findings(made) == []


def test_an_edited_verdict(made: SampleBundle) -> None:
    def becomes_bad(data: Any) -> None:
        data["verdict"]["name"] = "NOT_CERTIFIED"

    edit_json(made.directory / "report.json", becomes_bad)
    found = findings(made)
    assert "CHANGED report.json" in found
    assert "INVALID-REPORT report.json" in found


def test_an_edited_outcome_with_consistent_conclusions_signed_again(tmp_path: Path) -> None:
    results = sample.good_results()
    index = next(i for i, item in enumerate(results) if (item.cell, item.check) == (CELL, CHECK))
    failed = replace(results[index], outcome="FAIL", failure=Failure("AssertionError", "differs"))
    made = sample.make_bundle(tmp_path / "b", [*results[:index], failed, *results[index + 1 :]])
    better = sample.make_bundle(tmp_path / "c", results, sample.run_start()).report
    write_bundle(replace(better, run=made.report.run), made.directory, made.signer)
    assert f"CONTRADICTION {CELL} {CHECK}" in findings(made)


def test_truncated_evidence(made: SampleBundle) -> None:
    log = made.directory / MACHINE / "console.log"
    log.write_bytes(log.read_bytes()[:5])
    assert f"CHANGED {MACHINE}/console.log" in findings(made)
    renew_signature(made)
    assert findings(made) == [f"CONTRADICTION {MACHINE}/console.log"]


def test_a_record_with_missing_or_truncated_lines(made: SampleBundle) -> None:
    record = made.directory / ANSWERS
    first, _, last = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(first + last)
    renew_signature(made)
    assert findings(made) == [f"TRUNCATED {ANSWERS}:2"]
    record.write_bytes(first[:20])
    renew_signature(made)
    assert findings(made) == [f"TRUNCATED {ANSWERS}:1"]


def test_deleted_evidence(made: SampleBundle) -> None:
    (made.directory / ANSWERS).unlink()
    assert f"REMOVED {ANSWERS}" in findings(made)
    renew_signature(made)
    assert findings(made) == [f"MISSING-EVIDENCE {ANSWERS}"]


def test_an_added_file(made: SampleBundle) -> None:
    (made.directory / "evidence/extra.txt").write_text("x")
    (made.directory / "link").symlink_to("/etc/passwd")
    found = findings(made)
    assert found.count("ADDED evidence/extra.txt") == 2
    assert "ADDED link" in found


def test_a_dropped_result(made: SampleBundle) -> None:
    entries = tuple(entry for entry in made.report.entries if (entry.cell, entry.check) != (CELL, CHECK))
    smaller = replace(made.report, entries=entries)
    plan = (made.directory / "plan.json").read_bytes()
    write_bundle(smaller, made.directory, made.signer)
    (made.directory / "plan.json").write_bytes(plan)
    assert "CHANGED plan.json" in findings(made)
    renew_signature(made, smaller)
    assert findings(made) == [f"MISSING-RESULT {CELL} {CHECK}", f"DROPPED-RESULT {CELL} {CHECK}", "CONTRADICTION summary", "CONTRADICTION verdict"]  # fmt: skip


def test_a_plan_without_one_of_its_checks(made: SampleBundle, tmp_path: Path) -> None:
    published = tmp_path / "published.json"
    shutil.copy(made.directory / "plan.json", published)
    checks = [(check, level) for check, (_, level) in report_sample.CHECKS.items() if check != CHECK]
    plan = report_sample.plan(*checks)
    planned = tuple(item for item in report_sample.planned() if item.check != CHECK)
    begun = sample.run_start(plan=plan, planned=planned)
    results = [item for item in sample.good_results() if item.check != CHECK]
    shrunk = sample.make_bundle(tmp_path / "shrunk", results, begun, made.signer)
    assert shrunk.report.verdict.name == "CERTIFIED"
    assert findings(shrunk) == []
    assert findings(shrunk, plan=published) == [
        "NOT-THE-PUBLISHED-PLAN plan.json",
        *(f"SHRUNK-PLAN {cell} {CHECK}" for cell in sorted(report_sample.CELLS)),
    ]


def test_a_plan_without_one_of_its_cells(made: SampleBundle, tmp_path: Path) -> None:
    published = tmp_path / "published.json"
    shutil.copy(made.directory / "plan.json", published)
    one = report_sample.CELLS[:1]
    begun = sample.run_start(planned=report_sample.planned(one))
    results = [item for item in sample.good_results() if item.cell in one]
    shrunk = sample.make_bundle(tmp_path / "shrunk", results, begun, made.signer)
    found = findings(shrunk, plan=published)
    assert len(found) == len(report_sample.CHECKS)
    assert found[0].startswith(f"SHRUNK-PLAN {report_sample.CELLS[1]} ")


def test_a_published_plan_in_yaml(made: SampleBundle, tmp_path: Path) -> None:
    checks = "".join(f"  - {{id: {check}, level: {level}}}\n" for check, (_, level) in report_sample.CHECKS.items())  # fmt: skip
    text = f"id: default\ntitle: Debian 12 on QEMU, default plan\ncells: ['debian-12@*']\nchecks:\n{checks}"
    (tmp_path / "default.yaml").write_text(text)
    assert findings(made, plan=tmp_path / "default.yaml") == []
    (tmp_path / "default.yaml").write_text(text.replace("level: recommended", "level: mandatory"))
    assert findings(made, plan=tmp_path / "default.yaml") == ["NOT-THE-PUBLISHED-PLAN plan.json"]


def test_a_swapped_image_digest(made: SampleBundle) -> None:
    def swap(data: Any) -> None:
        image = data["cells"][1]["image"]
        image["digest_before"] = image["digest_after"] = report_sample.SHA_B

    edit_json(made.directory / "report.json", swap)
    found = findings(made)
    assert "CHANGED report.json" in found
    assert f"ATTESTED image of {CELL}" in found
    renew_signature(made, verify(made.directory, None, None, judge_again=False)[0].report)
    assert findings(made) == [
        f"CONTRADICTION {CELL} image.digest_after",
        f"CONTRADICTION {CELL} image.digest_before",
    ]


def test_an_image_that_changed_during_the_run(tmp_path: Path) -> None:
    made = sample.make_bundle(tmp_path / "b")
    facts = report_sample.cell_facts(CELL)
    changed = replace(facts, image=facts.image | {"digest_after": report_sample.SHA_B})
    report = replace(made.report, cells=(made.report.cells[0], changed))
    write_bundle(report, made.directory, made.signer)
    assert f"IMAGE-CHANGED {CELL}" in findings(made)


def test_a_bundle_that_another_key_signed(made: SampleBundle, tmp_path: Path) -> None:
    key = public_key(made.signer, tmp_path / "key.pem")
    other = Signer.new()
    write_bundle(made.report, made.directory, other)
    assert findings(made) == []
    assert findings(made, key) == ["BAD-SIGNATURE attestation.dsse.json", f"ANOTHER-KEY {PUBLIC_KEY}"]


def test_a_missing_or_invalid_signature(made: SampleBundle) -> None:
    envelope = made.directory / "attestation.dsse.json"
    edit_json(envelope, lambda data: data["signatures"][0].update(sig="AAAA"))
    assert findings(made) == ["BAD-SIGNATURE attestation.dsse.json"]
    envelope.unlink()
    assert findings(made) == ["UNSIGNED attestation.dsse.json", "UNREADABLE attestation.dsse.json"]


@pytest.mark.parametrize("name", ["qmp.jsonl", "console.cast"])
def test_old_evidence_of_a_machine(made: SampleBundle, tmp_path: Path, name: str) -> None:
    old = sample.make_bundle(tmp_path / "old")
    shutil.copy(old.directory / MACHINE / name, made.directory / MACHINE / name)
    renew_signature(made)
    (found,) = findings(made)
    assert found.startswith(f"OLD-EVIDENCE {MACHINE}/{name}")


def test_old_answers_of_a_guest(made: SampleBundle) -> None:
    record = made.directory / ANSWERS
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    record.write_text("".join(json.dumps(entry | {"at": entry["at"] - 86_400}) + "\n" for entry in entries))
    renew_signature(made)
    assert findings(made) == [f"OLD-EVIDENCE {ANSWERS}:1"]


def test_old_results(made: SampleBundle, tmp_path: Path) -> None:
    results = [replace(item, started="2026-01-01T00:00:00Z") for item in sample.good_results()]
    old = sample.make_bundle(tmp_path / "old", results)
    assert f"OLD-RESULT {CELL} {CHECK}" in findings(old)


def test_edited_waivers(made: SampleBundle) -> None:
    (made.directory / "waivers.json").write_bytes(canonical([{"id": "w-9"}]))
    renew_signature(made)
    assert findings(made) == ["CHANGED waivers.json"]


@pytest.mark.parametrize("name", ["report.json", "plan.json", "waivers.json", "run.json", "MANIFEST.sha256", "attestation.dsse.json", PUBLIC_KEY, "results/gw0.jsonl"])  # fmt: skip
@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"[]", b"{}", b"null", b"1", b'{"planned":{}}', b"[" * 100_000])  # fmt: skip
def test_any_content_of_a_file_is_a_finding_and_no_crash(
    made: SampleBundle, name: str, content: bytes | None
) -> None:
    path = made.directory / name
    if path.read_bytes() == content:
        pytest.skip("the file has this content already")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert findings(made)


def test_an_edited_page(made: SampleBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "checkout", lambda: (made.report.run.commit, False))
    assert findings(made) == []
    for name, old, new in (
        ("report.html", b"Certified", b"CERTIFIED"),
        ("junit.xml", b"mandatory", b"optional"),
    ):
        path = made.directory / name
        path.write_bytes(path.read_bytes().replace(old, new, 1))
    renew_signature(made)
    assert findings(made) == ["RENDERED-OTHERWISE junit.xml", "RENDERED-OTHERWISE report.html"]


def bundle_on_qemus(directory: Path, **changes: Any) -> SampleBundle:
    cells = (*qemus_sample.OLD, *qemus_sample.NEW)
    results = [replace(item, started=utc_now()) for item in report_sample.good_results(cells)]
    begun = sample.run_start(host=qemus_sample.host(), planned=report_sample.planned(cells), **changes)
    facts = [report_sample.cell_facts(cell) for cell in cells]
    return sample.make_bundle(directory, results, begun, cells=facts)


def test_a_bundle_of_several_qemus_carries_out_the_plan_on_each(tmp_path: Path) -> None:
    made = bundle_on_qemus(tmp_path / "b")
    one = sample.make_bundle(tmp_path / "one")
    assert findings(made) == []
    assert findings(made, plan=made.directory / "plan.json") == []
    # The plan of a run with one QEMU is the same plan.
    assert findings(made, plan=one.directory / "plan.json") == []


def test_a_plan_that_picks_a_qemu_asks_for_its_cells_alone(tmp_path: Path) -> None:
    write(tmp_path / "guests/mini.yaml", guest("mini", "pc-bios-ide", "q35-uefi-virtio"))
    published = tmp_path / "guests/plans/picked.yaml"
    write(published, plan("picked", "mini@pc-*", "mini@q35-*#10.0"))
    qemus = [CellQemu(each.label, "x86_64") for each in qemus_sample.QEMUS]
    assert sorted(read_plan(published, qemus).cells or ()) == [
        "mini@pc-bios-ide#10.0",
        "mini@pc-bios-ide#7.2",
        "mini@q35-uefi-virtio#10.0",
    ]
    with pytest.raises(CatalogError, match="matches no cell"):
        read_plan(published)
