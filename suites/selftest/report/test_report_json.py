"""report.json: its schema, the way back to a report, and edited files."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from fixtures.evidence.result import Measure
from fixtures.report.model import schema
from fixtures.report.model.report_json import as_data, from_data
from fixtures.report.model.schema import ReportInvalid, validate
from suites.selftest.support import report_sample as sample
from suites.selftest.support import report_stories as stories

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.report.model.report import Report

SCHEMA = json.loads(Path(schema.__file__).with_name("report.schema.json").read_text(encoding="utf-8"))


def objects(node: Any) -> list[dict[str, Any]]:
    schemas = []
    if isinstance(node, dict):
        if node.get("type") == "object":
            schemas.append(node)
        for child in node.values():
            schemas += objects(child)
    elif isinstance(node, list):
        for child in node:
            schemas += objects(child)
    return schemas


def test_the_schema_is_valid_and_has_no_open_objects() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == schema.IDENTIFIER
    # Three objects hold named scalars of given types; all other objects are closed.
    assert [item["additionalProperties"] for item in objects(SCHEMA) if item["additionalProperties"]] == [
        {"type": "string"},
        {"type": ["string", "number", "boolean", "null"]},
        {"type": ["string", "number", "boolean", "null"]},
    ]


@pytest.mark.parametrize(
    "report",
    [sample.good_report(), sample.good_report(plan=None), stories.troubled_report(), stories.large_report()],
    ids=["good", "no plan", "troubled", "large"],
)
def test_a_report_survives_the_way_through_json(report: Report) -> None:
    data = as_data(report)
    assert from_data(json.loads(json.dumps(data))) == report
    assert data["summary"]["planned"] == sum(data["summary"]["by_outcome"].values())


def break_extra(data: dict[str, Any]) -> None:
    data["results"][0]["colour"] = "red"


def break_top(data: dict[str, Any]) -> None:
    data["comment"] = ""


def break_outcome(data: dict[str, Any]) -> None:
    data["results"][0]["instances"][0]["attempts"][0]["outcome"] = "XPASS"


def break_seconds(data: dict[str, Any]) -> None:
    data["results"][0]["instances"][0]["attempts"][0]["seconds"] = -1


def break_digest(data: dict[str, Any]) -> None:
    data["cells"][0]["image"]["digest_after"] = "md5:00"


def break_missing(data: dict[str, Any]) -> None:
    del data["host"]["hardware_assisted"]


def break_time(data: dict[str, Any]) -> None:
    data["run"]["started"] = "2026-10-14 08:21:07"


def break_reason(data: dict[str, Any]) -> None:
    data["results"][0]["instances"][0]["attempts"][0]["reason"] = ["felt_like_it", ""]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (break_extra, r"report\.results\[0\]: .*colour"),
        (break_top, "report: .*comment"),
        (break_outcome, "XPASS"),
        (break_seconds, r"seconds: -1"),
        (break_digest, "md5:00"),
        (break_missing, r"report\.host: .*hardware_assisted"),
        (break_time, r"report\.run\.started"),
        (break_reason, "felt_like_it"),
    ],
)
def test_a_field_that_violates_the_schema_is_named(
    spoil: Callable[[dict[str, Any]], None], place: str
) -> None:
    data = as_data(sample.good_report())
    validate(data)
    spoil(data)
    with pytest.raises(ReportInvalid, match=place):
        from_data(data)


def test_an_invalid_report_is_not_written() -> None:
    with pytest.raises(ReportInvalid, match=r"report\.run\.id"):
        as_data(sample.good_report(run=sample.run_info(id="not-a-uuid")))


def test_an_edited_verdict_does_not_load() -> None:
    data = as_data(stories.troubled_report())
    data["verdict"] = {"name": "CERTIFIED", "reasons": ["Trust me."], "exit_code": 0}
    with pytest.raises(ReportInvalid, match=r"report\.verdict does not follow"):
        from_data(data)


def test_an_edited_outcome_does_not_load() -> None:
    data = as_data(stories.troubled_report())
    failed = next(item for item in data["results"] if item["outcome"] == "FAIL")
    failed["outcome"] = "PASS"
    with pytest.raises(ReportInvalid, match="does not follow"):
        from_data(data)


def test_a_dropped_result_does_not_load() -> None:
    data = copy.deepcopy(as_data(stories.troubled_report()))
    data["results"] = [item for item in data["results"] if item["outcome"] != "FAIL"]
    with pytest.raises(ReportInvalid, match="does not follow"):
        from_data(data)


def test_a_nan_becomes_null() -> None:
    results = sample.good_results()
    results[0] = replace(results[0], measures=(Measure("latency", math.nan, "s"),))
    data = as_data(sample.report_of(results))
    assert data["results"][0]["instances"][0]["attempts"][0]["measures"][0]["value"] is None
    assert from_data(data).verdict.name == "CERTIFIED"
