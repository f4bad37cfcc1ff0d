"""The figures as an SVG: distance to each target, and growth curves. For light and dark backgrounds."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ci.benchmarks.figures import Figure

_LEFT: Final = 210.0
_RIGHT: Final = 690.0
_WIDTH: Final = 900
_ROW: Final = 24
_PANEL: Final = 260
_SHADES: Final = 3
_STYLE: Final = """\
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-weight: 600; font-size: 14px }
.grid { stroke: #8b949e; stroke-opacity: 0.3 }
.bound { stroke: #8b949e; stroke-width: 1.5; stroke-dasharray: 4 3 }
.reached { fill: #2da44e; stroke: #2da44e } .missed { fill: #cf222e; stroke: #cf222e }
.line { fill: none; stroke-width: 2 }
.shade0 { fill: #0969da; stroke: #0969da } .shade1 { fill: #bf8700; stroke: #bf8700 }
.shade2 { fill: #8250df; stroke: #8250df }
@media (prefers-color-scheme: dark) {
  text { fill: #c9d1d9 }
  .missed { fill: #ff7b72; stroke: #ff7b72 } .reached { fill: #3fb950; stroke: #3fb950 }
  .shade0 { fill: #58a6ff; stroke: #58a6ff } .shade2 { fill: #bc8cff; stroke: #bc8cff }
}
"""


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from ``low`` at ``start`` to ``high`` at ``end``; values beyond are clamped."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """The coordinate of ``value``."""
        share = math.log(min(max(value, self.low), self.high) / self.low) / math.log(self.high / self.low)
        return round(self.start + (self.end - self.start) * share, 1)

    def ticks(self) -> Iterator[float]:
        """The numbers 1, 2 and 5 of each decade, or 1 alone where there are many decades."""
        steps = (1, 2, 5) if self.high / self.low < 1000 else (1,)
        for power in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            for step in steps:
                if self.low <= step * 10.0**power * (1 + 1e-9) <= self.high * (1 + 2e-9):
                    yield step * 10.0**power


def cost(figure: Figure, sample: float) -> float:
    """A sample divided by its target: 1 reaches the target exactly, less is better."""
    assert figure.target is not None
    seen = sample / statistics.median(figure.other) if figure.target.of == "ratio" else sample
    bound = figure.target.value
    return seen / bound if figure.target.bound == "at most" else bound / seen


def render(figures: Sequence[Figure]) -> str:
    """The drawing of all figures that have a target, and of all series."""
    judged = [figure for figure in figures if figure.reached is not None]
    series: dict[str, list[Figure]] = {}
    for figure in figures:
        if figure.series:
            series.setdefault(figure.series, []).append(figure)
    parts: list[str] = []
    top = 20.0
    if judged:
        parts += _targets(judged, top)
        top += _ROW * len(judged) + 80
    if series:
        parts += _growth(series, top)
        top += _PANEL + 80
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top:g}" role="img">'
    return "\n".join([head, f"<style>\n{_STYLE}</style>", *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, words: str, anchor: str = "start", kind: str = "label") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" class="{kind}"/>'


def _dot(x: float, y: float, radius: float, kind: str, title: str) -> str:
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{kind}"><title>{escape(title)}</title></circle>'
    )


def _targets(figures: Sequence[Figure], top: float) -> Iterator[str]:
    """A row for each target: median and samples against the target line."""
    axis = Axis(0.1, 10.0, _LEFT, _RIGHT)
    bottom = top + 30 + _ROW * len(figures)
    yield _text(_LEFT, top, "Divided by the target; left of the line the target is reached", kind="title")
    for tick in axis.ticks():
        x = axis.place(tick)
        yield _line(x, top + 12, x, bottom, "bound" if tick == 1 else "grid")
        yield _text(x, bottom + 16, f"{tick:g}", "middle")
    for row, figure in enumerate(figures):
        assert figure.target is not None
        assert figure.judged is not None
        y = top + 32 + _ROW * row
        kind = "reached" if figure.reached else "missed"
        places = [axis.place(cost(figure, sample)) for sample in figure.samples]
        unit = "times" if figure.target.of == "ratio" else figure.unit
        words = f"{figure.judged:.3g} {unit}, {figure.target.bound} {figure.target.value:g}"
        yield _text(_LEFT - 12, y + 4, figure.name, "end")
        yield _line(min(places), y, max(places), y, kind)
        yield _dot(axis.place(cost(figure, figure.median)), y, 5, kind, f"{figure.what}: {words}")
        yield _text(_RIGHT + 12, y + 4, words)


def _growth(series: dict[str, list[Figure]], top: float) -> Iterator[str]:
    """A line for each series, both axes logarithmic."""
    figures = [figure for each in series.values() for figure in each]
    medians = [figure.median for figure in figures]
    low, high = 10.0 ** math.floor(math.log10(min(medians))), 10.0 ** math.ceil(math.log10(max(medians)))
    across = Axis(1.0, max(10.0, *(figure.count for figure in figures)), _LEFT, _RIGHT)
    up = Axis(low, max(high, low * 10), top + 30 + _PANEL, top + 30)
    yield _text(_LEFT, top, "Growth: seconds over count", kind="title")
    for tick in across.ticks():
        x = across.place(tick)
        yield _line(x, up.start, x, up.end, "grid")
        yield _text(x, up.start + 16, f"{tick:,.0f}", "middle")
    for tick in up.ticks():
        y = up.place(tick)
        yield _line(_LEFT, y, _RIGHT, y, "grid")
        yield _text(_LEFT - 12, y + 4, f"{tick:g} s", "end")
    for index, (name, each) in enumerate(series.items()):
        kind = f"shade{index % _SHADES}"
        points = [(across.place(figure.count), up.place(figure.median)) for figure in each]
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        yield f'<polyline points="{path}" class="line {kind}" style="fill: none"/>'
        for figure, (x, y) in zip(each, points, strict=True):
            yield _dot(x, y, 4, kind, f"{figure.count:,}: {figure.median:.3g} s")
        yield _dot(_RIGHT + 20, up.end + 20 * index, 4, kind, name)
        yield _text(_RIGHT + 30, up.end + 20 * index + 4, name)
