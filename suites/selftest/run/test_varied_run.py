"""A cell with commas in its id: selection, workers, bundle, JUnit."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from suites.selftest.support.inner_run import InnerRun

TESTS = """\
@check("a.works")
def test_works(cell):
    assert cell.platform.cpus == 4

@check("a.fails")
def test_fails(cell):
    assert cell.platform.model("nic") == "e1000"
"""
CELLS = ["left@pc-bios-ide,cpus=4,nic=e1000e", "right@pc-bios-ide,cpus=4,nic=e1000e"]


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_ids_with_commas_reach_all_outputs(tmp_path: Path, workers: list[str]) -> None:
    bundle = tmp_path / "out"
    xml = tmp_path / "out.xml"
    platform = "--platform=pc-bios-ide,nic=e1000e,cpus=4"
    output = InnerRun.create(tmp_path, TESTS).run(
        platform, f"--bundle={bundle}", f"--junitxml={xml}", *workers
    )
    assert "2 failed, 2 passed" in output
    report = json.loads((bundle / "report.json").read_text())
    assert sorted({each["cell"] for each in report["results"]}) == CELLS
    names = {case.get("name") or "" for case in ElementTree.parse(xml).iter("testcase")}
    assert {name.partition("[")[2] for name in names} == {f"{cell}]" for cell in CELLS}
    own = (bundle / "junit.xml").read_text()
    assert all(cell in own for cell in CELLS)


def test_an_impossible_variation_is_named_before_anything_runs(tmp_path: Path) -> None:
    output = InnerRun.create(tmp_path, TESTS).run("--platform=pc-bios-ide,nic=no-such-card")
    assert "has no device model no-such-card" in output
    assert "passed" not in output
