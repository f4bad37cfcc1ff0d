"""A simulation of a night on a fleet: shards of ``ci/matrix``, hosts that are slow, and hosts that die."""

from __future__ import annotations

import bisect
import heapq
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
HOUR: Final = 3600.0
NIGHTS: Final = {
    "nothing goes wrong": (0.0, float("inf")),
    "one host in twenty is three times as slow": (0.05, float("inf")),
    "and a host dies once in three days": (0.05, 72 * HOUR),
}
"""What goes wrong in the simulated nights: the part of the hosts that is slow, and the life of a host."""
