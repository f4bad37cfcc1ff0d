"""GRUB's configuration of an image, and where an image's packages come from."""

from __future__ import annotations

import pytest

from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.specs import Login
from fixtures.core.errors import MediaFault
from fixtures.media import apt_sources, debian_builder, grub_config

LOGIN = Login(user="root")


def built(**more: object) -> BuiltImage:
    return BuiltImage.model_validate({"build": "debian", "suite": "bookworm", **more})


def test_linux_is_started_and_speaks_where_it_is_listened_to() -> None:
    serial = grub_config.configuration(built(), "the-root")
    assert "linux /boot/vmlinuz-$release root=UUID=the-root ro console=tty0 console=ttyS0,115200\n" in serial
    assert "serial --unit=0" in serial
    screen = grub_config.configuration(built(console="screen"), "the-root")
    assert "ro console=tty0\n" in screen
    assert "serial" not in screen


def test_xen_is_started_where_it_is_among_the_packages() -> None:
    text = grub_config.configuration(built(packages=["xen-system-amd64"]), "the-root")
    assert (
        "multiboot2 /boot/$hypervisor placeholder com1=115200,8n1 console=com1,vga \\${xen_rm_opts}" in text
    )
    assert (
        "module2 /boot/vmlinuz-$release placeholder root=UUID=the-root ro console=tty0 console=hvc0" in text
    )
    assert "\n    linux " not in text


def test_the_report_tells_whose_command_line_has_what() -> None:
    changes = [change for change, _ in debian_builder.customisations(built(packages=["xen-system-amd64"]))]
    assert "Xen's command line has com1=115200,8n1 console=com1,vga" in changes
    assert "the kernel's command line has console=tty0 console=hvc0" in changes
    plain = [change for change, _ in debian_builder.customisations(built())]
    assert [change for change in plain if "Xen" in change or "hvc0" in change] == []


def test_an_image_without_updates_has_its_packages_from_the_suite_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = tuple(apt_sources.Source("http://mirror", name) for name in ("bookworm", "bookworm-security"))
    monkeypatch.setattr(apt_sources, "debian_sources", lambda suite: found)
    assert debian_builder.recipe(built(), LOGIN)["sources"] == [source.line for source in found]
    assert debian_builder.recipe(built(updates=False), LOGIN)["sources"] == [found[0].line]
    monkeypatch.setattr(apt_sources, "debian_sources", lambda suite: ())
    with pytest.raises(MediaFault, match="bookworm without its updates: .* knows no mirror"):
        debian_builder.recipe(built(updates=False), LOGIN)
