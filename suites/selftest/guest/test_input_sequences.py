"""Sequences of keys and clicks: every key once, and reports that can be told apart."""

from __future__ import annotations

import itertools

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.guest.device_kinds.input import Kind
from fixtures.guest.device_kinds.input_keys import ALL_KEYS, AMERICAN, EUROPEAN, JAPANESE
from fixtures.guest.device_kinds.input_sequences import key_steps, steps_of
from fixtures.systems.linux.input_devices import parse_input_reports


def test_the_layouts_have_their_numbers_of_keys() -> None:
    assert (len(AMERICAN), len(EUROPEAN), len(JAPANESE), len(ALL_KEYS)) == (104, 105, 109, 110)
    assert len(set(ALL_KEYS.values())) == len(ALL_KEYS), "two keys with the same code"


def test_each_key_is_pressed_and_released() -> None:
    assert [step.report for step in key_steps({"a": 30, "b": 48})] == [
        frozenset({("key", 30, 1)}),
        frozenset({("key", 30, 0)}),
        frozenset({("key", 48, 1)}),
        frozenset({("key", 48, 0)}),
    ]


@pytest.mark.parametrize("kind", ["tablet", "mouse"])
def test_every_click_follows_a_movement_on_both_axes(kind: Kind) -> None:
    """A report of an absolute axis with the value that it has already would not reach the guest."""
    reports = [step.report for step in steps_of(kind)]
    moves, presses, releases = reports[::3], reports[1::3], reports[2::3]
    assert len(moves) == len(set(moves)) == 9
    assert all(len(move) == 2 for move in moves)
    for before, after in itertools.pairwise(moves):
        assert not {event for event in before & after if event[0] == "absolute"}
    assert all(value != 0 for move in moves for _, _, value in move)
    codes = [272, 273, 274] * 3
    assert presses == [frozenset({("key", code, 1)}) for code in codes]
    assert releases == [frozenset({("key", code, 0)}) for code in codes]


def test_reports_are_parsed() -> None:
    answer = "QEMU Tablet|1.272.1|3.0.500|3.1.597\nQEMU Tablet|1.272.0\nend|2\n"
    assert parse_input_reports(answer) == (
        frozenset({("key", 272, 1), ("absolute", 0, 500), ("absolute", 1, 597)}),
        frozenset({("key", 272, 0)}),
    )
    assert parse_input_reports("Mouse|2.0.-3\nend|1\n") == (frozenset({("relative", 0, -3)}),)


@pytest.mark.parametrize("answer", ["Mouse|0.3.0\nend|1\n", "Mouse|1.x.0\nend|1\n", "Mouse|1.30.1\n"])
def test_lost_events_and_truncated_answers_are_refused(answer: str) -> None:
    with pytest.raises(AnswerNotUnderstood):
        parse_input_reports(answer)
