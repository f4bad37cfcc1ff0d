"""The checkpoints of a cell on several QEMUs are different ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.catalog.cell_names import CellQemu
from fixtures.core.errors import MissingTool
from fixtures.host.firmware import find_firmware
from fixtures.host.qemu import find_qemu
from fixtures.lab.checkpoints.checkpoint_inputs import checkpoint_inputs, describe_changes
from fixtures.media.base_images import Image
from suites.selftest.support.machine_sample import hardware


def script(path: Path, remark: str = "") -> Path:
    try:
        qemu = find_qemu().path
    except MissingTool as missing:
        pytest.skip(f"tool absent: {missing.message}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n# {remark}\nexec {qemu} "$@"\n')
    path.chmod(0o755)
    return path


def test_the_key_of_a_checkpoint_has_the_qemu_of_its_cell(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(512))
    image = Image(disk, "raw", "sha256:" + "0" * 64, "a test")
    bare = replace(hardware(disk), firmware=find_firmware("bios", "pc"))

    def inputs(program: Path | None, label: str = "") -> dict[str, object]:
        cell = replace(bare.cell, qemu=None if program is None else CellQemu(label, "x86_64", program))
        return checkpoint_inputs(replace(bare, cell=cell), image)

    one, other = script(tmp_path / "one/qemu"), script(tmp_path / "other/qemu")
    found = [inputs(None), inputs(one), inputs(other), inputs(script(tmp_path / "third", "changed"))]
    assert [each for number, each in enumerate(found) if each in found[:number]] == []
    # Two equal scripts name files by the place where they are; nothing but the QEMU differs.
    [change] = describe_changes(found[1], found[2])
    assert change.startswith("QEMU (")
    # The label is a name for people: another one needs no other checkpoint.
    assert inputs(one, "7.2") == inputs(one)
    assert inputs(find_qemu().path) == inputs(None)
