"""What tests share: an interrupt that arrives, a bundle to spoil, and a guest to break."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures import collected
from fixtures.booted import Booted
from fixtures.catalog.specs import Cell
from fixtures.evidence.record import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab import Lab, Wish
from fixtures.outside import Outside
from suites.selftest import bundle_sample as sample
from suites.selftest.bundle_sample import Made

# The tests interrupt what they start, which works only where this process does not ignore the interrupt:
# jobs in the background of a shell, as CI engines may start them, ignore it, and so do all their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return sample.make_bundle(tmp_path_factory.mktemp("whole") / "bundle")


@pytest.fixture
def made(whole: Made, tmp_path: Path) -> Made:
    """A copy that a test may spoil."""
    shutil.copytree(whole.directory, tmp_path / "bundle")
    return replace(whole, directory=tmp_path / "bundle")


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
