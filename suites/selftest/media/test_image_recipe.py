"""The cache key of a built image: a change builds the images again that it concerns, and no others."""

from __future__ import annotations

import ast
import dataclasses
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.login_specs import Login
from fixtures.core.errors import MediaFault
from fixtures.media import (
    apt_sources,
    boot_loaders,
    disk_builder,
    disk_layout,
    grub_config,
    image_recipe,
    init_systems,
    mmdebstrap,
    root_layouts,
    root_mover,
    system_packages,
)
from fixtures.media.cache import cache_key
from fixtures.media.image_builders import builder_of
from fixtures.media.image_recipe import CODE, MOVING_CODE, recipe_of, recipe_of_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.media.disk_plan import DiskPlan

    Patch = Callable[[pytest.MonkeyPatch], None]

LOGIN = Login(user="root", password="secret")
MIRROR = apt_sources.AptSource("https://mirror.example/debian", "bookworm")
IMAGES: dict[str, dict[str, object]] = {
    "plain": {},
    "luks": {"root": "luks"},
    "xfs": {"root": "xfs"},
    "extlinux": {"boot_loader": "extlinux"},
    "systemd-boot": {"boot_loader": "systemd-boot"},
    "openrc": {"init": "openrc"},
    "dracut": {"initramfs": "dracut"},
    "rt": {"kernel": "rt"},
    "arm64": {"arch": "arm64"},
    "cloud": {"build": "debian-cloud"},
    "ignition": {"build": "debian-ignition", "initramfs": "dracut"},
    "busybox": {"build": "busybox"},
}


@pytest.fixture(autouse=True)
def _one_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt_sources, "debian_sources", lambda _suite: (MIRROR,))


def built(name: str) -> BuiltImage:
    return BuiltImage.model_validate({"build": "debian", "suite": "bookworm", **IMAGES[name]})


def keys() -> dict[str, str]:
    return {name: cache_key(recipe_of(built(name), LOGIN)) for name in IMAGES}


def plan_of(name: str) -> DiskPlan:
    return builder_of(built(name)).plan(built(name), LOGIN, "key")


def changed_layout(name: str, field: str) -> Patch:
    layout = root_layouts._LAYOUTS[name]
    texts: dict[str, Any] = {field: f"true\n{getattr(layout, field)}"}
    other = dataclasses.replace(layout, **texts)
    return lambda patch: patch.setitem(root_layouts._LAYOUTS, name, other)


def changed_init(name: str) -> Patch:
    init = init_systems._INIT_SYSTEMS[name]
    other = dataclasses.replace(init, enable=f"true\n{init.enable}")
    return lambda patch: patch.setitem(init_systems._INIT_SYSTEMS, name, other)


def changed_text(module: object, name: str) -> Patch:
    return lambda patch: patch.setattr(module, name, f"true\n{getattr(module, name)}")


