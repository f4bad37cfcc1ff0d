"""The builder of images of BusyBox: what its hook writes, what its cache key depends on, what YAML may ask."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.login_specs import Login
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.media import busybox_builder, busybox_modules, debian_builder, package_sources
from fixtures.media.apt_sources import AptSource
from fixtures.media.image_builders import builder_of
from fixtures.media.image_recipe import recipe_of

LOGIN = Login(user="root", password="it's 100% secret")
ROOT = "6f0d7c3a-94a5-5f5b-8f5f-0d8a3c1f6a11"
KEY = "0123456789abcdef" * 4


def image(**keys: Any) -> BuiltImage:
    return BuiltImage.model_validate({"build": "busybox", "suite": "bookworm", **keys})


def hook() -> str:
    return busybox_builder._hook(image(), ROOT, KEY, LOGIN)


def test_each_kind_of_image_has_its_builder() -> None:
    assert builder_of(image()) is busybox_builder
    assert builder_of(image(build="debian")) is debian_builder


@pytest.mark.parametrize("keys", [{"packages": ["fio"]}, {"console": "screen"}, {"arch": "arm64"}])
def test_an_image_of_busybox_has_no_choices_of_its_own(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="an image of BusyBox has no"):
        image(**keys)
    assert image(build="debian", **keys).build == "debian"


def test_the_hook_is_a_shell_script() -> None:
    done = subprocess.run(["sh", "-n"], input=hook(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_hook_writes_every_file_of_the_builder(tmp_path: Path) -> None:
    subprocess.run(["mkdir", "-p", "etc/init.d", "etc/acpi/PWRF", "initramfs"], cwd=tmp_path, check=True)
    script = f"image={tmp_path}\n{busybox_builder._write_files()}"
    subprocess.run(["sh", "-e"], input=script, text=True, check=True)
    written = {file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()}
    templates = busybox_builder._TEMPLATES
    assert written == {file.relative_to(templates) for file in templates.rglob("*") if file.is_file()}
    for name in written:
        assert (tmp_path / name).read_text() == (templates / name).read_text()
        assert bool((tmp_path / name).stat().st_mode & 0o100) == (tmp_path / name).read_text().startswith(
            "#!"
        )


@pytest.mark.parametrize(
    "script", [file for file in busybox_builder._templates() if file.read_text().startswith("#!")], ids=str
)
def test_each_program_of_the_builder_is_a_shell_script(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)


def test_the_kernel_finds_its_root_and_its_console() -> None:
    assert f"root=UUID={ROOT} ro console=tty0 console=ttyS0,115200" in hook()
    assert f"UUID={ROOT} / ext4 defaults 0 1" in hook()


def test_every_driver_of_the_guest_is_among_the_modules() -> None:
    # Modules whose drivers have other names, and drivers that are in the kernel itself.
    modules = {
        "piix4_smbus": "i2c_piix4",
        "i801_smbus": "i2c_i801",
        "bochs-drm": "bochs",
        "sd": "sd_mod",
        "xhci_hcd": "xhci_pci",
        "i6300ESB timer": "i6300esb",
    }
    builtin = {"none", "pcieport", "vmgenid", "dmar0"}
    guest = Catalog.load([SHIPPED_GUESTS]).guests["debian-12-busybox"]
    needed = {
        modules.get(driver, driver).replace("-", "_") for driver in set(guest.drivers.values()) - builtin
    }
    assert needed - {module.replace("-", "_") for module in busybox_modules.MODULES} == set()


def test_the_initramfs_has_only_modules_that_can_be_needed_for_the_root() -> None:
    assert set(busybox_modules.ROOT_MODULES) <= set(busybox_modules.MODULES)
    assert f"target=$initramfs\ncopy_modules {' '.join(busybox_modules.ROOT_MODULES)}\n" in hook()


def test_the_cache_key_depends_on_the_login_and_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources = (AptSource("http://deb.invalid/debian", "bookworm"),)
    monkeypatch.setattr(package_sources, "sources_of", lambda _: sources)
    recipe = recipe_of(image(), LOGIN)
    assert recipe_of(image(), LOGIN) == recipe
    assert recipe["plan"]["packages"]["sources"] == ("deb http://deb.invalid/debian bookworm main",)
    assert recipe_of(image(), Login(user="root", password="another")) != recipe
    (tmp_path / "inittab").write_text("::sysinit:/bin/true\n")
    monkeypatch.setattr(busybox_builder, "_TEMPLATES", tmp_path)
    assert recipe_of(image(), LOGIN) != recipe


def test_the_report_lists_the_changes() -> None:
    changes = busybox_builder.customisations(image())
    assert ("root's password is set", "/etc/shadow") in changes
    assert any(
        re.search("command line has console=tty0 console=ttyS0,115200", change) for change, _ in changes
    )
