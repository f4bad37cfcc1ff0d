"""A shared cache for tests, in a directory or by fsspec, with entries whose content follows from their keys."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.media.shared_cache.directory_place import DirectoryPlace
from fixtures.media.shared_cache.entry_paths import EntryPaths
from fixtures.media.shared_cache.manifest import Manifest, parse_manifest
from fixtures.media.shared_cache.place import Place
from fixtures.media.shared_cache.remote_place import RemotePlace
from fixtures.media.shared_cache.shared_cache import Origin, SharedCache

# A directory, and by fsspec a remote file system in memory and one of files.
FORMS = ("directory", "memory", "file")
KIND = "images"
NAME = "ironguest-1"
# A file that is no multiple of a block, with a hole in it, larger than what is packed at once.
SIZE = (5 << 20) + 123
HOLE = (1 << 20, 4 << 20)


def key_of(number: int) -> str:
    """The key of the entry ``number``."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def write_content(directory: Path, key: str, size: int = SIZE) -> list[Path]:
    """The files of an entry: a disk that does not compress, with a hole, and a short description."""
    directory.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(int(key, 16)).bytes(size)
    with (directory / "disk").open("wb") as disk:
        disk.write(data[: HOLE[0]])
        disk.truncate(size)
        if size > HOLE[1]:
            disk.seek(HOLE[1])
            disk.write(data[HOLE[1] :])
    (directory / "image.json").write_text(f'{{"key": "{key}"}}\n')
    return sorted(directory.iterdir())


def content_of(directory: Path) -> dict[str, bytes]:
    """The content of an entry's files, without the file that says where it is from."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "origin.json"}


class SharedBench:
    """A shared cache of ``form``: a directory, or fsspec's ``memory`` or ``file``.

    Its files can be changed behind its back.
    """

    def __init__(self, form: str, directory: Path, **options: Any) -> None:
        self.directory = directory
        self.messages: list[str] = []
        self._options = options
        shared = directory / "shared"
        shared.mkdir(exist_ok=True)
        self.place: Place
        if form == "directory":
            self.place = DirectoryPlace(shared, NAME)
        else:
            # The memory of fsspec is one for the whole process.
            url = f"file://{shared}" if form == "file" else f"memory://{directory.name}-{os.getpid()}"
            self.place = RemotePlace(url, NAME)
        self._count = 0
        self.cache = self.cache_of(self.place)

    def cache_of(self, place: Place) -> SharedCache:
        """The cache as another host has it, at ``place``."""
        return SharedCache(place, self.messages.append, **self._options)

    def new_directory(self) -> Path:
        """A new empty directory."""
        self._count += 1
        path = self.directory / f"host-{os.getpid()}-{self._count}"
        path.mkdir()
        return path

    def publish(self, number: int, size: int = SIZE) -> dict[str, bytes]:
        """Publish the entry ``number``; returns its content."""
        directory = self.new_directory()
        files = write_content(directory, key_of(number), size)
        self.cache.publish(KIND, key_of(number), files, f"image {number}")
        return content_of(directory)

    def fetch(self, number: int) -> tuple[Origin | None, dict[str, bytes]]:
        """Fetch the entry ``number``: its origin and its content."""
        directory = self.new_directory()
        origin = self.cache.fetch(KIND, key_of(number), directory, f"image {number}")
        return origin, content_of(directory)

    def paths(self, number: int) -> EntryPaths:
        """The paths of the entry ``number``."""
        return EntryPaths(KIND, key_of(number))

    def manifest(self, number: int) -> Manifest:
        """The manifest of the entry ``number``."""
        text = self.read(self.paths(number).manifest)
        return parse_manifest(text, KIND, key_of(number), self.place.secret)

    def read(self, path: str) -> bytes:
        """The content of a file of the place."""
        return self.place.read(path, 1 << 30)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file of the place."""
        self.place.remove(path)
        with self.place.create(path) as file:
            file.write(data)

    def age(self, path: str, seconds: float) -> None:
        """Make a file of the place older by ``seconds``."""
        modified = self.place.modified(path)
        assert modified is not None, f"expected a file {path} in the place, found none"
        if isinstance(self.place, RemotePlace) and "memory" in self.place.name:
            store = self.place._files.store
            file = store[self.place._at(path)]
            file.modified = datetime.fromtimestamp(modified, UTC) - timedelta(seconds=seconds)
        else:
            file_path = self.directory / "shared" / NAME / path
            os.utime(file_path, (modified - seconds, modified - seconds))

    def files(self) -> list[str]:
        """All files of the place but its clock."""
        found = [f"{top}/{name}" for top in ("hidden", "partial") for name in self.place.names(top)]
        for top in ("data", "entries"):
            for name in self.place.names(top):
                found += [f"{top}/{name}/{file}" for file in self.place.names(f"{top}/{name}")]
        return found


class Wrapped(Place):
    """A place that passes everything to another one."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.name, (OSError,))
        self.place = place

    def read(self, path: str, limit: int) -> bytes:
        return self.place.read(path, limit)

    def open(self, path: str) -> Any:
        return self.place.open(path)

    def create(self, path: str) -> Any:
        return self.place.create(path)

    def publish(self, path: str, data: bytes) -> bool:
        return self.place.publish(path, data)

    def move(self, path: str, target: str) -> bool:
        return self.place.move(path, target)

    def remove(self, path: str) -> None:
        self.place.remove(path)

    def names(self, directory: str) -> list[str]:
        return self.place.names(directory)

    def touch(self, path: str) -> None:
        self.place.touch(path)

    def modified(self, path: str) -> float | None:
        return self.place.modified(path)
