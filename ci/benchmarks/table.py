"""All figures as a table for the terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ci.benchmarks.figures import Figure, number, spread
from fixtures.report.terminal.console import create_console, strip_trailing_spaces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NARROWEST = 100


def target(figure: Figure) -> str:
    """The target of a figure as text; empty without a target."""
    if figure.target is None:
        return ""
    unit = "times" if figure.target.of == "ratio" else figure.unit
    sign = "<=" if figure.target.bound == "at most" else ">="
    return f"{sign} {figure.target.value:g} {unit}"


def _reached(figure: Figure) -> Text:
    if figure.reached is None:
        return Text("")
    return Text("reached", style="green") if figure.reached else Text("missed", style="bold red")


def _against(figure: Figure) -> str:
    if not figure.other:
        return ""
    suffix = "" if figure.against == "by hand" else f"\n{figure.against}"
    return spread(figure.other) + suffix


def render(host: Mapping[str, str], figures: Sequence[Figure], width: int, *, colour: bool) -> str:
    """Render the host and the figures in lines of at most ``width`` columns (at least 100)."""
    out = io.StringIO()
    console = create_console(out, max(width, _NARROWEST), colour)
    for name, value in host.items():
        console.print(Text(f"{name:<12} {value}"))
    console.print()
    console.print(_table(figures))
    for line in _summary(figures):
        console.print(Text(line))
    return strip_trailing_spaces(out.getvalue())


def _table(figures: Iterable[Figure]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("figure", no_wrap=True)
    table.add_column("what", ratio=1)
    for head in ("harness", "by hand, or against", "ratio", "target", ""):
        table.add_column(head, no_wrap=True)
    for figure in figures:
        table.add_row(
            Text(figure.name),
            Text(figure.what),
            Text(f"{spread(figure.samples)} {figure.unit}"),
            Text(_against(figure)),
            Text("" if figure.ratio is None else number(figure.ratio)),
            Text(target(figure)),
            _reached(figure),
        )
    return table


def _summary(figures: Iterable[Figure]) -> Iterable[str]:
    judged = [figure for figure in figures if figure.reached is not None]
    if judged:
        missed = [figure.name for figure in judged if not figure.reached]
        words = f"; missed: {', '.join(missed)}" if missed else ""
        yield f"\n{len(judged) - len(missed)} of {len(judged)} targets reached{words}"
    yield "Medians, with the smallest and the largest sample in brackets. Ratios are ratios of medians."
