"""A shared cache whose place cuts transfers off, gives less than was asked for, or fails.

Each test runs on a directory, and by fsspec on a remote file system in memory and on one of files.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fixtures.core.errors import PlaceFailed
from fixtures.media.shared_cache.place import Place
from fixtures.media.shared_cache.shared_cache import origin_of
from suites.selftest.support.shared_cache_bench import (
    FORMS,
    KIND,
    SharedBench,
    Wrapped,
    key_of,
    write_content,
)

SMALL = 100_123


@pytest.fixture(params=FORMS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> SharedBench:
    return SharedBench(request.param, tmp_path)


def test_a_transfer_that_was_cut_off_is_tried_again(bench: SharedBench) -> None:
    content = bench.publish(1, SMALL)

    class Flaky(Wrapped):
        cuts = 1

        @contextlib.contextmanager
        def open(self, path: str) -> Iterator[BinaryIO]:
            with self.place.open(path) as file:
                self.cuts -= 1
                yield file if self.cuts < 0 else io.BytesIO(file.read(1000))

    directory = bench.new_directory()
    origin = bench.cache_of(Flaky(bench.place)).fetch(KIND, key_of(1), directory, "image 1")
    assert origin == origin_of(directory)
    assert (directory / "disk").read_bytes() == content["disk"]
    assert not any("refused" in message for message in bench.messages)


def test_a_stream_gives_less_than_was_asked_for(bench: SharedBench) -> None:
    content = bench.publish(1, SMALL)

    class Drip(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 999))

    class Slow(Wrapped):
        read = Place.read

        @contextlib.contextmanager
        def open(self, path: str) -> Iterator[BinaryIO]:
            with self.place.open(path) as file:
                yield Drip(file.read())

    directory = bench.new_directory()
    origin = bench.cache_of(Slow(bench.place)).fetch(KIND, key_of(1), directory, "image 1")
    assert origin == origin_of(directory)
    assert (directory / "disk").read_bytes() == content["disk"]


def test_a_place_that_fails_ends_no_run(bench: SharedBench) -> None:
    bench.publish(1, SMALL)
    before = bench.files()

    class Broken(Wrapped):
        @contextlib.contextmanager
        def open(self, path: str) -> Iterator[BinaryIO]:
            with self._named_failures(path):
                raise ConnectionResetError(104, "Connection reset by peer")
            yield io.BytesIO()

        def create(self, path: str) -> Any:
            return self.open(path)

    broken = bench.cache_of(Broken(bench.place))
    directory = bench.new_directory()
    assert broken.fetch(KIND, key_of(1), directory, "image 1") is None
    assert bench.messages[-1].startswith("image 1: not taken from the shared cache: ")
    assert bench.messages[-1].endswith("disk.zst: Connection reset by peer")
    assert list(directory.iterdir()) == []
    broken.publish(KIND, key_of(2), write_content(directory, key_of(2)), "image 2")
    assert bench.messages[-1].startswith("image 2: not published in the shared cache: ")
    assert bench.files() == before


def test_an_interrupted_publication_leaves_nothing(bench: SharedBench) -> None:
    class Interrupted(Wrapped):
        def publish(self, path: str, data: bytes) -> bool:
            raise KeyboardInterrupt

    files = write_content(bench.new_directory(), key_of(1))
    with pytest.raises(KeyboardInterrupt):
        bench.cache_of(Interrupted(bench.place)).publish(KIND, key_of(1), files, "image 1")
    assert [path for path in bench.files() if path.startswith("data/")] == []
    assert bench.fetch(1) == (None, {})


def test_a_failure_names_the_place_and_the_file(bench: SharedBench) -> None:
    with pytest.raises(PlaceFailed, match=r"ironguest-1/entries/nothing: does not exist"):
        bench.place.read("entries/nothing", 1)
