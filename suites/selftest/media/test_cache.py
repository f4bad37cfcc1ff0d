"""The cache: an entry is built once, appears only when complete, and a killed builder is replaced."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.core.errors import HostFault, MediaFault
from fixtures.media.cache import Cache, cache_key, cache_root, remove_tree
from suites.selftest.support.homeless_user import NUMBER_WITHOUT_NAME, Homeless
from suites.selftest.support.paths import ROOT

# Builds entry "k": prints "building" while it holds the lock, and continues after a line on stdin.
BUILDER_PROGRAM = """
import sys
from pathlib import Path
from fixtures.media.cache import Cache

def build(directory):
    (directory / "half").write_text("x")
    print("building", flush=True)
    sys.stdin.readline()
    (directory / "whole").write_text(sys.argv[2])

path = Cache("kind", Path(sys.argv[1])).entry("k", build, "it", lambda line: print(line, flush=True))
print((path / "whole").read_text(), flush=True)
"""


def quiet(line: str) -> None:
    del line


def start_builder(root: Path, content: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER_PROGRAM, str(root), content],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_an_entry_is_built_once_and_is_read_only(tmp_path: Path) -> None:
    built = []

    def build(directory: Path) -> None:
        built.append(directory)
        (directory / "disk").write_bytes(b"content")

    cache = Cache("kind", tmp_path)
    first = cache.entry("k", build, "it", quiet)
    assert cache.entry("k", build, "it", quiet) == first == tmp_path / "kind/k"
    assert len(built) == 1
    assert stat.S_IMODE((first / "disk").stat().st_mode) == 0o444
    assert sorted(path.name for path in (tmp_path / "kind").iterdir()) in (["k", "k.lock"], ["k"])


def test_a_second_process_waits_for_the_entry(tmp_path: Path) -> None:
    with start_builder(tmp_path, "first") as first:
        assert next_line(first) == "building"
        with start_builder(tmp_path, "second") as second:
            assert next_line(second) == "it: another process prepares it; waiting for it"
            first.communicate("go\n")
            assert second.communicate()[0].strip() == "first"
    assert (first.returncode, second.returncode) == (0, 0)


def test_the_next_process_takes_over_from_a_killed_builder(tmp_path: Path) -> None:
    with start_builder(tmp_path, "first") as first:
        assert next_line(first) == "building"
        with start_builder(tmp_path, "second") as second:
            assert next_line(second).endswith("waiting for it")
            first.kill()
            assert next_line(second) == "building"
            assert second.communicate("go\n")[0].strip() == "second"
    path = tmp_path / "kind/k"
    assert sorted(file.name for file in path.iterdir()) == ["half", "whole"]
    assert not list((tmp_path / "kind").glob(".*"))


def test_the_partial_entry_of_a_killed_builder_is_not_used(tmp_path: Path) -> None:
    with start_builder(tmp_path, "first") as first:
        assert next_line(first) == "building"
        first.kill()
    assert [path.name for path in (tmp_path / "kind").glob(".*")] == [".k.partial"]
    path = Cache("kind", tmp_path).entry("k", lambda entry: (entry / "new").touch(), "it", quiet)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert not list((tmp_path / "kind").glob(".*"))


def test_building_another_entry_removes_abandoned_partial_entries(tmp_path: Path) -> None:
    with start_builder(tmp_path, "first") as first:
        assert next_line(first) == "building"
        Cache("kind", tmp_path).entry("other", lambda entry: (entry / "new").touch(), "it", quiet)
        assert [path.name for path in (tmp_path / "kind").glob(".*")] == [".k.partial"]
        first.kill()
    Cache("kind", tmp_path).entry("another", lambda entry: (entry / "new").touch(), "it", quiet)
    assert not list((tmp_path / "kind").glob(".*"))


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def build(directory: Path) -> None:
        (directory / "half").touch()
        raise MediaFault("no")

    cache = Cache("kind", tmp_path)
    with pytest.raises(MediaFault, match="no"):
        cache.entry("k", build, "it", quiet)
    assert [path for path in (tmp_path / "kind").iterdir() if path.suffix != ".lock"] == []
    assert cache.entry("k", lambda entry: (entry / "new").touch(), "it", quiet).is_dir()


def test_an_evicted_entry_is_built_again(tmp_path: Path) -> None:
    cache = Cache("kind", tmp_path)
    cache.entry("k", lambda entry: (entry / "one").touch(), "it", quiet)
    cache.evict("k")
    cache.evict("k")
    path = cache.entry("k", lambda entry: (entry / "two").touch(), "it", quiet)
    assert [file.name for file in path.iterdir()] == ["two"]


def test_entries_of_different_keys_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with start_builder(tmp_path, "first") as first:
        assert next_line(first) == "building"
        path = Cache("kind", tmp_path).entry("other", lambda entry: (entry / "x").touch(), "it", quiet)
        assert path.name == "other"
        first.communicate("go\n")


def test_a_cache_directory_that_cannot_be_created_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostFault, match=r"cannot be created: .*set XDG_CACHE_HOME"):
        Cache("kind", tmp_path / "file")


def test_the_cache_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_root() == Path("/c/ironguest")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/h")
    assert cache_root() == Path("/h/.cache/ironguest")


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory where every user can create files, like /tmp. pytest's own directories are private."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o1777)
        yield Path(directory)


def test_a_user_without_a_home_directory_has_a_private_cache(
    homeless_user: Homeless, public_directory: Path
) -> None:
    root = public_directory / f"ironguest-cache-{NUMBER_WITHOUT_NAME}"
    assert homeless_user(cache_root, public_directory) == root
    assert (root.stat().st_uid, stat.S_IMODE(root.stat().st_mode)) == (NUMBER_WITHOUT_NAME, 0o700)
    # The second call finds the directory of the first one.
    assert homeless_user(cache_root, public_directory) == root


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("of another user", "is not a directory that only this user can change"),
        ("writable for all", "is not a directory that only this user can change"),
        ("link", "is not a directory that only this user can change"),
        ("file", "cannot be created: File exists"),
    ],
)
def test_a_cache_that_others_can_change_is_refused(
    homeless_user: Homeless, public_directory: Path, kind: str, message: str
) -> None:
    root = public_directory / f"ironguest-cache-{NUMBER_WITHOUT_NAME}"
    if kind == "link":
        root.symlink_to(public_directory)
    elif kind == "file":
        root.touch()
    else:
        root.mkdir()
    if kind == "writable for all":
        root.chmod(0o777)
    if kind != "of another user":
        os.chown(root, NUMBER_WITHOUT_NAME, NUMBER_WITHOUT_NAME, follow_symlinks=False)
    with pytest.raises(HostFault) as refused:
        homeless_user(cache_root, public_directory)
    assert refused.value.message == (
        f"{root}: the cache directory {message}; set XDG_CACHE_HOME to a writable directory"
    )


def test_the_key_depends_on_content_and_not_on_order() -> None:
    assert cache_key({"a": 1, "b": [2]}) == cache_key({"b": [2], "a": 1})
    assert cache_key({"a": 1}) != cache_key({"a": "1"})
    assert len(cache_key({})) == 64


def test_a_tree_with_read_only_parts_is_removed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/file").touch()
    (tmp_path / "outside").mkdir()
    (tree / "link").symlink_to(tmp_path / "outside")
    (tree / "a").chmod(0o500)
    remove_tree(tree)
    remove_tree(tree)
    assert not tree.exists()
    assert (tmp_path / "outside").is_dir()
