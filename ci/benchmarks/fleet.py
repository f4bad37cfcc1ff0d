"""A simulation of a night on a fleet: shards of ``ci/matrix``, hosts that are slow, and hosts that die.

``python -m ci.benchmarks.fleet shards.json --plot ci/fleet.svg`` prints a table and draws the nights.
"""

from __future__ import annotations

import argparse
import bisect
import heapq
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ci.benchmarks.fleet_plot import draw
from fixtures.commands.matrix.shard_file import read_shard_file
from fixtures.core.text_format import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Fleet:
    """Hosts that take the next shard, the longest first, whenever one of their ``slots`` is free.

    A shard takes its expected time with a deviation of ``spread`` (a part of it). Of the hosts, ``slow`` (a
    part) take ``slow_factor`` times as long. A host dies once in ``life`` seconds on average; after
    ``notice`` seconds the engine gives its shards to others, and after ``repair`` seconds the host is back.
    Before its first shard a host fetches ``image_bytes`` from a server that sends ``server_rate`` bytes a
    second to all hosts together.
    """

    hosts: int = 200
    slots: int = 4
    spread: float = 0.15
    slow: float = 0.0
    slow_factor: float = 3.0
    life: float = float("inf")
    notice: float = 300.0
    repair: float = 3600.0
    image_bytes: float = 1.2e9
    server_rate: float = 1.25e9


@dataclass(frozen=True)
class Night:
    """What came of it. ``finished`` are the times, in order, at which shards were finished.

    ``busy_seconds`` is the work that counted, ``lost_seconds`` the work of hosts that died, and ``repeated``
    the number of shards that had to run again.
    """

    finished: tuple[float, ...]
    busy_seconds: float
    lost_seconds: float
    repeated: int

    @property
    def end(self) -> float:
        """When the last shard was finished."""
        return self.finished[-1]


class _Host:
    """A host that dies and is repaired, again and again."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        self._fleet = fleet
        self._chance = chance
        self.factor = fleet.slow_factor if chance.random() < fleet.slow else 1.0
        self.death = self._lifetime()

    def _lifetime(self) -> float:
        life = self._fleet.life
        return life if life == float("inf") else self._chance.expovariate(1 / life)

    def up_from(self, now: float) -> float:
        """``now`` if the host is up, else when it will be."""
        while now >= self.death:
            repaired = self.death + self._fleet.repair
            if now < repaired:
                return repaired
            self.death = repaired + self._lifetime()
        return now


def simulate(durations: Sequence[float], fleet: Fleet, seed: int = 1) -> Night:
    """One night: all shards with these expected ``durations`` run to their end, each until it ends once."""
    chance = random.Random(seed)  # noqa: S311  no secret depends on it
    # The same hosts are slow and die in every simulated night.
    hosts = [_Host(fleet, random.Random(f"{seed} {number}")) for number in range(fleet.hosts)]  # noqa: S311
    waiting = sorted(durations)
    # All hosts fetch their images at once, and share what the server sends.
    ready = fleet.hosts * fleet.image_bytes / fleet.server_rate
    free = [(ready, host) for host in range(fleet.hosts) for _ in range(fleet.slots)]
    returned: list[tuple[float, float]] = []
    finished: list[float] = []
    busy = lost = 0.0
    repeated = 0
    while len(finished) < len(durations):
        now, number = heapq.heappop(free)
        host = hosts[number]
        while returned and returned[0][0] <= now:
            bisect.insort(waiting, heapq.heappop(returned)[1])
        up = host.up_from(now)
        if up > now:
            heapq.heappush(free, (up, number))
        elif waiting:
            expected = waiting.pop()
            end = now + expected * host.factor * max(_LEAST, chance.gauss(1.0, fleet.spread))
            if end > host.death:
                lost += host.death - now
                repeated += 1
                heapq.heappush(returned, (host.death + fleet.notice, expected))
                end = host.death
            else:
                busy += end - now
                finished.append(end)
            heapq.heappush(free, (end, number))
        elif returned:
            heapq.heappush(free, (returned[0][0], number))
    return Night(tuple(sorted(finished)), busy, lost, repeated)


_LEAST: Final = 0.1
"""No shard takes a smaller part of its expected time."""
_HOUR: Final = 3600.0
NIGHTS: Final = {
    "nothing goes wrong": {},
    "one host in twenty is three times as slow": {"slow": 0.05},
    "and a host dies once in three days": {"slow": 0.05, "life": 72 * _HOUR},
}


def main(arguments: list[str]) -> int:
    """Print a table of the nights; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m ci.benchmarks.fleet")
    parser.add_argument("shards", type=Path)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args(arguments)
    shards = read_shard_file(options.shards).shards
    copies = round(options.cells / len({shard.cell for shard in shards}))
    durations = [shard.seconds for shard in shards] * copies
    nights = {
        name: simulate(durations, Fleet(options.hosts, options.slots, **changes))
        for name, changes in NIGHTS.items()
    }
    print(f"{len(durations):,} shards of {len(shards)} kinds, {format_duration(sum(durations))} of work")
    for name, night in nights.items():
        tail = night.end - night.finished[int(0.99 * len(night.finished))]
        used = night.busy_seconds / (night.end * options.hosts * options.slots)
        print(
            f"{name}: {format_duration(night.end)}, the last hundredth {format_duration(tail)}; hosts used "
            f"{used:.0%}, {night.repeated:,} shards repeated, {format_duration(night.lost_seconds)} lost"
        )
    if options.plot is not None:
        options.plot.write_text(draw({name: night.finished for name, night in nights.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
