"""The rooms of the engine: imports go downwards only, modules stay small, nothing sleeps or swallows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from suites.selftest.support.paths import ROOT

FIXTURES = ROOT / "fixtures"

# From the bottom to the top: a room imports from itself and from the rooms before it.
ROOMS = (
    "core",
    "catalog",
    "host",
    "evidence",
    "media",
    "machine",
    "channels",
    "systems",
    "oracles",
    "lab",
    "guest",
    "report",
    "run",
    "commands",
    "plugin",
)
# Rooms that may import less than all rooms below them.
NARROW = {
    "catalog": {"core"},
    "evidence": {"core"},
    "report": {"core", "evidence", "catalog"},
}
MODULES = sorted(FIXTURES.rglob("*.py"))
ELSEWHERE = [path for room in ("suites", "ci") for path in (ROOT / room).rglob("*.py")]
SOURCES = sorted([*MODULES, *ELSEWHERE, ROOT / "conftest.py"])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    """The package of ``fixtures/`` that a module lies in; the module's own name for a loose one."""
    return path.relative_to(FIXTURES).parts[0]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> list[str]:
    """Every module that ``path`` imports, anywhere in it and for whatever purpose."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: a relative import"
            parent = node.module or ""
            found += [f"{parent}.{alias.name}" if parent == "fixtures" else parent for alias in node.names]
    return found


def rooms_used(path: Path) -> set[str]:
    return {parts[1] for parts in (module.split(".") for module in imported(path)) if parts[0] == "fixtures"}


def broad(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does not raise it again."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {node.id if isinstance(node, ast.Name) else None for node in caught if node is not None}
    everything = handler.type is None or bool(names & {"Exception", "BaseException"})
    last = handler.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)


def test_fixtures_holds_rooms_only() -> None:
    assert {room(path) for path in MODULES} == {*ROOMS, "__init__.py"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_go_downwards(path: Path) -> None:
    own = room(path)
    if own == "__init__.py":
        assert rooms_used(path) == set()
        return
    below = NARROW.get(own, set(ROOMS[: ROOMS.index(own)]))
    assert rooms_used(path) - below - {own} == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_the_plugin_knows_pytest(path: Path) -> None:
    used = {module.split(".")[0] for module in imported(path)}
    assert room(path) == "plugin" or not used & {"pytest", "_pytest", "xdist", "pluggy"}
    assert "suites" not in used


@pytest.mark.parametrize("path", [path for path in SOURCES if "selftest" not in path.parts], ids=name)
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_sleeps(path: Path) -> None:
    calls = [
        node.lineno
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr == "sleep")
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and "sleep" in {a.name for a in node.names}
        )
    ]
    assert calls == []


def scale_arithmetic(path: Path) -> list[int]:
    """The lines on which a module calculates with a variable or an attribute ``scale``."""
    operations = [node for node in ast.walk(tree(path)) if isinstance(node, (ast.BinOp, ast.AugAssign))]
    return [
        operation.lineno
        for operation in operations
        for operand in ast.walk(operation)
        if "scale" in {getattr(operand, "attr", ""), getattr(operand, "id", "")}
    ]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_deadlines_scale_time(path: Path) -> None:
    assert bool(scale_arithmetic(path)) is (path == FIXTURES / "core" / "deadline.py")


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_error_is_swallowed(path: Path) -> None:
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    assert [handler.lineno for handler in handlers if broad(handler)] == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("try: x\nexcept: pass", True),
        ("try: x\nexcept Exception: pass", True),
        ("try: x\nexcept (ValueError, BaseException) as e: print(e)", True),
        ("try: x\nexcept Exception as e: raise ValueError from e", True),
        ("try: x\nexcept BaseException:\n    undo()\n    raise", False),
        ("try: x\nexcept ValueError: pass", False),
    ],
)
def test_the_judge_of_handlers(code: str, expected: bool) -> None:
    handler = next(node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ExceptHandler))
    assert broad(handler) is expected
