"""Trees of files: a true copy has no difference, and each kind of damage is named."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.oracles import file_trees
from fixtures.systems.linux import shared_folders


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trees") / "tree"
    file_trees.make_tree(root, 3)
    return root


def copy(tree: Path, tmp_path: Path) -> Path:
    done = subprocess.run(
        ["sh", "-c", shared_folders.copy_tree_command(str(tree), str(tmp_path / "copy"))], check=False
    )
    assert done.returncode == 0
    return tmp_path / "copy"


def test_the_names_have_every_legal_byte() -> None:
    names = file_trees.legal_names()
    assert {byte for name in names for byte in name} == set(range(1, 256)) - {ord("/")}
    assert (max(map(len, names)), len(set(names))) == (255, len(names))


def test_a_true_copy_has_no_difference(tree: Path, tmp_path: Path) -> None:
    expected = file_trees.describe_tree(tree)
    assert file_trees.differences(expected, file_trees.describe_tree(copy(tree, tmp_path))) == []


def test_the_guests_list_of_contents_is_the_hosts(tree: Path) -> None:
    command = shared_folders.contents_command(str(tree))
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert f"sha256:{said.split()[0]}" == file_trees.contents_digest(tree)


def exchange_names(root: Path) -> None:
    many = root / "many"
    (many / "7").rename(many / "x")
    (many / "8").rename(many / "7")
    (many / "x").rename(many / "8")


def split_link(root: Path) -> None:
    (root / "links" / "third").unlink()
    shutil.copy2(root / "links" / "first", root / "links" / "third")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "names" / "-rf").unlink(), "b'names/-rf' is missing"),
        (lambda root: (root / "names" / "CON").rename(root / "names" / "con"), "b'names/con' is too much"),
        (exchange_names, "b'many/7': size 296, expected 259; content "),
        (lambda root: (root / "modes" / "0640").chmod(0o644), "b'modes/0640': mode 420, expected 416"),
        (split_link, "b'links/third': links (), expected (b'links/first', b'links/second', b'links/third')"),
        (lambda root: os.truncate(root / "large", 1 << 20), "b'large': size 1048576, expected 16781537; "),
        (lambda root: os.utime(root / "empty", (0, 5)), "b'empty': modified 5, expected 1700000005"),
    ],
    ids=["missing", "other-case", "exchanged", "mode", "hard-link", "cut-off", "time"],
)
def test_damage_is_named(tree: Path, tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    root = copy(tree, tmp_path)
    damage(root)
    found = file_trees.differences(file_trees.describe_tree(tree), file_trees.describe_tree(root))
    assert any(text.startswith(message) for text in found), found
