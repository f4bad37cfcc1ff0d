"""The cut of a plan into shards: nothing is lost, nothing is too long, and one more check changes one shard."""

from __future__ import annotations

import itertools
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.catalog.catalog import Catalog
from fixtures.commands.matrix.__main__ import main
from fixtures.commands.matrix.durations import Estimator, Records, read_records, records_of
from fixtures.commands.matrix.needs import needs_of
from fixtures.commands.matrix.planner import Selection, finish_seconds, plan_shards
from fixtures.commands.matrix.shard_file import (
    PlannedShard,
    ShardFileInvalid,
    read_shard_file,
)
from fixtures.commands.matrix.suite_checks import SuiteCheck, read_suite
from fixtures.core.errors import HostFault
from fixtures.core.project import SHIPPED_GUESTS
from suites.selftest.support import report_sample as sample
from suites.selftest.support.paths import ROOT


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load([SHIPPED_GUESTS])


@pytest.fixture(scope="module")
def suite() -> dict[str, SuiteCheck]:
    return read_suite()


def certification(catalog: Catalog, suite: dict[str, SuiteCheck], **changes: Any) -> Selection:
    plan = catalog.plan("certification")
    checks = tuple(suite[check.id] for check in plan.checks)
    return replace(Selection(catalog.planned_cells(plan), checks, plan.id), **changes)


def test_a_new_check_of_the_suite_leaves_almost_all_shards_as_they_are(
    catalog: Catalog, suite: dict[str, SuiteCheck]
) -> None:
    selection = certification(catalog, suite)
    estimator = Estimator(Records(), is_emulated=True)
    before = {shard.arguments for shard in plan_shards(selection, estimator, 600).shards}
    new = SuiteCheck("storage.is-entirely-new", "mandatory")
    after = {
        shard.arguments
        for shard in plan_shards(replace(selection, checks=(*selection.checks, new)), estimator, 600).shards
    }
    assert len(before) > 2 * len(selection.cells)
    assert len(before - after) <= len(selection.cells)


def test_a_shard_of_a_whole_cell_does_not_name_its_checks(
    catalog: Catalog, suite: dict[str, SuiteCheck]
) -> None:
    shards = plan_shards(certification(catalog, suite), Estimator(Records()), 1e6).shards
    assert len(shards) == len(catalog.planned_cells(catalog.plan("certification")))
    first = min(shards, key=lambda shard: shard.id)
    assert first.arguments == (
        *("--plan", "certification", "--guest", "debian-12", "--platform", "pc-bios-ide"),
    )
    assert first.narrowed == ("--guest debian-12", "--platform pc-bios-ide")
    narrowed = replace(certification(catalog, suite), is_narrowed=True)
    assert "--check" in plan_shards(narrowed, Estimator(Records()), 1e6).shards[0].arguments


def test_equal_needs_stand_together_and_the_longest_shard_comes_first(
    catalog: Catalog, suite: dict[str, SuiteCheck]
) -> None:
    shards = plan_shards(certification(catalog, suite, needs_kvm=True), Estimator(Records()), 120).shards
    classes = [shard.needs for shard in shards]
    assert sorted(classes) == classes
    assert all(
        one.seconds >= other.seconds for one, other in itertools.pairwise(shards) if one.needs == other.needs
    )


def test_needs_are_those_of_the_machine(catalog: Catalog) -> None:
    nested = needs_of(catalog.cell("debian-12@q35-uefi-nested"), kvm=True)
    assert nested.labels[:3] == ("arch-x86_64", "kvm", "nested")
    emulated = needs_of(catalog.cell("debian-12@q35-uefi-nested"), kvm=False)
    assert (emulated.arch, emulated.kvm, emulated.nested) == ("", False, False)
    arm = needs_of(catalog.cell("debian-12-arm64@virt-uefi-virtio"), kvm=True)
    assert arm.arch == "aarch64"
    windows = next(cell for cell in catalog.cells() if cell.guest.id == "windows-server-2022")
    assert needs_of(windows, kvm=True).media == ("windows-server-2022",)
    small = needs_of(catalog.cell("debian-12@pc-bios-ide"), kvm=False)
    assert small.memory == 4
    assert needs_of(windows, kvm=False).memory > small.memory


