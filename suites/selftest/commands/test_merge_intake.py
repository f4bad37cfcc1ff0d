"""What goes wrong with shards is found and named: lost, duplicated, repeated, late, foreign, half-written."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.commands.merge.intake import BundlesRefused
from fixtures.commands.recover_report import main as recover
from fixtures.evidence.redaction import Redactor
from fixtures.evidence.result import Failure
from fixtures.report.bundle.manifest import ATTESTATION
from fixtures.report.bundle.report_files import load_report
from fixtures.report.html.render import render_html
from fixtures.run.run_file import write_run_file
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import report_sample as sample
from suites.selftest.support.bundle_sample import edit_json
from suites.selftest.support.paths import ROOT
from suites.selftest.support.shards_sample import (
    BIOS,
    UEFI,
    begun,
    findings,
    given_bundles,
    killed,
    kinds,
    run_merge,
    shard,
    shard_file,
    verdict,
    write,
)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return given_bundles(tmp_path)


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
