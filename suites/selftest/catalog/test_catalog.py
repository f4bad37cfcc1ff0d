"""Directories of descriptions: what is read, what is refused, and which cells a person means."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage, LocalImage
from fixtures.core.errors import CatalogError
from suites.selftest.support.paths import ROOT

SHIPPED = ROOT / "guests"


def guest(name: str, *platforms: str, image: str = "{build: debian, suite: bookworm}") -> str:
    return (
        f"id: {name}\ntitle: Guest {name}\nsystem: linux\narch: x86_64\nimage: {image}\n"
        f"platforms: [{', '.join(platforms)}]\nconsole: serial\nlogin: {{user: root}}\ndrivers: {{}}\n"
    )


def platform(name: str) -> str:
    return (
        f"id: {name}\ntitle: Platform {name}\nmachine: pc\nfirmware: bios\ncpu: host\ncpus: 1\n"
        "memory: 64M\ndevices: {disk: ide-hd}\n"
    )


def plan(name: str, *cells: str) -> str:
    return f"id: {name}\ntitle: Plan\ncells: {list(cells)}\nchecks: [{{id: a.b, level: mandatory}}]\n"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Guests ``a`` on p1 and p2, ``b`` on p2; ``p3`` is on no guest's list."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "guests"
    files = {
        "a.yaml": guest("a", "p1", "p2"),
        "b.yaml": guest("b", "p2"),
        "platforms/p1.yaml": platform("p1"),
        "platforms/p2.yaml": platform("p2"),
        "platforms/p3.yaml": platform("p3"),
        "plans/default.yaml": plan("default", "*@p2"),
    }
    for name, text in files.items():
        put(root / name, text)
    return root


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def refusal(*directories: Path) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        Catalog.load(directories)
    return caught.value.message.splitlines()


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


def test_no_paravirtual_device_is_on_the_plain_pc() -> None:
    models = Catalog.load([SHIPPED]).platforms["pc-bios-ide"].models
    assert [model for model in models if "virtio" in model] == []


def test_cells_are_sorted_and_can_be_found(shelf: Path) -> None:
    catalog = Catalog.load([shelf])
    assert [cell.id for cell in catalog.cells()] == ["a@p1", "a@p2", "b@p2"]
    assert catalog.cell("b@p2").platform is catalog.platforms["p2"]
    assert len(set(catalog.cells())) == 3
    with pytest.raises(CatalogError, match=r"^cell 'b@p1' does not exist; did you mean 'b@p2'\?$"):
        catalog.cell("b@p1")


@pytest.mark.parametrize(
    ("name", "text", "messages"),
    [
        ("c.yaml", guest("d", "p1"), ["guests/c.yaml:1: id: expected 'c', the name of the file; found 'd'"]),
        ("c.yaml", guest("c", "p1", "p22"), [
            "guests/c.yaml:6: platforms.1: platform 'p22' is not described; did you mean 'p2'?"]),
        ("c.yaml", guest("c", "zzz"), [
            "guests/c.yaml:6: platforms.0: platform 'zzz' is not described; known: p1, p2, p3"]),
        ("c.yml", "", ["guests/c.yml: is not read; descriptions are named *.yaml"]),
        ("c.yaml~", "", ["guests/c.yaml~: is not read; descriptions are named *.yaml"]),
        ("platforms/p4.YAML", "", ["guests/platforms/p4.YAML: is not read; descriptions are named *.yaml"]),
        ("platforms/old/p.yaml", "", ["guests/platforms/old: a directory is not read"]),
        ("platform/p.yaml", "", ["guests/platform: this directory is not read; did you mean 'platforms'?"]),
        ("waivers", "", ["guests/waivers: is not a directory"]),
        ("c.yaml/x", "", ["guests/c.yaml: is a directory, not a YAML file"]),
        ("plans/x.yaml", plan("x", "c@*"), [
            "guests/plans/x.yaml:3: cells.0: cell 'c@*' matches nothing; known: a@p1, a@p2, b@p2"]),
        ("plans/x.yaml", plan("x", "a@p1", "a@p3"), [
            "guests/plans/x.yaml:3: cells.1: cell 'a@p3' is not described; did you mean 'a@p2'?"]),
    ],
)  # fmt: skip
def test_nothing_is_passed_over(shelf: Path, name: str, text: str, messages: list[str]) -> None:
    put(shelf / name, text)
    assert refusal(shelf) == messages


def test_hidden_files_and_a_readme_are_passed_over(shelf: Path) -> None:
    for name in (".x.yml", "README.md", "plans/README.md", "platforms/.gitkeep", "waivers/README.md"):
        put(shelf / name, "anything")
    assert len(Catalog.load([shelf]).cells()) == 3


def test_mistakes_of_several_files_are_told_at_once(shelf: Path) -> None:
    put(shelf / "a.yaml", "- x\n")
    put(shelf / "b.yaml", guest("b", "p9"))
    put(shelf / "platforms/p1.yaml", platform("p1").replace("64M", "64"))
    assert refusal(shelf) == [
        "guests/a.yaml:1: expected keys with values, like 'id: …'; found a list",
        "guests/platforms/p1.yaml:7: memory: expected a size with its unit, like 64M or 1G; found 64",
        "guests/b.yaml:6: platforms.0: platform 'p9' is not described; known: p1, p2, p3",
    ]


def test_a_broken_platform_is_not_unknown_as_well(shelf: Path) -> None:
    put(shelf / "platforms/p1.yaml", "")
    assert refusal(shelf) == ["guests/platforms/p1.yaml: is empty"]


def test_directories_extend_each_other(shelf: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    put(mine / "c.yaml", guest("c", "p1", "p9"))
    put(mine / "platforms/p9.yaml", platform("p9"))
    catalog = Catalog.load([shelf, mine])
    assert [cell.id for cell in catalog.cells()] == ["a@p1", "a@p2", "b@p2", "c@p1", "c@p9"]
    assert catalog.where("c") == "mine/c.yaml:1"


def test_an_id_of_two_directories_is_refused(shelf: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    put(mine / "a.yaml", guest("a", "p1"))
    put(mine / "platforms/p1.yaml", platform("p1"))
    assert refusal(shelf, mine) == [
        "mine/a.yaml:1: guest 'a' is described already, in guests/a.yaml",
        "mine/platforms/p1.yaml:1: platform 'p1' is described already, in guests/platforms/p1.yaml",
    ]


def test_a_directory_given_twice_is_read_once(shelf: Path) -> None:
    assert len(Catalog.load([shelf, shelf / ".." / "guests"]).cells()) == 3


def test_a_directory_that_describes_nothing_is_refused(shelf: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refusal(shelf, empty) == ["empty: describes nothing; expected *.yaml files of guests"]
    assert refusal(shelf, tmp_path / "gone") == ["gone: cannot be read: No such file or directory"]
    assert refusal() == ["no directory of guests was given"]


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
def test_select(shelf: Path, guests: list[str], platforms: list[str], expected: list[str]) -> None:
    assert ids(Catalog.load([shelf]), guests, platforms) == expected


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
    shelf: Path, guests: list[str], platforms: list[str], message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog.load([shelf]).select(guests, platforms)
    assert caught.value.message == message


def test_plans(shelf: Path) -> None:
    catalog = Catalog.load([shelf])
    assert [cell.id for cell in catalog.planned_cells(catalog.plan("default"))] == ["a@p2", "b@p2"]
    with pytest.raises(CatalogError, match=r"^plan 'defualt' is not described; did you mean 'default'\?$"):
        catalog.plan("defualt")


def test_where(shelf: Path) -> None:
    catalog = Catalog.load([shelf])
    assert catalog.where("a", "image.suite") == "guests/a.yaml:5"
    assert catalog.where(catalog.platforms["p1"], "memory") == "guests/platforms/p1.yaml:7"
    assert catalog.where("default", "checks.0.level") == "guests/plans/default.yaml:4"
    assert catalog.where("a", "budget.boot") == "guests/a.yaml:1"
    with pytest.raises(KeyError):
        catalog.where("c")


EXPANSIONS = [
    ("disk.qcow2", "{shelf}/disk.qcow2"),
    ("/srv/disk.qcow2", "/srv/disk.qcow2"),
    ("'${IMAGES}/disk.qcow2'", "/srv/images/disk.qcow2"),
    ("'${REL}/${REL}/$REL'", "{shelf}/rel/rel/$REL"),
    ("'${ODD}'", "{shelf}/${IMAGES}"),
]


@pytest.mark.parametrize(("written", "expected"), EXPANSIONS)
def test_an_images_path_is_expanded(shelf: Path, written: str, expected: str) -> None:
    put(shelf / "c.yaml", guest("c", "p1", image=f"{{path: {written}}}"))
    catalog = Catalog.load([shelf])
    expanded = catalog.expand(
        catalog.guests["c"], {"IMAGES": "/srv/images", "REL": "rel", "ODD": "${IMAGES}"}
    )
    assert isinstance(expanded.image, LocalImage)
    assert expanded.image.path == expected.replace("{shelf}", str(shelf))
    assert expanded.model_copy(update={"image": catalog.guests["c"].image}) == catalog.guests["c"]


def test_an_image_without_a_path_needs_no_expansion(shelf: Path) -> None:
    catalog = Catalog.load([shelf])
    assert catalog.expand(catalog.guests["a"], {}) is catalog.guests["a"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${NO}/x", "the environment variable NO is not set; '${NO}/x' needs it"),
        ("${EMPTY}/x", "the environment variable EMPTY is empty; '${EMPTY}/x' needs it"),
        ("${}/x", "expected ${NAME} with the name of a variable; found '${}'"),
        ("a${NO", "expected ${NAME} with the name of a variable; found '${NO'"),
        ("${N O}", "expected ${NAME} with the name of a variable; found '${N O}'"),
    ],
)
def test_a_path_that_cannot_be_expanded(shelf: Path, written: str, message: str) -> None:
    put(shelf / "c.yaml", guest("c", "p1", image=f"\n  path: '{written}'"))
    catalog = Catalog.load([shelf])
    with pytest.raises(CatalogError) as caught:
        catalog.expand(catalog.guests["c"], {"EMPTY": ""})
    assert caught.value.message == f"guests/c.yaml:6: {message}"


def test_cells_of_a_large_catalog(shelf: Path) -> None:
    for number in range(50):
        put(shelf / f"g{number}.yaml", guest(f"g{number}", "p1", "p2", "p3"))
    assert len(Catalog.load([shelf]).select(["g*"], ["p*"])) == 150
