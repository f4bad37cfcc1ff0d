"""A shared cache: entries are unpacked as they were published, and what is damaged is refused and replaced.

Each test runs on a directory, and by fsspec on a remote file system in memory and on one of files.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fixtures.media.shared_cache.manifest import Manifest, PackedFile, parse_manifest, render_manifest
from fixtures.media.shared_cache.shared_cache import origin_of
from suites.selftest.support.shared_cache_bench import (
    FORMS,
    KIND,
    SIZE,
    SharedBench,
    Wrapped,
    key_of,
)

SMALL = 100_123


@pytest.fixture(params=FORMS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> SharedBench:
    return SharedBench(request.param, tmp_path)


def test_an_entry_is_unpacked_as_it_was_published(bench: SharedBench) -> None:
    content = bench.publish(1)
    directory = bench.new_directory()
    origin = bench.cache.fetch(KIND, key_of(1), directory, "image 1")
    assert origin == origin_of(directory)
    assert origin is not None, "expected the entry that was published"
    assert origin.text().startswith("from a shared cache, where ")
    assert {name: (directory / name).read_bytes() for name in content} == content
    # The hole is neither stored nor unpacked.
    assert bench.manifest(1).stored < SIZE - (2 << 20)
    assert (directory / "disk").stat().st_blocks * 512 < SIZE - (2 << 20)


def test_what_is_not_there_leaves_no_trace(bench: SharedBench) -> None:
    assert bench.fetch(1) == (None, {})
    assert not bench.cache.has(KIND, key_of(1))
    assert (bench.messages, bench.files()) == ([], [])


def test_an_entry_is_published_once(bench: SharedBench) -> None:
    bench.publish(1, SMALL)
    before = bench.files()
    bench.publish(1, SMALL)
    assert bench.files() == before


def test_an_entry_is_known_by_its_kind_and_key(bench: SharedBench) -> None:
    bench.publish(1, SMALL)
    assert bench.cache.has(KIND, key_of(1))
    assert not bench.cache.has("checkpoints", key_of(1))
    assert bench.fetch(2) == (None, {})


Harm = Callable[[SharedBench, Manifest], None]


def _change_data(change: Callable[[bytes], bytes]) -> Harm:
    def harm(bench: SharedBench, manifest: Manifest) -> None:
        path = manifest.path_of(manifest.files[0])
        bench.write(path, change(bench.read(path)))

    return harm


def _change_manifest(change: Callable[[bytes], bytes]) -> Harm:
    def harm(bench: SharedBench, manifest: Manifest) -> None:
        del manifest
        bench.write(bench.paths(1).manifest, change(bench.read(bench.paths(1).manifest)))

    return harm


def _reseal(**changes: Any) -> Harm:
    def harm(bench: SharedBench, manifest: Manifest) -> None:
        bench.write(bench.paths(1).manifest, render_manifest(replace(manifest, **changes)))

    return harm


def _flip(data: bytes) -> bytes:
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


def _repack(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def harm(data: bytes) -> bytes:
        unpacked = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
        return zstandard.ZstdCompressor().compress(change(unpacked))

    return harm


def _remove_data(bench: SharedBench, manifest: Manifest) -> None:
    bench.place.remove(manifest.path_of(manifest.files[0]))


def _exchange(bench: SharedBench, manifest: Manifest) -> None:
    """Put the intact data of another entry in the place of this one's."""
    bench.publish(2, SMALL)
    other = bench.manifest(2)
    bench.write(manifest.path_of(manifest.files[0]), bench.read(other.path_of(other.files[0])))


def _copy_manifest(bench: SharedBench, manifest: Manifest) -> None:
    del manifest
    bench.publish(2, SMALL)
    bench.write(bench.paths(1).manifest, bench.read(bench.paths(2).manifest))


def _other_digest(text: bytes) -> bytes:
    return text.replace(b"sparse-sha256:", b"sparse-sha256:0", 1)


def _packed(name: str, size: int = 1) -> PackedFile:
    return PackedFile(name, size, "sparse-sha256:0", 1)


