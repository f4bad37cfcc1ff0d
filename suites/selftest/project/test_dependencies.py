"""Every package that the project imports is declared in pyproject.toml, and pinned in ci/requirements.txt."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from suites.selftest.support.paths import ROOT

OWN = {"fixtures", "suites", "ci"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What the project itself can use; the extra "dev" is for its developers.
LINES = (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["remote"])
DECLARED = {canonicalize_name(Requirement(line).name): Requirement(line) for line in LINES}


def imported_packages(directory: str) -> set[str]:
    """The top-level names of the third-party modules that the Python files below ``directory`` import."""
    names = set()
    for path in (ROOT / directory).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - OWN - set(sys.stdlib_module_names)


@pytest.mark.parametrize("directory", ["fixtures", "ci/benchmarks"])
def test_every_imported_package_is_declared(directory: str) -> None:
    distributions = importlib.metadata.packages_distributions()
    undeclared = {
        module: distributions.get(module, [])
        for module in imported_packages(directory)
        if not {canonicalize_name(name) for name in distributions.get(module, [])} & DECLARED.keys()
    }
    assert undeclared == {}


def test_every_declared_package_is_pinned_with_hashes() -> None:
    pinned = {}
    for entry in re.split(r"\n(?=\S)", Path(ROOT / "ci/requirements.txt").read_text()):
        name, _, version = entry.partition(" ")[0].partition("==")
        if version and "--hash=sha256:" in entry:
            pinned[canonicalize_name(name)] = version
    assert DECLARED.keys() - pinned.keys() == set()
    outside = {name: pinned[name] for name, line in DECLARED.items() if pinned[name] not in line.specifier}
    assert outside == {}
