"""A shared cache stays within its limit, and takes nothing from a host that uses it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.media.shared_cache.entry_paths import GRACE, hide, restore
from fixtures.media.shared_cache.eviction import ABANDONED, Eviction
from suites.selftest.support.shared_cache_bench import FORMS, KIND, SharedBench, Wrapped, key_of

SMALL = 64 << 10
# Two entries of this size fit, and not three: what does not compress takes as much packed.
LIMIT = 160 << 10
DAY = ABANDONED + 1


@pytest.fixture(params=FORMS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> SharedBench:
    return SharedBench(request.param, tmp_path, limit=LIMIT)


def numbers(bench: SharedBench) -> list[int]:
    """The entries that are there, of the first five."""
    return [number for number in range(5) if bench.cache.has(KIND, key_of(number))]


def publish(bench: SharedBench, number: int, age: float) -> None:
    """Publish a small entry whose last use is ``age`` seconds ago."""
    bench.publish(number, SMALL)
    bench.age(bench.paths(number).used, age)


def test_the_least_recently_used_entry_is_evicted(bench: SharedBench) -> None:
    publish(bench, 0, 3 * GRACE)
    publish(bench, 1, 2 * GRACE)
    bench.publish(2, SMALL)
    assert numbers(bench) == [1, 2]
    assert "shared cache: evicted image 0, not used for the longest time" in bench.messages
    assert len(bench.files()) == 2 * len(("manifest", "mark", "disk", "description"))


def test_a_use_makes_an_entry_the_last_to_be_evicted(bench: SharedBench) -> None:
    publish(bench, 0, 3 * GRACE)
    publish(bench, 1, 2 * GRACE)
    assert bench.fetch(0)[0] is not None, "expected the entry, which is in use"
    bench.publish(2, SMALL)
    assert numbers(bench) == [0, 2]


def test_what_was_used_within_the_grace_stays(bench: SharedBench) -> None:
    """And so the new entry is not published: the limit holds."""
    publish(bench, 0, GRACE / 2)
    publish(bench, 1, GRACE / 3)
    bench.publish(2, SMALL)
    assert numbers(bench) == [0, 1]
    assert "image 2: not published in the shared cache" in bench.messages[-1]
    assert "entries that were used in the last hour stay" in bench.messages[-1]


@pytest.mark.parametrize("shift", [-1e9, 1e9])
def test_the_clocks_of_the_hosts_do_not_matter(
    bench: SharedBench, shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ages of uses come from the clock of the place alone."""
    publish(bench, 0, 3 * GRACE)
    publish(bench, 1, GRACE / 2)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + shift)
    bench.publish(2, SMALL)
    assert numbers(bench) == [1, 2]


def test_an_entry_that_a_host_begins_to_use_is_given_back(bench: SharedBench) -> None:
    """The evicting host saw an old mark; a user marks the entry and reads its manifest before it is hidden."""
    content = bench.publish(0, SMALL)
    bench.age(bench.paths(0).used, 3 * GRACE)

    class Used(Wrapped):
        def move(self, path: str, target: str) -> bool:
            bench.place.touch(bench.paths(0).used)
            return self.place.move(path, target)

    excess, evicted = Eviction(Used(bench.place), SMALL).make_room(SMALL)
    assert evicted == []
    assert excess >= SMALL
    assert bench.fetch(0)[1] == content
    assert [path for path in bench.files() if path.startswith("hidden")] == []


def test_a_host_that_loses_its_entry_to_eviction_goes_on(bench: SharedBench) -> None:
    """A host that may only read leaves no mark. It makes the entry itself, and refuses none."""
    bench.publish(0, SMALL)

    class Evicted(Wrapped):
        def open(self, path: str) -> Any:
            if path.startswith("data/"):
                assert bench.cache.remove(KIND, key_of(0))
            return self.place.open(path)

    directory = bench.new_directory()
    assert bench.cache_of(Evicted(bench.place)).fetch(KIND, key_of(0), directory, "image 0") is None
    assert "refused" not in bench.messages[-1]
    assert bench.messages[-1].endswith("disk.zst: does not exist")


def test_two_hosts_evict_one_entry_once(bench: SharedBench) -> None:
    publish(bench, 0, 3 * GRACE)

    class Late(Wrapped):
        def move(self, path: str, target: str) -> bool:
            assert Eviction(bench.place, SMALL).make_room(SMALL)[1] != []
            return self.place.move(path, target)

    assert Eviction(Late(bench.place), SMALL).make_room(SMALL)[1] == []
    assert bench.files() == []


def test_what_a_killed_host_left_is_removed_after_a_day(bench: SharedBench) -> None:
    bench.write("data/abc/disk.zst", b"half")
    bench.place.touch(bench.paths(3).used)
    bench.write(f"hidden/{KIND}.{key_of(4)}.0", b"{}")
    bench.write("hidden/unknown", b"{}")
    bench.write("partial/0123", b"{")
    left = bench.files()
    bench.publish(0, SMALL)
    assert set(left) <= set(bench.files())
    for path in left:
        bench.age(path, DAY)
    assert bench.cache.eviction.remove_abandoned() == 1
    assert set(left) & set(bench.files()) == set()
    assert bench.fetch(0)[0] is not None, "expected the entry, which is in use"


def test_a_host_looks_for_that_once_a_day(bench: SharedBench) -> None:
    bench.publish(0, SMALL)
    bench.write("data/abc/disk.zst", b"half")
    bench.age("data/abc/disk.zst", DAY)
    bench.publish(1, SMALL // 2)
    assert "data/abc/disk.zst" in bench.files()
    bench.age("swept", DAY)
    bench.publish(2, SMALL // 4)
    assert "data/abc/disk.zst" not in bench.files()


def test_the_data_of_an_old_entry_is_not_abandoned(bench: SharedBench) -> None:
    """Data of an entry stays, too, if another host has hidden it for a moment to see whether it is in use."""
    content = bench.publish(0, SMALL)
    for path in bench.files():
        bench.age(path, DAY)
    assert bench.cache.eviction.remove_abandoned() == 0
    hidden = hide(bench.place, bench.paths(0), bench.manifest(0).data)
    assert hidden is not None, "expected the hidden manifest of the entry"
    assert bench.cache.eviction.remove_abandoned() == 0
    restore(bench.place, hidden, bench.paths(0))
    assert bench.fetch(0)[1] == content


def test_what_a_killed_eviction_hid_is_removed_after_a_day(bench: SharedBench) -> None:
    bench.publish(0, SMALL)
    hidden = hide(bench.place, bench.paths(0), bench.manifest(0).data)
    assert hidden is not None, "expected the hidden manifest of the entry"
    for path in bench.files():
        bench.age(path, DAY)
    bench.cache.eviction.remove_abandoned()
    bench.cache.eviction.remove_abandoned()
    assert bench.files() == []


def test_an_upload_that_goes_on_is_not_abandoned(bench: SharedBench) -> None:
    bench.write("data/abc/memory.zst", b"done yesterday")
    bench.age("data/abc/memory.zst", DAY)
    bench.write("data/abc/state.zst", b"done now")
    assert bench.cache.eviction.remove_abandoned() == 0
