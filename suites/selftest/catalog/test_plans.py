"""The plans that are shipped: of checks that exist, and the one that certifies has them all."""

from __future__ import annotations

import ast

import pytest

from fixtures.catalog.catalog import Catalog
from suites.selftest.support.paths import ROOT

CATALOG = Catalog.load([ROOT / "guests"])


def existing() -> dict[str, str]:
    """The levels of all checks by their ids, as the markers in the suites' source have them."""
    found = {}
    for path in (ROOT / "suites").glob("*/test_*.py"):
        if path.parent.name == "selftest":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.check":
                (name,) = (argument.value for argument in node.args if isinstance(argument, ast.Constant))
                (level,) = (each.value for each in node.keywords if each.arg == "level")
                assert isinstance(level, ast.Constant)
                found[str(name)] = str(level.value)
    return found


@pytest.mark.parametrize("name", ["smoke", "default", "certification", "windows-server"])
def test_a_plan_is_of_checks_that_exist(name: str) -> None:
    plan = CATALOG.plan(name)
    assert {check.id for check in plan.checks} <= existing().keys()
    assert any(check.level == "mandatory" for check in plan.checks)
    assert CATALOG.planned_cells(plan)


def test_a_certificate_asks_for_every_check_at_its_own_level() -> None:
    plan = CATALOG.plan("certification")
    assert {check.id: check.level for check in plan.checks} == existing()
