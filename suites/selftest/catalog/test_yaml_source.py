"""The accepted subset of YAML, and the message for every content outside of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fixtures.catalog import yaml_source
from fixtures.core.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["libyaml", "python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test with each of PyYAML's parsers."""
    name = {"libyaml": "CSafeLoader", "python": "SafeLoader"}[request.param]
    if not hasattr(yaml, name):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(yaml_source, "_LOADER", getattr(yaml, name))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "x.yaml"


def error_message(path: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        yaml_source.load(path)
    return caught.value.message


INVALID = {
    "empty": (b"", "x.yaml: is empty"),
    "blank": (b"\n\n", "x.yaml: is empty"),
    "comment": (b"# nothing\n", "x.yaml: is empty"),
    "marker": (b"---\n", "x.yaml: is empty"),
    "null": (b"~\n", "x.yaml: is empty"),
    "list": (b"# a\n- b\n", "x.yaml:2: expected keys with values, like 'id: …'; found a list"),
    "text": (b"\nhello\n", "x.yaml:2: expected keys with values, like 'id: …'; found 'hello'"),
    "duplicate": (b"id: a\ntitle: b\nid: c\n", "x.yaml:3: duplicate key 'id'; first at line 1"),
    "duplicate inside": (
        b"login:\n  user: a\n  user: b\n",
        "x.yaml:3: duplicate key 'user'; first at line 2",
    ),
    "tab": (b"login:\n\tuser: a\n", "x.yaml:2: found a tab; YAML is indented with spaces only"),
    "second document": (
        b"id: a\n---\nid: b\n",
        "x.yaml:2: a second document starts here; a file holds one document",
    ),
    "alias": (b"a: 1\nb: *a\n", "x.yaml:2: the alias *a is not allowed; write the value out"),
    "anchor": (
        b"a: &x 1\n",
        "x.yaml:1: the anchor &x is not allowed; write the value out where it is used",
    ),
    "anchored mapping": (
        b"a: &x\n  b: 1\n",
        "x.yaml:1: the anchor &x is not allowed; write the value out where it is used",
    ),
    "anchored key": (
        b"a: 1\n&x b: 1\n",
        "x.yaml:2: an anchor, alias or tag is not allowed; write the key alone",
    ),
    "merge key": (
        b"a: 1\n<<: {b: 2}\n",
        "x.yaml:2: the merge key << is not allowed; write the keys out",
    ),
    "tag": (
        b"a: !!python/object:os.system x\n",
        "x.yaml:1: a tag (!…) is not allowed; write the value alone",
    ),
    "harmless tag": (b"a: !!str 1\n", "x.yaml:1: a tag (!…) is not allowed; write the value alone"),
    "bare tag": (b"a: ! b\n", "x.yaml:1: a tag (!…) is not allowed; write the value alone"),
    "list as key": (
        b"a: 1\n? [b]\n: c\n",
        "x.yaml:2: expected a key of plain text; found a list or a mapping",
    ),
    "empty key": (b"a: 1\n'': c\n", "x.yaml:2: expected a key of printable text; found ''"),
    "unprintable key": (b'"a\\nb": 1\n', "x.yaml:1: expected a key of printable text; found 'a\\nb'"),
    "not UTF-8": (b"id: a\ntitle: \xe9\n", "x.yaml:2: is not UTF-8 text: found the byte 0xe9"),
    "UTF-16": ("id: a\n".encode("utf-16"), "x.yaml:1: is not UTF-8 text: found the byte 0xff"),
    "control character": (b"id: a\ntitle: \x07\n", "x.yaml:2: found the control character U+0007"),
    "zero byte": (b"id: a\x00\n", "x.yaml:1: found the control character U+0000"),
    "line separator": ("id: a\u2028b: c\n".encode(), "x.yaml:1: found the control character U+2028"),
    "deep": (b"a: " + b"[" * 5000, "x.yaml:1: is nested deeper than 16 levels"),
    "large": (b"#" * 300_000, "x.yaml: is larger than 256 KiB, the limit for a description"),
    "unbalanced": (
        b"a: [1,\nb: 2\n",
        (
            "x.yaml:2: is not YAML: did not find expected ',' or ']' while parsing a flow sequence"
            " that starts at line 1"
        ),
    ),
    "colon": (b"id: x\na: b: c\n", "x.yaml:2: is not YAML: mapping values are not allowed in this context"),
    "quote": (
        b"id: x\na: 'b\nc: d\n",
        (
            "x.yaml:3: is not YAML: found unexpected end of stream while scanning a quoted scalar"
            " that starts at line 2"
        ),
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_the_message_for_invalid_content(file: Path, name: str) -> None:
    content, message = INVALID[name]
    file.write_bytes(content)
    assert error_message(file) == message


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize("name", sorted(set(INVALID) - {"unbalanced", "colon", "quote"}))
def test_both_parsers_give_the_same_message(file: Path, name: str) -> None:
    content, message = INVALID[name]
    file.write_bytes(content)
    assert error_message(file) == message


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize("name", ["unbalanced", "colon", "quote"])
def test_both_parsers_refuse_invalid_syntax(file: Path, name: str) -> None:
    file.write_bytes(INVALID[name][0])
    assert "is not YAML: " in error_message(file)


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("+1", "+1"),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("9" * 5000, "9" * 5000),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  12\n", "12\n"),
        (">-\n  a\n  b\n", "a b"),
        ("[1, yes]", [1, "yes"]),
        ("{on: off, 1: 2, null: 3}", {"on": "off", "1": 2, "null": 3}),
    ],
)
def test_only_a_few_plain_values_are_not_text(file: Path, text: str, value: Any) -> None:
    file.write_text(f"key: {text}\n")
    loaded = yaml_source.load(file).data["key"]
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.usefixtures("_loader")
def test_every_key_and_list_item_has_its_line(file: Path) -> None:
    file.write_text("# first\nid: a\nimage:\n  path: x\nlist:\n  - pattern: p\n\n  - pattern:\n      q\n")
    source = yaml_source.load(file)
    assert source.where() == "x.yaml:2"
    assert source.where("image.path") == "x.yaml:4"
    assert source.where("list.0.pattern") == "x.yaml:6"
    assert source.where("list.1.pattern") == "x.yaml:8"
    assert source.where("image.format") == "x.yaml:3"
    assert source.where("no.such") == "x.yaml:2"
    assert source.line(("list", 1, "reason")) == 8
    assert source.starts[("image",)] == 4


def test_a_byte_order_mark_and_dos_line_ends_are_accepted(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfid: a\r\ntitle: b\r\n")
    source = yaml_source.load(file)
    assert source.data == {"id": "a", "title": "b"}
    assert source.where("title") == "x.yaml:2"


def test_a_path_outside_the_current_directory_is_shown_in_full(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("- a\n")
    assert error_message(file).startswith(f"{file}:1: ")


def test_a_missing_file(file: Path) -> None:
    assert error_message(file) == "x.yaml: cannot be read: No such file or directory"


def test_a_directory(file: Path) -> None:
    file.mkdir()
    assert error_message(file) == "x.yaml: is a directory, not a YAML file"


def test_a_link_to_nothing(file: Path) -> None:
    file.symlink_to("gone.yaml")
    assert error_message(file) == "x.yaml: is a link to gone.yaml, which does not exist"


def test_a_named_pipe_does_not_block(file: Path) -> None:
    os.mkfifo(file)
    assert error_message(file) == "x.yaml: is not a regular file"


def test_an_unreadable_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("id: a\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root, who may run this test, can read every file.
    monkeypatch.setattr(type(file), "open", refuse)
    assert error_message(file) == "x.yaml: cannot be read: Permission denied"
