"""Recording: each question with its answer or error, in order, on disk before the next question."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.error_data import from_json
from fixtures.core.errors import CommandFailed, Postmortem
from fixtures.evidence.recording import LiveRecord

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def identity(value: Any) -> Any:
    return value


def test_answers_are_returned_and_recorded_in_order(tmp_path: Path) -> None:
    record = LiveRecord(tmp_path / "deep/down/record.jsonl")
    answers: list[Any] = [None, True, 7, 1.5, "grüße\n", ["a", None], {"x": {"y": []}}]
    for number, answer in enumerate(answers):
        assert record.ask("shell", {"command": f"echo {number}"}, partial(identity, answer)) == answer
        assert len(read(record.path)) == number + 1
    record.close()
    entries = read(record.path)
    assert [entry["seq"] for entry in entries] == list(range(len(answers)))
    assert [entry["answer"] for entry in entries] == answers
    assert [entry["question"] for entry in entries] == [{"command": f"echo {n}"} for n in range(len(answers))]
    assert {entry["kind"] for entry in entries} == {"shell"}
    assert all(entry["seconds"] >= 0 and entry["at"] > 0 for entry in entries)


def test_an_error_is_recorded_and_raised(tmp_path: Path) -> None:
    record = LiveRecord(tmp_path / "record.jsonl")
    failure = CommandFailed("status 1", Postmortem(cell="x@y", last_lines=("last",)))

    def read_answer() -> None:
        raise failure

    with pytest.raises(CommandFailed) as caught:
        record.ask("shell", {"command": "false"}, read_answer)
    assert caught.value is failure
    record.ask("qmp", {"execute": "stop"}, lambda: "after")
    first, second = read(record.path)
    assert "answer" not in first
    back = from_json(first["error"])
    assert (type(back), back.message, back.postmortem) == (CommandFailed, "status 1", failure.postmortem)
    assert (second["seq"], second["kind"], second["answer"]) == (1, "qmp", "after")


def test_an_unexpected_exception_is_recorded_separately(tmp_path: Path) -> None:
    record = LiveRecord(tmp_path / "record.jsonl")

    def read_answer() -> None:
        raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        record.ask("shell", {}, read_answer)
    record.close()
    (entry,) = read(record.path)
    assert "answer" not in entry
    assert "error" not in entry
    assert entry["failed"] == {"class": "ZeroDivisionError", "message": "by zero"}
