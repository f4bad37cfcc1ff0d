"""What goes wrong with shards is found and named: lost, duplicated, repeated, late, foreign, half-written."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands.matrix.needs import Needs
from fixtures.commands.matrix.shard_file import PlannedShard, ShardFile, render_shard_file
from fixtures.commands.merge.__main__ import main
from fixtures.commands.merge.intake import BundlesRefused, find_bundles, take_in
from fixtures.commands.recover_report import main as recover
from fixtures.commands.verify.__main__ import verify
from fixtures.evidence.redaction import Redactor
from fixtures.evidence.result import CheckResult, Failure
from fixtures.report.bundle.manifest import ATTESTATION
from fixtures.report.bundle.report_files import load_report
from fixtures.report.html.render import render_html
from fixtures.report.model.canonical_json import digest_of
from fixtures.report.model.report import Report
from fixtures.run.run_file import write_run_file
from fixtures.run.run_start import RunStart
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import report_sample as sample
from suites.selftest.support.bundle_sample import SampleBundle, edit_json
from suites.selftest.support.paths import ROOT

BIOS, UEFI = sample.CELLS


def narrowing(cell: str) -> tuple[str, ...]:
    guest, _, platform = cell.partition("@")
    return (f"--guest {guest}", f"--platform {platform}")


def shard_file(*cells: str, **changes: Any) -> ShardFile:
    shards = [
        PlannedShard(cell, cell, tuple(sample.CHECKS), 60.0, 10.0, Needs(1, 1), (), narrowing(cell), "")
        for cell in cells or sample.CELLS
    ]
    plan = digest_of(sample.plan().model_dump(mode="json"))
    file = ShardFile("default", plan, sample.run_info().commit, False, 900.0, tuple(shards))
    return replace(file, **changes)


def begun(cell: str, seconds_ago: int = 30, **changes: Any) -> RunStart:
    stamp = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)).isoformat(
        timespec="milliseconds"
    )
    first = bundles.run_start(narrowed=narrowing(cell))
    info = replace(first.info, id=str(uuid.uuid4()), started=stamp, ended=stamp)
    return replace(first, info=info, **changes)


def shard(
    directory: Path, cell: str, results: list[CheckResult] | None = None, start: RunStart | None = None
) -> SampleBundle:
    held = bundles.good_results() if results is None else results
    mine = [item for item in held if item.cell == cell]
    return bundles.make_bundle(directory, mine, start or begun(cell))


def killed(directory: Path, cell: str, results: list[CheckResult], start: RunStart) -> Path:
    """The bundle of a run that ended without a word: no report, no facts about its cell, no signature."""
    directory.mkdir(parents=True)
    _, lock = write_run_file(start, directory, Redactor(()))
    lock.close()
    bundles.record_evidence(directory, start.info.id)
    bundles.record_results(directory, [item for item in results if item.cell == cell], [])
    return directory


def kinds(*paths: Path, file: ShardFile | None = None, work: Path) -> list[tuple[str, str]]:
    work.mkdir(exist_ok=True)
    return [(finding.kind, finding.subject) for finding in take_in(paths, file, work).findings]


@pytest.fixture
def given(tmp_path: Path) -> Path:
    place = tmp_path / "given"
    shard(place / "one", BIOS)
    shard(place / "other", UEFI)
    return place


def run_merge(out: Path, *arguments: object) -> int:
    return main(["--no-rejudge", "--out", str(out), *map(str, arguments)])


def write(file: ShardFile, path: Path) -> Path:
    path.write_text(render_shard_file(file))
    return path


def verdict(out: Path) -> Report:
    assert findings(out) == []
    return load_report(out)


def findings(directory: Path) -> list[str]:
    _, steps = verify(directory, None, None, judge_again=False)
    return [f"{finding.code} {finding.subject}" for step in steps for finding in step.findings]


def test_all_is_well(given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kinds(given, file=shard_file(), work=tmp_path / "work") == []
    file = write(shard_file(), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 0
    assert verdict(tmp_path / "out").narrowed == ()
    assert "Verdict: CERTIFIED" in capsys.readouterr().out


def test_a_lost_shard_is_named_in_the_report_and_the_verdict(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(given / "other")
    file = write(shard_file(), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 2
    assert f"LOST {UEFI}: " in capsys.readouterr().out
    report = verdict(tmp_path / "out")
    assert report.narrowed == (f"shard {UEFI} is lost",)
    assert f"shard {UEFI} is lost" in " ".join(report.verdict.reasons)
    # Without the lost shard in the list of shards, the merge gives another run.json.
    edit_json(tmp_path / "out/shards.json", lambda data: data["shards"].pop())
    assert {"CHANGED shards.json", "CONTRADICTION run.json"} <= set(findings(tmp_path / "out"))


def test_cells_for_which_no_shard_was_cut_are_named(given: Path, tmp_path: Path) -> None:
    shutil.rmtree(given / "other")
    file = write(shard_file(BIOS), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 2
    assert verdict(tmp_path / "out").narrowed == (f"no shard was cut for {UEFI}",)


def test_a_duplicated_shard_counts_once(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(given / "one", given / "two")
    file = write(shard_file(), tmp_path / "shards.json")
    assert kinds(given, work=tmp_path / "work") == [("DUPLICATED", str(given / "two"))]
    assert run_merge(tmp_path / "out", "--shards", file, given) == 4
    assert f"DUPLICATED {given / 'two'}: is the same run as {given / 'one'}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run_merge(tmp_path / "out", "--leave-out", "--shards", file, given) == 0
    entry = verdict(tmp_path / "out").matrix["boot.reaches-login"][BIOS]
    assert len(entry.instances[0].attempts) == 1


def test_two_different_bundles_of_one_run_are_never_merged(given: Path, tmp_path: Path) -> None:
    shutil.copytree(given / "one", given / "two")
    (given / "two" / ATTESTATION).write_bytes((given / "other" / ATTESTATION).read_bytes())
    assert run_merge(tmp_path / "out", "--leave-out", given) == 4
    with pytest.raises(BundlesRefused, match="both say that they are of run"):
        kinds(given, work=tmp_path / "work")


def test_a_shard_that_ran_again_replaces_only_itself(given: Path, tmp_path: Path) -> None:
    bad = Failure("AssertionError", "differs")
    start = begun(UEFI, 60)
    earlier = [replace(item, started=start.info.started) for item in bundles.good_results()]
    failed = [
        replace(item, outcome="FAIL", failure=bad) if item.check == "network.address-by-dhcp" else item
        for item in earlier
    ]
    first = shard(given / "before", UEFI, failed, start)
    file = write(shard_file(), tmp_path / "shards.json")
    assert kinds(given, file=shard_file(), work=tmp_path / "work") == [("REPEATED", UEFI)]
    assert run_merge(tmp_path / "out", "--shards", file, given) == 0
    report = verdict(tmp_path / "out")
    again = report.matrix["network.address-by-dhcp"]
    assert [attempt.outcome for attempt in again[UEFI].instances[0].attempts] == ["FAIL", "PASS"]
    assert {len(again[BIOS].instances[0].attempts), len(again[UEFI].instances[0].attempts)} == {1, 2}
    page = render_html(report)
    assert first.report.run.id in page
    assert "attempt 1 of 2" in page
    assert "attempt 2 of 2" in page


def test_a_killed_shard_that_ran_again_does_not_spoil_the_verdict(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = begun(UEFI, 60)
    directory = killed(given / "killed", UEFI, bundles.good_results()[:15], start)
    file = write(shard_file(), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 4
    assert f"HALF-WRITTEN {directory}: its run ended before it wrote a report; ci/report" in (
        capsys.readouterr().err
    )
    assert run_merge(tmp_path / "without", "--leave-out", "--shards", file, given) == 0
    assert recover([str(directory)]) == 2
    assert run_merge(tmp_path / "out", "--shards", file, given) == 0
    report = verdict(tmp_path / "out")
    assert report.interrupted == ""
    assert start.info.id in {each.id for each in report.shards}
    assert "cut off: it ended before it wrote its report" in render_html(report)


def test_a_killed_shard_that_did_not_run_again_spoils_it(given: Path, tmp_path: Path) -> None:
    shutil.rmtree(given / "other")
    start = begun(UEFI, 60)
    directory = killed(given / "killed", UEFI, bundles.good_results()[:15], start)
    assert recover([str(directory)]) == 2
    file = write(shard_file(), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 2
    report = verdict(tmp_path / "out")
    assert report.interrupted == f"run {start.info.id}: it ended before it wrote its report"
    assert report.verdict.name == "INCOMPLETE"


def test_a_late_shard_is_named_while_it_runs_and_joins_a_merged_bundle(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = shutil.move(given / "other", tmp_path / "elsewhere")
    running = given / "running"
    running.mkdir()
    file = write(shard_file(), tmp_path / "shards.json")
    _, lock = write_run_file(begun(UEFI), running, Redactor(()))
    with lock:
        assert run_merge(tmp_path / "out", "--shards", file, given) == 4
        assert f"LATE {running}: its run still goes on" in capsys.readouterr().err
        assert run_merge(tmp_path / "early", "--leave-out", "--shards", file, given) == 2
    assert verdict(tmp_path / "early").narrowed == (f"shard {UEFI} is lost",)
    assert run_merge(tmp_path / "whole", "--shards", file, tmp_path / "early", late) == 0
    assert run_merge(tmp_path / "again", "--shards", file, tmp_path / "whole", late) == 4
    joined = load_report(Path(late)).run.id
    words = f"DUPLICATED {late}: is the same run as run {joined} in {tmp_path / 'whole'}\n"
    assert words in capsys.readouterr().err
    assert [each.id for each in verdict(tmp_path / "whole").shards] == [
        each.id for each in sorted(load_report(tmp_path / "whole").shards, key=lambda each: each.started)
    ]


def test_the_command_names_every_kind_at_once_and_the_report_what_was_left_out(
    given: Path, tmp_path: Path
) -> None:
    """By the program itself: one shard is lost, one ran again, and four bundles are not of this night."""
    lost = "debian-12@q35-uefi-scsi"
    start = begun(UEFI, 60)
    earlier = [replace(item, started=start.info.started) for item in bundles.good_results()]
    again = shard(given / "again", UEFI, earlier, start)
    shutil.copytree(given / "one", given / "copy")
    other_plan = sample.plan(("boot.reaches-login", "mandatory"))
    shard(given / "foreign", BIOS, start=begun(BIOS, plan=other_plan))
    shutil.copytree(given / "one", given / "half")
    (given / "half" / ATTESTATION).unlink()
    (given / "late").mkdir()
    _, lock = write_run_file(begun(UEFI), given / "late", Redactor(()))
    file = write(shard_file(*sample.CELLS, lost), tmp_path / "shards.json")
    command = [str(ROOT / "ci/merge"), "--no-rejudge", "--shards", str(file)]
    with lock:
        refused = subprocess.run(
            [*command, "--out", str(tmp_path / "none"), str(given)],
            capture_output=True,
            text=True,
            check=False,
        )
        done = subprocess.run(
            [*command, "--leave-out", "--out", str(tmp_path / "out"), str(given)],
            capture_output=True,
            text=True,
            check=False,
        )
    left_out = {
        f"DUPLICATED {given / 'one'}: is the same run as {given / 'copy'}",
        f"FOREIGN {given / 'foreign'}: its run had plan default, sha256:",
        f"HALF-WRITTEN {given / 'half'}: it has a report and no signature; copy it again",
        f"LATE {given / 'late'}: its run still goes on; wait for its end, and merge again",
    }
    harmless = {
        f"REPEATED {UEFI}: ran 2 times, the report shows all: {again.report.run.id} (",
        f"LOST {lost}: ",
    }
    assert (refused.returncode, (tmp_path / "none").exists()) == (4, False)
    assert [words for words in left_out if words not in refused.stderr] == []
    assert done.returncode == 0, done.stderr
    assert [words for words in left_out | harmless if words not in done.stdout] == []
    report = verdict(tmp_path / "out")
    assert [words for words in left_out if not any(line.startswith(words) for line in report.left_out)] == []
    assert len(report.left_out) == len(left_out)
    page = render_html(report)
    assert [words for words in (*left_out, "attempt 1 of 2", "attempt 2 of 2") if words not in page] == []
    # What the report says of it is signed, and a part of what the merge wrote.
    edit_json(tmp_path / "out/run.json", lambda data: data.pop("left_out"))
    assert {"CHANGED run.json", "CONTRADICTION run.json", "CONTRADICTION left_out"} <= set(
        findings(tmp_path / "out")
    )


FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "another plan": ({"plan_digest": f"sha256:{'0' * 64}"}, "its run had plan default, sha256:"),
    "another commit": ({"commit": "0" * 40}, "the shards are of commit 000"),
    "an earlier cut": ({"shards": shard_file(BIOS).shards}, "no shard of the file is --guest debian-12 --pl"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_shard(kind: str, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes, words = FOREIGN[kind]
    file = write(shard_file(**changes), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 4
    error = capsys.readouterr().err
    assert f"FOREIGN {given / 'other'}: " in error
    assert words in error


def test_half_copied_bundles(given: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (given / "one" / ATTESTATION).unlink()
    assert kinds(given, work=work) == [("HALF-WRITTEN", str(given / "one"))]
    (given / "other/report.json").write_bytes((given / "other/report.json").read_bytes()[:-20])
    assert [kind for kind, _ in kinds(given, work=work)] == ["HALF-WRITTEN", "HALF-WRITTEN"]
    (given / "other/run.json").unlink()
    assert [kind for kind, _ in kinds(given, work=work)] == ["HALF-WRITTEN", "HALF-WRITTEN"]
    assert run_merge(tmp_path / "out", "--leave-out", given) == 4


def test_a_bundle_that_lost_a_file_on_its_way_is_not_merged(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (given / "one" / bundles.ANSWERS).unlink()
    assert run_merge(tmp_path / "out", "--leave-out", given) == 4
    assert f"{given / 'one'}: REMOVED {bundles.ANSWERS}" in capsys.readouterr().err


def test_bundles_may_be_named_by_relative_paths(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_merge(Path("out"), given.relative_to(tmp_path)) == 0
    assert findings(Path("out")) == []


def test_bundles_are_found_below_a_directory(given: Path, tmp_path: Path) -> None:
    assert find_bundles(given / "one") == [given / "one"]
    assert find_bundles(given) == [given / "one", given / "other"]
    artifacts = tmp_path / "artifacts" / "job-1"
    artifacts.mkdir(parents=True)
    shutil.move(given / "one", artifacts / "one")
    assert find_bundles(tmp_path / "artifacts") == [artifacts / "one"]
    assert find_bundles(tmp_path / "nowhere") == [tmp_path / "nowhere"]


def test_the_shards_are_part_of_what_the_merged_bundle_signs(given: Path, tmp_path: Path) -> None:
    file = write(shard_file(), tmp_path / "shards.json")
    assert run_merge(tmp_path / "out", "--shards", file, given) == 0
    kept = json.loads((tmp_path / "out/shards.json").read_text())
    assert kept == json.loads(json.dumps(dataclasses.asdict(shard_file())))
    (tmp_path / "out/shards.json").write_text("{}")
    found = findings(tmp_path / "out")
    assert "CHANGED shards.json" in found
    assert "UNREADABLE shards/" in found
