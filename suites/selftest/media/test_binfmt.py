"""Images of another architecture than this machine's: what is in them, and by what they are built."""

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


def test_an_image_of_arm64_has_nothing_of_a_pcs() -> None:
    image = ARM.image
    assert isinstance(image, BuiltImage)
    said = " ".join(what for what, _ in debian_builder.customisations(image))
    assert "console=tty0 console=ttyAMA0,115200" in said
    assert "GRUB does not wait" in said
    script = debian_builder._hook(image, "root-id", "key", ARM.login)
    assert "i386-pc" not in script
    assert "serial --unit" not in script


def test_a_foreign_build_tells_the_kernel_of_its_emulator_in_a_namespace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert binfmt.building("amd64") == binfmt.NATIVE
    monkeypatch.setattr(binfmt, "executes", lambda architecture: architecture != "arm64")
    monkeypatch.setattr(binfmt, "require_tool", tmp_path.joinpath)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    ours = binfmt.building("arm64")
    assert ours.options[:2] == ("--mode=unshare", "--skip=check/qemu")
    assert f":{tmp_path}/qemu-aarch64-static:F" in ours.options[2]
    assert ours.enclose(["mmdebstrap"]) == ["mmdebstrap"]
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert binfmt.building("arm64").enclose(["mmdebstrap"])[-1] == "mmdebstrap"
    monkeypatch.setattr(binfmt, "executes", lambda architecture: True)
    assert binfmt.building("arm64") == binfmt.NATIVE
    assert binfmt.required("arm64") == ()


def test_a_namespace_of_its_own_keeps_the_owners_of_files(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes namespaces that have all users")
    owned = tmp_path / "owned"
    done = subprocess.run(
        user_namespace.within(["sh", "-c", f"cat /proc/self/uid_map; touch {owned} && chown 101:102 {owned}"]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.stdout.split() == ["0", "0", "65536"]
    assert (owned.stat().st_uid, owned.stat().st_gid) == (101, 102)
    assert subprocess.run(user_namespace.within(["false"]), check=False).returncode == 1
