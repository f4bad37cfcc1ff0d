"""Parsers of the output of systemctl and journalctl."""

from __future__ import annotations

import json

import pytest

from fixtures.core import errors
from fixtures.systems.base.answers import FailedUnit, LogRecord
from fixtures.systems.linux import services
from suites.selftest.support.paths import SAMPLES


@pytest.mark.parametrize(
    ("name", "state"), [("debian-12-q35", "running"), ("debian-12-q35-broken", "degraded")]
)
def test_states(name: str, state: str) -> None:
    assert services.parse_state((SAMPLES / name / "state.txt").read_text()) == state


@pytest.mark.parametrize(
    "answer", ["", "gut\n", "running\nrunning\n", "System has not been booted with systemd\n"]
)
def test_an_invalid_state_raises(answer: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="one of degraded"):
        services.parse_state(answer)


def test_failed_units() -> None:
    assert services.parse_failed((SAMPLES / "debian-12-q35" / "failed.txt").read_text()) == ()
    answer = (SAMPLES / "debian-12-q35-broken" / "failed.txt").read_text()
    assert services.parse_failed(answer) == (
        FailedUnit("ironguest-broken.service", "loaded", "/usr/bin/false"),
    )


def test_a_failed_unit_without_a_description() -> None:
    (unit,) = services.parse_failed("x.mount not-found failed failed\n")
    assert unit == FailedUnit("x.mount", "not-found", "")


@pytest.mark.parametrize(
    "answer", ["0 loaded units listed.", "x.service loaded active running X", "Failed to connect"]
)
def test_invalid_failed_units_are_quoted_in_the_error(answer: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood) as caught:
        services.parse_failed(answer)
    assert repr(answer) in str(caught.value)


def test_log_errors_of_a_stock_guest() -> None:
    records = services.parse_log((SAMPLES / "debian-12-q35" / "complaints.txt").read_text())
    assert len(records) == 4
    assert records[0] == LogRecord(
        "kernel", "platform regulatory.0: firmware: failed to load regulatory.db (-2)", "err"
    )
    assert {record.identifier for record in records} == {"kernel", "login"}


def test_a_message_that_is_not_utf8_arrives_as_numbers() -> None:
    records = services.parse_log((SAMPLES / "debian-12-q35-broken" / "complaints.txt").read_text())
    assert records[-1] == LogRecord("ironguest-sample", "bad \\xff byte", "crit")
    assert str(records[-1]) == "ironguest-sample (crit): bad \\xff byte"


def test_a_field_may_be_null_or_occur_more_than_once() -> None:
    record = {"PRIORITY": "0", "_COMM": "init", "MESSAGE": ["first", "second"]}
    (parsed,) = services.parse_log(json.dumps(record))
    assert parsed == LogRecord("init", "first\nsecond", "emerg")
    (parsed,) = services.parse_log('{"PRIORITY": "3", "MESSAGE": null}')
    assert parsed == LogRecord("unknown", "", "err")


@pytest.mark.parametrize(
    "line",
    [
        (SAMPLES / "debian-12-pc" / "complaints-coloured.txt").read_text().splitlines()[0],
        '{"PRIORITY": "3", "MESSAGE": "cut o',
        '{"PRIORITY": "9", "MESSAGE": "x"}',
        '{"MESSAGE": "x"}',
        '{"PRIORITY": "3", "MESSAGE": 7}',
        '{"PRIORITY": "3", "MESSAGE": [7.5]}',
        "[1]",
        "No journal files were found.",
    ],
    ids=["coloured", "cut", "priority", "no-priority", "number", "float", "list", "text"],
)
def test_an_invalid_record_is_quoted_in_the_error(line: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood) as caught:
        services.parse_log(line)
    assert repr(line) in str(caught.value)
