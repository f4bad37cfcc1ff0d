"""Where a shared cache may lie: what is refused before a run, and a server that only publishes files."""

from __future__ import annotations

import builtins
import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import HostFault
from fixtures.media.shared_cache.directory_place import DirectoryPlace
from fixtures.media.shared_cache.opening import open_shared_cache
from fixtures.media.shared_cache.remote_place import RemotePlace
from fixtures.media.shared_cache.shared_cache import LIMIT, SharedCache
from suites.selftest.support.machine_sample import no_progress
from suites.selftest.support.publishing_server import Handler, PublishingServer, says, truncates
from suites.selftest.support.shared_cache_bench import (
    KIND,
    NAME,
    SharedBench,
    content_of,
    key_of,
    write_content,
)


def opened(location: str | None, **environment: str) -> SharedCache | None:
    return open_shared_cache(location, no_progress, environment=environment)


def test_without_a_name_there_is_none() -> None:
    assert opened(None) is None


def test_the_environment_names_it_and_its_limit(tmp_path: Path) -> None:
    cache = opened(None, IRONGUEST_SHARED_CACHE=str(tmp_path), IRONGUEST_SHARED_CACHE_LIMIT="3G")
    assert cache is not None, "expected a shared cache"
    assert (cache.place.name, cache.limit, cache.place.secret) == (f"{tmp_path}/{NAME}", 3 << 30, b"")
    cache = opened(str(tmp_path), IRONGUEST_SHARED_CACHE_SECRET="secret")
    assert cache is not None, "expected a shared cache"
    assert cache.place.secret == b"secret"
    other = tmp_path / "other"
    other.mkdir()
    cache = opened(str(other), IRONGUEST_SHARED_CACHE=str(tmp_path))
    assert cache is not None, "expected a shared cache"
    assert (cache.place.name, cache.limit) == (f"{other}/{NAME}", LIMIT)


@pytest.mark.parametrize(
    ("location", "limit", "message"),
    [
        ("/nowhere", "", "the shared cache /nowhere: expected a directory, found none; is it mounted?"),
        ("gopher://u:secret@host/x", "", "the shared cache gopher://host/x: Protocol not known: gopher"),
        (".", "much", "the limit of the shared cache, 'much': expected a size with its unit"),
    ],
)
def test_what_cannot_be_used_is_an_error_before_anything_boots(
    location: str, limit: str, message: str
) -> None:
    with pytest.raises(HostFault) as raised:
        opened(location, IRONGUEST_SHARED_CACHE_LIMIT=limit)
    assert raised.value.message.startswith(message)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_fsspec(name: str, *arguments: Any) -> Any:
        if name == "fsspec":
            raise ImportError("No module named 'fsspec'")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_fsspec)
    with pytest.raises(HostFault) as raised:
        opened("s3://bucket/cache")
    assert "needs the Python package fsspec, which is not installed: pip install" in raised.value.message


def test_a_missing_package_of_a_protocol_is_named() -> None:
    assert "s3fs" not in sys.modules, "expected a test environment without s3fs"
    with pytest.raises(HostFault, match=r"the shared cache s3://bucket/cache: Install s3fs"):
        opened("s3://bucket/cache")


def test_a_directory_needs_no_optional_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert opened(str(tmp_path)) is not None, "expected a shared cache in the directory"


