"""What Linux says differently on other architectures: the banner of its kernel, and its system calls."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.systems.base.answers import Kernel
from fixtures.systems.linux import display
from fixtures.systems.linux import kernel as linux_kernel

if TYPE_CHECKING:
    pass


def test_the_version_of_an_arm64_kernel_comes_from_the_banner_with_its_build_number(tmp_path: Path) -> None:
    kernel = tmp_path / "vmlinuz"
    banner = b"Linux version 6.1.0-56-arm64 (debian-kernel) (gcc-12) # SMP Debian 6.1.192-2 (2026-11-16)\n\0"
    kernel.write_bytes(b"MZ\0\xffARMd\0" + banner + b"\0\xfe" + banner.replace(b" # ", b" #1 ") + bytes(64))
    asked = " ".join(linux_kernel._VERSION["aarch64"].split())
    script = f"say() {{ printf '%s\\n' \"$*\"; }}; i={kernel}; {asked}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    said = "6.1.0-56-arm64 (debian-kernel) (gcc-12) #1 SMP Debian 6.1.192-2 (2026-11-16)"
    assert done.stdout == f"image_version|{said}\n"
    running = Kernel("6.1.0-56-arm64", "#1 SMP Debian 6.1.192-2 (2026-11-16)", "", 0, (), "")
    assert dataclasses.replace(running, image_version=said).image_is_running
    assert not dataclasses.replace(running, image_version=said.replace("#1 ", "# ")).image_is_running


@pytest.mark.parametrize(
    ("said", "width", "numbers"),
    [
        ("x86_64", 8, "9 0 1"),
        ("aarch64", 8, "222 63 1"),
        ("i686", 4, "192 3 4096"),
        # A 32-bit system on a 64-bit kernel.
        ("x86_64", 4, "192 3 4096"),
    ],
)
def test_system_calls_have_the_numbers_of_their_architecture(
    said: str, width: int, numbers: str, tmp_path: Path
) -> None:
    (tmp_path / "uname").write_text(f"#!/bin/sh\necho {said}\n")
    (tmp_path / "uname").chmod(0o755)
    script = f"my $wide = {width} == 8;{display.SYSTEM_CALLS} print qq($mmap $read $unit);"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["perl", "-e", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == numbers
