"""The schema of report.json: what it refuses, and which error it names."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.report.model import schema
from fixtures.report.model.report_json import as_data
from fixtures.report.model.schema import ReportInvalid, validate
from suites.selftest.support import report_stories as stories

SCHEMA = json.loads(Path(schema.__file__).with_name("report.schema.json").read_text(encoding="utf-8"))
# One value of each JSON type, and values near the limits of patterns and ranges.
VALUES: tuple[Any, ...] = (None, True, -1, "", "x y\n", [], {})

Place = tuple[str | int, ...]


def places(data: Any, path: Place = ()) -> Iterator[Place]:
    """The path of each value in ``data``; of a list, only the first two items."""
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data[:2]):
            yield from places(value, (*path, index))


def changed(data: Any, path: Place, value: Any) -> Any:
    if not path:
        return value
    copied = copy.copy(data)
    copied[path[0]] = changed(copied[path[0]], path[1:], value)
    return copied


def without(data: Any, path: Place) -> Any:
    copied = copy.copy(data)
    if len(path) == 1:
        del copied[path[0]]
    else:
        copied[path[0]] = without(copied[path[0]], path[1:])
    return copied


def at(data: Any, path: Place) -> Any:
    for part in path:
        data = data[part]
    return data


def mutations(data: Any) -> Iterator[tuple[Place, Any]]:
    """``data`` with one change: a value replaced or missing, or a key too many; each kind of place once."""
    seen = set()
    for path in places(data):
        kind = tuple("*" if isinstance(part, int) else part for part in path)
        if kind in seen:
            continue
        seen.add(kind)
        for value in VALUES:
            yield path, changed(data, path, value)
        if path:
            yield path, without(data, path)
        if isinstance(at(data, path), dict):
            yield path, changed(data, path, {**at(data, path), "comment": ""})


def small_report() -> Any:
    """The data of a report with two results, a failure and a skip, on one cell."""
    data = as_data(stories.troubled_report())
    by_outcome = {entry["outcome"]: entry for entry in data["results"]}
    return {**data, "cells": data["cells"][:1], "results": [by_outcome["FAIL"], by_outcome["SKIP"]]}


def refusal(data: Any) -> str | None:
    try:
        validate(data)
    except ReportInvalid as error:
        return str(error)
    return None


def test_the_same_reports_are_refused_as_by_another_validator() -> None:
    data = small_report()
    validator = jsonschema.Draft202012Validator(SCHEMA)
    disagreements, refused = [], 0
    for path, mutated in mutations(data):
        ours, theirs = refusal(mutated), validator.is_valid(mutated)
        refused += ours is not None
        if (ours is None) is not theirs:
            disagreements.append((path, ours))
    assert disagreements == []
    assert refused > 800


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("results", 0, "cell"), 3, r'report\.results\[0\]\.cell: 3 is not of type "string"'),
        (("results", 0), {}, r"report\.results\[0\]: .* is a required property"),
        (("run", "started"), "2026-10-14T08:21:07Z\n", r"report\.run\.started: .* does not match"),
        # Of two forms, null and an object, the object was meant.
        (("plan", "title"), 3, r'report\.plan\.title: 3 is not of type "string"'),
        (("plan",), 3, r"report\.plan: 3 is not valid under any of"),
        (("run", "\ud800"), 1, r"report: cannot be JSON: .*surrogates"),
    ],
)
def test_the_error_that_matters_is_named(path: Place, value: Any, words: str) -> None:
    data = as_data(stories.troubled_report())
    validate(data)
    parent = at(data, path[:-1])
    parent[path[-1]] = value
    refused = refusal(data)
    assert re.match(words, refused or "nothing was refused"), refused
