"""The choice of tests for workers: heavy tests first, cells apart, groups together, nothing lost with a worker."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fixtures.run import collection
from fixtures.run.collection import Scheduling
from fixtures.run.scheduling import Unit, Workload, units_of


def take(workload: Workload, worker: str) -> tuple[int, ...]:
    unit = workload.take(worker)
    assert unit is not None
    return unit.tests


def singles(*cells: str | None, weight: int = 1) -> list[Unit]:
    return [Unit((position,), cell, weight) for position, cell in enumerate(cells)]


def test_units_are_groups_and_single_tests_in_the_order_of_their_first_test() -> None:
    ids = ["look1", "alone", "plain", "look2", "other"]
    schedulings = {
        "look1": Scheduling("a", "a|m|cold", 3),
        "alone": Scheduling("a", None, 2),
        "look2": Scheduling("a", "a|m|cold", 3),
        "other": Scheduling("b", "b|m|cold", 3),
    }
    assert units_of(ids, schedulings) == [
        Unit((0, 3), "a", 3),
        Unit((1,), "a", 2),
        Unit((2,), None, 0),
        Unit((4,), "b", 3),
    ]


def test_a_group_weighs_as_much_as_its_heaviest_test() -> None:
    schedulings = {"x": Scheduling("a", "g", 1), "y": Scheduling("a", "g", 2)}
    assert units_of(["x", "y"], schedulings) == [Unit((0, 1), "a", 2)]


def test_the_heaviest_goes_first() -> None:
    workload = Workload([Unit((0,), "a", 1), Unit((1,), None, 0), Unit((2,), "b", 3), Unit((3,), "a", 2)])
    assert [take(workload, "w") for _ in range(4)] == [(2,), (3,), (0,), (1,)]
    assert workload.take("w") is None


def test_two_workers_begin_with_different_cells_and_stay_with_them() -> None:
    workload = Workload(singles("a", "a", "a", "b", "b", "b"))
    assert (take(workload, "one"), take(workload, "two")) == ((0,), (3,))
    assert (take(workload, "one"), take(workload, "two")) == ((1,), (4,))
    workload.finish_test("one", 0)
    workload.finish_test("two", 3)
    assert (take(workload, "one"), take(workload, "two")) == ((2,), (5,))


def test_a_cell_that_another_worker_opens_comes_last() -> None:
    workload = Workload(singles("a", "a", "b"))
    assert [take(workload, "one"), take(workload, "two"), take(workload, "two")] == [(0,), (2,), (1,)]


def test_weight_counts_more_than_an_open_cell() -> None:
    workload = Workload([Unit((0,), "a", 3), Unit((1,), "a", 3), Unit((2,), "b", 1)])
    assert [take(workload, "one"), take(workload, "two")] == [(0,), (1,)]


def test_a_cell_is_open_after_its_first_result() -> None:
    workload = Workload(singles("a", "a", "b", "c"))
    take(workload, "one")
    workload.finish_test("one", 0)
    assert take(workload, "two") == (1,)


def test_a_dead_worker_opens_no_cell() -> None:
    workload = Workload(singles("a", "a", "b"))
    take(workload, "one")
    assert workload.remove_worker("one") == 0
    assert take(workload, "two") == (1,)


def test_tests_without_a_cell_keep_their_order() -> None:
    workload = Workload(singles(None, None, None, None, weight=0))
    assert [take(workload, worker) for worker in ("one", "two", "two", "one")] == [(0,), (1,), (2,), (3,)]


def test_the_tests_of_a_dead_worker_go_to_the_front_except_the_running_one() -> None:
    workload = Workload([Unit((0, 1, 2), "a", 1), Unit((3,), "b", 1), Unit((4,), "c", 3), Unit((5,), "c", 3)])
    assert [take(workload, "one") for _ in range(4)] == [(4,), (5,), (0, 1, 2), (3,)]
    workload.finish_test("one", 4)
    workload.finish_test("one", 5)
    workload.finish_test("one", 0)
    assert workload.remove_worker("one") == 1
    assert workload.pending("one") == 0
    assert [take(workload, "two"), take(workload, "two")] == [(2,), (3,)]
    assert not workload.has_waiting


def test_tests_of_a_dead_worker_go_before_heavier_tests() -> None:
    workload = Workload([Unit((0,), "a", 3), Unit((1,), "a", 2), Unit((2,), "b", 3), Unit((3,), "b", 3)])
    assert [take(workload, "one"), take(workload, "two"), take(workload, "two")] == [(0,), (2,), (3,)]
    assert take(workload, "one") == (1,)
    assert workload.remove_worker("two") == 2
    workload = Workload([Unit((0,), "a", 2), Unit((1,), "a", 2), Unit((2,), "b", 3)])
    assert [take(workload, "one"), take(workload, "one")] == [(2,), (0,)]
    assert workload.remove_worker("one") == 2
    assert [take(workload, "two"), take(workload, "two")] == [(0,), (1,)]


def test_a_worker_that_finished_all_its_tests_died_in_no_test() -> None:
    workload = Workload(singles("a"))
    take(workload, "one")
    workload.finish_test("one", 0)
    assert workload.remove_worker("one") is None
    assert workload.remove_worker("never seen") is None


def test_a_result_of_an_unassigned_test_is_an_error() -> None:
    workload = Workload(singles("a", "a"))
    take(workload, "one")
    with pytest.raises(LookupError):
        workload.finish_test("one", 1)
    with pytest.raises(LookupError):
        workload.finish_test("two", 0)


WORKERS = st.sampled_from(["one", "two", "three"])


class AnyRun(RuleBasedStateMachine):
    """Workers take tests, finish them and die in any order: each test runs once, or a worker died in it."""

    @initialize(
        groups=st.lists(
            st.tuples(st.integers(1, 3), st.sampled_from(["a", "b", "c", None]), st.integers(0, 3)),
            max_size=12,
        )
    )
    def begin(self, groups: list[tuple[int, str | None, int]]) -> None:
        positions = itertools.count()
        units = [
            Unit(tuple(itertools.islice(positions, size)), cell, weight) for size, cell, weight in groups
        ]
        self.workload = Workload(units)
        self.todo: defaultdict[str, list[int]] = defaultdict(list)
        self.ran: Counter[int] = Counter()
        self.expected = Counter(test for unit in units for test in unit.tests)

    @rule(worker=WORKERS)
    def take(self, worker: str) -> None:
        left = self.workload.has_waiting
        unit = self.workload.take(worker)
        assert (unit is not None) == left
        self.todo[worker] += () if unit is None else unit.tests

    @rule(worker=WORKERS)
    def finish(self, worker: str) -> None:
        for test in self.todo[worker][:1]:
            self.workload.finish_test(worker, test)
            self.ran[self.todo[worker].pop(0)] += 1

    @rule(worker=WORKERS)
    def die(self, worker: str) -> None:
        current = self.todo.pop(worker, [])[:1]
        assert self.workload.remove_worker(worker) == (current[0] if current else None)
        self.ran.update(current)

    @invariant()
    def nothing_is_given_twice(self) -> None:
        for worker, tests in self.todo.items():
            assert self.workload.pending(worker) == len(tests)
        held = Counter(test for tests in self.todo.values() for test in tests)
        assert max((self.ran + held).values(), default=1) == 1

    def teardown(self) -> None:
        while self.workload.has_waiting:
            self.take("one")
        for worker in list(self.todo):
            while self.todo[worker]:
                self.finish(worker)
        assert self.ran == self.expected


test_every_test_is_run_once_whatever_dies = AnyRun.TestCase


@dataclass
class Spec:
    params: dict[str, Any]


@dataclass
class Named:
    id: str


@dataclass
class Item:
    """The part of a pytest item that determines its scheduling."""

    nodeid: str
    cell: str | None = None
    markers: Sequence[str] = ()
    callspec: Spec = field(default_factory=lambda: Spec({}))

    def __post_init__(self) -> None:
        self.callspec = Spec({} if self.cell is None else {"cell": Named(self.cell)})

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return getattr(pytest.mark, name)("costly").mark if name in self.markers else None


@pytest.mark.parametrize(
    ("on", "markers", "expected"),
    [
        (None, (), Scheduling(None, None, 0)),
        (None, ("cold", "read_only"), Scheduling(None, None, 0)),
        (None, ("boots",), Scheduling(None, None, 2)),
        (None, ("boots", "xdist_group"), Scheduling(None, "xdist_group|['costly']", 2)),
        ("a@b", (), Scheduling("a@b", None, 1)),
        ("a@b", ("boots",), Scheduling("a@b", None, 2)),
        ("a@b", ("cold",), Scheduling("a@b", None, 3)),
        ("a@b", ("cold", "read_only"), Scheduling("a@b", "a@b|suites/boot/test_boot.py|cold", 3)),
        ("a@b", ("read_only",), Scheduling("a@b", "a@b|suites/boot/test_boot.py|clone", 1)),
    ],
)
def test_markers_determine_the_scheduling(
    on: str | None, markers: tuple[str, ...], expected: Scheduling
) -> None:
    assert collection.scheduling_of(Item("suites/boot/test_boot.py::test_x[a]", on, markers)) == expected


def test_one_process_runs_heavy_tests_first_and_groups_together() -> None:
    items = [
        Item("m.py::plain"),
        Item("m.py::look1[b]", "b", ("cold", "read_only")),
        Item("m.py::cold[b]", "b", ("cold",)),
        Item("m.py::look2[b]", "b", ("cold", "read_only")),
        Item("m.py::first[a]", "a"),
        Item("m.py::second[a]", "a"),
        Item("m.py::boots[b]", "b", ("boots",)),
        Item("m.py::cold[a]", "a", ("cold",)),
    ]
    ordered = [item.nodeid.partition("::")[2] for item in sorted(items, key=collection.sort_key)]
    assert ordered == [
        "cold[a]",
        "cold[b]",
        "look1[b]",
        "look2[b]",
        "boots[b]",
        "first[a]",
        "second[a]",
        "plain",
    ]
