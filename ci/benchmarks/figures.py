"""Figures: samples with their median, spread and ratio, and whether they reach a target."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class CannotMeasure(Exception):  # noqa: N818 - reads as a sentence
    """A measurement that failed; the message says why."""


@dataclass(frozen=True)
class Target:
    """The bound of a ratio, or of the harness's own median: at most or at least a value."""

    of: Literal["ratio", "median"]
    bound: Literal["at most", "at least"]
    value: float

    def allows(self, seen: float) -> bool:
        """Whether the value ``seen`` reaches the target."""
        return seen <= self.value if self.bound == "at most" else seen >= self.value


@dataclass(frozen=True)
class Figure:
    """Samples of one quantity, in ``unit``.

    ``other`` are the samples of the other side, which ``against`` names. A figure of a ``series`` is a point
    of a growth curve, measured at ``count``.
    """

    name: str
    what: str
    unit: str
    samples: tuple[float, ...]
    other: tuple[float, ...] = ()
    against: str = "by hand"
    target: Target | None = None
    series: str = ""
    count: int = 0

    @property
    def median(self) -> float:
        """The median of the samples."""
        return statistics.median(self.samples)

    @property
    def ratio(self) -> float | None:
        """The median divided by the other side's median."""
        return self.median / statistics.median(self.other) if self.other else None

    @property
    def judged(self) -> float | None:
        """The value that the target judges."""
        if self.target is None:
            return None
        return self.ratio if self.target.of == "ratio" else self.median

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached; None without a target."""
        if self.target is None or self.judged is None:
            return None
        return self.target.allows(self.judged)


def in_turn(turns: Sequence[T], repetition: int) -> list[T]:
    """The turns in the order of this repetition: rotated, so that no turn always follows the same one."""
    first = repetition % len(turns)
    return [*turns[first:], *turns[:first]]


def number(value: float) -> str:
    """Format with three significant digits and without an exponent."""
    if value == 0:
        return "0"
    for limit, digits in ((100.0, 0), (10.0, 1), (1.0, 2), (0.1, 3)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.4f}"


def spread(samples: Sequence[float]) -> str:
    """Format the median, and the smallest and the largest of several samples."""
    middle = number(statistics.median(samples))
    if len(samples) == 1:
        return middle
    return f"{middle} ({number(min(samples))}..{number(max(samples))})"


def to_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """All figures with all samples, as plain data."""
    return [
        {
            "name": figure.name,
            "what": figure.what,
            "unit": figure.unit,
            "samples": list(figure.samples),
            "median": figure.median,
            "against": figure.against if figure.other else None,
            "other": list(figure.other),
            "ratio": figure.ratio,
            "target": None
            if figure.target is None
            else {"of": figure.target.of, "bound": figure.target.bound, "value": figure.target.value},
            "reached": figure.reached,
            "series": figure.series or None,
            "count": figure.count or None,
        }
        for figure in figures
    ]