def test_the_suite_as_read_is_the_suite_that_pytest_collects(
    suite: dict[str, SuiteCheck], tmp_path: Path
) -> None:
    program = """
import json, pytest, sys
from fixtures.run.collection import check_of, scheduling_of
class Collected:
    def pytest_collection_finish(self, session):
        rows = {}
        for item in session.items:
            check, scheduling = check_of(item), scheduling_of(item)
            marks = sorted({mark.name for mark in item.iter_markers()} & {"cold", "boots", "read_only"})
            needs = sorted(need for mark in item.iter_markers("needs") for need in mark.args)
            rows[check.id] = [check.level, bool(scheduling.group), marks, needs,
                              sorted(map(list, {mark.args for mark in item.iter_markers("device")}))]
        open(sys.argv[1], "w").write(json.dumps(rows))
pytest.main(["suites", "--collect-only", "-q", "--guest", "debian-12", "--platform", "q35-uefi-virtio"], plugins=[Collected()])
"""
    rows = tmp_path / "rows.json"
    subprocess.run([sys.executable, "-c", program, rows], cwd=ROOT, capture_output=True, check=True)
    collected = json.loads(rows.read_text())
    read = {
        check.id: [
            check.level,
            bool(check.group),
            sorted(
                [name for name, is_set in (("cold", check.is_cold), ("boots", check.boots)) if is_set]
                + (["read_only"] if check.group else [])
            ),
            sorted(check.needs),
            sorted(map(list, set(check.devices))),
        ]
        for check in suite.values()
    }
    assert {check for check in read if read[check] != collected.get(check)} == set()
    assert read.keys() == collected.keys()


def test_a_check_without_its_device_is_expected_to_take_no_time(
    catalog: Catalog, suite: dict[str, SuiteCheck]
) -> None:
    estimator = Estimator(Records())
    tpm = suite["drivers.tpm-keeps-a-value"]
    without = estimator.work(tpm, catalog.cell("debian-12@pc-bios-ide"))[0]
    assert without < 1 < estimator.work(tpm, catalog.cell("debian-12@q35-uefi-everything"))[0]


def test_records_of_the_cell_come_before_those_of_others_and_these_before_the_model(
    catalog: Catalog, suite: dict[str, SuiteCheck]
) -> None:
    check = "storage.write-reaches-disk"
    cells = [catalog.cell(name) for name in ("debian-12@pc-bios-ide", "debian-12@q35-uefi-nvme")]
    reports = [
        sample.report_of([sample.result(check, seconds=seconds), sample.result(check, outcome="MISSING")])
        for seconds in (10.0, 20.0, 90.0)
    ]
    estimator = Estimator(records_of(reports))
    assert estimator.work(suite[check], cells[0]) == (20.0, "recorded")
    assert estimator.work(suite[check], cells[1]) == (20.0, "recorded on other cells")
    assert estimator.work(suite["storage.mirror-loses-nothing"], cells[1])[1] == "model"


def test_a_cold_boot_is_not_counted_twice() -> None:
    """Checks that share a machine share its start in the report, and only the first waited for it."""
    started: dict[str, Any] = {"start": "cold boot", "start_seconds": 90.0}
    report = sample.report_of(
        [
            sample.result("boot.reaches-login", seconds=91.5, **started),
            sample.result("boot.no-fatal-events", seconds=2.5, **started),
        ]
    )
    records = records_of([report])
    assert records.boots == {sample.CELLS[0]: [90.0]}
    assert records.work[sample.CELLS[0], "boot.reaches-login"] == [1.5]
    assert records.work[sample.CELLS[0], "boot.no-fatal-events"] == [2.5]


