"""A run on two QEMUs: selection, workers, bundle, replay, the command that repeats a check, wrong usage."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from fixtures.core.errors import MissingTool
from fixtures.host.qemu import find_qemu
from fixtures.report.bundle.report_files import load_report
from fixtures.report.model.qemu_reports import qemu_verdicts
from fixtures.run.replay_manifest import read_replay_manifest
from suites.selftest.support.inner_run import InnerRun

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """\
@check("a.works")
def test_works(cell):
    assert cell.qemu.label in {"mine", "9.0"}

@check("a.differs")
def test_differs(cell):
    assert cell.id.endswith("#mine")
"""
GUESTS = ("left@pc-bios-ide", "right@pc-bios-ide")


def wrapper(directory: Path) -> Path:
    """The host's QEMU under another version; only its machines are real."""
    try:
        qemu = find_qemu().path
    except MissingTool as missing:
        pytest.skip(f"tool absent: {missing.message}")
    program = directory / "other qemu"
    program.write_text(
        f'#!/bin/sh\n[ "$*" != --version ] || {{ echo QEMU emulator version 9.0.1; exit; }}\nexec {qemu} "$@"\n'
    )
    program.chmod(0o755)
    return program


def test_every_cell_runs_on_each_qemu(tmp_path: Path) -> None:
    program, bundle, xml = wrapper(tmp_path), tmp_path / "out", tmp_path / "out.xml"
    qemus = (f"--qemu=mine={find_qemu().path}", f"--qemu={program}")
    inner = InnerRun.create(tmp_path, TESTS)
    output = inner.run(*qemus, "--platform=pc-bios-ide", f"--bundle={bundle}", f"--junitxml={xml}", "-n2")
    assert "2 failed, 6 passed" in output
    assert "  QEMU 9.0: QEMU emulator version 9.0.1\n" in output
    assert "2 results differ between these QEMUs." in output
    report = load_report(bundle)
    cells = {f"{guest}#{label}" for guest in GUESTS for label in ("mine", "9.0")}
    assert {entry.cell for entry in report.entries} == cells
    assert [qemu.label for qemu in report.host.qemus] == ["mine", "9.0"]
    assert [each.label for each in qemu_verdicts(report)] == ["mine", "9.0"]
    failed = {entry.cell for entry in report.entries if entry.outcome == "FAIL"}
    assert failed == {f"{guest}#9.0" for guest in GUESTS}
    names = {case.get("name") or "" for case in ElementTree.parse(xml).iter("testcase")}
    assert {name.partition("[")[2] for name in names} == {f"{cell}]" for cell in cells}

    # The command that repeats a check selects its cell, with the same QEMUs.
    [failure] = {
        entry.instances[0].attempts[0].failure
        for entry in report.entries
        if (entry.cell, entry.check) == ("left@pc-bios-ide#9.0", "a.differs")
    }
    assert failure is not None, "expected the failure of a.differs"
    again = shlex.split(failure.rerun_command)
    assert [*qemus, "--guest=left", "--platform=pc-bios-ide#9.0"] == again[-6:-2]
    assert inner.run(*qemus, "--platform=pc-bios-ide#9.0").count("2 failed, 2 passed") == 1

    # A replay has the cells of the run, and needs none of its QEMUs.
    settings = read_replay_manifest(bundle).settings
    assert {cell.id for cell in settings.cells} == cells
    assert {cell.program for cell in settings.cells} == {None}
    assert json.loads((bundle / "replay.json").read_text())["qemus"] == [
        ["mine", "x86_64"],
        ["9.0", "x86_64"],
    ]


def test_a_single_qemu_is_named_nowhere(tmp_path: Path) -> None:
    program, bundle = wrapper(tmp_path), tmp_path / "out"
    inner = InnerRun.create(tmp_path, '@check("a.works")\ndef test_works(cell):\n    assert cell.program\n')
    inner.run(f"--qemu={program}", "--platform=pc-bios-ide", f"--bundle={bundle}")
    report = load_report(bundle)
    assert {(entry.cell, entry.outcome) for entry in report.entries} == {(cell, "PASS") for cell in GUESTS}
    assert report.host.qemus == ()
    assert report.host.qemu == "QEMU emulator version 9.0.1"
    assert report.host.qemu_version == "9.0.1"
    assert "qemus" not in json.loads((bundle / "replay.json").read_text())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--qemu=/bin/true"], "ERROR: --qemu /bin/true: expected the version of QEMU"),
        (
            ["--qemu={program}", "--qemu={host}", "--platform=pc-bios-ide#9.9"],
            "with QEMU '9.9' selects no cell",
        ),
        (["--qemu={program}", "--replay=/nowhere"], "--replay does not go with --qemu"),
    ],
)
def test_wrong_usage_is_one_message(tmp_path: Path, options: list[str], message: str) -> None:
    program, inner = wrapper(tmp_path), InnerRun.create(tmp_path, TESTS)
    done = inner.finish(*(option.format(program=program, host=find_qemu().path) for option in options))
    assert done.returncode == 4
    assert message in done.stdout
    assert "Traceback" not in done.stdout
