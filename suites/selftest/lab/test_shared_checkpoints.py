"""Checkpoints in a shared cache: made by one host, adopted by the next, on the files that it has itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalog.login_specs import GENERATED_KEY
from fixtures.host.qemu import find_qemu_img
from fixtures.lab.checkpoints.checkpoint import Checkpoint, read_checkpoint, verify_checkpoint
from fixtures.lab.checkpoints.sharing import KIND, portable_inputs
from fixtures.lab.checkpoints.store import CheckpointStore
from fixtures.media.cache import cache_key
from fixtures.media.shared_cache.directory_place import DirectoryPlace
from fixtures.media.shared_cache.shared_cache import SharedCache
from fixtures.media.sparse_files import sparse_digest

CELL = "debian-12@q35"


def qemu_img(*arguments: str | Path) -> str:
    done = subprocess.run([find_qemu_img(), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def backing_of(path: Path) -> str:
    return str(json.loads(qemu_img("info", "-U", "--output=json", path)).get("backing-filename"))


class Host:
    """A host with its own cache, its own copy of the image, and a firmware that both hosts have."""

    def __init__(self, name: str, directory: Path) -> None:
        self.messages: list[str] = []
        self.made = 0
        self.directory = directory / name
        self.image = self.directory / "images" / "disk.qcow2"
        self.image.parent.mkdir(parents=True)
        qemu_img("create", "-q", "-f", "qcow2", self.image, "1M")
        self.firmware = directory / "firmware.qcow2"
        if not self.firmware.exists():
            qemu_img("create", "-q", "-f", "qcow2", self.firmware, "64K")
        (directory / "shared").mkdir(exist_ok=True)
        self.shared = SharedCache(DirectoryPlace(directory / "shared", "ironguest-1"), self.messages.append)
        self.runs = 0
        self.store = self.next_run()

    def next_run(self) -> CheckpointStore:
        """The store of another run on this host."""
        self.runs += 1
        work = self.directory / f"run-{self.runs}"
        work.mkdir()
        self.store = CheckpointStore(work, self.messages.append, self.directory / "cache", shared=self.shared)
        return self.store

    def inputs(self, **changes: Any) -> dict[str, Any]:
        inputs = {
            "image": ["sha256:1", str(self.image)],
            "QEMU": ["7.2", "package", "sha256:2"],
            "firmware": [[str(self.firmware), "sha256:3"]],
            "host": {"CPU": "Xeon", "CPU flags": "sha256:4"},
        }
        return {**inputs, **changes}

    def save(self, directory: Path, inputs: dict[str, Any]) -> None:
        """Save a small checkpoint, with the disks of a real one."""
        self.made += 1
        qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", self.image, directory / "root.qcow2")
        variables = directory / "variables.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", self.firmware, variables)
        (directory / "memory").write_bytes(b"memory" * 20_000)
        (directory / "state").write_bytes(b"state")
        digests = {file.name: sparse_digest(file) for file in directory.iterdir()}
        Checkpoint(CELL, "shared memory", (), 3, "2026-01-01T00:00:00+00:00", inputs, digests).write(
            directory
        )

    def use(self, **changes: Any) -> tuple[Path, Checkpoint]:
        """Find the checkpoint or make it, as a run does."""
        inputs = self.inputs(**changes)
        found = self.store.find(CELL, inputs)
        return found or self.store.make(CELL, inputs, lambda directory: self.save(directory, inputs))

    @property
    def shared_key(self) -> str:
        return cache_key(portable_inputs(self.inputs()))


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Host, Host]:
    return Host("a", tmp_path), Host("b", tmp_path)


def test_the_second_host_boots_nothing(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    first.use()
    path, checkpoint = second.use()
    assert (first.made, second.made) == (1, 0)
    assert checkpoint.origin.startswith("from a shared cache, where ")
    assert checkpoint.inputs == second.inputs()
    assert backing_of(path / "root.qcow2") == str(second.image)
    assert backing_of(path / "variables.qcow2") == str(second.firmware)
    assert (path / "memory").read_bytes() == b"memory" * 20_000
    # QEMU opens the memory file for writing.
    assert (path / "memory").stat().st_mode & 0o777 == 0o644
    verify_checkpoint(path)


def test_it_stays_adopted_in_the_next_run(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    first.use()
    adopted = second.use()
    second.shared.remove(KIND, second.shared_key)
    second.next_run()
    assert second.use() == adopted
    assert second.made == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"QEMU": ["7.2", "package", "sha256:other"]},
        {"QEMU": ["10.0", "package", "sha256:2"]},
        {"host": {"CPU": "Xeon", "CPU flags": "sha256:other"}},
        {"host": {"CPU": "EPYC", "CPU flags": "sha256:4"}},
        {"host": {"CPU": "Xeon", "CPU flags": "sha256:4", "kernel": "6.1"}},
        {"firmware": [["/usr/share/OVMF.fd", "sha256:other"]]},
        {"image": ["sha256:other", "/image"]},
    ],
)
def test_another_machine_makes_its_own(hosts: tuple[Host, Host], changes: dict[str, Any]) -> None:
    first, second = hosts
    first.use()
    second.use(**changes)
    assert second.made == 1


def test_a_guest_with_a_key_of_this_host_stays_here(hosts: tuple[Host, Host]) -> None:
    first, _ = hosts
    first.use(login=["serial", "root", None, GENERATED_KEY])
    assert first.shared.place.names("entries") == []


def test_what_a_host_has_is_published_in_its_next_run(hosts: tuple[Host, Host]) -> None:
    """Also what it made before there was a shared cache."""
    first, second = hosts
    first.use()
    first.shared.remove(KIND, first.shared_key)
    first.next_run()
    first.use()
    second.use()
    assert (first.made, second.made) == (1, 0)


def test_a_damaged_copy_is_taken_again(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    first.use()
    path, _ = second.use()
    (path / "memory").write_bytes(b"damaged")
    second.next_run()
    assert second.use()[0] == path
    assert (path / "memory").read_bytes() == b"memory" * 20_000
    assert second.made == 0


def test_one_that_does_not_load_is_made_here(hosts: tuple[Host, Host]) -> None:
    """Otherwise this host would take it again and again."""
    first, second = hosts
    first.use()
    second.use()
    second.store.forget(second.inputs())
    second.use()
    assert second.made == 1


Harm = Callable[[Host, Path, Checkpoint], Checkpoint]


def _other_inputs(host: Host, directory: Path, checkpoint: Checkpoint) -> Checkpoint:
    del directory
    return replace(checkpoint, inputs=host.inputs(QEMU=["9.0"]))


def _external_data(host: Host, directory: Path, checkpoint: Checkpoint) -> Checkpoint:
    """A disk that would have the guest read a file of the host."""
    root = directory / "root.qcow2"
    root.unlink()
    data = host.directory / "secret"
    options = f"data_file={data},backing_file={host.image},backing_fmt=qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, root)
    return replace(checkpoint, digests={**checkpoint.digests, "root.qcow2": sparse_digest(root)})


def _other_firmware(host: Host, directory: Path, checkpoint: Checkpoint) -> Checkpoint:
    variables = directory / "variables.qcow2"
    variables.unlink()
    qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", host.image, variables)
    return replace(checkpoint, digests={**checkpoint.digests, "variables.qcow2": sparse_digest(variables)})


def _changed_disk(host: Host, directory: Path, checkpoint: Checkpoint) -> Checkpoint:
    qemu_img("resize", "-q", directory / "root.qcow2", "2M")
    return checkpoint


def _no_disk(host: Host, directory: Path, checkpoint: Checkpoint) -> Checkpoint:
    (directory / "root.qcow2").write_bytes(b"no disk")
    digest = sparse_digest(directory / "root.qcow2")
    return replace(checkpoint, digests={**checkpoint.digests, "root.qcow2": digest})


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_other_inputs, "its inputs are not those of its key"),
        (_external_data, "root.qcow2 is no overlay with all its data in one file"),
        (_other_firmware, "variables.qcow2 is an overlay on"),
        (_changed_disk, "root.qcow2 is not as it was saved"),
        (_no_disk, "one of its disks cannot be used"),
    ],
)
def test_a_wrong_checkpoint_is_refused_and_made_again(
    hosts: tuple[Host, Host], harm: Harm, reason: str
) -> None:
    """It is published as it is, so that the digests of the shared cache are right."""
    first, second = hosts
    wrong = first.directory / "wrong"
    wrong.mkdir()
    first.save(wrong, first.inputs())
    harm(first, wrong, read_checkpoint(wrong)).write(wrong)
    first.shared.publish(KIND, first.shared_key, wrong.iterdir(), "wrong")
    path, checkpoint = second.use()
    assert (second.made, checkpoint.origin) == (1, "")
    (refusal,) = (message for message in second.messages if "is refused" in message)
    assert reason in refusal
    assert verify_checkpoint(path) == checkpoint
    third = Host("c", first.directory.parent)
    third.use()
    assert third.made == 0
