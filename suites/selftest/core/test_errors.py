"""The exception tree: its docstring shows all classes, and JSON preserves every error."""

from __future__ import annotations

import json
import re

import pytest

from fixtures.core import errors, suite_faults, system_faults
from fixtures.core.error_data import from_json, to_json
from fixtures.core.errors import IronguestError, Postmortem, SuiteFault, SystemFault


def with_subclasses(root: type[IronguestError]) -> list[type[IronguestError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in with_subclasses(child))]


# Only the classes that the module offers: packages and other tests define subclasses.
TREE = [kind for kind in with_subclasses(IronguestError) if kind.__name__ in errors.__all__]
FULL = Postmortem(
    cell="debian-12@q35-uefi-virtio",
    run_state="running, tcg",
    stages=(("firmware", 0.0), ("kernel", 3.25)),
    silent_for=1.5,
    last_lines=("one", "grüße"),
    events=("RESET (guest=True)",),
    paths=(("console", "/e/console.log"),),
    rerun_command="pytest -k x",
    waited_for_host=12.5,
)


def classes_in_docstring() -> list[tuple[int, str]]:
    """Depth and name of each class in the tree of the module's docstring."""
    classes = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line)
        if match:
            classes.append((len(match[1]) // 4, match[2]))
    return classes


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("postmortem", [None, Postmortem(), FULL], ids=["none", "empty", "full"])
def test_json_preserves_every_class(kind: type[IronguestError], postmortem: Postmortem | None) -> None:
    data = json.loads(json.dumps(to_json(kind("seen: 'ü'", postmortem))))
    error = from_json(data)
    assert type(error) is kind
    assert (error.message, error.postmortem, error.outcome) == ("seen: 'ü'", postmortem, kind.outcome)
    assert to_json(error) == to_json(kind("seen: 'ü'", postmortem))


def test_the_json_keys_of_a_postmortem() -> None:
    data = to_json(SuiteFault("x", FULL))["postmortem"]
    assert data == {
        "cell": "debian-12@q35-uefi-virtio",
        "run_state": "running, tcg",
        "stages": [["firmware", 0.0], ["kernel", 3.25]],
        "silent_for": 1.5,
        "last_lines": ["one", "grüße"],
        "events": ["RESET (guest=True)"],
        "paths": [["console", "/e/console.log"]],
        "again": "pytest -k x",
        "waited_for_host": 12.5,
    }


def test_the_docstring_shows_the_tree() -> None:
    path: list[str] = []
    parents = {}
    for depth, name in classes_in_docstring():
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in TREE}


def test_the_module_offers_every_class_of_its_parts() -> None:
    parts = {kind for kind in with_subclasses(IronguestError) if kind.__module__.startswith("fixtures.core.")}
    assert {kind.__name__ for kind in parts - set(TREE)} == {"InvariantBroken"}
    assert {kind.__module__ for kind in TREE if kind.__base__ is not Exception} == {
        system_faults.__name__,
        suite_faults.__name__,
    }


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_branch_decides_the_outcome(kind: type[IronguestError]) -> None:
    assert kind.outcome == ("FAIL" if issubclass(kind, SystemFault) else "ERROR")
    assert kind.__doc__
    assert kind is IronguestError or issubclass(kind, SystemFault | SuiteFault)


def test_an_unknown_class_is_an_error() -> None:
    with pytest.raises(KeyError):
        from_json({"class": "ValueError", "message": "", "postmortem": None})


def test_the_first_postmortem_wins() -> None:
    error = SuiteFault("x")
    assert error.with_postmortem(FULL) is error
    error.with_postmortem(Postmortem(cell="another"))
    assert error.postmortem is FULL


def test_a_postmortem_reads_as_labelled_lines() -> None:
    assert str(SuiteFault("it broke", FULL)).splitlines() == [
        "it broke",
        "  cell        debian-12@q35-uefi-virtio",
        "  reached     firmware at 0.0 s, kernel at 3.2 s; silent for 1.5 s",
        "  machine     running, tcg",
        "  host        QEMU waited 12.5 s for a CPU of the host; no limit counts this time",
        "  events      RESET (guest=True)",
        "  last lines  one",
        "              grüße",
        "  evidence    console: /e/console.log",
        "  run again   pytest -k x",
    ]
    assert str(SuiteFault("it broke")) == str(SuiteFault("it broke", Postmortem())) == "it broke"
