"""``python -m ci.benchmarks.fleet_command [shards.json]``: a table of simulated nights, and their plot.

Without a file it takes the shards of which the page in ``ci/README.md`` tells. ``--figures`` prints the
figures of that page, and ``--plot ci/fleet.svg`` draws its plot.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ci.benchmarks.fleet import Fleet
from ci.benchmarks.fleet_figures import CELLS, durations_of, figures, nights_of, tail
from ci.benchmarks.fleet_input import read_input
from ci.benchmarks.fleet_plot import draw
from fixtures.commands.matrix.shard_file import read_shard_file
from fixtures.core.argument_parser import USAGE_ERROR
from fixtures.core.errors import IronguestError
from fixtures.core.text_format import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Print a table of the nights, or the figures; returns 0, or 4 for a file that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m ci.benchmarks.fleet_command")
    parser.add_argument("shards", type=Path, nargs="?")
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--hosts", type=int, default=Fleet.hosts)
    parser.add_argument("--slots", type=int, default=Fleet.slots)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--figures", action="store_true")
    options = parser.parse_args(arguments)
    if options.figures:
        print("\n".join(figures(read_input())))
        return 0
    try:
        durations, kinds = _durations(options.shards, options.cells)
    except IronguestError as error:
        print(f"fleet: {error}", file=sys.stderr)
        return USAGE_ERROR
    nights = nights_of(durations, Fleet(options.hosts, options.slots))
    print(f"{len(durations):,} shards of {kinds} kinds, {format_duration(sum(durations))} of work")
    for name, night in nights.items():
        used = night.busy_seconds / (night.end * options.hosts * options.slots)
        print(
            f"{name}: {format_duration(night.end)}, the last hundredth {format_duration(tail(night))}; "
            f"hosts used {used:.0%}, {night.repeated:,} shards repeated, "
            f"{format_duration(night.lost_seconds)} lost"
        )
    if options.plot is not None:
        options.plot.write_text(draw({name: night.finished for name, night in nights.items()}))
    return 0


def _durations(file: Path | None, cells: int) -> tuple[list[float], int]:
    """The shards of about ``cells`` cells, and how many different ones there are."""
    if file is None:
        given = read_input()
        return durations_of(given, cells), len(given.shards)
    shards = read_shard_file(file).shards
    copies = round(cells / len({shard.cell for shard in shards}))
    return [shard.seconds for shard in shards] * copies, len(shards)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
