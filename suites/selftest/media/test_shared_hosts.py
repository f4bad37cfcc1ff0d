"""Processes that share a cache: they write at once, are killed at any step, and find disks full or read-only."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from fixtures.core.errors import NoSpace
from fixtures.media.shared_cache.directory_place import DirectoryPlace
from fixtures.media.shared_cache.entry_paths import all_entries
from fixtures.media.shared_cache.shared_cache import SharedCache
from suites.selftest.support.paths import ROOT
from suites.selftest.support.shared_cache_bench import (
    KIND,
    NAME,
    SharedBench,
    content_of,
    key_of,
    write_content,
)

SMALL = 200_000
# A process is killed before one of these calls of the C library's functions, or of those on open files.
STEPS = {
    *("write", "flush", "fsync", "close", "link", "rename", "unlink", "rmdir", "mkdir", "utime"),
}


def child(act: Callable[[], None], *, killed_at: int | None = None) -> int:
    """The number of a new process that does ``act``. It is killed before the step ``killed_at``."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        if killed_at is not None:
            _kill_at(killed_at)
        act()
        status = 0
    finally:
        # Without the clean-up of pytest, which is the parent's.
        os._exit(status)


def _kill_at(step: int) -> None:
    count = 0

    def watch(frame: FrameType, event: str, called: object) -> None:
        nonlocal count
        del frame
        if event == "c_call" and getattr(called, "__name__", "") in STEPS:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def ended(process: int) -> int:
    """The exit status of a process, or its signal as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def refusals(bench: SharedBench) -> list[str]:
    return [message for message in bench.messages if "refused" in message]


def test_a_writer_may_be_killed_at_any_step(tmp_path: Path) -> None:
    """The entry is there as a whole, or not at all, and the next writer publishes it."""
    bench = SharedBench("directory", tmp_path)
    files = write_content(bench.new_directory(), key_of(1), SMALL)
    expected = content_of(files[0].parent)
    statuses = set()
    for step in range(1, 500):
        bench.cache.remove(KIND, key_of(1))
        status = ended(child(lambda: bench.cache.publish(KIND, key_of(1), files, "1"), killed_at=step))
        statuses.add(status)
        origin, content = bench.fetch(1)
        assert content == ({} if origin is None else expected), f"killed at step {step}"
        if status == 0:
            break
    bench.cache.publish(KIND, key_of(1), files, "1")
    assert bench.fetch(1)[1] == expected
    assert statuses == {0, -signal.SIGKILL}
    assert refusals(bench) == []


def test_an_eviction_may_be_killed_at_any_step(tmp_path: Path) -> None:
    """The entry is usable or gone, and never half gone."""
    bench = SharedBench("directory", tmp_path, limit=SMALL, grace=0.0)
    statuses = set()
    for step in range(1, 500):
        bench.cache.remove(KIND, key_of(1))
        expected = bench.publish(1, SMALL // 2)
        bench.age(bench.paths(1).used, 10.0)
        status = ended(child(lambda: bench.cache.eviction.make_room(SMALL) and None, killed_at=step))
        statuses.add(status)
        origin, content = bench.fetch(1)
        assert content == ({} if origin is None else expected), f"killed at step {step}"
        if status == 0:
            break
    assert statuses == {0, -signal.SIGKILL}
    assert refusals(bench) == []


@pytest.mark.parametrize("seed", range(3))
def test_many_hosts_at_once_of_which_some_are_killed(tmp_path: Path, seed: int) -> None:
    """They publish, take and evict the same entries. No content is wrong, and no entry is refused."""
    bench = SharedBench("directory", tmp_path, limit=4 * SMALL, grace=0.0)
    numbers = range(6)
    for number in numbers:
        write_content(tmp_path / f"made-{number}", key_of(number), SMALL)
    chance = random.Random(seed)

    def host(own: random.Random) -> None:
        messages: list[str] = []
        cache = SharedCache(bench.place, messages.append, 4 * SMALL, grace=0.0)
        for count in range(15):
            number = own.choice(numbers)
            made = tmp_path / f"made-{number}"
            directory = tmp_path / f"taken-{os.getpid()}-{count}"
            directory.mkdir()
            if cache.fetch(KIND, key_of(number), directory, str(number)) is not None:
                assert content_of(directory) == content_of(made), f"wrong content of {number}"
            else:
                cache.publish(KIND, key_of(number), sorted(made.iterdir()), str(number))
        assert [message for message in messages if "refused" in message] == [], "an intact entry was refused"

    ends = [None, None, None, 40, 40, 150, 150, 400]
    chance.shuffle(ends)
    hosts = [child(partial(host, random.Random(chance.random())), killed_at=end) for end in ends]
    statuses = [ended(process) for process in hosts]
    assert set(statuses) == {0, -signal.SIGKILL}, f"statuses: {statuses}"
    for paths in list(all_entries(bench.place)):
        manifest = bench.manifest(next(number for number in numbers if key_of(number) == paths.key))
        assert bench.cache.defect(manifest) == ""


def test_a_full_disk_leaves_no_entry(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails in the middle."""
    bench = SharedBench("directory", tmp_path)
    files = write_content(bench.new_directory(), key_of(1), SMALL)

    def publish() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL // 2, SMALL // 2))
        bench.cache.publish(KIND, key_of(1), files, "image 1")
        (message,) = (message for message in bench.messages if "not published" in message)
        assert message.endswith("disk.zst: File too large"), message

    assert ended(child(publish)) == 0
    assert [path for path in bench.files() if not path.endswith(".used")] == []
    assert bench.fetch(1)[0] is None


