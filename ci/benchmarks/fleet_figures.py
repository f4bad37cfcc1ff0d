"""The figures of the page in ``ci/README.md`` on a night of 10,000 cells, as phrases."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from ci.benchmarks.fleet import HOUR, NIGHTS, Fleet, Night, simulate
from fixtures.core.text_format import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ci.benchmarks.fleet_input import FleetInput

CELLS: Final = 10_000
# Measured: the evidence of a result, in bytes and files, of bundles with 17 to 34 results.
_EVIDENCE_BYTES: Final = 100_000
_EVIDENCE_FILES: Final = 5
# Measured: the seconds that ci/verify takes for a result, and for judging it again.
_VERIFY_SECONDS: Final = 0.015
_REJUDGE_SECONDS: Final = 0.11
# A ConfigMap has at most this many bytes.
_CONFIG_MAP: Final = 1 << 20
_NIGHT_HOURS: Final = 8


def durations_of(given: FleetInput, cells: int = CELLS) -> list[float]:
    """The expected seconds of the shards of about ``cells`` cells: the shards of the input, repeated."""
    return list(given.shards.values()) * _copies(given, cells)


def nights_of(durations: Sequence[float], fleet: Fleet) -> dict[str, Night]:
    """The simulated nights, by what goes wrong in them."""
    return {
        name: simulate(durations, dataclasses.replace(fleet, slow=slow, life=life))
        for name, (slow, life) in NIGHTS.items()
    }


def tail(night: Night) -> float:
    """The seconds that the last hundredth of the shards takes."""
    return night.end - night.finished[int(0.99 * len(night.finished))]


def figures(given: FleetInput) -> list[str]:
    """All figures that follow from the input, from the simulation and from what was measured."""
    fleet = Fleet()
    durations = durations_of(given)
    nights = nights_of(durations, fleet)
    return [
        *_of_the_input(given, fleet),
        *_of_the_nights(durations, nights),
        *_of_other_fleets(durations, fleet),
        *_of_the_results(given, fleet, nights),
    ]


def _copies(given: FleetInput, cells: int = CELLS) -> int:
    return round(cells / given.cells)


def _of_the_input(given: FleetInput, fleet: Fleet) -> Iterator[str]:
    own, other, model = (given.sources[key] for key in ("recorded", "recorded on other cells", "model"))
    yield f"{len(given.shards)} shards for {given.cells} cells"
    yield f"{given.cells * _copies(given):,} cells"
    yield f"Of {given.results:,} results, {own:,} have a recorded duration of their own cell"
    yield f"{other:,} one of another cell"
    yield f"{model:,} the model's"
    yield f"{given.bundles} bundles"
    yield f"{fleet.hosts} hosts of {fleet.slots} shards each"
    yield f"{fleet.server_rate * 8 / 1e9:.0f} Gbit/s"
    kvm = given.kvm_seconds / sum(given.shards.values())
    yield f"{kvm:.0%} of the work"


def _of_the_nights(durations: Sequence[float], nights: Mapping[str, Night]) -> Iterator[str]:
    well, slow, dying = nights.values()
    tails = sorted(tail(night) for night in nights.values())
    work = f"{sum(durations) / HOUR:,.0f} h of work in {len(durations):,} shards"
    yield f"{work} take {format_duration(well.end)}"
    yield f"{format_duration(slow.end)} if one host in twenty is three times as slow"
    yield f"{format_duration(dying.end)} if hosts also die once in three days"
    yield f"{dying.repeated:,} shards run again, {dying.lost_seconds / HOUR:.0f} h of work are lost"
    yield f"the last hundredth of the shards takes {tails[0] / 60:.0f} to {_minutes(tails[-1])}"


def _of_other_fleets(durations: Sequence[float], fleet: Fleet) -> Iterator[str]:
    needed = sum(durations) / fleet.slots / (_NIGHT_HOURS * HOUR)
    hosts = math.ceil(needed / 10) * 10
    enough = dataclasses.replace(fleet, hosts=hosts)
    half = dataclasses.replace(fleet, slots=fleet.slots // 2)
    factor = simulate(durations, half).end / simulate(durations, fleet).end
    yield f"{hosts} hosts take {format_duration(simulate(durations, enough).end)}"
    yield f"with half as many shards at once, the night takes {factor:.1f} times as long"


def _of_the_results(given: FleetInput, fleet: Fleet, nights: Mapping[str, Night]) -> Iterator[str]:
    results = given.results * _copies(given)
    evidence = results * _EVIDENCE_BYTES
    end = next(iter(nights.values())).end
    yield f"{_EVIDENCE_BYTES // 1000} kB and {_EVIDENCE_FILES} files of evidence"
    yield f"{evidence / 1e9:.0f} GB and {results * _EVIDENCE_FILES / 1e6:.1f} million files a night"
    fetch = _minutes(fleet.hosts * fleet.image_bytes / fleet.server_rate)
    yield f"an image of {fleet.image_bytes / 1e9:.1f} GB once, all together for {fetch}"
    yield f"{evidence / end / 1e6:.1f} MB/s on average"
    yield f"Verifying takes {_VERIFY_SECONDS} s a result, and judging it again {_REJUDGE_SECONDS} s"
    hours = [f"{results * seconds / HOUR:.0f} h" for seconds in (_VERIFY_SECONDS, _REJUDGE_SECONDS)]
    yield f"{hours[0]} and {hours[1]} for {results:,} results"
    yield f"about {_CONFIG_MAP // given.shard_bytes} shards of this plan"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
