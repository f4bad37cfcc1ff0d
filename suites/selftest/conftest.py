"""What sabotages break, and what tests need of the process that they run in.

The tests interrupt what they start, which works only where this process does not ignore the interrupt.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import collected
from fixtures.booted import Booted
from fixtures.catalog.specs import Cell
from fixtures.evidence.record import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab import Lab, Wish
from fixtures.outside import Outside

# Jobs in the background of a shell, as CI engines may start them, ignore it, and so do all their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def booted(request: pytest.FixtureRequest, cell: Cell, lab: Lab) -> Booted:
    """The live cell, for those who break it."""
    return lab.machine(Wish(cell, cold=False, group=None, again=collected.again(request.node)))[0]


@pytest.fixture
def victim(cell: Cell, booted: Booted, tmp_path: Path) -> Iterator[Guest]:
    """The guest as a check would get it."""
    record = LiveRecord(tmp_path / "answers.jsonl")
    yield Guest(cell, Outside(record, booted))
    record.close()
