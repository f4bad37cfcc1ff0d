"""Images of another architecture than the host's: their content, and the emulator that builds them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host import user_namespace
from fixtures.media import binfmt, debian_builder

if TYPE_CHECKING:
    from pathlib import Path

ARM = Catalog.load([SHIPPED_GUESTS]).guests["debian-12-arm64"]


def test_an_arm64_image_has_no_bios_boot_and_no_pc_serial_port() -> None:
    image = ARM.image
    assert isinstance(image, BuiltImage)
    changes = " ".join(change for change, _ in debian_builder.customisations(image))
    assert "console=tty0 console=ttyAMA0,115200" in changes
    assert "GRUB does not wait" in changes
    script = debian_builder._hook(image, "root-id", "key", ARM.login)
    assert "i386-pc" not in script
    assert "serial --unit" not in script


def test_a_build_for_another_architecture_registers_its_emulator_in_a_namespace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert binfmt.mmdebstrap_mode("amd64") == binfmt.NATIVE
    monkeypatch.setattr(binfmt, "can_execute", lambda architecture: architecture != "arm64")
    monkeypatch.setattr(binfmt, "require_tool", tmp_path.joinpath)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    mode = binfmt.mmdebstrap_mode("arm64")
    assert mode.options[:2] == ("--mode=unshare", "--skip=check/qemu")
    assert f":{tmp_path}/qemu-aarch64-static:F" in mode.options[2]
    assert mode.wrap(["mmdebstrap"]) == ["mmdebstrap"]
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert binfmt.mmdebstrap_mode("arm64").wrap(["mmdebstrap"])[-1] == "mmdebstrap"
    monkeypatch.setattr(binfmt, "can_execute", lambda architecture: True)
    assert binfmt.mmdebstrap_mode("arm64") == binfmt.NATIVE
    assert binfmt.required_emulators("arm64") == ()


def test_a_user_namespace_keeps_file_owners(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can create a user namespace with all user ids")
    owned = tmp_path / "owned"
    done = subprocess.run(
        user_namespace.in_user_namespace(["sh", "-c", f"cat /proc/self/uid_map; touch {owned} && chown 101:102 {owned}"]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.stdout.split() == ["0", "0", "65536"]
    assert (owned.stat().st_uid, owned.stat().st_gid) == (101, 102)
    assert subprocess.run(user_namespace.in_user_namespace(["false"]), check=False).returncode == 1
