"""The READMEs say what is true: their tables, their paths, their commands and their examples."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from suites.selftest.support.paths import ROOT

READMES = [
    ROOT / "README.md",
    *(ROOT / room / "README.md" for room in ("guests", "suites", "fixtures", "ci")),
]
LIMIT = 8192
# Files that a run makes, and names that stand for a user's own.
MADE = {
    "out/",
    "answers.jsonl",
    "report.json",
    "junit.xml",
    "my-guests/my-guest.yaml",
    "my-guests/my-guest.qcow2",
}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def check_rows() -> list[str]:
    """A row of the table of checks for each check in ``suites/``, in the order of their ids."""
    rows = []
    for path in sorted((ROOT / "suites").glob("*/test_*.py")):
        for node in ast.parse(text(path)).body:
            for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.check":
                    name, level = mark.args[0], mark.keywords[0].value
                    assert isinstance(node, ast.FunctionDef)
                    assert isinstance(name, ast.Constant)
                    assert isinstance(level, ast.Constant)
                    title = (ast.get_docstring(node) or "").splitlines()[0]
                    rows.append(f"| `{name.value!s}` | {level.value!s} | {title} |")
    return sorted(rows)


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a README that are in ``language``."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(path), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, list[str]]]:
    """Each command that a README shows at a prompt, with the README's name, and without its comment."""
    found = []
    for path in READMES:
        for block in blocks(path, "console"):
            lines = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
            found += [(str(path.relative_to(ROOT)), shlex.split(line, comments=True)) for line in lines]
    return found


def paths(path: Path) -> list[str]:
    """Each word in backticks that looks like a path of the project."""
    words = re.findall(r"`([^`\s]+)`", text(path))
    return [word for word in words if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(/|\.(py|md|yaml|txt|in))", word)]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= LIMIT


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_path_exists(path: Path) -> None:
    rooms = [each for room in ("fixtures", "guests", "suites", "ci") for each in (ROOT / room).rglob("*/")]
    places = [ROOT, path.parent, *(each for each in rooms if each.name != "__pycache__")]
    unknown = [word for word in paths(path) if word not in MADE]
    assert [word for word in unknown if not any((place / word).exists() for place in places)] == []


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", text(path))
    assert [
        link for link in links if not link.startswith("https://") and not (path.parent / link).exists()
    ] == []


def test_the_table_of_checks_is_complete() -> None:
    table = [
        line for line in text(ROOT / "suites" / "README.md").splitlines() if re.match(r"\| `[a-z]+\.", line)
    ]
    assert table == check_rows()


def guest_rows() -> list[str]:
    """A row of the table of guests for each description, in the order of their ids."""
    folders = [ROOT / "guests" / folder for folder in ("examples", "variants")]
    catalog = Catalog.load([ROOT / "guests", *folders])
    rows = []
    for guest in catalog.guests.values():
        last = max(guest.verified or (), key=lambda verification: verification.date, default=None)
        seen = ("never", "", "") if last is None else (last.date, last.host, last.seen)
        rows.append(f"| {' | '.join((f'`{guest.id}`', guest.title, *seen))} |")
    return rows


def test_the_table_of_guests_is_what_their_descriptions_say() -> None:
    """The rows of the table are made of the key ``verified`` of each guest."""
    _, _, section = text(ROOT / "guests" / "README.md").partition("## What has been verified")
    table = [line for line in section.splitlines() if line.startswith("| `")]
    assert table == guest_rows()


def test_each_platform_is_in_its_table() -> None:
    shown = text(ROOT / "guests" / "README.md")
    platforms = sorted(path.stem for path in (ROOT / "guests" / "platforms").glob("*.yaml"))
    assert [name for name in platforms if f"`{name}`" not in shown] == []


@pytest.mark.parametrize(
    ("readme", "command"),
    commands(),
    ids=lambda value: shlex.join(value)[:60] if isinstance(value, list) else value,
)
def test_each_command_is_understood(readme: str, command: list[str], tmp_path: Path) -> None:
    """pytest lists the cells that the command selects; a program of ci/ knows each option that it is given."""
    program, *arguments = command
    if program == "export":
        return
    if program.startswith("ci/"):
        usage = subprocess.run([ROOT / program, "--help"], capture_output=True, text=True, check=True).stdout
        assert [word for word in arguments if word.startswith("--") and word not in usage] == []
        return
    assert program == "pytest"
    own_guest(tmp_path)
    arguments = [str(tmp_path / "my-guests") if word == "my-guests" else word for word in arguments]
    arguments = [str(tmp_path / "out") if word == "out/" else word for word in arguments]
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "pytest", *arguments, "--list-cells"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "@" in done.stdout


def own_guest(directory: Path) -> Path:
    """The guest of one's own as README describes it: the YAML, and an image beside it."""
    example = next(block for block in blocks(ROOT / "README.md", "yaml") if "id: my-guest" in block)
    guests = directory / "my-guests"
    guests.mkdir()
    (guests / "my-guest.yaml").write_text(example, encoding="utf-8")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", guests / "my-guest.qcow2", "1M"], check=True)
    return guests
