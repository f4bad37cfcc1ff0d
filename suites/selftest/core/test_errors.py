"""The exception tree: complete in its own description, whole after a journey through JSON."""

from __future__ import annotations

import json
import re

import pytest

from fixtures.core import errors
from fixtures.core.error_data import from_json, to_json
from fixtures.core.errors import IronguestError, Postmortem, SuiteFault, SystemFault


def family(root: type[IronguestError]) -> list[type[IronguestError]]:
    return [root, *(member for child in root.__subclasses__() for member in family(child))]


# Only those of the module itself: a test may define others.
TREE = [kind for kind in family(IronguestError) if kind.__module__ == errors.__name__]
FULL = Postmortem(
    cell="debian-12@q35-uefi-virtio",
    run_state="running, tcg",
    stages=(("firmware", 0.0), ("kernel", 3.25)),
    silent_for=1.5,
    last_lines=("one", "grüße"),
    events=("RESET (guest=True)",),
    paths=(("console", "/e/console.log"),),
    again="pytest -k x",
)


def drawn() -> list[tuple[int, str]]:
    """Depth and name of each class in the tree of the docstring."""
    found = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line)
        if match:
            found.append((len(match[1]) // 4, match[2]))
    return found


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("postmortem", [None, Postmortem(), FULL], ids=["none", "empty", "full"])
def test_every_class_survives_json(kind: type[IronguestError], postmortem: Postmortem | None) -> None:
    data = json.loads(json.dumps(to_json(kind("what was seen: 'ü'", postmortem))))
    back = from_json(data)
    assert type(back) is kind
    assert (back.message, back.postmortem, back.outcome) == ("what was seen: 'ü'", postmortem, kind.outcome)
    assert to_json(back) == to_json(kind("what was seen: 'ü'", postmortem))


def test_the_docstring_draws_the_tree() -> None:
    path: list[str] = []
    parents = {}
    for depth, name in drawn():
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in TREE}


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_outcome_follows_from_whose_fault_it_is(kind: type[IronguestError]) -> None:
    assert kind.outcome == ("FAIL" if issubclass(kind, SystemFault) else "ERROR")
    assert kind.__doc__
    assert kind is IronguestError or issubclass(kind, SystemFault | SuiteFault)


def test_an_unknown_class_is_refused() -> None:
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
        "  events      RESET (guest=True)",
        "  last lines  one",
        "              grüße",
        "  evidence    console: /e/console.log",
        "  again       pytest -k x",
    ]
    assert str(SuiteFault("it broke")) == str(SuiteFault("it broke", Postmortem())) == "it broke"
