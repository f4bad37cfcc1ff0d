"""junit.xml fits the schemas of Jenkins and Ant, with one common extension.

The facts are those of Jenkins' junit-10.xsd and of Ant's report. Neither has properties of a test case,
which pytest writes as well, and which Jenkins and GitLab read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from fixtures.evidence.result import Failure
from fixtures.report.junit import render_junit
from suites.selftest.report.test_junit import EVERY_BYTE
from suites.selftest.report.test_waiver_matching import report as waived_report
from suites.selftest.report.test_waiver_matching import waiver
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories

if TYPE_CHECKING:
    from fixtures.report.model.report import Report

# Element -> allowed children, required attributes, optional attributes.
FORM: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": (
        {"properties", "skipped", "error", "failure", "system-out", "system-err"},
        {"name"},
        {"time", "classname"},
    ),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "skipped": (set(), set(), {"type", "message"}),
}
VALUES = {
    "time": r"\d+\.\d{3}",
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "tests": r"\d+",
    "failures": r"\d+",
    "errors": r"\d+",
}


def hostile_report() -> Report:
    failure = Failure(EVERY_BYTE, EVERY_BYTE * 10, EVERY_BYTE, (EVERY_BYTE, "x" * 100_000), EVERY_BYTE)
    results = [replace(item, outcome="FAIL", failure=failure) for item in sample.good_results()]
    return sample.report_of(results, waivers=[waiver(reason=EVERY_BYTE[:256])], narrowed=[EVERY_BYTE])


@pytest.mark.parametrize(
    "report",
    [
        sample.good_report(),
        stories.troubled_report(),
        stories.large_report(),
        waived_report(waiver()),
        sample.report_of([], planned=(), cells=[]),
        hostile_report(),
    ],
    ids=["good", "troubled", "large", "waived", "empty", "hostile"],
)
def test_the_file_fits_the_schemas_of_jenkins_and_ant(report: Report) -> None:
    root = ET.fromstring(render_junit(report).encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        inside, needed, allowed = FORM[element.tag]
        assert {child.tag for child in element} <= inside
        assert needed <= set(element.keys()) <= needed | allowed
        for name, value in element.items():
            assert re.fullmatch(VALUES.get(name, r"(?s).*"), value), (element.tag, name, value)
        # Ant's has an order, and at most one outcome of a case.
        tags = [child.tag for child in element]
        assert tags == sorted(tags, key=lambda tag: tag != "properties")
        assert element.tag != "testcase" or len([tag for tag in tags if tag != "properties"]) <= 1
