"""The cut of a cell into parts: nothing is lost, nothing is too long, and one more check changes one part."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fixtures.commands.matrix.sharding import Part, Unit, cut, total_seconds

NAMES = st.text("abcdefgh", min_size=1, max_size=6)
SECONDS = st.floats(0, 400).map(lambda value: round(value, 3))
UNITS = st.dictionaries(NAMES, SECONDS, max_size=40).map(
    lambda units: tuple(Unit(name, (f"x.{name}",), seconds) for name, seconds in sorted(units.items()))
)
LIMIT = 300.0


def contents(parts: tuple[Part, ...]) -> set[frozenset[str]]:
    return {frozenset(part.checks) for part in parts}


@given(UNITS)
def test_each_check_is_in_exactly_one_part_and_no_part_is_too_long(units: tuple[Unit, ...]) -> None:
    parts = cut(units, LIMIT)
    assert Counter(check for part in parts for check in part.checks) == Counter(
        check for unit in units for check in unit.checks
    )
    assert [part for part in parts if part.seconds > LIMIT and len(part.units) > 1] == []
    assert len({part.name for part in parts}) == len(parts)


@given(UNITS, NAMES.map(str.upper), SECONDS)
def test_one_more_check_changes_one_part_at_most(units: tuple[Unit, ...], name: str, seconds: float) -> None:
    before = contents(cut(units, LIMIT))
    after = contents(cut((*units, Unit(name, (f"x.{name}",), seconds)), LIMIT))
    lost = before - after
    assert len(lost) <= 1
    # That part got the check, or was divided: no check moved from one part to another that existed.
    new = frozenset(check for part in after - before for check in part) - {f"x.{name}"}
    assert new == frozenset(check for part in lost for check in part)


@given(UNITS, st.randoms())
def test_the_order_of_the_checks_changes_nothing(units: tuple[Unit, ...], random: Any) -> None:
    shuffled = list(units)
    random.shuffle(shuffled)
    assert contents(cut(tuple(shuffled), LIMIT)) == contents(cut(units, LIMIT))


@given(UNITS)
def test_there_are_not_many_more_parts_than_necessary(units: tuple[Unit, ...]) -> None:
    parts = cut(units, LIMIT)
    assert len(parts) <= 1 + 2 * total_seconds(units) / LIMIT + sum(unit.seconds == 0 for unit in units)


def test_a_cut_that_forgot_the_limit_would_be_noticed() -> None:
    units = tuple(Unit(f"u{number}", (f"x.u{number}",), 40.0) for number in range(20))
    assert len(cut(units, LIMIT)) >= 3
    assert len(cut(units, 10_000)) == 1
    assert {part.name for part in cut((*units, Unit("long", ("x.long",), 299.0)), LIMIT)} >= {"long", "p00"}
