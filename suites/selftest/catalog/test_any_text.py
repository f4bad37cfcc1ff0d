"""Any content of a file leads to a spec or to a CatalogError that starts with the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.catalog import yaml_source
from fixtures.catalog.field_types import Spec
from fixtures.catalog.specs import GuestSpec, PlanSpec, PlatformSpec
from fixtures.catalog.validation import validate
from fixtures.core.errors import CatalogError
from suites.selftest.support.paths import ROOT

GUESTS = ROOT / "guests"
EXAMPLES: list[tuple[type[Spec], str]] = [
    (GuestSpec, "debian-12.yaml"),
    (PlatformSpec, "platforms/q35-uefi-virtio.yaml"),
    (PlanSpec, "plans/default.yaml"),
]
JARGON = ("pydantic", "https://errors", "input_value", "tuple", "dict", "Traceback", "something else")

# Values that some YAML parser treats specially, and keys that the specs know.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.binary(max_size=4),
    st.text(max_size=8),
    st.sampled_from(["debian", "60s", "1G", "(", "*", "[key]", "BuiltImage", "sha256:0", "${", "\ud800"]),
)
KEYS = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        ["id", "build", "url", "path", "size", "user", "boot", "disk", "pattern", "[key]", "level"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def check_content(content: bytes, model: type[Spec]) -> None:
    """Assert that the content is a valid spec, or an error in words for people."""
    try:
        spec = validate(yaml_source.parse(content, Path("x.yaml")), model)
    except CatalogError as error:
        message = error.message
    else:
        assert isinstance(spec, model)
        return
    assert [line for line in message.split("\n") if not line.startswith("x.yaml:")] == []
    # A message quotes the file, which may contain any word.
    assert [word for word in JARGON if word in message and word.encode() not in content] == []


@settings(max_examples=150)
@given(text=st.text() | st.text(alphabet="ab:-?[]{}&*!|>'\"#%@` \n\t,~<.0"))
def test_any_text(text: str) -> None:
    check_content(text.encode("utf-8", "surrogatepass"), GuestSpec)


@settings(max_examples=50)
@given(content=st.binary())
def test_any_bytes(content: bytes) -> None:
    check_content(content, PlanSpec)


@pytest.mark.parametrize(("model", "name"), EXAMPLES)
@settings(max_examples=100)
@given(data=st.data())
def test_any_value_of_any_key(model: type[Spec], name: str, data: st.DataObject) -> None:
    tree: dict[str, Any] = dict(yaml_source.load(GUESTS / name).data)
    for key in data.draw(st.lists(st.sampled_from(sorted(tree)), min_size=1, max_size=3)):
        tree[key] = data.draw(VALUES)
    # This dumper writes tags, dates and binary values, as a careless program does.
    check_content(yaml.dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"), model)


@pytest.mark.parametrize(("model", "name"), EXAMPLES)
@settings(max_examples=60)
@given(data=st.data())
def test_any_deletion_and_any_insertion(model: type[Spec], name: str, data: st.DataObject) -> None:
    content = (GUESTS / name).read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    check_content((content[:start] + data.draw(st.text(max_size=4)) + content[end:]).encode(), model)
