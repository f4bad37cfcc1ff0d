"""Words of the project: one standard term for each thing, and no name that was replaced."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from suites.selftest.support.paths import ROOT

# Names that were replaced by standard terms: modules, classes, functions, markers, YAML keys and skip codes.
REPLACED = (
    *("sight", "lost_results", "parted", "union", "merging", "Trail", "closing", "finishing", "Ground"),
    *(
        "dossier",
        "Dossier",
        "unasked",
        "UnaskedDevices",
        "UnaskedStorage",
        "Unasked",
        "landmarks",
        "Landmark",
    ),
    *("powershell_servant", "own_users", "absences", "troubles", "contrast", "settles", "own_memory"),
    *("linux_people", "linux_special", "tolerates", "Toleration", "on_the_way", "arch_mismatch"),
    *("host_lacks_kvm", "Booted", "Starter", "Wiring", "Traits", "Wish", "Outside", "Handling", "Dossier"),
)
# Files that have to name a replaced word: the hints for old YAML keys, and what changed for users.
NAMING = {
    "fixtures/catalog/validation.py",
    "suites/selftest/catalog/test_renamed_keys.py",
    "suites/selftest/project/test_words.py",
    "CHANGELOG.md",
}
WORDS = re.compile(rf"(?<![\w-])(?:{'|'.join(REPLACED)})(?![\w-])")
# Each room of the engine has its vocabulary; English needs some of the words elsewhere.
ENGLISH = {"union", "parted", "closing", "contrast", "troubles", "absences", "merging", "finishing", "sight"}


def tracked() -> list[str]:
    """The text files of the project, without recorded samples."""
    command = ["git", "ls-files", "*.py", "*.md", "*.yaml", "ci/*", "*.j2", "pyproject.toml"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [name for name in listed if name and "/samples/" not in name and "requirements" not in name]


def replaced_words(path: Path) -> list[str]:
    """Each replaced word in a file, with its line; a word of English counts only as a whole name of code."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for match in WORDS.finditer(line):
            is_code = re.search(rf"(?:import|class|def) {match[0]}\b|\b{match[0]}\.py\b", line) is not None
            if match[0] not in ENGLISH or is_code:
                found.append(f"{number}: {match[0]}")
    return found


def test_no_replaced_name_is_left() -> None:
    found = {name: replaced_words(ROOT / name) for name in tracked() if name not in NAMING}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("class Booted:", ["1: Booted"]),
        ("from fixtures import sight", ["1: sight"]),
        ("tolerates: []", ["1: tolerates"]),
        ("@pytest.mark.own_memory", ["1: own_memory"]),
        ("own_memory = True", ["1: own_memory"]),
        ("the line of sight", []),
        ("in contrast to this", []),
    ],
)
def test_the_search_finds_names_and_leaves_english(line: str, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(line, encoding="utf-8")
    assert replaced_words(path) == expected