def test_durations_with_another_accelerator_are_left_out_and_named(tmp_path: Path) -> None:
    from suites.selftest.support.bundle_sample import make_bundle  # noqa: PLC0415

    bundle = make_bundle(tmp_path / "a").directory
    assert read_records([bundle], "kvm").bundles == 1
    records = read_records([bundle], "tcg")
    assert records.bundles == 0
    assert records.left_out == (f"{bundle}: its guests ran with kvm, not tcg",)


@given(st.lists(st.floats(1, 100), min_size=1, max_size=30), st.integers(1, 8))
@example([3.0, 3.0, 2.0, 2.0, 2.0], 2)
def test_the_forecast_keeps_the_bounds_of_list_scheduling(durations: list[float], workers: int) -> None:
    least = max(sum(durations) / workers, *durations)
    assert least - 1e-6 <= finish_seconds(durations, workers) <= 4 / 3 * least + max(durations)


def run(*arguments: str) -> int:
    return main(list(arguments))


def test_the_command_writes_shards_that_pytest_understands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "shards.json"
    assert run("--plan", "certification", "--guest", "debian-12", "--seconds", "300", "--out", str(out)) == 0
    file = read_shard_file(out)
    assert (
        run("--plan", "certification", "--guest", "debian-12", "--seconds", "300", "--out", f"{out}.2") == 0
    )
    assert file.shards == read_shard_file(Path(f"{out}.2")).shards
    shard = next(shard for shard in file.shards if "--check" in shard.arguments and len(shard.checks) > 1)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *shard.arguments, "--collect-only", "-q"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    suite = read_suite()
    collected = [line for line in done.stdout.splitlines() if "::" in line]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in collected if f"[{shard.cell}" not in line] == []
    assert len(collected) >= len([check for check in shard.checks if check in suite])
    assert capsys.readouterr().out == ""


def test_the_explanation_names_each_shard_its_reason_and_the_whole(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--plan", "certification", "--seconds", "300", "--explain", "--workers", "7") == 0
    text = capsys.readouterr().out
    cells = len(catalog.planned_cells(catalog.plan("certification")))
    assert f"plan certification: {cells} cells, " in text
    assert "debian-12@q35-uefi-nvme+p" in text
    assert "the cell is too long; part " in text
    assert "on 7 hosts: " in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plan", "certifikation"], "did you mean 'certification'?"),
        (["--plan", "default", "--check", "dos.*"], "check of plan default 'dos.*' matches nothing"),
        (
            ["--guest", "debian-12-arm64", "--require-hardware-assist"],
            "proven on x86_64 alone, so no host can run debian-12-arm64@virt-uefi-virtio;",
        ),
        (["--seconds", "0"], "expected a number above 0"),
        (["--durations", "/nowhere"], "/nowhere"),
        (["--shards", "/nowhere.json"], "/nowhere.json: cannot be read"),
        (["--shards", __file__], "ci/matrix writes this file"),
        (["--shards", "x", "--plan", "default"], "goes with --format and --out only"),
        (["--format", "cobol"], "invalid choice"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ci/matrix: ")
    assert words in captured.err


def test_a_file_of_shards_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "shards.json"
    assert run("--plan", "default", "--out", str(out)) == 0
    content = json.loads(out.read_text())
    content["shards"][0]["colour"] = "red"
    out.write_text(json.dumps(content))
    with pytest.raises(ShardFileInvalid, match=r"shards\.0\.colour: "):
        read_shard_file(out)


def test_a_shard_has_an_id_and_an_index(tmp_path: Path) -> None:
    out = tmp_path / "shards.json"
    assert run("--plan", "default", "--out", str(out), "--", "-n", "2") == 0
    file = read_shard_file(out)
    shard: PlannedShard = file.shard("1")
    assert file.shard(shard.id) == shard
    assert shlex.join(shard.arguments).endswith("-n 2")
    with pytest.raises(HostFault, match="an index from 0 to 1"):
        file.shard("2")
