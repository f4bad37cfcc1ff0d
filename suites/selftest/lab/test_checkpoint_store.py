"""Checkpoints in the cache: verified, made again when damaged, locked while in use, evicted for disk space."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import NoSpace
from fixtures.lab.checkpoints.checkpoint import Checkpoint
from fixtures.lab.checkpoints.checkpoint_inputs import describe_changes
from fixtures.lab.checkpoints.store import LIMIT, CheckpointStore
from fixtures.media.sparse_files import sparse_digest
from suites.selftest.support.paths import ROOT

SIZE = 1 << 20
# A process that locks the checkpoint of {"a": 1} until it reads a line.
USER = """
import sys
from pathlib import Path
from fixtures.lab.checkpoints.store import CheckpointStore

store = CheckpointStore(Path(sys.argv[2]), print, Path(sys.argv[1]))
print("held" if store.find("cell", {"a": 1}) else "nothing", flush=True)
sys.stdin.readline()
"""


class Bench:
    """A checkpoint store in a directory of its own, and its progress messages."""

    def __init__(self, directory: Path, limit: int = LIMIT) -> None:
        self.messages: list[str] = []
        self.count = 0
        self.root = directory / "cache"
        self.work = directory / "work"
        self.work.mkdir(exist_ok=True)
        self.store = CheckpointStore(self.work, self.messages.append, self.root, limit)

    def make(self, inputs: dict[str, Any], cell: str = "cell") -> Path:
        def fill(directory: Path) -> None:
            self.count += 1
            memory = directory / "memory"
            memory.write_bytes(bytes(4096) + os.urandom(SIZE))
            digests = {"memory": sparse_digest(memory)}
            saved = f"2026-01-01T00:00:{self.count:02}+00:00"
            Checkpoint(cell, "shared memory", (), 3, saved, inputs, digests).write(directory)

        return self.store.make(cell, inputs, fill)[0]

    def another_run(self) -> Bench:
        """A store on the same cache in another run, which has not verified any checkpoint."""
        self.store.close()
        work = self.work / "next"
        work.mkdir()
        return Bench(work)._with_root(self.root)

    def _with_root(self, root: Path) -> Bench:
        self.store = CheckpointStore(self.work, self.messages.append, root)
        return self


def test_a_checkpoint_is_made_once_and_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.store.find("cell", {"a": 1}) is None
    path = bench.make({"a": 1})
    assert bench.make({"a": 1}) == path
    found = bench.store.find("cell", {"a": 1})
    assert found is not None
    assert (found[0], found[1].mechanism, found[1].commands) == (path, "shared memory", 3)
    assert bench.count == 1
    # QEMU opens the memory file for writing.
    assert (path / "memory").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["memory", "checkpoint.json"])
@pytest.mark.parametrize("harm", ["truncated", "changed", "gone"])
def test_a_damaged_checkpoint_is_reported_and_made_again(tmp_path: Path, name: str, harm: str) -> None:
    bench = Bench(tmp_path)
    path = bench.make({"a": 1}) / name
    content = path.read_bytes()
    damaged = {"truncated": content[: len(content) // 2], "changed": content[:-9] + b"y" + content[-8:]}
    path.unlink() if harm == "gone" else path.write_bytes(damaged[harm])
    later = bench.another_run()
    assert later.store.find("cell", {"a": 1}) is None
    assert "making it again" in later.messages[-1]
    assert str(path.parent) in later.messages[-1]
    assert later.make({"a": 1}).exists()
    assert later.store.find("cell", {"a": 1}) is not None


def test_a_checkpoint_is_verified_once_in_a_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = bench.make({"a": 1})
    before = (path / "memory").stat()
    (path / "memory").write_bytes(bytes(before.st_size))
    os.utime(path / "memory", ns=(before.st_atime_ns, before.st_mtime_ns))
    # This damage is hidden, so only the next run notices it.
    assert bench.store.find("cell", {"a": 1}) is not None
    assert bench.another_run().store.find("cell", {"a": 1}) is None


def test_a_changed_file_is_noticed_in_the_same_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = bench.make({"a": 1})
    with (path / "memory").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    assert bench.store.find("cell", {"a": 1}) is None
    assert "memory is damaged" in bench.messages[-1]


def test_changed_inputs_are_reported(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make({"QEMU": ["7.2", "a"], "image": "one"})
    assert bench.messages == ["checkpoint cell: none yet; booting cold once"]
    bench.make({"QEMU": ["8.0", "a"], "image": "two"}, cell="other")
    assert bench.messages[-1] == "checkpoint other: none yet; booting cold once"
    bench.make({"QEMU": ["8.0", "a"], "image": "one"})
    assert bench.messages[-1].endswith("since this changed: QEMU (7.2 -> 8.0)")


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a (1 -> 2)"]),
        ({"a": 1}, {}, ["a (1 -> None)"]),
        ({"a": ["x", "y"]}, {"a": ["y", "z"]}, ["a (x -> z)"]),
        ({"a": ["x"]}, {"a": ["x", "y"]}, ["a (nothing -> y)"]),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, ["a (1 -> 2)", "b (1 -> 2)"]),
    ],
)
def test_a_change_is_described(before: dict[str, Any], now: dict[str, Any], changes: list[str]) -> None:
    assert describe_changes(before, now) == changes


def test_a_long_change_is_shortened() -> None:
    (change,) = describe_changes({"a": ["x" * 500]}, {"a": []})
    assert len(change) < 150


def test_least_recently_used_checkpoints_are_evicted_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limit=3 * SIZE)
    paths = [bench.make({"a": number}) for number in range(2)]
    bench.store.close()
    for age, path in zip((10, 20), paths, strict=True):
        os.utime(path / "use", (1000 - age, 1000 - age))
    bench.make({"a": 2})
    assert [path.exists() for path in paths] == [True, False]


def test_a_checkpoint_that_another_process_uses_stays(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limit=SIZE)
    path = bench.make({"a": 1})
    bench.store.close()
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(bench.root), str(bench.work)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    assert user.stdout.readline() == "held\n"
    bench.make({"a": 2})
    assert path.exists()
    # The lock ends with its process, even if the process is killed.
    user.kill()
    user.communicate()
    bench.make({"a": 3})
    assert not path.exists()


def test_a_full_disk_leaves_no_checkpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def fill(directory: Path) -> None:
        (directory / "memory").write_bytes(b"half")
        raise NoSpace("no room")

    with pytest.raises(NoSpace):
        bench.store.make("cell", {"a": 1}, fill)
    assert [
        path.name for path in (bench.root / "checkpoints").iterdir() if not path.name.endswith("lock")
    ] == []
    assert bench.make({"a": 1}).exists()


def test_the_description_is_readable_json(tmp_path: Path) -> None:
    data = json.loads((Bench(tmp_path).make({"a": 1}) / "checkpoint.json").read_text())
    assert (data["cell"], data["inputs"], data["reasons"]) == ("cell", {"a": 1}, [])
