"""Bundles of shards become one: the whole is what one run would have been, and each shard stays provable."""

from __future__ import annotations

import datetime
import json
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.commands.merge.__main__ import main, merge
from fixtures.commands.merge.one_run import NotOneRun
from fixtures.commands.verify.__main__ import verify
from fixtures.commands.verify.rejudge import rejudge
from fixtures.core.errors import IronguestError
from fixtures.evidence.redaction import Redactor
from fixtures.evidence.result import CheckResult, Failure
from fixtures.evidence.worker_results import read_cells, read_results
from fixtures.report.bundle.signing import Signer
from fixtures.report.compare.comparison import compare
from fixtures.report.html.render import render_html
from fixtures.report.model.canonical_json import canonical
from fixtures.report.model.outcomes import PlannedResult
from fixtures.report.model.report import Report
from fixtures.report.model.report_json import as_data
from fixtures.run.finalize import OpenBundle, close_bundle
from fixtures.run.replay_manifest import REPLAY_MANIFEST, read_replay_manifest
from fixtures.run.run_file import write_run_file
from fixtures.run.run_start import RunStart
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import report_sample as sample
from suites.selftest.support.bundle_sample import ANSWERS, CHECK, SampleBundle, renew_signature
from suites.selftest.support.recorded_sample import create_bundle

BIOS, UEFI = sample.CELLS


def begun(**changes: Any) -> RunStart:
    first = bundles.run_start(narrowed=("--platform x",))
    return replace(first, info=replace(first.info, id=str(uuid.uuid4())), **changes)


def results() -> list[CheckResult]:
    """In an order of time that can be told, within the last seconds."""
    now = datetime.datetime.now(datetime.UTC)
    good = bundles.good_results()
    step = datetime.timedelta(milliseconds=100)
    return [
        replace(item, started=(now - (len(good) - number) * step).isoformat(timespec="milliseconds"))
        for number, item in enumerate(good)
    ]


def shard(directory: Path, cell: str, begun_: RunStart | None = None) -> SampleBundle:
    held = [item for item in results() if item.cell == cell]
    return bundles.make_bundle(directory, held, begun_ or begun())


def fold(out: Path, *made: SampleBundle, **options: Any) -> Report:
    return merge([each.directory for each in made], out, Signer.new(), **{"judge_again": False} | options)


def findings(directory: Path) -> list[str]:
    _, steps = verify(directory, None, None, judge_again=False)
    return [f"{finding.code} {finding.subject}" for step in steps for finding in step.findings]


def test_two_halves_make_a_whole_that_is_verified(tmp_path: Path) -> None:
    one, other = shard(tmp_path / "a", BIOS), shard(tmp_path / "b", UEFI)
    assert one.report.verdict.name == other.report.verdict.name == "INCOMPLETE"
    out = tmp_path / "out"
    report = fold(out, one, other)
    assert report.verdict.name == "CERTIFIED"
    assert report.narrowed == ()
    assert [each.id for each in report.shards] == [one.report.run.id, other.report.run.id]
    assert report.run.id not in {one.report.run.id, other.report.run.id}
    assert findings(out) == []
    for made in (one, other):
        kept = out / "shards" / made.report.run.id
        for name in ("report.json", "attestation.dsse.json", "MANIFEST.sha256", "run.json"):
            assert (kept / name).read_bytes() == (made.directory / name).read_bytes()
    moved = ANSWERS.replace("evidence/", f"evidence/{other.report.run.id}/")
    assert report.matrix[CHECK[1]][UEFI].instances[0].attempts[0].evidence == (moved,)
    page = render_html(report)
    assert one.report.run.id in page
    assert "NOT VERIFIED" not in page


def test_what_no_shard_ran_is_missing_and_the_narrowing_stays(tmp_path: Path) -> None:
    report = fold(tmp_path / "out", shard(tmp_path / "a", BIOS))
    assert report.verdict.name == "INCOMPLETE"
    assert report.narrowed == ("--platform x",)
    assert {entry.outcome for entry in report.entries if entry.cell == UEFI} == {"MISSING"}
    assert findings(tmp_path / "out") == []


