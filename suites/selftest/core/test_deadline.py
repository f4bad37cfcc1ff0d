"""Deadlines: limits, sub-deadlines, and the scale of software emulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def pass_seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Replaces the clock by one that only this function advances."""
    now = 1000.0

    def advance(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("fixtures.core.deadline.time.monotonic", lambda: now)
    return advance


def test_a_deadline_expires_after_its_limit(pass_seconds: Callable[[float], None]) -> None:
    deadline = Deadline.after(2.0)
    assert (deadline.limit, deadline.remaining, deadline.expired) == (2.0, 2.0, False)
    pass_seconds(1.5)
    assert (deadline.elapsed, deadline.remaining, deadline.expired) == (1.5, 0.5, False)
    pass_seconds(1.0)
    assert (deadline.elapsed, deadline.remaining, deadline.expired) == (2.5, 0.0, True)


def test_the_scale_stretches_the_limit(pass_seconds: Callable[[float], None]) -> None:
    deadline = Deadline.after(2.0, scale=5.0)
    assert (deadline.limit, deadline.remaining) == (10.0, 10.0)
    pass_seconds(9.0)
    assert (deadline.remaining, deadline.expired) == (1.0, False)


def test_a_sub_deadline_has_the_same_scale_and_is_never_later(pass_seconds: Callable[[float], None]) -> None:
    deadline = Deadline.after(2.0, scale=5.0)
    sub_deadline = deadline.sub_deadline(1.0)
    assert (sub_deadline.limit, sub_deadline.scale) == (5.0, 5.0)
    pass_seconds(7.0)
    assert sub_deadline.expired
    assert deadline.sub_deadline(1.0).limit == 3.0
    assert deadline.sub_deadline(1.0).sub_deadline(0.1).limit == pytest.approx(0.5)


def test_intervals_of_polling_are_clipped_but_not_scaled(pass_seconds: Callable[[float], None]) -> None:
    deadline = Deadline.after(2.0, scale=5.0)
    assert deadline.clip(0.25) == 0.25
    pass_seconds(9.9)
    assert deadline.clip(0.25) == pytest.approx(0.1)