DEBIAN = set(IMAGES) - {"busybox"}
CHANGES: dict[str, tuple[Patch, set[str]]] = {
    "how LUKS is made": (changed_layout("luks", "make"), {"luks"}),
    "what LUKS needs in the initramfs": (changed_layout("luks", "prepare"), {"luks"}),
    "the file system table of XFS": (changed_layout("xfs", "fstab"), {"xfs"}),
    "how EXTLINUX is installed": (changed_text(boot_loaders, "INSTALL_EXTLINUX"), {"extlinux"}),
    "the boot code of EXTLINUX": (changed_text(boot_loaders, "GPT_BOOT_CODE"), {"extlinux"}),
    "the partition of systemd-boot": (
        lambda patch: patch.setattr(boot_loaders, "_LARGE_ESP", 512 << 20),
        {"systemd-boot"},
    ),
    "the files of systemd-boot": (
        lambda patch: patch.setattr(boot_loaders, "SYSTEMD_BOOT_FILES", ()),
        {"systemd-boot"},
    ),
    "the size of /boot": (lambda patch: patch.setattr(root_layouts, "BOOT_SIZE", 1 << 30), {"luks"}),
    "what OpenRC enables": (changed_init("openrc"), {"openrc"}),
    "what systemd enables": (changed_init("systemd"), DEBIAN - {"openrc"}),
    "the package of a kernel": (
        lambda patch: patch.setitem(system_packages._KERNELS, ("amd64", "rt"), "linux-image-rt-6"),
        {"rt"},
    ),
    "GRUB's entry": (changed_text(grub_config, "_ENTRY"), DEBIAN - {"extlinux", "systemd-boot"}),
    "GRUB's entry for the small guest": (changed_text(grub_config, "_QUICK_ENTRY"), {"busybox"}),
    "the script that moves a system": (
        lambda patch: patch.setattr(root_mover, "_SCRIPT", f"{root_mover._SCRIPT}true\n"),
        {"luks", "xfs", "extlinux"},
    ),
    "nothing": (lambda patch: None, set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_concerns_only_the_images_that_it_changes(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys()
    apply, concerned = CHANGES[change]
    apply(monkeypatch)
    after = keys()
    assert {name for name in IMAGES if before[name] != after[name]} == concerned


def test_each_variant_has_an_image_of_its_own() -> None:
    assert len(set(keys().values())) == len(IMAGES)


def _different(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 512
        case str():
            return f"{value}x"
        case tuple():
            return (*value, "another")
    raise TypeError(f"a plan has a value of {type(value).__name__}")


def test_the_key_has_every_field_of_the_plan() -> None:
    for name in ("plain", "luks", "busybox"):
        plan = plan_of(name)
        others = [
            dataclasses.replace(plan, **{field.name: _different(getattr(plan, field.name))})
            for field in dataclasses.fields(plan)
            if field.name != "packages"
        ]
        others += [
            dataclasses.replace(
                plan, packages=dataclasses.replace(plan.packages, **{field.name: _different(value)})
            )
            for field in dataclasses.fields(plan.packages)
            for value in [getattr(plan.packages, field.name)]
        ]
        each = [cache_key(recipe_of_plan(one)) for one in (plan, *others)]
        assert len(set(each)) == len(each)


@pytest.mark.parametrize("file", [*CODE, *MOVING_CODE], ids=lambda file: file.stem)
def test_a_change_of_the_code_that_builds_concerns_every_image_that_it_builds(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = keys()
    edited = tmp_path / file.name
    edited.write_bytes(file.read_bytes() + b"\n")
    for name in ("CODE", "MOVING_CODE"):
        files = getattr(image_recipe, name)
        monkeypatch.setattr(image_recipe, name, tuple(edited if each == file else each for each in files))
    after = keys()
    moved = {"luks", "xfs", "extlinux"}
    concerned = moved if file in MOVING_CODE else set(IMAGES)
    assert {name for name in IMAGES if before[name] != after[name]} == concerned


def test_what_builds_a_disk_uses_only_code_that_is_in_the_key() -> None:
    """A module that describes images and is not in the key could otherwise change an image."""
    known = {f"fixtures.media.{file.stem}" for file in (*CODE, *MOVING_CODE)}
    for file in (*CODE, *MOVING_CODE):
        imported = {
            name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in _names(node)
        }
        media = {name for name in imported if name.startswith("fixtures.media")}
        assert {name for name in media if not any(name.startswith(each) for each in known)} == set(), file
        assert not any(name.startswith("fixtures.catalog") for name in imported), file


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.module is not None, "expected an import by its full name"
    assert node.level == 0
    return [f"{node.module}.{alias.name}" for alias in node.names]


def ext4_uuid(disk: Path, start: int) -> str:
    """The UUID in the superblock of the file system at ``start``."""
    with disk.open("rb") as file:
        file.seek(start + 1024 + 0x68)
        return str(uuid.UUID(bytes=file.read(16)))


def fake_tree(plan: DiskPlan, work: Path) -> None:
    """The files of the packages that the plan names, and a listing."""
    tree = work / "root"
    (tree / plan.folder / "boot").mkdir(parents=True)
    for path in ("boot/vmlinuz-6.1.0-9-amd64", "boot/initrd.img-6.1.0-9-amd64"):
        (tree / plan.folder / path).write_text(path)
    for path in (plan.boot_sector, plan.core_image, *(path for _, path in plan.esp_files)):
        if path and "*" not in path:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(path.encode().ljust(512, b"\0"))
    (tree / plan.package_list).write_text("grep 3.8-5\nlinux-image-6.1.0-9-amd64 6.1.1-1\n")
    (work / "build.log").touch()


@pytest.mark.parametrize("name", ["plain", "systemd-boot", "cloud", "busybox"])
def test_a_plan_is_carried_out(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The disk is real; only the packages are not downloaded."""
    plan = dataclasses.replace(plan_of(name), size=512 << 20)
    monkeypatch.setattr(
        mmdebstrap, "run_mmdebstrap", lambda _packages, work, _progress: fake_tree(plan, work)
    )
    disk_builder.build_disk(plan, tmp_path, lambda _: None)
    raw = tmp_path / "raw"
    disk_layout.run_image_tool(
        ["qemu-img", "convert", "-O", "raw", str(tmp_path / "disk.qcow2"), str(raw)], "disk"
    )
    assert raw.stat().st_size == plan.size + plan.room
    esp = f"{raw}@@2M"
    for path, text in plan.esp_texts:
        written = disk_layout.run_image_tool(["mtype", "-i", esp, f"::{path}"], "ESP")
        assert written == text.replace("$release", "6.1.0-9-amd64")
    for path, source in plan.esp_files:
        written = disk_layout.run_image_tool(["mtype", "-i", esp, f"::{path}"], "ESP").rstrip("\0")
        assert written == source.replace("*", "6.1.0-9-amd64")
    start = disk_layout.root_start(plan.esp_size, plan.boot_size)
    assert ext4_uuid(raw, start) == plan.root
    assert {path.name for path in tmp_path.glob("*[gz]")} == {name for name, _ in plan.copies} | {"build.log"}
    assert '"grep": "3.8-5"' in (tmp_path / "packages.json").read_text()


def test_a_file_that_the_packages_lack_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = dataclasses.replace(plan_of("plain"), size=512 << 20)
    monkeypatch.setattr(
        mmdebstrap, "run_mmdebstrap", lambda _packages, work, _progress: fake_tree(plan, work)
    )
    other = dataclasses.replace(plan, boot_sector="usr/lib/grub/elsewhere/boot.img")
    with pytest.raises(MediaFault, match=r"expected one file usr/lib/grub/elsewhere/boot\.img; found 0"):
        disk_builder.build_disk(other, tmp_path, lambda _: None)


def test_a_system_that_makes_its_disk_itself_gets_both_disks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = dataclasses.replace(plan_of("luks"), size=768 << 20)
    monkeypatch.setattr(
        mmdebstrap, "run_mmdebstrap", lambda _packages, work, _progress: fake_tree(plan, work)
    )
    moved: list[tuple[str, int, str, str]] = []

    def move(system: Path, disk: Path, kernel: Path, initrd: Path, *_: object) -> None:
        moved.append((ext4_uuid(system, 0), disk.stat().st_size, kernel.read_text(), initrd.read_text()))

    monkeypatch.setattr(root_mover, "move_system", move)
    disk_builder.build_disk(plan, tmp_path, lambda _: None)
    assert moved == [
        (
            plan.root,
            plan.size,
            "boot/vmlinuz-6.1.0-9-amd64",
            "boot/initrd.img-6.1.0-9-amd64",
        )
    ]
    assert not (tmp_path / "work/system.raw").exists()
