"""The simulation of a fleet: no shard is lost, no time is gained, and what is broken costs what it must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.benchmarks.fleet import Fleet, simulate
from ci.benchmarks.fleet_command import main
from ci.benchmarks.fleet_figures import durations_of, figures, nights_of
from ci.benchmarks.fleet_input import cut, read_input
from ci.benchmarks.fleet_plot import draw
from fixtures.commands.matrix.__main__ import main as matrix
from fixtures.commands.matrix.shard_file import read_shard_file
from suites.selftest.support.paths import ROOT

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


def section() -> str:
    """The page on the night, in one line."""
    text = (ROOT / "ci/README.md").read_text(encoding="utf-8")
    found = re.search(r"^### 10,000 cells a night on 200 hosts$(.*?)^#", text, re.DOTALL | re.MULTILINE)
    assert found is not None, "ci/README.md has no section about the night"
    return " ".join(found[1].split())


def test_the_page_has_the_figures_of_the_simulation_and_no_others() -> None:
    rest = section()
    known = figures(read_input())
    assert [figure for figure in known if figure not in rest] == []
    for figure in sorted(known, key=len, reverse=True):
        rest = rest.replace(figure, "")
    # What is no figure: the name of the guest, and a limit of an engine.
    for words in ("Debian 12", "GitHub's 256 jobs"):
        rest = rest.replace(words, "")
    assert re.findall(r"\S*\d\S*", rest) == []


def test_the_plot_of_the_page_is_the_one_of_its_figures() -> None:
    nights = nights_of(durations_of(read_input()), Fleet())
    drawn = draw({name: night.finished for name, night in nights.items()})
    assert (ROOT / "ci/fleet.svg").read_text(encoding="utf-8") == drawn


def test_the_input_of_the_page_is_in_the_form_that_is_cut_today() -> None:
    kept, now = read_input(), cut([])
    assert kept.plan == now.plan
    assert set(now.sources) == {"model"}
    assert 0 < now.kvm_seconds < sum(now.shards.values())
    assert kept.sources.keys() == {"recorded", "recorded on other cells", "model"}
    assert {name.partition("+")[0] for name in kept.shards} <= {name.partition("+")[0] for name in now.shards}


def test_a_file_that_is_no_list_of_shards_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.json")]) == 4
    assert "none.json: cannot be read" in capsys.readouterr().err


def test_the_drawing_ends_where_the_night_ends() -> None:
    picture = draw({"a & b": [0.0, 3600.0]})
    assert "a &amp; b: 1.0 h" in picture
    assert "620.0,20.0" in picture
