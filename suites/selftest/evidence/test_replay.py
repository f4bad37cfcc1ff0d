"""Replay: the same questions get the recorded answers, and each divergence is named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.core.error_data import to_json
from fixtures.core.errors import (
    CommandFailed,
    EvidenceDamaged,
    IronguestError,
    Postmortem,
    RecordDiverged,
    RecordedException,
)
from fixtures.evidence.recording import Json, LiveRecord, answers_file_name
from fixtures.evidence.replay import ReplayRecord

NAME = "evidence/x@y/a.check/answers.jsonl"
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(), st.lists(SCALARS), max_size=2)
POSTMORTEMS = st.none() | st.builds(
    Postmortem,
    cell=st.text(),
    stages=st.lists(st.tuples(st.text(), st.floats(0, 1e6)), max_size=2).map(tuple),
    silent_for=st.none() | st.floats(0, 1e6),
    last_lines=st.lists(st.text(), max_size=2).map(tuple),
    paths=st.lists(st.tuples(st.text(), st.text()), max_size=2).map(tuple),
)
ERRORS = st.builds(CommandFailed, st.text(), POSTMORTEMS)


@dataclass(frozen=True)
class Exchange:
    """A question and its outcome: an answer, or an error to raise."""

    kind: str
    question: dict[str, Any]
    outcome: Any

    def ask(self, record: Any) -> Any:
        def read_answer() -> Json:
            if isinstance(self.outcome, IronguestError):
                raise self.outcome
            return self.outcome  # type: ignore[no-any-return]

        try:
            return record.ask(self.kind, self.question, read_answer)
        except CommandFailed as error:
            return to_json(error)


EXCHANGE = st.builds(
    Exchange,
    st.sampled_from(["shell", "qmp", "host", "machine"]),
    st.dictionaries(st.text(max_size=5), JSON, max_size=2),
    JSON | ERRORS,
)
EXCHANGES = st.lists(EXCHANGE, min_size=1, max_size=5)
WITH_A_FILE = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def record(place: Path, exchanges: list[Exchange]) -> tuple[Path, list[Any]]:
    """Record ``exchanges``; returns the file, and the answers."""
    live = LiveRecord(place / "answers.jsonl")
    got = [exchange.ask(live) for exchange in exchanges]
    live.close()
    return live.path, got


def replay(path: Path, exchanges: list[Exchange]) -> list[Any]:
    replayed = ReplayRecord(path, NAME)
    got = [exchange.ask(replayed) for exchange in exchanges]
    replayed.finish()
    return got


def never() -> Json:
    raise AssertionError("a replay called read()")


@WITH_A_FILE
@given(exchanges=EXCHANGES)
def test_a_replay_gives_the_recorded_answers(tmp_path: Path, exchanges: list[Exchange]) -> None:
    path, got = record(tmp_path, exchanges)
    assert json.dumps(replay(path, exchanges)) == json.dumps(got)


@WITH_A_FILE
@given(exchanges=EXCHANGES, data=st.data())
def test_a_dropped_line_is_named(tmp_path: Path, exchanges: list[Exchange], data: st.DataObject) -> None:
    path, _ = record(tmp_path, exchanges)
    lines = path.read_bytes().splitlines(keepends=True)
    gone = data.draw(st.integers(0, len(lines) - 1))
    path.write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
    # The loss of the last line shows only at the next question.
    kind = RecordDiverged if gone == len(lines) - 1 else EvidenceDamaged
    with pytest.raises(kind, match=rf"{NAME}:{gone + 1}: "):
        replay(path, exchanges)


@WITH_A_FILE
@given(exchanges=st.lists(EXCHANGE, min_size=2, max_size=5), data=st.data())
def test_swapped_lines_are_named(tmp_path: Path, exchanges: list[Exchange], data: st.DataObject) -> None:
    path, _ = record(tmp_path, exchanges)
    lines = path.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 2))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    path.write_bytes(b"".join(lines))
    with pytest.raises(EvidenceDamaged, match=rf"{NAME}:{at + 1}: expected entry {at}"):
        replay(path, exchanges)


@WITH_A_FILE
@given(exchanges=EXCHANGES, data=st.data())
def test_an_edited_question_is_named(tmp_path: Path, exchanges: list[Exchange], data: st.DataObject) -> None:
    path, _ = record(tmp_path, exchanges)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at]["question"]["edited"] = 1
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(RecordDiverged, match=rf"{NAME}:{at + 1}: another question"):
        replay(path, exchanges)


@WITH_A_FILE
@given(exchanges=EXCHANGES, cut=st.integers(1, 40))
def test_a_cut_off_line_is_named(tmp_path: Path, exchanges: list[Exchange], cut: int) -> None:
    path, _ = record(tmp_path, exchanges)
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    with pytest.raises(EvidenceDamaged, match=rf"{NAME}:{len(exchanges)}: the last line is cut off"):
        ReplayRecord(path, NAME)


def replay_of(path: Path, *commands: str) -> ReplayRecord:
    """A replay of a record of ``commands``."""
    live = LiveRecord(path)
    for command in commands:
        live.ask("shell", {"command": command}, lambda: "ok")
    live.close()
    return ReplayRecord(live.path, NAME)


def test_an_unused_answer_is_named(tmp_path: Path) -> None:
    replayed = replay_of(tmp_path / "a.jsonl", "one", "two", "three")
    replayed.ask("shell", {"command": "one"}, never)
    message = rf'{NAME}:2: the check did not ask for the last 2 of 3 answers: shell {{"command":"two"}}'
    with pytest.raises(RecordDiverged, match=message):
        replayed.finish()


def test_another_question_is_shown_where_it_differs(tmp_path: Path) -> None:
    long = "x" * 5000
    replayed = replay_of(tmp_path / "a.jsonl", f"{long}1")
    with pytest.raises(RecordDiverged) as caught:
        replayed.ask("shell", {"command": f"{long}2"}, never)
    assert 'xx2"}' in caught.value.message
    assert 'xx1"}' in caught.value.message
    assert len(caught.value.message) < 400


def test_a_divergence_raises_again_until_the_end(tmp_path: Path) -> None:
    replayed = replay_of(tmp_path / "a.jsonl", "one")
    with pytest.raises(RecordDiverged) as first:
        replayed.ask("shell", {"command": "two"}, never)
    with pytest.raises(RecordDiverged) as later:
        replayed.ask("shell", {"command": "one"}, never)
    with pytest.raises(RecordDiverged) as last:
        replayed.finish()
    assert first.value is later.value is last.value


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1), (None, "null"), ([], {})]
)
def test_questions_that_python_compares_as_equal_are_different(tmp_path: Path, one: Any, other: Any) -> None:
    live = LiveRecord(tmp_path / "a.jsonl")
    live.ask("qmp", {"value": one}, lambda: None)
    with pytest.raises(RecordDiverged):
        ReplayRecord(live.path, NAME).ask("qmp", {"value": other}, never)


LINE = {"seq": 0, "kind": "shell", "question": {}, "at": 1.0, "seconds": 0.1}
ERROR = to_json(CommandFailed("no", Postmortem(stages=(("kernel", 1.0),))))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("\udcff", "not JSON"),
        ("[" * 100000, "not JSON"),
        ("[]", "expected an object, found list"),
        ({}, "expected the keys"),
        (LINE, "expected the keys"),
        ({**LINE, "answer": 1, "error": ERROR}, "expected the keys"),
        ({**LINE, "answer": 1, "more": 1}, "expected the keys"),
        ({**LINE, "seq": 1, "answer": 1}, "expected entry 0, found 1"),
        ({**LINE, "seq": False, "answer": 1}, "expected entry 0"),
        ({**LINE, "kind": 1, "answer": 1}, "the kind must be text"),
        ({**LINE, "question": [], "answer": 1}, "the question an object"),
        ({**LINE, "error": None}, "not an error"),
        ({**LINE, "error": {**ERROR, "class": "NoSuchError"}}, "not an error"),
        ({**LINE, "error": {**ERROR, "class": []}}, "not an error"),
        ({**LINE, "error": {**ERROR, "outcome": "ERROR"}}, "not an error"),
        ({**LINE, "error": {**ERROR, "message": 7}}, "not an error"),
        ({**LINE, "error": {**ERROR, "postmortem": {"cell": "x"}}}, "not an error"),
        (
            {**LINE, "error": {**ERROR, "postmortem": {**ERROR["postmortem"], "stages": [[1]]}}},
            "not an error",
        ),
        ({**LINE, "error": {**ERROR, "postmortem": {**ERROR["postmortem"], "stages": "ab"}}}, "not an error"),
        ({**LINE, "failed": "x"}, "expected failed to have the keys"),
    ],
)
def test_an_invalid_line_is_named(tmp_path: Path, line: Any, message: str) -> None:
    path = tmp_path / "a.jsonl"
    text = line if isinstance(line, str) else json.dumps(line)
    path.write_bytes(text.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(EvidenceDamaged, match=rf"^{NAME}:1: .*{message}"):
        ReplayRecord(path, NAME)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceDamaged, match=rf"^{NAME}: this record is missing"):
        ReplayRecord(tmp_path / "gone.jsonl", NAME)
    with pytest.raises(EvidenceDamaged, match=rf"^{NAME}: cannot be read"):
        ReplayRecord(tmp_path, NAME)


def test_an_unexpected_exception_is_replayed(tmp_path: Path) -> None:
    live = LiveRecord(tmp_path / "a.jsonl")

    def read_answer() -> Json:
        raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        live.ask("host", {}, read_answer)
    live.close()
    with pytest.raises(RecordedException, match="^ZeroDivisionError: by zero$"):
        ReplayRecord(live.path, NAME).ask("host", {}, never)


def test_a_live_answer_is_what_a_replay_gets(tmp_path: Path) -> None:
    live = LiveRecord(tmp_path / "a.jsonl")
    pair: Any = ("kernel", 1.0)
    assert live.ask("host", {}, lambda: pair) == ["kernel", 1.0]


def test_each_attempt_has_its_own_file(tmp_path: Path) -> None:
    paths = [LiveRecord(tmp_path / "answers.jsonl").path.name for _ in range(3)]
    assert paths == ["answers.jsonl", "answers.2.jsonl", "answers.3.jsonl"]


def test_each_test_of_a_check_has_its_own_file() -> None:
    nodes = ["t.py::t", "t.py::t[a@b]"]
    assert {answers_file_name(node, "a@b") for node in nodes} == {"answers.jsonl"}
    others = ["t.py::t[a@b-x/y]", "t.py::t[a@b-x-y]", "t.py::t[a@b-../../x]", f"t.py::t[a@b-{'long' * 99}]"]
    names = [answers_file_name(node, "a@b") for node in others]
    assert len(set(names)) == len(others)
    assert all("/" not in name and len(name) < 80 and name.startswith("answers-") for name in names)
