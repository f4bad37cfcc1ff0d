"""The recorded answers of a real run: all checks of the plan ``default`` on one cell.

To record the sample again after a change of a check or of a question to a guest::

    pytest --plan default --platform q35-uefi-virtio --bundle /tmp/bundle -n 2
    python -m suites.selftest.support.recorded_sample /tmp/bundle
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

from fixtures.evidence.result import to_json
from fixtures.evidence.worker_results import read_cells, read_results
from fixtures.report.bundle.report_files import write_report
from fixtures.report.model.outcomes import PlannedResult
from fixtures.report.model.report import assemble
from fixtures.run.replay_manifest import REPLAY_MANIFEST, read_replay_manifest
from suites.selftest.support import report_sample
from suites.selftest.support.paths import SAMPLES

SAMPLE = SAMPLES / "recorded-run"


def create_bundle(directory: Path) -> Path:
    """Create a bundle of the sample in ``directory``, with a report in the present format."""
    bundle = directory / "bundle"
    shutil.copytree(SAMPLE, bundle)
    settings = read_replay_manifest(bundle).settings
    assert settings.plan is not None, f"{SAMPLE}: expected the settings of a plan"
    cells = [cell.id for cell in settings.cells]
    planned = [PlannedResult(cell, check.id, check.level) for cell in cells for check in settings.plan.checks]
    parts = bundle / "results"
    like = report_sample.good_report()
    report = assemble(like.run, like.host, settings.plan, planned, read_cells(parts), read_results(parts))
    write_report(report, bundle)
    return bundle


def replace_sample(bundle: Path) -> None:
    """Replace the sample by the necessary files of ``bundle``."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    results = read_results(bundle / "results")
    for result in results:
        for name in result.evidence:
            (SAMPLE / name).parent.mkdir(parents=True)
            shutil.copyfile(bundle / name, SAMPLE / name)
    shutil.copyfile(bundle / REPLAY_MANIFEST, SAMPLE / REPLAY_MANIFEST)
    cells = [dataclasses.replace(facts, argv=()) for facts in read_cells(bundle / "results")]
    lines = [{"kind": "result", **to_json(result)} for result in results]
    lines += [{"kind": "cell", **to_json(facts)} for facts in cells]
    (SAMPLE / "results").mkdir()
    text = "".join(f"{json.dumps(line, sort_keys=True)}\n" for line in lines)
    (SAMPLE / "results" / "main.jsonl").write_text(text)


if __name__ == "__main__":
    replace_sample(Path(sys.argv[1]))
