"""Significance of the difference of two samples."""

from __future__ import annotations

import numpy as np
import pytest

from fixtures.report.compare.significance import change


def test_two_single_values_are_no_change() -> None:
    result = change([1.0], [9.0])
    assert (result.direction, result.basis, result.ratio) == (0, "single values", None)
    assert change([1.0], []).basis == "one side"


@pytest.mark.parametrize(
    ("before", "after", "basis", "direction"),
    [
        ([1, 1.1, 1.2], [2, 2.1, 2.2], "ranges", 1),
        ([2, 2.1, 2.2], [1, 1.1, 1.2], "ranges", -1),
        ([1, 1.1], [2, 2.1], "too few", 0),
        ([1], [2, 2.1, 2.2], "too few", 0),
        ([1, 1.1, 2.05], [2, 2.1, 2.2], "within the spread", 0),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], "within the spread", 0),
        ([0, 0, 0, 0, 0], [0, 0, 0, 0, 1], "within the spread", 0),
    ],
)
def test_a_significant_change_exceeds_the_spread(
    before: list[float], after: list[float], basis: str, direction: int
) -> None:
    result = change(before, after)
    assert (result.basis, result.direction) == (basis, direction)


def test_the_bootstrap_finds_changes_with_overlapping_ranges_and_is_deterministic() -> None:
    generator = np.random.default_rng(1)
    before = [*generator.normal(10, 0.3, 40), 14.0]
    after = [*generator.normal(12, 0.3, 40), 9.0]
    result = change(before, after)
    assert (result.basis, result.direction) == ("bootstrap", 1)
    assert result == change(before, after)
    assert result.interval is not None
    assert result.interval[0] > 1.15
    assert "excludes 1" in result.explanation
