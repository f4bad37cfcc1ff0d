"""The scheduler driven as by pytest-xdist, with workers that only store what they were sent."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.run.collection import Scheduling
from suites.selftest.support.inner_run import InnerRun
from suites.selftest.support.scheduling_sample import Gateway, Node, SchedulingRun, checks


def test_workers_start_with_one_unit_and_one_ahead() -> None:
    run = SchedulingRun(*checks(*"aaaaabbbbb"))
    run.collect()
    one, two = run.nodes
    assert (one.sent, two.sent) == ([[0], [1]], [[5], [6]])
    assert run.reads == 1
    run.step(one)
    assert one.sent[2:] == [[2]]
    run.finish()
    assert sorted(run.ran) == list(range(10))


def test_a_group_is_sent_as_a_whole_and_counts_as_enough_work() -> None:
    ids, schedulings = checks(*"aaaabbb")
    for number in range(3):
        schedulings[ids[number]] = Scheduling("a", "a|m.py|cold", 3)
    run = SchedulingRun(ids, schedulings)
    run.collect()
    one, two = run.nodes
    assert (one.sent, two.sent) == ([[0, 1, 2]], [[4], [5]])
    run.step(one)
    assert one.sent == [[0, 1, 2]]
    run.step(one)
    assert len(one.sent) == 2
    run.finish()


def test_tests_without_a_guest_go_one_by_one_in_order() -> None:
    run = SchedulingRun([f"s.py::test_{number}" for number in range(6)], {})
    run.collect()
    assert [node.sent for node in run.nodes] == [[[0], [2]], [[1], [3]]]
    run.finish()
    assert run.ran == sorted(run.ran)


def test_workers_without_work_are_shut_down() -> None:
    run = SchedulingRun(*checks("a"), workers=3)
    run.collect()
    assert [node.sent for node in run.nodes] == [[[0]], [], []]
    assert [node.shutting_down for node in run.nodes] == [True, True, True]
    run.finish()


def test_an_empty_collection_ends_the_run() -> None:
    run = SchedulingRun([], {})
    run.collect()
    run.finish()
    assert run.ran == []


def test_different_collections_end_the_run_with_a_report() -> None:
    run = SchedulingRun(*checks(*"ab"))
    one, two = run.nodes
    run.collect(one)
    run.collection = ["m.py::another"]
    run.collect(two)
    assert [report.outcome for report in run.config.reports] == ["failed"]
    assert (one.sent, two.sent) == ([], [])
    assert run.scheduler.tests_finished


def test_a_dead_workers_test_is_reported_and_its_units_go_to_others() -> None:
    run = SchedulingRun(*checks(*"aaaabbbb"))
    run.collect()
    one, two = run.nodes
    new = run.kill(one)
    assert run.crashed == ["m.py::test_0[a]"]
    run.step(two)
    assert two.sent[-1] == [1]
    run.collect(new)
    assert len(new.sent) == 2
    run.finish()
    assert sorted(run.ran) == list(range(1, 8))


def test_a_worker_that_dies_at_the_end_is_replaced() -> None:
    run = SchedulingRun(*checks(*"ab"), workers=1)
    run.collect()
    (one,) = run.nodes
    new = run.kill(one)
    assert not run.scheduler.tests_finished
    run.collect(new)
    assert new.sent == [[1]]
    run.finish()
    assert (run.crashed, run.ran) == (["m.py::test_0[a]"], [1])


def test_a_worker_that_dies_while_it_collects_loses_no_test() -> None:
    run = SchedulingRun(*checks(*"ab"))
    one, two = run.nodes
    run.collect(one)
    new = run.kill(two)
    assert not one.shutting_down
    assert run.crashed == []
    run.collect(new)
    run.finish()
    assert sorted(run.ran) == [0, 1]


def test_a_late_worker_with_another_collection_is_shut_down() -> None:
    run = SchedulingRun(*checks(*"aabb"))
    run.collect()
    new = run.kill(run.nodes[0])
    run.collection = ["m.py::another"]
    run.collect(new)
    assert (new.sent, new.shutting_down) == ([], True)
    run.finish()
    assert len(run.ran) == 3


def test_an_unknown_worker_is_a_key_error() -> None:
    run = SchedulingRun(*checks("a"))
    with pytest.raises(KeyError):
        run.scheduler.remove_node(Node(Gateway("gw9")))


@given(
    # pytest-xdist itself does not let a worker follow one that died where nothing was collected.
    cells=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=10),
    grouped=st.sets(st.integers(0, 9)),
    workers=st.integers(1, 3),
    deeds=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["run", "run", "run", "die", "late"]))),
)
def test_every_test_runs_once_and_the_run_ends_whichever_worker_dies(
    cells: list[str], grouped: set[int], workers: int, deeds: list[tuple[int, str]]
) -> None:
    ids, schedulings = checks(*cells)
    for number, nodeid in enumerate(ids):
        if number in grouped:
            schedulings[nodeid] = Scheduling(cells[number], f"{cells[number]}|m.py|clone", 2)
    run = SchedulingRun(ids, schedulings, workers)
    run.collect()
    late: list[Node] = []
    for number, deed in deeds:
        node = run.nodes[number % workers]
        if deed == "run":
            run.step(node)
        elif deed == "die":
            late = [other for other in late if other is not node] + [run.kill(node)]
        elif late:
            run.collect(late.pop())
    if late:
        run.collect(*late)
    run.finish()
    assert Counter(run.ran) + Counter(map(ids.index, run.crashed)) == Counter(range(len(ids)))


SPREAD = """\
def note(request, cell):
    with open(os.environ["TMPDIR"] + "/log", "a") as log:
        log.write(f"{os.environ['PYTEST_XDIST_WORKER']} {request.node.name}\\n")

@pytest.mark.parametrize("number", range(3))
@check("demo.plain")
def test_plain(request, cell, number):
    note(request, cell)

@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.parametrize("number", range(3))
@check("demo.read-only")
def test_read_only(request, cell, number):
    note(request, cell)

@pytest.mark.boots
@check("demo.boots")
def test_boots(request, cell):
    note(request, cell)
"""


def test_a_real_run_follows_the_markers(tmp_path: Path) -> None:
    InnerRun.create(tmp_path, SPREAD).run("-n2")
    ran: dict[str, list[str]] = {}
    for line in (tmp_path / "log").read_text().splitlines():
        worker, name = line.split()
        ran.setdefault(worker, []).append(name)
    assert sorted(ran) == ["gw0", "gw1"]
    assert sum(map(len, ran.values())) == 14
    for names in ran.values():
        # First a group of three on one cell; light tests come last.
        assert len({"left@" in name for name in names[:3]}) == 1
        kinds = [name.partition("[")[0] for name in names]
        assert kinds[:3] == ["test_read_only"] * 3
        assert kinds == sorted(kinds, key=["test_read_only", "test_boots", "test_plain"].index)
    assert {"left@" in names[0] for names in ran.values()} == {True, False}
