"""junit.xml: well-formed for any text of guests, with correct counts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from fixtures.evidence.result import Failure
from fixtures.report.junit import render_junit
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories

if TYPE_CHECKING:
    from fixtures.report.model.report import Report

EVERY_BYTE = "".join(map(chr, range(256))) + "\ud800\udfff\ufffe\uffff ]]> <a b='\"'>&amp;"


def parsed(report: Report) -> ET.Element:
    text = render_junit(report)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)
    return ET.fromstring(text.encode())


def case(root: ET.Element, cell: str, check: str) -> ET.Element:
    area = check.partition(".")[0]
    (test_case,) = (
        c for c in root.iter("testcase") if (c.get("classname"), c.get("name")) == (f"{cell}.{area}", check)
    )
    return test_case


def properties(element: ET.Element) -> dict[str | None, str | None]:
    return {item.get("name"): item.get("value") for item in element.findall("properties/property")}


def test_suites_are_cells_and_cases_are_checks() -> None:
    root = parsed(sample.good_report())
    assert [suite.get("name") for suite in root.findall("testsuite")] == list(sample.CELLS)
    (suite, _) = root.findall("testsuite")
    assert properties(suite)["image_sha256"] == sample.SHA_A.removeprefix("sha256:")
    assert properties(suite)["accelerator"] == "kvm"
    assert properties(suite)["hardware_assisted"] == "true"
    test_case = case(root, sample.CELLS[0], "network.payload-intact")
    assert properties(test_case)["level"] == "recommended"
    assert properties(test_case)["outcome"] == "PASS"
    assert float(test_case.get("time", "")) > 0


def test_each_outcome_has_its_element() -> None:
    root = parsed(stories.troubled_report())
    bios, uefi = sample.CELLS
    failure = case(root, uefi, "storage.write-reaches-disk").find("failure")
    assert failure is not None
    assert failure.get("type") == "AssertionError"
    assert "expected" in failure.get("message", "")
    assert "<script>alert('guest')</script>" in (failure.text or "")
    error = case(root, bios, "network.payload-intact").find("error")
    assert error is not None
    assert error.get("type") == "MachineKilled"
    kinds = {
        "lifecycle.guest-reboots-once": "blocked",
        "lifecycle.reset-reboots-once": "missing",
    }
    for check, kind in kinds.items():
        element = case(root, uefi, check).find("error")
        assert element is not None
        assert element.get("type") == kind
    skipped = case(root, bios, "lifecycle.reset-reboots-once").find("skipped")
    assert skipped is not None
    assert skipped.get("type") == "operator_excluded"
    assert properties(case(root, uefi, "boot.reaches-login"))["attempts"] == "FAIL, PASS"
    assert properties(case(root, bios, "performance.disk-write"))["planned"] == "false"


@pytest.mark.parametrize(
    "report", [stories.troubled_report(), stories.large_report()], ids=["troubled", "large"]
)
def test_the_counts_of_the_suites_are_correct(report: Report) -> None:
    root = parsed(report)
    for element in (root, *root.findall("testsuite")):
        assert int(element.get("tests", "")) == len(list(element.iter("testcase")))
        assert int(element.get("failures", "")) == len(list(element.iter("failure")))
        assert int(element.get("errors", "")) == len(list(element.iter("error")))
        if element.tag == "testsuite":
            assert int(element.get("skipped", "")) == len(list(element.iter("skipped")))
    counts = report.summary.by_outcome
    assert int(root.get("failures", "")) == counts["FAIL"]
    assert int(root.get("errors", "")) == counts["ERROR"] + counts["BLOCKED"] + counts["MISSING"]
    assert int(root.get("tests", "")) == len(report.entries)


def test_hostile_text_gives_a_well_formed_file_of_limited_size() -> None:
    results = sample.good_results()
    failure = Failure(EVERY_BYTE, EVERY_BYTE * 100, EVERY_BYTE * 1000, (EVERY_BYTE,) * 50, EVERY_BYTE)
    results[0] = replace(results[0], outcome="FAIL", failure=failure, nodeid=EVERY_BYTE)
    root = parsed(sample.report_of(results))
    element = case(root, sample.CELLS[0], results[0].check).find("failure")
    assert element is not None
    assert len(element.text or "") < 70_000
    assert len(element.get("message", "")) < 2_100


def test_each_instance_of_a_check_is_a_test_case() -> None:
    one = sample.result("drivers.every-device-is-driven", nodeid="t.py::test_x[debian-12@q35-blk]")
    two = sample.result("drivers.every-device-is-driven", nodeid="t.py::test_x[debian-12@q35-net]")
    root = parsed(sample.report_of([one, two], planned=()))
    assert [item.get("name") for item in root.iter("testcase")] == [
        "drivers.every-device-is-driven[debian-12@q35-blk]",
        "drivers.every-device-is-driven[debian-12@q35-net]",
    ]
