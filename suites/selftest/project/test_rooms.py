"""The rooms of the engine: imports go downwards only, modules stay small, nothing sleeps or swallows."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

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
PYTEST = {"pytest", "_pytest", "xdist", "pluggy"}
# Lines of a module at most.
LONGEST = 300
MODULES = sorted(FIXTURES.rglob("*.py"))
ELSEWHERE = [path for room in ("suites", "ci") for path in (ROOT / room).rglob("*.py")]
SOURCES = sorted([*MODULES, *ELSEWHERE, ROOT / "conftest.py"])


Found = TypeVar("Found")


def found(paths: Iterable[Path], find: Callable[[Path], Found]) -> dict[str, Found]:
    """What ``find`` finds, by file, where it finds anything: one test for all files takes a tenth of the time."""
    return {name(path): result for path in paths if (result := find(path))}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    """The package of ``fixtures/`` that a module lies in; the module's own name for a loose one."""
    return path.relative_to(FIXTURES).parts[0]


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> list[str]:
    """Every module that ``path`` imports, anywhere in it and for whatever purpose."""
    modules = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: a relative import"
            parent = node.module or ""
            modules += [f"{parent}.{alias.name}" if parent == "fixtures" else parent for alias in node.names]
    return modules


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


def forbidden_rooms(path: Path) -> set[str]:
    own = room(path)
    if own == "__init__.py":
        return rooms_used(path)
    below = NARROW.get(own, set(ROOMS[: ROOMS.index(own)]))
    return rooms_used(path) - below - {own}


def test_imports_go_downwards() -> None:
    assert found(MODULES, forbidden_rooms) == {}


def forbidden_packages(path: Path) -> set[str]:
    used = {module.split(".")[0] for module in imported(path)}
    return used & ({"suites"} if room(path) == "plugin" else {"suites", *PYTEST})


def test_only_the_plugin_knows_pytest() -> None:
    assert found(MODULES, forbidden_packages) == {}


def excess_lines(path: Path) -> int:
    return max(0, len(path.read_text(encoding="utf-8").splitlines()) - LONGEST)


def test_modules_stay_small() -> None:
    assert found([path for path in SOURCES if "selftest" not in path.parts], excess_lines) == {}


def test_no_two_test_modules_have_one_name() -> None:
    """Pytest imports them by their file's name, and refuses a second module of a name."""
    names = [path.name for path in (ROOT / "suites").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def sleeps(path: Path) -> list[int]:
    """The lines on which a module sleeps."""
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr == "sleep")
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and "sleep" in {a.name for a in node.names}
        )
    ]


def test_nothing_sleeps() -> None:
    assert found(SOURCES, sleeps) == {}


def scale_arithmetic(path: Path) -> list[int]:
    """The lines on which a module multiplies or divides by a variable or an attribute ``scale``."""
    operations = [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Mult, ast.Div))
    ]
    return [
        operation.lineno
        for operation in operations
        for operand in ast.walk(operation)
        if "scale" in {getattr(operand, "attr", ""), getattr(operand, "id", "")}
    ]


def test_only_deadlines_scale_time() -> None:
    assert found(MODULES, scale_arithmetic).keys() == {"fixtures/core/deadline.py"}


def swallowing_handlers(path: Path) -> list[int]:
    """The lines of handlers that catch everything."""
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    return [handler.lineno for handler in handlers if broad(handler)]


def test_no_error_is_swallowed() -> None:
    assert found(SOURCES, swallowing_handlers) == {}


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


@pytest.mark.parametrize(
    ("code", "find", "expected"),
    [
        ("import time\ntime.sleep(1)", sleeps, [2]),
        ("from time import sleep", sleeps, [1]),
        ("try: x\nexcept Exception: pass", swallowing_handlers, [2]),
        ("wait = 3 * self.scale", scale_arithmetic, [1]),
        ("wait /= scale", scale_arithmetic, [1]),
        ("arguments += [] if scale is None else [f'{scale}']", scale_arithmetic, []),
        ("x\n" * 302, excess_lines, 2),
        ("x\n" * 300, excess_lines, 0),
    ],
)
def test_the_rules_find_what_breaks_them(
    code: str, find: Callable[[Path], object], expected: object, tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text(code, encoding="utf-8")
    assert find(path) == expected


@pytest.mark.parametrize(
    ("code", "find", "expected"),
    [
        ("def f():\n    from fixtures.lab.pool import launcher", forbidden_rooms, {"lab"}),
        ("import pytest", forbidden_packages, {"pytest"}),
        ("from suites.boot import test_boot", forbidden_packages, {"suites"}),
        ("from fixtures.core.errors import HostFault", forbidden_rooms, set()),
    ],
)
def test_the_rules_find_forbidden_imports(
    code: str,
    find: Callable[[Path], object],
    expected: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "FIXTURES", tmp_path)
    path = tmp_path / "host" / "module.py"
    path.parent.mkdir()
    path.write_text(code, encoding="utf-8")
    assert find(path) == expected
