"""A broken assumption of the engine is an error of the engine, and no failure of a guest."""

from __future__ import annotations

import ast

import pytest

from fixtures.core.invariants import InvariantBroken, required
from fixtures.run.check_outcome import outcome_of
from suites.selftest.support.paths import ROOT


@pytest.mark.parametrize("value", [0, "", False, ()])
def test_a_value_that_is_there_is_returned(value: object) -> None:
    assert required(value, "a value") is value


def test_a_missing_value_is_an_error_of_the_engine() -> None:
    with pytest.raises(InvariantBroken, match=r"^left@pc: expected a screen; this is a defect") as caught:
        required(None, "left@pc: expected a screen")
    assert outcome_of(caught.value) == "ERROR"


def test_the_engine_asserts_nothing() -> None:
    """An assertion that fails while a check runs would be the guest's FAIL."""
    found = {
        str(path.relative_to(ROOT)): [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        for path in (ROOT / "fixtures").rglob("*.py")
        if (tree := ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {path: lines for path, lines in found.items() if lines} == {}
