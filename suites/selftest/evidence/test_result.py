"""Results and facts as JSON data: they survive the round trip, and the first wrong field is named."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import EvidenceDamaged
from fixtures.evidence.result import CellFacts, CheckResult, Failure, HostFacts, Measure, from_json, to_json
from fixtures.evidence.worker_results import WorkerFileWriter, read_cells, read_results
from suites.selftest.support import report_sample as sample

FAILED = replace(
    sample.good_results()[0],
    outcome="FAIL",
    failure=Failure("AssertionError", "1 != 2", last_lines=("last",), rerun_command="pytest x"),
    measures=(Measure("speed", 4, "MB/s"),),
    evidence=("evidence/answers.jsonl",),
)
SKIPPED = replace(sample.good_results()[0], outcome="SKIP", reason=("not_in_profile", "no"))


def through_json(value: Any) -> Any:
    return from_json(type(value), json.loads(json.dumps(to_json(value))))


@pytest.mark.parametrize(
    "value",
    [FAILED, SKIPPED, sample.cell_facts(), sample.host_facts()],
    ids=["failed", "skipped", "cell", "host"],
)
def test_a_value_survives_the_round_trip(value: Any) -> None:
    assert through_json(value) == value


def test_the_keys_in_json_do_not_depend_on_the_names_of_fields() -> None:
    assert to_json(FAILED)["failure"] == {
        "kind": "AssertionError",
        "message": "1 != 2",
        "detail": "",
        "last_lines": ("last",),
        "again": "pytest x",
    }


def test_a_byte_that_is_not_utf8_is_escaped() -> None:
    failure = Failure("GuestCrashed", b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert through_json(replace(FAILED, failure=failure)).failure.message == r"caf\xe9"


def test_null_is_read_as_nan() -> None:
    measure = from_json(Measure, {"name": "speed", "value": None, "unit": "MB/s"})
    assert math.isnan(measure.value)


def test_facts_of_older_bundles_lack_the_newer_fields() -> None:
    data = to_json(sample.cell_facts())
    for name in ("virtio", "modules"):
        del data[name]
    assert from_json(CellFacts, data) == sample.cell_facts()


@pytest.mark.parametrize(
    ("type_", "value", "change", "message"),
    [
        (CheckResult, FAILED, {"colour": "red"}, "CheckResult.colour: Unexpected"),
        (CheckResult, FAILED, {"seconds": "1"}, "CheckResult.seconds: Input should be a valid number"),
        (CheckResult, FAILED, {"outcome": "XPASS"}, "CheckResult.outcome: Input should be 'PASS'"),
        (CheckResult, FAILED, {"measures": [{"name": "x"}]}, r"CheckResult.measures.0.value: "),
        (CheckResult, FAILED, {"reason": ["felt_like_it", ""]}, r"CheckResult.reason.0: Input should be"),
        (CellFacts, sample.cell_facts(), {"image": {"colour": "red"}}, r"CellFacts.image.colour: Extra"),
        (HostFacts, sample.host_facts(), {"cpus": True}, "HostFacts.cpus: Input should be a valid integer"),
    ],
)
def test_the_first_wrong_field_is_named(
    type_: type[Any], value: Any, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(type_, to_json(value) | change)


def test_a_wrong_record_of_a_worker_is_named_with_file_and_line(tmp_path: Path) -> None:
    writer = WorkerFileWriter(tmp_path, "gw0")
    writer.write("result", to_json(FAILED))
    writer.write("cell", to_json(sample.cell_facts()))
    writer.write("result", to_json(FAILED) | {"level": "vital"})
    writer.close()
    assert read_cells(tmp_path) == [sample.cell_facts()]
    with pytest.raises(
        EvidenceDamaged, match=r"gw0\.jsonl:3: not a valid result record: CheckResult\.level: "
    ):
        read_results(tmp_path)
