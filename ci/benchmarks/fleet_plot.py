"""The nights of a fleet as an SVG: how many shards are done, over hours. For light and dark backgrounds."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LEFT, _TOP, _WIDTH, _HEIGHT = 60.0, 20.0, 560.0, 240.0
_POINTS: Final = 200
_HOUR: Final = 3600.0
_STYLE: Final = """\
text { font: 12px system-ui, sans-serif; fill: #57606a }
.grid { stroke: #8b949e; stroke-opacity: 0.3 }
polyline { fill: none; stroke-width: 2 }
.shade0 { stroke: #2da44e } .shade1 { stroke: #bf8700 } .shade2 { stroke: #cf222e }
@media (prefers-color-scheme: dark) {
  text { fill: #c9d1d9 } .shade0 { stroke: #3fb950 } .shade1 { stroke: #d29922 } .shade2 { stroke: #ff7b72 }
}
"""


def draw(nights: Mapping[str, Sequence[float]]) -> str:
    """A line for each night; ``nights`` has the sorted times at which shards were finished, in seconds."""
    hours = math.ceil(max(times[-1] for times in nights.values()) / _HOUR)
    bottom = _TOP + _HEIGHT + 40 + 20 * len(nights)
    parts: list[str] = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {bottom:g}" role="img">',
        f"<style>\n{_STYLE}</style>",
        *_grid(hours),
    ]
    for index, (name, times) in enumerate(nights.items()):
        parts.append(f'<polyline class="shade{index}" points="{" ".join(_points(times, hours))}"/>')
        y = _TOP + _HEIGHT + 44 + 20 * index
        parts.append(
            f'<polyline class="shade{index}" points="{_LEFT:g},{y - 4:g} {_LEFT + 24:g},{y - 4:g}"/>'
        )
        words = f"{name}: {times[-1] / _HOUR:.1f} h"
        parts.append(f'<text x="{_LEFT + 32:g}" y="{y:g}">{escape(words)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _points(times: Sequence[float], hours: int) -> Iterator[str]:
    for point in range(_POINTS + 1):
        index = round(point / _POINTS * (len(times) - 1))
        x = _LEFT + _WIDTH * times[index] / _HOUR / hours
        yield f"{x:.1f},{_TOP + _HEIGHT * (1 - point / _POINTS):.1f}"


def _grid(hours: int) -> Iterator[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _TOP + _HEIGHT * (1 - share)
        yield f'<line class="grid" x1="{_LEFT:g}" x2="{_LEFT + _WIDTH:g}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text x="{_LEFT - 8:g}" y="{y + 4:g}" text-anchor="end">{share:.0%}</text>'
    for hour in range(0, hours + 1, max(1, math.ceil(hours / 12))):
        x = _LEFT + _WIDTH * hour / hours
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP:g}" y2="{_TOP + _HEIGHT:g}"/>'
        yield f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 18:g}" text-anchor="middle">{hour} h</text>'
