"""The shipped plans: every check exists, and the certification plan has all checks."""

from __future__ import annotations

import ast

import pytest

from fixtures.catalog.catalog import Catalog
from suites.selftest.support.paths import ROOT

CATALOG = Catalog.load([ROOT / "guests"])


def existing_checks() -> dict[str, str]:
    """The level of every check by its id, from the markers in the source of the suites."""
    levels = {}
    for path in (ROOT / "suites").glob("*/test_*.py"):
        if path.parent.name == "selftest":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.check":
                (name,) = (argument.value for argument in node.args if isinstance(argument, ast.Constant))
                (level,) = (keyword.value for keyword in node.keywords if keyword.arg == "level")
                assert isinstance(level, ast.Constant)
                levels[str(name)] = str(level.value)
    return levels


@pytest.mark.parametrize("name", ["smoke", "default", "certification", "windows-server"])
def test_every_check_of_a_plan_exists(name: str) -> None:
    plan = CATALOG.plan(name)
    assert {check.id for check in plan.checks} <= existing_checks().keys()
    assert any(check.level == "mandatory" for check in plan.checks)
    assert CATALOG.planned_cells(plan)


def test_the_certification_plan_has_every_check_at_its_own_level() -> None:
    plan = CATALOG.plan("certification")
    assert {check.id: check.level for check in plan.checks} == existing_checks()
