"""The simulation of a fleet: no shard is lost, no time is gained, and what is broken costs what it must."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.benchmarks.fleet import Fleet, main, simulate
from ci.benchmarks.fleet_plot import draw
from fixtures.commands.matrix.__main__ import main as matrix
from fixtures.commands.matrix.shard_file import read_shard_file

EXACT = Fleet(hosts=2, slots=1, spread=0.0, image_bytes=0.0)


@settings(max_examples=50)
@given(
    st.lists(st.floats(1, 1000), min_size=1, max_size=40),
    st.builds(
        Fleet,
        hosts=st.integers(1, 5),
        slots=st.integers(1, 3),
        slow=st.sampled_from([0.0, 0.5, 1.0]),
        life=st.sampled_from([float("inf"), 5000.0]),
        repair=st.floats(1, 500),
    ),
    st.integers(0, 9),
)
def test_each_shard_ends_once_and_no_host_does_more_than_it_can(
    durations: list[float], fleet: Fleet, seed: int
) -> None:
    night = simulate(durations, fleet, seed)
    assert len(night.finished) == len(durations)
    assert night.finished == tuple(sorted(night.finished))
    assert night.busy_seconds + night.lost_seconds <= night.end * fleet.hosts * fleet.slots + 1e-6
    assert (night.repeated == 0) == (night.lost_seconds == 0)


def test_the_longest_starts_first_and_hosts_share_the_rest() -> None:
    assert simulate([3.0, 1.0, 1.0, 1.0], EXACT).finished == (1.0, 2.0, 3.0, 3.0)


def test_a_fetch_of_the_images_delays_all() -> None:
    fleet = Fleet(hosts=2, slots=1, spread=0.0, image_bytes=1000.0, server_rate=100.0)
    assert simulate([5.0], fleet).end == 25.0


def test_slow_and_dying_hosts_make_the_night_longer() -> None:
    durations = [600.0] * 400
    well = simulate(durations, Fleet(hosts=20, slots=2))
    slow = simulate(durations, Fleet(hosts=20, slots=2, slow=0.3))
    dying = simulate(durations, Fleet(hosts=20, slots=2, life=20_000.0))
    assert well.end < slow.end
    assert well.end < dying.end
    assert dying.repeated > 0
    assert dying.lost_seconds > 0


def test_the_command_draws_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards, plot = tmp_path / "shards.json", tmp_path / "fleet.svg"
    assert matrix(["--plan", "certification", "--out", str(shards)]) == 0
    assert main([str(shards), "--cells", "140", "--hosts", "10", "--plot", str(plot)]) == 0
    printed = capsys.readouterr().out
    kinds = len(read_shard_file(shards).shards)
    assert printed.startswith(f"{round(140 / kinds) * kinds} shards of {kinds} kinds, ")
    assert "and a host dies once in three days: " in printed
    assert plot.read_text().count("<polyline") == 6


def test_the_drawing_ends_where_the_night_ends() -> None:
    picture = draw({"a & b": [0.0, 3600.0]})
    assert "a &amp; b: 1.0 h" in picture
    assert "620.0,20.0" in picture
