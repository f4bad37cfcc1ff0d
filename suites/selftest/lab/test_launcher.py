"""Launches real machines whose guest is a boot sector that prints "tick" for ever."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.catalog.specs import Cell
from fixtures.core.deadline import Deadline
from fixtures.core.errors import BootTimeout, CheckpointFault, NoSpace
from fixtures.lab.checkpoints import saving
from fixtures.lab.checkpoints.checkpoint import read_checkpoint
from fixtures.lab.checkpoints.store import CheckpointStore
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.instance.hardware_plan import MachineDirectories
from fixtures.lab.pool import launcher
from fixtures.lab.pool.launcher import Launcher
from fixtures.media.base_images import Image
from fixtures.media.shared_cache.directory_place import DirectoryPlace
from fixtures.media.shared_cache.shared_cache import SharedCache
from fixtures.media.sparse_files import sparse_digest
from suites.selftest.support import machine_sample

CLONE = "clone of a checkpoint (shared memory)"


class FakeSlot:
    """A launch slot without memory limits; ``failures`` says for each ended machine whether it failed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.count = 0
        self.failures: list[bool] = []

    def reserve_memory(self) -> None:
        pass

    def new_directories(self) -> MachineDirectories:
        self.count += 1
        return MachineDirectories(
            self._directory / f"work-{self.count}", self._directory / f"evidence-{self.count}"
        )

    def end_machine(self, instance: GuestInstance, *, failed: bool) -> None:
        self.failures.append(failed)
        instance.end()


class Bench:
    """A launcher for a cell that ticks, and its progress messages."""

    def __init__(
        self, directory: Path, *, cold: bool = False, shared: Path | None = None, **platform: Any
    ) -> None:
        directory.mkdir(exist_ok=True)
        disk = machine_sample.disk(
            directory / "disk.raw", machine_sample.printing_code("tick ", for_ever=True)
        )
        self.directory = directory
        self.messages: list[str] = []
        self.cell: Cell = machine_sample.cell(**platform)
        self.image = Image(disk, "raw", "sha256:0", "nowhere")
        self.slot = FakeSlot(directory)
        tell = self.messages.append
        cache = None if shared is None else SharedCache(DirectoryPlace(shared, "ironguest-1"), tell)
        self.checkpoints = (
            None if cold else CheckpointStore(directory, tell, directory / "cache", shared=cache)
        )
        self.launcher = Launcher(machine_sample.TCG, self.checkpoints, self.messages.append)

    def start(self, *, cold: bool = False) -> str:
        """Start a machine, verify that it ticks, and end it; returns the description of the start."""
        instance, start = self.launcher.start(self.cell, self.image, self.slot, cold=cold)
        try:
            assert ticks(instance)
        finally:
            instance.end()
        return start.description

    def entry(self) -> Path:
        (path,) = (path for path in (self.directory / "cache/checkpoints").iterdir() if path.is_dir())
        return path


def ticks(instance: GuestInstance) -> bool:
    instance.console.discard_unread()
    return instance.console.wait_for([b"tick tick"], Deadline.after(30.0)) == 0


