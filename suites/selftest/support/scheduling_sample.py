"""Simulated pytest-xdist workers, and a driver that calls the scheduler as pytest-xdist does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from fixtures.plugin.xdist_scheduling import UnitScheduling
from fixtures.run.collection import Scheduling


@dataclass(frozen=True)
class Gateway:
    id: str


class Config:
    """The part of pytest's configuration that schedulers read; it collects their reports."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self.reports: list[Any] = []
        self.hook = self

    def getvalue(self, name: str) -> list[str]:
        assert name == "tx"
        return [f"{self._workers}*popen"]

    def pytest_collectreport(self, report: Any) -> None:
        self.reports.append(report)


def log(*words: object) -> None:
    """Ignore a message, in place of pytest-xdist's log."""


log.loadscopesched = log  # type: ignore[attr-defined]


@dataclass(eq=False)
class Node:
    """A worker; like a real one, it starts a test when it knows the next test, or that there is none."""

    gateway: Gateway
    sent: list[list[int]] = field(default_factory=list)
    queue: deque[int] = field(default_factory=deque)
    shutting_down: bool = False

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.sent.append(indices)
        self.queue.extend(indices)

    def shutdown(self) -> None:
        self.shutting_down = True

    def run(self) -> int | None:
        """Run the next test if the worker may start it; returns its index."""
        return self.queue.popleft() if self.queue and (self.shutting_down or len(self.queue) > 1) else None


class SchedulingRun:
    """Drives a scheduler as pytest-xdist's session does."""

    def __init__(self, collection: list[str], schedulings: dict[str, Scheduling], workers: int = 2) -> None:
        self.collection = collection
        self.config = Config(workers)
        self.reads = 0
        self.schedulings = schedulings
        self.scheduler = UnitScheduling(self.config, log, self._read_schedulings)
        self.nodes: list[Node] = []
        self.ran: list[int] = []
        self.crashed: list[str] = []
        self._count = 0
        for _ in range(workers):
            self.add()

    def _read_schedulings(self) -> dict[str, Scheduling]:
        self.reads += 1
        return self.schedulings

    def add(self, collection: list[str] | None = None) -> Node:
        """Add a worker that has not collected anything yet."""
        node = Node(Gateway(f"gw{self._count}"))
        self._count += 1
        self.nodes.append(node)
        self.scheduler.add_node(node)
        return node

    def collect(self, *nodes: Node) -> None:
        for node in nodes or tuple(self.nodes):
            self.scheduler.add_node_collection(node, list(self.collection))
            if self.scheduler.collection_is_completed:
                self.scheduler.schedule()
        self._end_if_finished()

    def _end_if_finished(self) -> None:
        if self.scheduler.tests_finished:
            for node in self.scheduler.nodes:
                node.shutdown()

    def step(self, node: Node) -> bool:
        """Let ``node`` run one test; returns False if it cannot start one."""
        test = node.run()
        if test is None:
            return False
        self.ran.append(test)
        self.scheduler.mark_test_complete(node, test, 0.1)
        self._end_if_finished()
        return True

    def kill(self, node: Node) -> Node:
        """Kill ``node`` and add another worker in its place."""
        self.nodes.remove(node)
        node.shutting_down = True
        crashed = self.scheduler.remove_node(node)
        if crashed is not None:
            self.crashed.append(crashed)
        return self.add()

    def finish(self) -> None:
        while [node for node in self.nodes if self.step(node)]:
            pass
        assert self.scheduler.tests_finished
        for node in self.nodes:
            assert node.shutting_down
            assert self.scheduler.remove_node(node) is None
        assert not self.scheduler.has_pending


def checks(*cells: str, weight: int = 1) -> tuple[list[str], dict[str, Scheduling]]:
    """One check on each of ``cells``: the ids and their scheduling."""
    ids = [f"m.py::test_{number}[{cell}]" for number, cell in enumerate(cells)]
    return ids, {nodeid: Scheduling(cell, None, weight) for nodeid, cell in zip(ids, cells, strict=True)}