# Two hosts, whose mounts of one file system are at different places; later the second one may only read.
MOUNTS = """
set -eu
mkdir "$1/server" "$1/a" "$1/b" "$1/small"
mount -t tmpfs -o size=1m,mode=777 none "$1/server"
mount --bind "$1/server" "$1/a"
mount --bind "$1/server" "$1/b"
mount -t tmpfs -o size=64k,mode=777 none "$1/small"
exec "$2" -m suites.selftest.media.test_shared_hosts "$1"
"""


def in_namespace() -> list[str]:
    """The start of a command in a mount namespace of its own, as root there."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


def test_two_hosts_with_mounts_of_their_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [*in_namespace(), "sh", "-c", MOUNTS, "sh", tmp_path, sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    shown = done.stdout.replace(str(tmp_path), "").replace("/ironguest-1/", "/").replace(key_of(1), "KEY")
    shown = re.sub(r"(?<=data/)[0-9a-f]{32}|(?<=sparse-sha256:)[0-9a-f]{64}", "X", shown)
    entry = f"entries/{KIND}/KEY.json"
    damaged = "disk is damaged: expected sparse-sha256:X, found sparse-sha256:X"
    cannot = f"it cannot be removed (/b/{entry}: Read-only file system); it is made here"
    assert [line for line in shown.splitlines() if "ing it " not in line] == [
        "b takes 1: intact",
        "image 2: not published in the shared cache: /a/data/X/disk.zst: No space left on device",
        "b takes 2: nothing",
        "b takes 1: intact",
        "image 3: not published in the shared cache: /b/data/X/disk.zst: Read-only file system",
        f"image 1: the shared entry /b/{entry} is refused: {damaged}; {cannot}",
        "b takes 1: nothing",
        f"image 1: the shared entry /a/{entry} is refused: {damaged}; it is removed and made again",
        "a takes 1: nothing",
        "b takes 1 to a full disk: no space to unpack an entry of the shared cache: /small/disk",
    ]


def main(directory: Path) -> None:
    """What the hosts do in their namespace, in turns; it prints the messages of their caches."""
    hosts = {name: SharedCache(DirectoryPlace(directory / name, NAME), print) for name in "ab"}
    made = {number: directory / f"made-{number}" for number in (1, 2, 3)}
    for number, size in ((1, SMALL), (2, 10 * SMALL), (3, 1000)):
        write_content(made[number], key_of(number), size)

    def publish(name: str, number: int) -> None:
        files = sorted(made[number].iterdir())
        hosts[name].publish(KIND, key_of(number), files, f"image {number}")

    def take(name: str, number: int) -> None:
        own = Path(tempfile.mkdtemp(dir=directory))
        origin = hosts[name].fetch(KIND, key_of(number), own, f"image {number}")
        is_intact = content_of(own) == ({} if origin is None else content_of(made[number]))
        outcome = "nothing" if origin is None else "intact"
        print(f"{name} takes {number}: {outcome if is_intact else 'WRONG'}")

    publish("a", 1)
    take("b", 1)
    publish("a", 2)
    take("b", 2)
    subprocess.run(["mount", "-o", "remount,bind,ro", directory / "b"], check=True)
    take("b", 1)
    publish("b", 3)
    (disk,) = (directory / "a").rglob("disk.zst")
    with disk.open("r+b") as file:
        file.seek(SMALL // 2)
        file.write(b"poison")
    take("b", 1)
    take("a", 1)
    publish("a", 1)
    try:
        hosts["b"].fetch(KIND, key_of(1), directory / "small", "image 1")
    except NoSpace as error:
        print(f"b takes 1 to a full disk: {error.message}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
