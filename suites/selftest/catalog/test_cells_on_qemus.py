"""Cells that name a QEMU: their ids, globs over them, and what a plan, a waiver and an option select."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.cell_names import CellName, CellQemu, matches, without_qemu
from fixtures.core.errors import CatalogError
from suites.selftest.support.catalog_sample import error_lines, guest, plan, platform, write

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.catalog.specs import Cell

OLD, NEW = CellQemu("7.2", "x86_64"), CellQemu("10.0", "x86_64")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name in ("one", "other"):
        write(tmp_path / f"platforms/{name}.yaml", platform(name))
    write(tmp_path / "first.yaml", guest("first", "one", "other"))
    write(tmp_path / "second.yaml", guest("second", "one"))
    return Catalog.load([tmp_path])


def ids(cells: tuple[Cell, ...]) -> list[str]:
    return [cell.id for cell in cells]


def test_the_parts_of_an_id() -> None:
    assert CellName.of("debian-12@q35#10.0") == ("debian-12", "q35", "10.0")
    assert CellName.of("debian-12@q35,cpus=4") == ("debian-12", "q35,cpus=4", "")
    assert without_qemu("debian-12@q35#10.0") == "debian-12@q35"


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a@b", "a@*", True),
        ("a@b#7.2", "a@*", True),
        ("a@b#7.2", "a@b", True),
        ("a@b#7.2", "a@b#7.2", True),
        ("a@b#7.2", "a@*#7.*", True),
        ("a@b#7.2", "a@*#10.0", False),
        ("a@b", "a@b#7.2", False),
        ("a@bb#7.2", "a@b", False),
    ],
)
def test_a_glob_without_a_qemu_matches_all_of_them(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) == expected


def test_without_a_choice_no_cell_names_a_qemu(catalog: Catalog) -> None:
    assert ids(catalog.cells()) == ["first@one", "first@other", "second@one"]
    assert ids(catalog.on([CellQemu("", "x86_64")]).cells()) == ids(catalog.cells())


def test_each_cell_exists_on_each_qemu(catalog: Catalog) -> None:
    both = catalog.on([OLD, NEW])
    expected = [f"{cell}#{label}" for cell in ids(catalog.cells()) for label in ("10.0", "7.2")]
    assert ids(both.cells()) == expected
    assert both.cell("first@one#10.0").qemu == NEW
    with pytest.raises(CatalogError, match="first@one#10.1"):
        both.cell("first@one#10.1")


def test_a_qemu_of_another_architecture_runs_no_cell(catalog: Catalog) -> None:
    arm = CellQemu("10.0", "aarch64")
    assert ids(catalog.on([replace(OLD, label="x"), arm]).select(["second"])) == ["second@one#x"]
    assert ids(catalog.on([arm]).cells()) == ids(catalog.cells())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("one", ["first@one#10.0", "first@one#7.2"]),
        ("one#10.0", ["first@one#10.0"]),
        ("*#7.*", ["first@one#7.2", "first@other#7.2"]),
        ("one#7.2,other#10.0", ["first@one#7.2", "first@other#10.0"]),
        ("one,cpus=2#10.0", ["first@one,cpus=2#10.0"]),
        ("one,cpus=2", ["first@one,cpus=2#10.0", "first@one,cpus=2#7.2"]),
    ],
)
def test_the_option_platform_selects_qemus(catalog: Catalog, value: str, expected: list[str]) -> None:
    assert ids(catalog.on([OLD, NEW]).select(["first"], [value])) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("one#10.1", "platform 'one' with QEMU '10.1' selects no cell; did you mean '10.0'?"),
        ("one#", "platform 'one' with QEMU '' selects no cell; known: 10.0, 7.2"),
        ("one#10.0,cpus=2", "expected a QEMU at the end, like q35-uefi-virtio,nic=e1000e#10.0"),
        ("one,cpus=2#", "expected a QEMU at the end"),
        ("none#10.0", "platform 'none' is not described"),
    ],
)
def test_a_qemu_that_selects_nothing_is_named(catalog: Catalog, value: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog.on([OLD, NEW]).select([], [value])
    assert message in caught.value.message


def test_a_qemu_is_selected_only_where_several_have_names(catalog: Catalog) -> None:
    for qemus in ((), (CellQemu("", "x86_64"),)):
        with pytest.raises(CatalogError, match="no QEMU has a name here: give --qemu twice or more"):
            catalog.on(qemus).select([], ["one#10.0"])


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["first@one"], ["first@one#10.0", "first@one#7.2"]),
        (["*@one#10.0"], ["first@one#10.0", "second@one#10.0"]),
        (
            ["first@*#7.2", "second@*"],
            ["first@one#7.2", "first@other#7.2", "second@one#10.0", "second@one#7.2"],
        ),
    ],
)
def test_a_plan_picks_qemus(tmp_path: Path, catalog: Catalog, globs: list[str], expected: list[str]) -> None:
    del catalog
    write(tmp_path / "plans/p.yaml", plan("p", *globs))
    loaded = Catalog.load([tmp_path])
    assert ids(loaded.on([OLD, NEW]).planned_cells(loaded.plan("p"))) == expected


def test_a_plan_that_names_an_absent_qemu_is_an_error(tmp_path: Path, catalog: Catalog) -> None:
    del catalog
    write(tmp_path / "plans/p.yaml", plan("p", "first@one", "first@*#9.0"))
    loaded = Catalog.load([tmp_path])
    for qemus, known in (((), "give --qemu twice or more"), ((OLD, NEW), "known: 10.0, 7.2")):
        with pytest.raises(CatalogError) as caught:
            loaded.on(qemus).planned_cells(loaded.plan("p"))
        assert "plan p: cells: 'first@*#9.0' matches no cell" in caught.value.message
        assert known in caught.value.message


def test_a_plan_for_a_guest_that_nothing_describes_is_an_error_with_a_qemu_too(
    tmp_path: Path, catalog: Catalog
) -> None:
    del catalog
    write(tmp_path / "plans/p.yaml", plan("p", "frist@*#10.0"))
    [line] = error_lines(tmp_path)
    assert "plans/p.yaml:3: cells.0: cell 'frist@*' matches nothing" in line