@pytest.fixture(autouse=True)
def _no_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A boot sector has no shell: a machine that ticks has booted, and a clone only needs to be resumed."""

    def boot(self: GuestInstance) -> None:
        self.machine.start()
        self.machine.power_on()
        assert ticks(self)

    monkeypatch.setattr(GuestInstance, "boot", boot)
    monkeypatch.setattr(saving, "prepare_for_save", lambda instance: ())
    monkeypatch.setattr(saving, "verify_guest_recovered", lambda instance, before: None)
    monkeypatch.setattr(
        launcher, "resume_clone", lambda instance, checkpoint: instance.machine.execute("cont")
    )
    return iter([None])


def test_a_cold_boot_saves_a_checkpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.start(cold=True) == "cold boot"
    assert bench.slot.count == 1
    assert [bench.start() for _ in range(2)] == [CLONE, CLONE]
    assert bench.slot.count == 3
    assert bench.start(cold=True) == "cold boot"
    assert bench.messages == ["checkpoint nothing@bare: none yet; booting cold once"]


@pytest.mark.parametrize(
    ("restarts", "description"),
    [(0, "cold boot"), (1, "cold boot, restarted once"), (2, "cold boot, restarted 2 times")],
)
def test_a_cold_boot_tells_of_restarts(restarts: int, description: str) -> None:
    instance = cast("GuestInstance", SimpleNamespace(restarts=restarts))
    assert launcher._describe_boot(instance) == description
    assert launcher._describe_boot(instance, "no clone") == f"{description}: no clone"


def test_the_first_clone_needs_a_cold_boot(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.start() == CLONE
    assert (bench.slot.count, bench.slot.failures) == (2, [False])


def test_another_process_finds_the_checkpoint(tmp_path: Path) -> None:
    Bench(tmp_path).start(cold=True)
    bench = Bench(tmp_path)
    bench.slot.count = 9
    assert bench.start() == CLONE
    assert bench.slot.count == 10


def test_the_next_host_clones_what_the_first_one_booted(tmp_path: Path) -> None:
    """With its own image at another path, and without a boot."""
    first = Bench(tmp_path / "a", shared=tmp_path)
    assert first.start() == CLONE
    second = Bench(tmp_path / "b", shared=tmp_path)
    description = second.start()
    assert description.startswith(f"{CLONE} from a shared cache, where ")
    assert second.slot.count == 1
    # The first host's files are no part of it, and QEMU changed none of its own.
    shutil.rmtree(tmp_path / "a")
    assert second.start() == description
    (note,) = (tmp_path / "b").glob("checkpoint-*")
    written = note.stat().st_mtime_ns
    assert second.start() == description
    assert note.stat().st_mtime_ns == written


def test_what_does_not_load_from_a_shared_cache_is_made_here(tmp_path: Path) -> None:
    """It is not taken again and again."""
    Bench(tmp_path / "a").start(cold=True)
    first = Bench(tmp_path / "a", shared=tmp_path)
    break_state(first.entry())
    assert first.checkpoints is not None, "expected a launcher with checkpoints"
    first.checkpoints.find(first.cell.id, first.launcher._inputs_of(first.cell, first.image))
    second = Bench(tmp_path / "b", shared=tmp_path)
    expected = "clone of a checkpoint (full migration): no shared memory: nothing@bare: loading"
    assert second.start().startswith(expected)
    assert any("taking it from the shared cache" in message for message in second.messages)


def test_without_checkpoints_all_boots_are_cold(tmp_path: Path) -> None:
    bench = Bench(tmp_path, cold=True)
    assert [bench.start(cold=cold) for cold in (False, True)] == ["cold boot", "cold boot"]
    assert not (tmp_path / "cache").exists()


def test_a_device_that_cannot_be_migrated_forces_cold_boots(tmp_path: Path) -> None:
    bench = Bench(tmp_path, machine="q35", devices={"disk": "nvme"})
    descriptions = [bench.start() for _ in range(2)]
    assert descriptions[0] == descriptions[1]
    assert descriptions[0].startswith("cold boot: no shared memory: ")
    assert "nvme" in descriptions[0]
    # Each start needs one machine: the first one is used although it could not be saved.
    assert bench.slot.count == 2
    assert bench.start(cold=True) == "cold boot"


def test_a_state_that_does_not_load_uses_the_next_mechanism(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.start(cold=True)
    break_state(bench.entry())
    description = bench.start()
    assert description.startswith(
        "clone of a checkpoint (full migration): no shared memory: nothing@bare: loading"
    )
    assert "does not load" in bench.messages[1]
    break_state(bench.entry())
    description = bench.start()
    assert description.startswith("cold boot: no shared memory: ")
    assert "; no full migration: nothing@bare: loading" in description
    assert bench.start() == description


def break_state(path: Path) -> None:
    """Truncate the state so that only QEMU notices it."""
    with (path / "state").open("r+b") as file:
        file.truncate(100)
    checkpoint = read_checkpoint(path)
    digests = {**checkpoint.digests, "state": sparse_digest(path / "state")}
    replace(checkpoint, digests=digests).write(path)


def test_a_full_disk_loses_the_checkpoint_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)

    def full(source: Path, target: Path) -> str:
        raise NoSpace(f"no room for a copy of {source.name}")

    with monkeypatch.context() as patch:
        patch.setattr(saving, "copy_sparse", full)
        assert bench.start() == "cold boot: no room for a copy of state"
    assert bench.messages[-1] == "checkpoint nothing@bare: not kept: no room for a copy of state"
    assert bench.start() == CLONE


def test_a_save_that_leaves_traces_loses_the_checkpoint_and_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)

    def harmed(instance: GuestInstance, before: object) -> None:
        raise CheckpointFault("the save made the guest complain: e1000: Reset adapter")

    with monkeypatch.context() as patch:
        patch.setattr(saving, "verify_guest_recovered", harmed)
        problem = "the save made the guest complain: e1000: Reset adapter"
        assert bench.start() == f"cold boot: {problem}"
        assert bench.start(cold=True) == "cold boot"
    # Checks do not get the machines that were saved.
    assert (bench.slot.count, bench.slot.failures) == (4, [False, False])
    assert bench.start() == CLONE


def test_a_boot_that_fails_leaves_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)

    def late(instance: GuestInstance) -> None:
        instance.machine.start()
        raise BootTimeout("too late")

    with monkeypatch.context() as patch:
        patch.setattr(GuestInstance, "boot", late)
        with pytest.raises(BootTimeout):
            bench.start()
    assert bench.slot.failures == [True]
    assert bench.start() == CLONE


@pytest.mark.parametrize("changed", ["image", "platform"])
def test_a_stale_checkpoint_is_not_used(tmp_path: Path, changed: str) -> None:
    Bench(tmp_path).start(cold=True)
    bench = Bench(tmp_path, memory="32M" if changed == "platform" else "16M")
    if changed == "image":
        bench.image = replace(bench.image, digest="sha256:1")
    assert bench.start() == CLONE
    assert bench.messages[0].startswith(
        f"checkpoint nothing@bare: booting cold once, since this changed: {changed} ("
    )
