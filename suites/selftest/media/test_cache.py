"""The cache: an entry is made once, appears whole or not at all, and outlives whoever died while making it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.core.errors import HostFault, MediaFault
from fixtures.media.cache import Cache, cache_key, cache_root, remove_tree
from suites.selftest.support.paths import ROOT

# Makes entry "k", says "making" while the lock is held, and goes on when it is told to.
MAKER = """
import sys
from pathlib import Path
from fixtures.media.cache import Cache

def make(directory):
    (directory / "half").write_text("x")
    print("making", flush=True)
    sys.stdin.readline()
    (directory / "whole").write_text(sys.argv[2])

path = Cache("kind", Path(sys.argv[1])).entry("k", make, "it", lambda line: print(line, flush=True))
print((path / "whole").read_text(), flush=True)
"""


def quiet(line: str) -> None:
    del line


def maker(root: Path, content: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, str(root), content],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_an_entry_is_made_once_and_cannot_be_written(tmp_path: Path) -> None:
    made = []

    def make(directory: Path) -> None:
        made.append(directory)
        (directory / "disk").write_bytes(b"content")

    cache = Cache("kind", tmp_path)
    first = cache.entry("k", make, "it", quiet)
    assert cache.entry("k", make, "it", quiet) == first == tmp_path / "kind/k"
    assert len(made) == 1
    assert stat.S_IMODE((first / "disk").stat().st_mode) == 0o444
    assert sorted(path.name for path in (tmp_path / "kind").iterdir()) in (["k", "k.lock"], ["k"])


def test_two_processes_want_the_same_entry(tmp_path: Path) -> None:
    with maker(tmp_path, "first") as first:
        assert said(first) == "making"
        with maker(tmp_path, "second") as second:
            assert said(second) == "it: another process prepares it; waiting for it"
            first.communicate("go\n")
            assert second.communicate()[0].strip() == "first"
    assert (first.returncode, second.returncode) == (0, 0)


def test_a_maker_that_was_killed_is_followed_by_the_next_one_in_line(tmp_path: Path) -> None:
    with maker(tmp_path, "first") as first:
        assert said(first) == "making"
        with maker(tmp_path, "second") as second:
            assert said(second).endswith("waiting for it")
            first.kill()
            assert said(second) == "making"
            assert second.communicate("go\n")[0].strip() == "second"
    path = tmp_path / "kind/k"
    assert sorted(file.name for file in path.iterdir()) == ["half", "whole"]
    assert not list((tmp_path / "kind").glob(".*"))


def test_what_a_killed_maker_left_is_not_used(tmp_path: Path) -> None:
    with maker(tmp_path, "first") as first:
        assert said(first) == "making"
        first.kill()
    assert [path.name for path in (tmp_path / "kind").glob(".*")] == [".k.partial"]
    path = Cache("kind", tmp_path).entry("k", lambda made: (made / "new").touch(), "it", quiet)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert not list((tmp_path / "kind").glob(".*"))


def test_what_a_killed_maker_left_goes_with_the_next_entry_that_is_made(tmp_path: Path) -> None:
    with maker(tmp_path, "first") as first:
        assert said(first) == "making"
        Cache("kind", tmp_path).entry("other", lambda made: (made / "new").touch(), "it", quiet)
        assert [path.name for path in (tmp_path / "kind").glob(".*")] == [".k.partial"]
        first.kill()
    Cache("kind", tmp_path).entry("another", lambda made: (made / "new").touch(), "it", quiet)
    assert not list((tmp_path / "kind").glob(".*"))


def test_a_make_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(directory: Path) -> None:
        (directory / "half").touch()
        raise MediaFault("no")

    cache = Cache("kind", tmp_path)
    with pytest.raises(MediaFault, match="no"):
        cache.entry("k", make, "it", quiet)
    assert [path for path in (tmp_path / "kind").iterdir() if path.suffix != ".lock"] == []
    assert cache.entry("k", lambda made: (made / "new").touch(), "it", quiet).is_dir()


def test_an_evicted_entry_is_made_again(tmp_path: Path) -> None:
    cache = Cache("kind", tmp_path)
    cache.entry("k", lambda made: (made / "one").touch(), "it", quiet)
    cache.evict("k")
    cache.evict("k")
    path = cache.entry("k", lambda made: (made / "two").touch(), "it", quiet)
    assert [file.name for file in path.iterdir()] == ["two"]


def test_entries_of_different_keys_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with maker(tmp_path, "first") as first:
        assert said(first) == "making"
        path = Cache("kind", tmp_path).entry("other", lambda made: (made / "x").touch(), "it", quiet)
        assert path.name == "other"
        first.communicate("go\n")


def test_a_cache_that_cannot_be_made_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostFault, match=r"cannot be made: .*set XDG_CACHE_HOME"):
        Cache("kind", tmp_path / "file")


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_root() == Path("/c/ironguest")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/h")
    assert cache_root() == Path("/h/.cache/ironguest")


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