def test_offline_a_directory_is_used_and_a_url_is_not(tmp_path: Path) -> None:
    messages: list[str] = []
    cache = open_shared_cache(str(tmp_path), messages.append, offline=True, environment={})
    assert cache is not None, "expected a shared cache in the directory"
    assert open_shared_cache("memory://x", messages.append, offline=True, environment={}) is None
    assert messages == ["shared cache: offline, its URL is not used"]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links_will_do(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    place = DirectoryPlace(tmp_path, NAME)
    assert place.publish("entries/a", b"first")
    assert not place.publish("entries/a", b"second")
    assert place.read("entries/a", 100) == b"first"
    assert place.names("entries") == ["a"]
    assert place.names("partial") == []


def test_a_lost_reply_of_the_server_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An NFS client that asks again for a link finds it made, and reports that the name is taken."""
    real = Path.hardlink_to

    def twice(self: Path, target: Path) -> None:
        real(self, target)
        real(self, target)

    monkeypatch.setattr(Path, "hardlink_to", twice)
    place = DirectoryPlace(tmp_path, NAME)
    assert place.publish("entries/a", b"first")
    assert not place.publish("entries/a", b"second")


class Mirror:
    """An HTTP server with the files of a shared cache, and a host that takes from it."""

    def __init__(self, server: PublishingServer, directory: Path) -> None:
        self.server = server
        self.bench = SharedBench("directory", directory)
        self.messages = self.bench.messages
        self.cache = SharedCache(RemotePlace(server.url("/cache"), NAME), self.messages.append)

    def publish(self, number: int) -> dict[str, bytes]:
        content = self.bench.publish(number)
        for path in self.bench.files():
            self.server.files[f"/cache/{NAME}/{path}"] = self.bench.read(path)
        return content

    def fetch(self, number: int) -> dict[str, bytes]:
        directory = self.bench.new_directory()
        self.cache.fetch(KIND, key_of(number), directory, f"image {number}")
        return content_of(directory)


@pytest.fixture
def mirror(server: PublishingServer, tmp_path: Path) -> Mirror:
    return Mirror(server, tmp_path)


def test_a_server_that_only_publishes(mirror: Mirror) -> None:
    content = mirror.publish(1)
    assert mirror.fetch(1) == content
    assert mirror.cache.has(KIND, key_of(1))
    assert mirror.fetch(2) == {}
    assert not mirror.cache.has(KIND, key_of(2))


def test_nothing_is_published_there(mirror: Mirror) -> None:
    files = write_content(mirror.bench.new_directory(), key_of(3))
    mirror.cache.publish(KIND, key_of(3), files, "image 3")
    assert "image 3: not published in the shared cache" in mirror.messages[-1]


def test_a_poisoned_entry_of_the_server_is_refused(mirror: Mirror) -> None:
    mirror.publish(1)
    (path,) = (path for path in mirror.server.files if path.endswith("disk.zst"))
    mirror.server.files[path] = mirror.server.files[path][:-10] + b"0123456789"
    assert mirror.fetch(1) == {}
    assert "is refused: disk is damaged" in mirror.messages[-1]
    assert "it cannot be removed" in mirror.messages[-1]
    assert mirror.messages[-1].endswith("it is made here")


def honest(handler: Handler) -> None:
    handler.serve(handler.server.files[handler.path])


def cut(handler: Handler) -> None:
    truncates(100, handler.server.files[handler.path])(handler)


@pytest.mark.parametrize("request_number", range(6))
def test_a_connection_that_is_cut_accuses_no_entry(mirror: Mirror, request_number: int) -> None:
    content = mirror.publish(1)
    mirror.server.answers += [*[honest] * request_number, cut]
    assert mirror.fetch(1) in ({}, content)
    assert not any("is refused" in message for message in mirror.messages)
    mirror.server.answers.clear()
    assert mirror.fetch(1) == content


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_server_that_refuses_is_named(mirror: Mirror, status: int) -> None:
    mirror.publish(1)
    mirror.server.answers += [says(status, {}, b"")] * 9
    assert mirror.fetch(1) == {}
    assert mirror.messages[-1].startswith("image 1: the shared cache cannot be asked: http://127.0.0.1:")
    assert f"{status}" in mirror.messages[-1]


def test_a_server_that_is_away_ends_no_run(mirror: Mirror) -> None:
    mirror.publish(1)
    mirror.server.shutdown()
    mirror.server.server_close()
    assert mirror.fetch(1) == {}
    assert mirror.messages[-1].startswith("image 1: the shared cache cannot be asked: http://127.0.0.1:")
    assert not mirror.cache.has(KIND, key_of(1))