HARMS: dict[str, tuple[Harm, str]] = {
    "a changed byte": (_change_data(_flip), "disk is damaged"),
    "half-copied": (_change_data(lambda data: data[: len(data) // 2]), f"of {SMALL} bytes"),
    "empty": (_change_data(lambda data: b""), "disk is truncated: 0 of"),
    "no archive": (_change_data(lambda data: b"<html>404</html>" * 100), "disk is damaged or truncated"),
    "other content": (_change_data(_repack(_flip)), "disk is damaged: expected sparse-sha256"),
    "shorter content": (_change_data(_repack(lambda data: data[:-1])), f"{SMALL - 1} of {SMALL} bytes"),
    "a bomb": (_change_data(_repack(lambda data: data + bytes(64 << 20))), "holds more than its"),
    "no data": (_remove_data, "it has no file disk"),
    "another entry's data": (_exchange, "disk is damaged: expected sparse-sha256"),
    "half a manifest": (_change_manifest(lambda text: text[: len(text) // 2]), "incomplete or no manifest"),
    "an empty manifest": (_change_manifest(lambda text: b""), "incomplete or no manifest"),
    "bytes for a manifest": (_change_manifest(lambda text: bytes(range(256))), "incomplete or no manifest"),
    "a list for a manifest": (_change_manifest(lambda text: b"[]"), "incomplete or no manifest"),
    "a deep manifest": (_change_manifest(lambda text: b"[" * 100_000), "incomplete or no manifest"),
    "a changed digest": (_change_manifest(_other_digest), "not as its maker sealed it"),
    "another entry's manifest": (_copy_manifest, f"of another entry: {KIND} {key_of(2)[:12]}"),
    "another kind": (_reseal(kind="checkpoints"), "of another entry: checkpoints"),
    "a path out of it": (_reseal(files=(_packed("../../x"),)), "'../../x', which is no plain name"),
    "data elsewhere": (_reseal(data="../entries"), "'../entries', which is no plain name"),
    "one file twice": (_reseal(files=(_packed("a"), _packed("a"))), "of which some may be the same"),
    "no files": (_reseal(files=()), "lists 0 files"),
    "a negative size": (_reseal(files=(_packed("a", -1),)), "an impossible size"),
    "an endless file": (_reseal(files=(_packed("a", 1 << 50),)), "an impossible size"),
    "no time": (_reseal(published="soon"), "incomplete or no manifest"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_entry_is_refused_and_replaced(bench: SharedBench, harm: str) -> None:
    content = bench.publish(1, SMALL)
    change, reason = HARMS[harm]
    change(bench, bench.manifest(1))
    assert bench.fetch(1) == (None, {})
    message = bench.messages[-1]
    assert f"{bench.place.name}/{bench.paths(1).manifest} is refused" in message
    assert reason in message
    assert message.endswith("it is removed and made again")
    assert not bench.cache.has(KIND, key_of(1))
    bench.publish(1, SMALL)
    assert bench.fetch(1)[1] == content


def test_what_another_host_published_meanwhile_is_not_removed(bench: SharedBench) -> None:
    """Two hosts refuse a damaged entry; one of them has replaced it before the other removes it."""
    bench.publish(1, SMALL)
    text = bench.read(bench.paths(1).manifest)
    content = bench.publish(1, SMALL)

    class Late(Wrapped):
        """The place as a host sees it that read the manifest before it was replaced."""

        def read(self, path: str, limit: int) -> bytes:
            if path == bench.paths(1).manifest:
                return render_manifest(replace(parse_manifest(text, KIND, key_of(1)), data="old"))
            return self.place.read(path, limit)

    late = bench.cache_of(Late(bench.place))
    assert late.fetch(KIND, key_of(1), bench.new_directory(), "image 1") is None
    assert bench.messages[-1].endswith("another host has replaced it")
    assert bench.fetch(1)[1] == content


def test_with_a_secret_only_its_owners_make_entries(bench: SharedBench) -> None:
    """An intruder who can write there publishes an entry whose digests are all right."""
    bench.publish(1, SMALL)
    bench.place.secret = b"known to the fleet"
    assert bench.fetch(1) == (None, {})
    assert "is refused: its manifest is not as its maker sealed it" in bench.messages[-1]
    content = bench.publish(1, SMALL)
    assert bench.fetch(1)[1] == content
    forged = render_manifest(bench.manifest(1), b"guessed")
    bench.write(bench.paths(1).manifest, forged)
    assert bench.fetch(1) == (None, {})
    assert not bench.cache.has(KIND, key_of(1))


def test_a_host_without_the_secret_takes_and_removes_nothing(bench: SharedBench) -> None:
    bench.place.secret = b"known to the fleet"
    content = bench.publish(1, SMALL)
    bench.place.secret = b""
    assert bench.fetch(1) == (None, {})
    assert bench.messages[-1].endswith("sealed with a secret, which this host does not have")
    bench.publish(2, SMALL)
    bench.place.secret = b"known to the fleet"
    assert bench.fetch(1)[1] == content


def test_the_manifest_is_readable_json(bench: SharedBench) -> None:
    bench.publish(1, SMALL)
    data = json.loads(bench.read(bench.paths(1).manifest))
    assert (data["kind"], data["key"], data["label"]) == (KIND, key_of(1), "image 1")
    assert [(file["name"], file["size"]) for file in data["files"]][:1] == [("disk", SMALL)]
