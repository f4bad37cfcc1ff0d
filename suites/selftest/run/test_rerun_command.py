"""The command that runs a failed check again: copied into a shell, it repeats the failure."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.host.qemu import OVERRIDES, find_qemu
from fixtures.run import collection
from suites.selftest.support.inner_run import PROJECT, InnerRun
from suites.selftest.support.run_limit import RUN_LIMIT

TESTS = """\
@check("a.fails")
def test_fails(cell):
    assert cell.platform.cpus == 77
"""


def failed_commands(bundle: Path) -> dict[str, str]:
    """The command of each failed check, by cell."""
    report: dict[str, Any] = json.loads((bundle / "report.json").read_text())
    attempts = [
        attempt
        for entry in report["results"]
        for instance in entry["instances"]
        for attempt in instance["attempts"]
    ]
    return {attempt["cell"]: attempt["failure"]["again"] for attempt in attempts}


def run_in_shell(command: str, *arguments: str) -> str:
    """The output of a command that a user copies into a shell in the project's directory."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("IRONGUEST", "PYTEST"))
    }
    return subprocess.run(
        ["sh", "-c", f"{command} {shlex.join(arguments)}"],
        cwd=PROJECT,
        env=inherited,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=RUN_LIMIT,
    ).stdout


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_the_command_repeats_the_failure(tmp_path: Path, workers: str) -> None:
    directory = tmp_path / "own guests"
    directory.mkdir()
    qemu = tmp_path / "another qemu"
    qemu.symlink_to(find_qemu("x86_64").path)
    bundle = tmp_path / "bundle"
    InnerRun.create(directory, TESTS).run(
        *(
            "--platform=pc-bios-ide,nic=e1000e,cpus=4",
            "--timeout-scale=2.5",
            "--soak=1min",
            "--cold",
            "-k",
            "left",
        ),
        *(workers, f"--bundle={bundle}"),
        IRONGUEST_QEMU=str(qemu),
    )
    (command,) = failed_commands(bundle).values()
    variable, *arguments = shlex.split(command)
    assert variable == f"IRONGUEST_QEMU={qemu}"
    assert arguments[
        arguments.index(f"{directory}/test_inner.py::test_fails[left@pc-bios-ide,cpus=4,nic=e1000e]") + 1 :
    ] == [
        f"--guests-dir={directory}/guests",
        "--guest=left",
        "--platform=pc-bios-ide,cpus=4,nic=e1000e",
        "--accel=tcg",
        "--timeout-scale=2.5",
        "--soak=1min",
        "--cold",
        "--keep-machine=failed",
    ]
    # The checks of inner runs lie outside the project, so pytest needs its configuration by name.
    output = run_in_shell(command, "-c", "pyproject.toml", "--rootdir", ".")
    assert "a.fails  left@pc-bios-ide,cpus=4,nic=e1000e" in output
    assert "AssertionError" in output
    assert "1 failed in" in output


def test_the_command_of_a_replay_is_a_replay(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    inner = InnerRun.create(tmp_path, TESTS)
    inner.run("-k", "left", f"--bundle={first}")
    inner.run(f"--replay={first}", f"--bundle={second}")
    (command,) = failed_commands(second).values()
    assert command.endswith(f" --replay={first}")
    assert "--guest" not in command


@pytest.mark.parametrize("is_activated", [True, False])
def test_the_command_works_without_an_activated_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_activated: bool
) -> None:
    directory = Path(sys.executable).parent if is_activated else tmp_path
    monkeypatch.setenv("PATH", str(directory))
    collection._pytest_program.cache_clear()
    program = collection._pytest_program()
    collection._pytest_program.cache_clear()
    if is_activated:
        assert program == ("pytest",)
    else:
        assert (PROJECT / program[0], *program[1:]) == (Path(sys.executable), "-m", "pytest")


def test_a_check_of_the_project_is_named_from_its_root(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in OVERRIDES.values():
        monkeypatch.delenv(variable, raising=False)
    option = SimpleNamespace(
        qemu=[],
        guests_dir=[Path("mine")],
        replay=None,
        accel="kvm",
        timeout_scale=None,
        soak=None,
        require_hardware_assist=True,
        cold=False,
    )
    item = SimpleNamespace(
        path=PROJECT / "suites/boot/test_boot.py",
        nodeid="suites/boot/test_boot.py::test_x[debian-12@q35-uefi-virtio]",
        config=SimpleNamespace(option=option),
        callspec=SimpleNamespace(params={"cell": SimpleNamespace(id="debian-12@q35-uefi-virtio")}),
    )
    assert collection.rerun_command(item).endswith(
        "pytest 'suites/boot/test_boot.py::test_x[debian-12@q35-uefi-virtio]' "
        f"--guests-dir={Path.cwd()}/mine --guest=debian-12 --platform=q35-uefi-virtio --accel=kvm "
        "--require-hardware-assist --keep-machine=failed"
    )
