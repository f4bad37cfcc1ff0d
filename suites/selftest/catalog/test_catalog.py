"""Directories of descriptions: which files are read, which are errors, and how cells are selected."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage, LocalImage
from fixtures.core.errors import CatalogError
from suites.selftest.support.catalog_sample import error_lines, guest, platform, write
from suites.selftest.support.paths import ROOT

SHIPPED = ROOT / "guests"


def ids(catalog: Catalog, guests: list[str], platforms: list[str]) -> list[str]:
    return [cell.id for cell in catalog.select(guests, platforms)]


def test_the_shipped_catalog_loads() -> None:
    catalog = Catalog.load([SHIPPED])
    cells = {cell.id for cell in catalog.cells()}
    assert {"debian-12@pc-bios-ide", "debian-12@q35-uefi-virtio"} <= cells
    debian = catalog.guests["debian-12"]
    assert debian.image == BuiltImage(build="debian", suite="bookworm")
    assert debian.platforms[:2] == ("pc-bios-ide", "q35-uefi-virtio")
    assert debian.drivers["virtio-blk-pci"] == "virtio_blk"
    default = catalog.plan("default")
    assert len(default.checks) >= 13
    assert {cell.guest.id for cell in catalog.planned_cells(default)} >= {"debian-12"}


def test_the_plain_pc_has_no_paravirtual_device() -> None:
    models = Catalog.load([SHIPPED]).platforms["pc-bios-ide"].models
    assert [model for model in models if "virtio" in model] == []


def test_cells_are_sorted_and_found_by_id(guests_directory: Path) -> None:
    catalog = Catalog.load([guests_directory])
    assert [cell.id for cell in catalog.cells()] == ["a@p1", "a@p2", "b@p2"]
    assert catalog.cell("b@p2").platform is catalog.platforms["p2"]
    assert len(set(catalog.cells())) == 3
    with pytest.raises(CatalogError, match=r"^cell 'b@p1' does not exist; did you mean 'b@p2'\?$"):
        catalog.cell("b@p1")


def test_mistakes_of_several_files_are_in_one_error(guests_directory: Path) -> None:
    write(guests_directory / "a.yaml", "- x\n")
    write(guests_directory / "b.yaml", guest("b", "p9"))
    write(guests_directory / "platforms/p1.yaml", platform("p1").replace("64M", "64"))
    assert error_lines(guests_directory) == [
        "guests/a.yaml:1: expected keys with values, like 'id: …'; found a list",
        "guests/platforms/p1.yaml:7: memory: expected a size with its unit, like 64M or 1G; found 64",
        "guests/b.yaml:6: platforms.0: platform 'p9' is not described; known: p1, p2, p3",
    ]


def test_an_invalid_platform_is_not_reported_as_unknown(guests_directory: Path) -> None:
    write(guests_directory / "platforms/p1.yaml", "")
    assert error_lines(guests_directory) == ["guests/platforms/p1.yaml: is empty"]


def test_directories_extend_each_other(guests_directory: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write(mine / "c.yaml", guest("c", "p1", "p9"))
    write(mine / "platforms/p9.yaml", platform("p9"))
    catalog = Catalog.load([guests_directory, mine])
    assert [cell.id for cell in catalog.cells()] == ["a@p1", "a@p2", "b@p2", "c@p1", "c@p9"]
    assert catalog.where("c") == "mine/c.yaml:1"


def test_the_same_id_in_two_directories_is_an_error(guests_directory: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write(mine / "a.yaml", guest("a", "p1"))
    write(mine / "platforms/p1.yaml", platform("p1"))
    assert error_lines(guests_directory, mine) == [
        "mine/a.yaml:1: id: guest 'a' is described already, in guests/a.yaml",
        "mine/platforms/p1.yaml:1: id: platform 'p1' is described already, in guests/platforms/p1.yaml",
    ]


def test_a_directory_listed_twice_is_read_once(guests_directory: Path) -> None:
    assert len(Catalog.load([guests_directory, guests_directory / ".." / "guests"]).cells()) == 3


def test_a_directory_without_descriptions_is_an_error(guests_directory: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert error_lines(guests_directory, empty) == [
        "empty: describes nothing; expected *.yaml files of guests"
    ]
    assert error_lines(guests_directory, tmp_path / "gone") == [
        "gone: cannot be read: No such file or directory"
    ]
    assert error_lines() == ["no directory of guests was given"]


@pytest.mark.parametrize(
    ("guests", "platforms", "expected"),
    [
        ([], [], ["a@p1", "a@p2", "b@p2"]),
        (["a"], [], ["a@p1", "a@p2"]),
        (["a,b"], ["p2"], ["a@p2", "b@p2"]),
        (["b", "a", "a"], ["p2"], ["a@p2", "b@p2"]),
        (["*"], ["p1"], ["a@p1"]),
        (["[ab]"], ["p?"], ["a@p1", "a@p2", "b@p2"]),
        (["a", "b"], ["p*"], ["a@p1", "a@p2", "b@p2"]),
        ([" a , b "], ["p2"], ["a@p2", "b@p2"]),
    ],
)
def test_select(guests_directory: Path, guests: list[str], platforms: list[str], expected: list[str]) -> None:
    assert ids(Catalog.load([guests_directory]), guests, platforms) == expected


@pytest.mark.parametrize(
    ("guests", "platforms", "message"),
    [
        (["b"], ["p1"], "guest 'b' does not list platform 'p1'; it lists p2"),
        (["a,b"], ["p1"], "guest 'b' does not list platform 'p1'; it lists p2"),
        (["c"], [], "guest 'c' is not described; known: a, b"),
        (["a"], ["p11"], "platform 'p11' is not described; did you mean 'p1'?"),
        (["x*"], ["q"], ("guest 'x*' matches nothing; known: a, b\n"
                        "platform 'q' is not described; known: p1, p2, p3")),
        (["A"], [], "guest 'A' is not described; known: a, b"),
        ([""], [], "guest: expected ids or globs separated by commas; found ''"),
        ([], ["p1,,p2"], "platform: expected ids or globs separated by commas; found 'p1,,p2'"),
        ([], ["p3"], ("guest '*' selects no cell with platform 'p3'\n"
                     "platform 'p3' selects no cell with guest '*'")),
        (["a", "b*"], ["p1*"], "guest 'b*' selects no cell with platform 'p1*'"),
    ],
)  # fmt: skip
def test_select_never_narrows_silently(
    guests_directory: Path, guests: list[str], platforms: list[str], message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog.load([guests_directory]).select(guests, platforms)
    assert caught.value.message == message


def test_plans(guests_directory: Path) -> None:
    catalog = Catalog.load([guests_directory])
    assert [cell.id for cell in catalog.planned_cells(catalog.plan("default"))] == ["a@p2", "b@p2"]
    with pytest.raises(CatalogError, match=r"^plan 'defualt' is not described; did you mean 'default'\?$"):
        catalog.plan("defualt")


def test_where(guests_directory: Path) -> None:
    catalog = Catalog.load([guests_directory])
    assert catalog.where("a", "image.suite") == "guests/a.yaml:5"
    assert catalog.where(catalog.platforms["p1"], "memory") == "guests/platforms/p1.yaml:7"
    assert catalog.where("default", "checks.0.level") == "guests/plans/default.yaml:4"
    assert catalog.where("a", "timeouts.boot") == "guests/a.yaml:1"
    with pytest.raises(KeyError):
        catalog.where("c")


EXPANSIONS = [
    ("disk.qcow2", "{directory}/disk.qcow2"),
    ("/srv/disk.qcow2", "/srv/disk.qcow2"),
    ("'${IMAGES}/disk.qcow2'", "/srv/images/disk.qcow2"),
    ("'${REL}/${REL}/$REL'", "{directory}/rel/rel/$REL"),
    ("'${ODD}'", "{directory}/${IMAGES}"),
]


@pytest.mark.parametrize(("path", "expected"), EXPANSIONS)
def test_the_path_of_an_image_is_expanded(guests_directory: Path, path: str, expected: str) -> None:
    write(guests_directory / "c.yaml", guest("c", "p1", image=f"{{path: {path}}}"))
    catalog = Catalog.load([guests_directory])
    expanded = catalog.expand(
        catalog.guests["c"], {"IMAGES": "/srv/images", "REL": "rel", "ODD": "${IMAGES}"}
    )
    assert isinstance(expanded.image, LocalImage)
    assert expanded.image.path == expected.replace("{directory}", str(guests_directory))
    assert expanded.model_copy(update={"image": catalog.guests["c"].image}) == catalog.guests["c"]


def test_an_image_without_a_path_needs_no_expansion(guests_directory: Path) -> None:
    catalog = Catalog.load([guests_directory])
    assert catalog.expand(catalog.guests["a"], {}) is catalog.guests["a"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("${NO}/x", "the environment variable NO is not set; '${NO}/x' needs it"),
        ("${EMPTY}/x", "the environment variable EMPTY is empty; '${EMPTY}/x' needs it"),
        ("${}/x", "expected ${NAME} with the name of a variable; found '${}'"),
        ("a${NO", "expected ${NAME} with the name of a variable; found '${NO'"),
        ("${N O}", "expected ${NAME} with the name of a variable; found '${N O}'"),
    ],
)
def test_a_path_that_cannot_be_expanded(guests_directory: Path, path: str, message: str) -> None:
    write(guests_directory / "c.yaml", guest("c", "p1", image=f"\n  path: '{path}'"))
    catalog = Catalog.load([guests_directory])
    with pytest.raises(CatalogError) as caught:
        catalog.expand(catalog.guests["c"], {"EMPTY": ""})
    assert caught.value.message == f"guests/c.yaml:6: {message}"


def test_cells_of_a_large_catalog(guests_directory: Path) -> None:
    for number in range(50):
        write(guests_directory / f"g{number}.yaml", guest(f"g{number}", "p1", "p2", "p3"))
    assert len(Catalog.load([guests_directory]).select(["g*"], ["p*"])) == 150
