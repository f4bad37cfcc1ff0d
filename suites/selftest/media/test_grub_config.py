"""GRUB's configuration of a built image, and the package sources of its build."""

from __future__ import annotations

import pytest

from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.login_specs import Login
from fixtures.core.errors import MediaFault
from fixtures.media import apt_sources, debian_builder, grub_config
from fixtures.media.image_recipe import recipe_of

LOGIN = Login(user="root")


def built(**more: object) -> BuiltImage:
    return BuiltImage.model_validate({"build": "debian", "suite": "bookworm", **more})


def test_linux_uses_the_console_of_the_image() -> None:
    serial = grub_config.configuration(built(), "the-root")
    assert "linux /boot/vmlinuz-$release root=UUID=the-root ro console=tty0 console=ttyS0,115200\n" in serial
    assert "serial --unit=0" in serial
    screen = grub_config.configuration(built(console="screen"), "the-root")
    assert "ro console=tty0\n" in screen
    assert "serial" not in screen


def test_the_small_guest_is_loaded_by_the_quick_loader_of_a_bios() -> None:
    text = grub_config.configuration(built(build="busybox"), "the-root")
    options = "root=UUID=the-root ro console=tty0 console=ttyS0,115200"
    assert f"linux16 /boot/vmlinuz-$release {options}\n        initrd16 " in text
    assert f"linux /boot/vmlinuz-$release {options}\n        initrd " in text
    assert 'if [ "\\$grub_platform" = "pc" ]' in text


def test_ignition_runs_at_the_first_boot_alone() -> None:
    text = grub_config.configuration(built(build="debian-ignition", initramfs="dracut"), "the-root")
    condition, _, entry = text.partition("menuentry ")
    assert "if [ -f /boot/ignition.firstboot ]; then\n    set first_boot=" in condition
    assert '"ignition.firstboot ignition.platform.id=qemu"' in condition
    # The variable is GRUB's, not one of the script that writes the file.
    assert "root=UUID=the-root ro console=tty0 console=ttyS0,115200 \\$first_boot\n" in entry
    assert "first_boot" not in grub_config.configuration(built(), "the-root")


def test_xen_is_booted_if_it_is_among_the_packages() -> None:
    text = grub_config.configuration(built(packages=["xen-system-amd64"]), "the-root")
    assert (
        "multiboot2 /boot/$hypervisor placeholder com1=115200,8n1 console=com1,vga \\${xen_rm_opts}" in text
    )
    assert (
        "module2 /boot/vmlinuz-$release placeholder root=UUID=the-root ro console=tty0 console=hvc0" in text
    )
    assert "\n    linux " not in text


def test_customisations_list_the_command_line_options_of_kernel_and_hypervisor() -> None:
    changes = [change for change, _ in debian_builder.customisations(built(packages=["xen-system-amd64"]))]
    assert "Xen's command line has com1=115200,8n1 console=com1,vga" in changes
    assert "the kernel's command line has console=tty0 console=hvc0" in changes
    plain = [change for change, _ in debian_builder.customisations(built())]
    assert [change for change in plain if "Xen" in change or "hvc0" in change] == []


def test_an_image_without_updates_uses_only_the_sources_of_its_suite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources = tuple(
        apt_sources.AptSource("http://mirror", name) for name in ("bookworm", "bookworm-security")
    )
    monkeypatch.setattr(apt_sources, "debian_sources", lambda suite: sources)
    lines = tuple(source.line for source in sources)
    assert recipe_of(built(), LOGIN)["plan"]["packages"]["sources"] == lines
    assert recipe_of(built(updates=False), LOGIN)["plan"]["packages"]["sources"] == lines[:1]
    monkeypatch.setattr(apt_sources, "debian_sources", lambda suite: ())
    with pytest.raises(MediaFault, match="bookworm without its updates: .* knows no mirror"):
        recipe_of(built(updates=False), LOGIN)
