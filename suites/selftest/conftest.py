"""What tests share: an interrupt that arrives, a bundle to spoil, and a guest to break."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from fixtures.catalog.specs import Cell
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.operations import scratch_disks
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.lab.pool.machine_pool import MachinePool, MachineRequest
from fixtures.machine.hardware import Disk
from fixtures.run import collection
from fixtures.run.needs import inapplicable
from suites.selftest.support import bundle_sample as sample
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.bundle_sample import SampleBundle
from suites.selftest.support.fault_injection import Alter, Change, Spoil

# An example that takes longer on a busy host is no worse: nothing here asserts a time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# The tests interrupt what they start, which works only where this process does not ignore the interrupt:
# jobs in the background of a shell, as CI engines may start them, ignore it, and so do all their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SampleBundle:
    return sample.make_bundle(tmp_path_factory.mktemp("whole") / "bundle")


@pytest.fixture
def made(whole: SampleBundle, tmp_path: Path) -> SampleBundle:
    """A copy that a test may spoil."""
    shutil.copytree(whole.directory, tmp_path / "bundle")
    return replace(whole, directory=tmp_path / "bundle")


@pytest.fixture(autouse=True)
def _can_be_broken(request: pytest.FixtureRequest) -> None:
    """A sabotage applies to guests as a check does: those with a shell, unless it says what else it needs."""
    if "cell" in request.fixturenames:
        reason = inapplicable(request.node, request.getfixturevalue("cell"))
        if reason is not None:
            pytest.skip(reason)


@pytest.fixture
def instance(request: pytest.FixtureRequest, cell: Cell, pool: MachinePool) -> GuestInstance:
    """The live cell, for those who break it."""
    return pool.acquire(MachineRequest(cell, cold=False, group=None, rerun_command=collection.rerun_command(request.node)))[0]


@pytest.fixture
def victim(cell: Cell, instance: GuestInstance, tmp_path: Path) -> Iterator[Guest]:
    """The guest as a check would get it."""
    record = LiveRecord(tmp_path / "answers.jsonl")
    yield Guest(cell, RecordingProxy(record, instance))
    record.close()


@pytest.fixture
def alter(monkeypatch: pytest.MonkeyPatch) -> Alter:
    """Make something else of each disk that a check gives to the guest, but for the source."""
    make = scratch_disks.create_disk

    def altering(change: Change) -> None:
        def made(instance: GuestInstance, disk: ScratchDisk) -> Disk:
            whole = make(instance, disk)
            return whole if disk.name == "source" else change(whole)

        monkeypatch.setattr(scratch_disks, "create_disk", made)

    # What is usual is not made, but taken from where it lies.
    monkeypatch.setattr(ScratchDisk, "is_plain", property(lambda disk: disk.name == "source"))
    return altering


@pytest.fixture
def spoil(alter: Alter) -> Iterator[Spoil]:
    """Have each disk of a check carried by one that misbehaves at one sector."""
    # The path of a socket is short (unix(7)).
    with tempfile.TemporaryDirectory(prefix="nbd-") as directory, ExitStack() as servers:

        def spoiling(kind: type[bad.OneSectorFault], sector: int) -> None:
            def served(disk: Disk) -> Disk:
                place = Path(directory) / disk.path.name
                server = servers.enter_context(bad.NbdServer(kind(disk.path, sector), place))
                return dataclasses.replace(disk, server=server.path)

            alter(served)

        yield spoiling