def test_the_same_result_in_two_shards_is_two_attempts_in_order_of_time(tmp_path: Path) -> None:
    bad = Failure("AssertionError", "differs")
    earlier = [
        replace(item, outcome="FAIL", failure=bad) if item.check == CHECK[1] else item for item in results()
    ]
    one = bundles.make_bundle(tmp_path / "a", earlier, begun())
    other = bundles.make_bundle(tmp_path / "b", results(), begun())
    report = fold(tmp_path / "out", other, one)
    instance = report.matrix[CHECK[1]][UEFI].instances[0]
    assert [attempt.outcome for attempt in instance.attempts] == ["FAIL", "PASS"]
    assert report.verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert findings(tmp_path / "out") == []


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> SampleBundle:
    return shard(tmp_path_factory.mktemp("first") / "a", BIOS)


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "plan": ({"plan": sample.plan(("boot.reaches-login", "mandatory"))}, "another plan: sha256:"),
    "cells": ({"planned": sample.planned((UEFI,))}, "another cells of the plan"),
    "no plan": ({"plan": None, "planned": None}, "has no plan"),
    "qemu": ({"host": sample.host_facts(qemu="QEMU 9")}, "another QEMU: QEMU 9"),
    "accelerator": ({"host": sample.host_facts(accelerator="tcg")}, "another accelerator: tcg"),
    "firmware": (
        {
            "host": sample.host_facts(
                firmware=({"role": "bios", "path": "bios-256k.bin", "sha256": "00" * 32},)
            )
        },
        "another firmware bios bios-256k.bin",
    ),
    "suite": ({"info": sample.run_info(commit="0" * 40)}, "another suite: 0.1.0, commit 000"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_shards_that_do_not_belong_together(kind: str, first: SampleBundle, tmp_path: Path) -> None:
    changes, words = OTHERS[kind]
    like = begun()
    if "info" in changes:
        changes = {
            "info": replace(
                changes["info"], id=like.info.id, started=like.info.started, ended=like.info.ended
            )
        }
    other = shard(tmp_path / "b", UEFI, replace(like, **changes))
    with pytest.raises(NotOneRun) as caught:
        fold(tmp_path / "out", first, other)
    assert words in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_another_image_of_the_same_guest(first: SampleBundle, tmp_path: Path) -> None:
    started = begun()
    facts = sample.cell_facts(UEFI, image={"digest_before": sample.SHA_B, "digest_after": sample.SHA_B})
    place = tmp_path / "b"
    place.mkdir()
    made = shard(place, UEFI, started)
    lines = (place / "results/gw0.jsonl").read_text().replace(sample.SHA_A, sample.SHA_B)
    (place / "results/gw0.jsonl").write_text(lines)
    assert facts.image["digest_before"] == sample.SHA_B
    with pytest.raises(NotOneRun, match="another image of debian-12"):
        fold(tmp_path / "out", first, made, is_verified=False)


def test_a_shard_given_twice_and_a_bundle_that_was_merged_before(first: SampleBundle, tmp_path: Path) -> None:
    with pytest.raises(NotOneRun, match="was given 2 times"):
        fold(tmp_path / "out", first, first)
    report = fold(tmp_path / "out", first)
    merged = SampleBundle(tmp_path / "out", report, first.signer)
    with pytest.raises(NotOneRun, match="was merged itself"):
        fold(tmp_path / "again", merged)
    with pytest.raises(IronguestError, match="exists already"):
        fold(tmp_path / "out", first)


def test_a_tampered_shard_is_refused_and_without_verification_told_loudly(tmp_path: Path) -> None:
    one, other = shard(tmp_path / "a", BIOS), shard(tmp_path / "b", UEFI)
    (other.directory / ANSWERS).write_text("{}\n")
    with pytest.raises(IronguestError, match=f"(?s)not verified.*CHANGED {ANSWERS}") as caught:
        fold(tmp_path / "out", one, other)
    assert not isinstance(caught.value, NotOneRun)
    report = fold(tmp_path / "out", one, other, is_verified=False)
    assert report.verdict.name == "CERTIFIED_WITH_CONDITIONS"
    assert report.verdict.reasons[0].startswith("These runs were merged without verification: ")
    assert "NOT VERIFIED" in render_html(report)
    moved = ANSWERS.replace("evidence/", f"evidence/{other.report.run.id}/")
    assert f"CHANGED {moved}" in findings(tmp_path / "out")


def test_what_was_changed_after_merging_is_named_though_it_was_signed_again(tmp_path: Path) -> None:
    one, other = shard(tmp_path / "a", BIOS), shard(tmp_path / "b", UEFI)
    out = tmp_path / "out"
    merged = SampleBundle(out, fold(out, one, other), Signer.new())
    (out / "signing-key.pem").write_bytes(merged.signer.public_pem)
    lines = (out / "results/merged.jsonl").read_text().splitlines(keepends=True)
    (out / "results/merged.jsonl").write_text("".join(lines[1:]))
    renew_signature(merged)
    found = findings(out)
    assert "CONTRADICTION results/merged.jsonl" in found
    moved = ANSWERS.replace("evidence/", f"evidence/{other.report.run.id}/")
    (out / moved).unlink()
    renew_signature(merged)
    assert f"REMOVED {moved}" in findings(out)


def test_evidence_of_one_shard_does_not_pass_for_that_of_another(tmp_path: Path) -> None:
    one, other = shard(tmp_path / "a", BIOS), shard(tmp_path / "b", UEFI)
    out = tmp_path / "out"
    merged = SampleBundle(out, fold(out, one, other), Signer.new())
    (out / "signing-key.pem").write_bytes(merged.signer.public_pem)
    name = bundles.MACHINE.replace("evidence/", "") + "/qmp.jsonl"
    shutil.copy(out / "evidence" / one.report.run.id / name, out / "evidence" / other.report.run.id / name)
    renew_signature(merged)
    assert any(each.startswith("OLD-EVIDENCE") for each in findings(out))


def whole_and_parts(place: Path, choice: Sequence[int], held: list[CheckResult]) -> tuple[Report, Report]:
    like = bundles.run_start()
    whole = bundles.make_bundle(place / "whole", held, like).report
    made = []
    for number in sorted(set(choice)):
        info = replace(like.info, id=str(uuid.uuid4()))
        mine = [item for item, chosen in zip(held, choice, strict=True) if chosen == number]
        made.append(bundles.make_bundle(place / str(number), mine, replace(like, info=info)))
    # Verified elsewhere; here it would only take time.
    report = merge([each.directory for each in made], place / "out", Signer.new(), judge_again=False)
    return whole, report


def conclusions(report: Report) -> dict[str, Any]:
    data = as_data(report)
    for entry in data["results"]:
        for instance in entry["instances"]:
            for attempt in instance["attempts"]:
                attempt["evidence"] = ["/".join(name.split("/")[-3:]) for name in attempt["evidence"]]
    for part in ("run", "shards", "redaction"):
        del data[part]
    return data


@settings(max_examples=6)
@given(st.lists(st.integers(0, 2), min_size=26, max_size=26))
def test_any_partition_gives_the_report_of_the_whole(choice: list[int]) -> None:
    with tempfile.TemporaryDirectory() as place:
        whole, merged = whole_and_parts(Path(place), choice, results())
    assert conclusions(merged) == conclusions(whole)
    assert not compare(whole, merged).transitions_of("changed")
    assert {each.kind for each in compare(whole, merged).transitions} == {"unchanged"}


def test_outcomes_of_a_merged_bundle_are_judged_again(tmp_path: Path) -> None:
    recorded = create_bundle(tmp_path)
    recipe = read_replay_manifest(recorded).settings
    assert recipe.plan is not None
    wanted = tuple(PlannedResult(recipe.cells[0].id, check.id, check.level) for check in recipe.plan.checks)
    held, facts = read_results(recorded / "results"), read_cells(recorded / "results")
    made = []
    for number in (0, 1):
        place = tmp_path / str(number)
        place.mkdir()
        redactor = Redactor(())
        like, lock = write_run_file(begun(plan=recipe.plan, planned=wanted), place, redactor)
        with lock:
            shutil.copyfile(recorded / REPLAY_MANIFEST, place / REPLAY_MANIFEST)
            shutil.copytree(recorded / "evidence", place / "evidence")
            bundles.record_results(place, held[number::2], facts)
            signer = Signer.new()
            opened = OpenBundle(like, redactor, signer, lock)
            report = close_bundle(opened, place, like.info.ended)
        made.append(SampleBundle(place, report, signer))
    merged = fold(tmp_path / "out", *made, is_verified=False)
    judgement = rejudge(tmp_path / "out")
    assert [str(each) for each in judgement.differences] == []
    assert judgement.results == len(held)

    hidden = next(item for item in held if item.outcome == "PASS")
    edited = merged.matrix[hidden.check][hidden.cell].instances[0].attempts[0].evidence[0]
    (tmp_path / "out" / edited).write_text("")
    assert [each.check for each in rejudge(tmp_path / "out").differences] == [hidden.check]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = shard(tmp_path / "a", BIOS), shard(tmp_path / "b", UEFI)
    places = [str(one.directory), str(other.directory)]
    assert main(["--no-rejudge", "--out", str(tmp_path / "out"), *places]) == 0
    assert "Verdict: CERTIFIED" in capsys.readouterr().out
    assert main(["--no-verify", "--out", str(tmp_path / "loud"), *places]) == 0
    assert "WARNING" in capsys.readouterr().out
    assert main(["--out", str(tmp_path / "out"), *places]) == 4
    (other.directory / "report.json").write_bytes(canonical({"not": "one"}))
    assert main(["--no-verify", "--out", str(tmp_path / "none"), *places]) == 4
    assert json.loads((tmp_path / "out/run.json").read_bytes())["shards"]
