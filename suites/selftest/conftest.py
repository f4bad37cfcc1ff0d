"""Fixtures that several rooms' tests share: bundles, and guests with faults."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.specs import Cell
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.operations import scratch_disks
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.lab.pool.machine_request import MachineRequest
from fixtures.machine.block_devices import can_hotplug_disk
from fixtures.machine.hardware import Disk
from fixtures.plugin.stash import SESSION
from fixtures.run import collection
from fixtures.run.needs import inapplicable
from suites.selftest.support import bundle_sample as sample
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.bundle_sample import SampleBundle
from suites.selftest.support.fault_injection import Alter, Change, Spoil
from suites.selftest.support.homeless_user import Homeless, call_without_home

# On a busy host an example may take longer; no test asserts a time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# What tests make on purpose, such as guests with faults, goes to no cache that other hosts use.
os.environ.pop("IRONGUEST_SHARED_CACHE", None)

# Tests interrupt the processes that they start. Background jobs of a shell, and so of some CI engines, ignore
# SIGINT, and their children inherit that, so this process has to accept it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start some hundred programs in Python, most of them pytest. Where the environment forbids compiled
# modules, each of them compiles the whole project again, which is a third of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SampleBundle:
    return sample.make_bundle(tmp_path_factory.mktemp("whole") / "bundle")


@pytest.fixture
def made(whole: SampleBundle, tmp_path: Path) -> SampleBundle:
    """A copy of the bundle that the test may change."""
    shutil.copytree(whole.directory, tmp_path / "bundle")
    return replace(whole, directory=tmp_path / "bundle")


@pytest.fixture
def homeless_user() -> Homeless:
    """Call a function as a user without a home directory."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    return call_without_home


@pytest.fixture(autouse=True)
def _can_be_broken(request: pytest.FixtureRequest) -> None:
    """Skip a sabotage on a cell to which it does not apply, as for a check, or where one platform suffices."""
    if "cell" in request.fixturenames:
        cell = request.getfixturevalue("cell")
        reason = inapplicable(request.node, cell)
        if reason is not None:
            pytest.skip(reason)
        selected = request.config.stash[SESSION].settings.cells
        chosen = [each for each in selected if each.guest == cell.guest][-1]
        if cell != chosen and request.node.get_closest_marker("one_platform") is not None:
            pytest.skip("not_in_profile: one platform suffices; this sabotage is the same on each")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "small_guest: break the small guest on a platform where another disk costs a boot"
    )
    config.addinivalue_line(
        "markers", "one_platform: break a guest on the last of its selected platforms only"
    )
    config.addinivalue_line(
        "markers", "starts_first: of the tests with the marker boots, start this one before the others"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what starts first before the rest; the plugin sorts by weight later, and keeps this order."""
    items.sort(key=lambda item: item.get_closest_marker("starts_first") is None)


@pytest.fixture
def broken_cell(request: pytest.FixtureRequest, cell: Cell) -> Cell:
    """The cell that a test breaks: the selected one, or the small guest on its platform.

    The small guest is for tests with the marker ``small_guest`` on a platform without hot-plug of disks. There
    the test boots its guest, and the small guest boots in half of the time.
    """
    if request.node.get_closest_marker("small_guest") is None or can_hotplug_disk(cell.platform):
        return cell
    (small,) = Catalog.load([SHIPPED_GUESTS]).select(["debian-12-busybox"], [cell.platform.id])
    return small


@pytest.fixture
def instance(request: pytest.FixtureRequest, broken_cell: Cell, pool: MachinePool) -> GuestInstance:
    """The live instance of the cell, for tests that break it."""
    return pool.acquire(
        MachineRequest(
            broken_cell, is_cold=False, group=None, rerun_command=collection.rerun_command(request.node)
        )
    )[0]


@pytest.fixture
def victim(broken_cell: Cell, instance: GuestInstance, tmp_path: Path) -> Iterator[Guest]:
    """The guest as a check gets it."""
    record = LiveRecord(tmp_path / "answers.jsonl")
    yield Guest(broken_cell, RecordingProxy(record, instance))
    record.close()


@pytest.fixture
def alter(monkeypatch: pytest.MonkeyPatch) -> Alter:
    """Change each disk that a check gives to the guest, except the source disk."""
    make = scratch_disks.create_disk

    def altering(change: Change) -> None:
        def create_changed(instance: GuestInstance, disk: ScratchDisk) -> Disk:
            original = make(instance, disk)
            return original if disk.name == "source" else change(original)

        monkeypatch.setattr(scratch_disks, "create_disk", create_changed)

    # Only the source disk stays plain: a plain disk uses its planned file and never reaches create_disk.
    monkeypatch.setattr(ScratchDisk, "is_plain", property(lambda disk: disk.name == "source"))
    return altering


@pytest.fixture
def spoil(alter: Alter) -> Iterator[Spoil]:
    """Serve each disk of a check from a disk with a fault at one sector."""
    # The path of a Unix socket has a small limit (unix(7)).
    with tempfile.TemporaryDirectory(prefix="nbd-") as directory, ExitStack() as servers:

        def spoiling(kind: type[bad.OneSectorFault], sector: int) -> None:
            def served(disk: Disk) -> Disk:
                socket = Path(directory) / disk.path.name
                server = servers.enter_context(bad.NbdServer(kind(disk.path, sector), socket))
                return dataclasses.replace(disk, server=server.path)

            alter(served)

        yield spoiling
