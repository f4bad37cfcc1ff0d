"""Shards of a plan, the file that lists them, and their bundles."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from fixtures.commands.matrix.needs import Needs
from fixtures.commands.matrix.shard_file import PlannedShard, ShardFile, render_shard_file
from fixtures.commands.merge.__main__ import main
from fixtures.commands.merge.intake import take_in
from fixtures.commands.verify.__main__ import verify
from fixtures.evidence.redaction import Redactor
from fixtures.evidence.result import CheckResult
from fixtures.report.bundle.report_files import load_report
from fixtures.report.model.canonical_json import digest_of
from fixtures.report.model.report import Report
from fixtures.run.run_file import write_run_file
from fixtures.run.run_start import RunStart
from suites.selftest.support import bundle_sample as bundles
from suites.selftest.support import report_sample as sample
from suites.selftest.support.bundle_sample import SampleBundle

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


def given_bundles(directory: Path) -> Path:
    """A directory with the bundles of both shards."""
    place = directory / "given"
    shard(place / "one", BIOS)
    shard(place / "other", UEFI)
    return place
