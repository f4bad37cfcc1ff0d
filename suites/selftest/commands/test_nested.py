"""The parts of ci/nested: its command line, the choice of the host, its disks, and the runner's messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.specs import Cell
from fixtures.commands.nested.arguments import HostPaths, parse
from fixtures.commands.nested.host_description import (
    PACKAGES,
    OuterAccelerator,
    choose_outer_accelerator,
    host_guest,
    host_platform,
    nested_kvm_enabled,
    refusals,
)
from fixtures.core.errors import (
    IronguestError,
)
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host.hardware_assistance import Assistance
from suites.selftest.support.paths import ROOT

PROVEN = Assistance(True, True, ("it passed",), ())
UNPROVEN = Assistance(False, True, ("the CPU reports neither vmx nor svm",), ())
PATHS = HostPaths("/g", "/key.pem", "/baseline", "/bundle", "/images")


def pytest_arguments(*arguments: str, scale: float | None = 20.0) -> list[str]:
    return parse(list(arguments)).pytest_arguments(PATHS, scale)


# --- the command line ---


def test_pytest_gets_every_option_again_and_its_own_in_their_order() -> None:
    arguments = pytest_arguments(
        *(
            "--guest",
            "a,b",
            "-k",
            "boots",
            "--platform=pc-*",
            "--platform",
            "q35-bios-sata,cpus=2",
            "--cold",
            "-x",
        ),
        *("--plan", "default", "suites/boot", f"{ROOT}/suites/storage"),
    )
    assert arguments == [
        *("--accel=kvm", "--bundle=/bundle", "--prepared-images=/images", "--timeout-scale=20"),
        *("--guest=a,b", "--platform=pc-*", "--platform=q35-bios-sata,cpus=2", "--plan=default", "--cold"),
        *("-k", "boots", "-x", "suites/boot", "suites/storage"),
    ]


def test_files_and_directories_are_named_as_the_host_has_them(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    arguments = pytest_arguments(
        f"--sign-key={key}",
        "--guests-dir",
        str(tmp_path),
        "--guests-dir",
        str(tmp_path),
        "--baseline",
        str(tmp_path),
    )
    assert arguments[4:] == [
        "--guests-dir=/g/0",
        "--guests-dir=/g/1",
        "--sign-key=/key.pem",
        "--baseline=/baseline",
    ]
    assert str(tmp_path) not in " ".join(arguments)


@pytest.mark.parametrize(
    ("own", "scale", "expected"), [("3", 20.0, "3"), (None, 20.0, "20"), (None, None, None)]
)
def test_the_scale_of_timeouts_is_the_users_or_the_hosts(
    own: str | None, scale: float | None, expected: str | None
) -> None:
    arguments = pytest_arguments(*([] if own is None else ["--timeout-scale", own]), scale=scale)
    seen = [word for word in arguments if word.startswith("--timeout-scale")]
    assert seen == ([] if expected is None else [f"--timeout-scale={expected}"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--bundle", "there"],
            "--bundle does not go with ci/nested: name the bundle's directory with --out",
        ),
        (["--replay=there"], "--replay does not go with ci/nested"),
        (["--list-cells"], "run pytest --list-cells"),
        (["--prepared-images", "x"], "--prepared-images does not go"),
        (["--accel", "tcg"], "it runs guests under KVM"),
        (["--accel", "xen"], "invalid choice: 'xen'"),
        (["--keep-machine", "failed"], "the disks end with the host"),
        (["--guests-dir", "/nowhere"], "--guests-dir /nowhere: is not a directory"),
        (["--sign-key", "/nowhere"], "--sign-key /nowhere: there is no such file or directory"),
        (["--out"], "expected one argument (see ci/nested --help)"),
        (["--host-log", __file__], f"--host-log {__file__}: is not a directory"),
    ],
)
def test_wrong_usage_is_refused_with_its_remedy(arguments: list[str], words: str) -> None:
    with pytest.raises(IronguestError, match=re.escape(words)):
        parse(arguments)


# --- the host ---


def test_the_host_has_what_ci_setup_installs() -> None:
    script = (ROOT / "ci/setup").read_text()
    body = script[script.index("look_for_packages() {") : script.index("remedy() {")]
    body = body[: body.index("if ((EUID != 0))")] + body[body.index("look_for_python() {") :]
    named = set(re.findall(r"^ +need \S+ (\S+) ", body, re.MULTILINE)) | set(
        re.findall(r"^ +(?:if .*; then )?lack (\S+) ", body, re.MULTILINE)
    )
    # Debian 12 has one package for all modules of QEMU, and no version in the name of its package for venv.
    assert named - {"qemu-system-modules-spice", '"python$version-venv"'} <= set(PACKAGES)
    assert len(named) > 15


@pytest.mark.parametrize(
    ("assistance", "nested", "name", "words"),
    [
        (PROVEN, True, "kvm", "under KVM, which offers nested virtualization"),
        (PROVEN, False, "tcg", "pytest without ci/nested runs guests under this machine's KVM"),
        (UNPROVEN, True, "tcg", "emulated, with AMD-V: the CPU reports neither vmx nor svm"),
        (UNPROVEN, False, "tcg", "emulated, with AMD-V"),
    ],
)
def test_the_host_runs_under_kvm_where_its_guests_can_have_kvm(
    assistance: Assistance, nested: bool, name: str, words: str
) -> None:
    outer = choose_outer_accelerator(assistance, nested=nested)
    assert (outer.accelerator.name, outer.is_emulated) == (name, name == "tcg")
    assert words in outer.reason


@pytest.mark.parametrize(
    ("module", "value", "expected"),
    [("kvm_intel", "Y\n", True), ("kvm_amd", "1\n", True), ("kvm_amd", "0\n", False), ("kvm", "Y\n", False)],
)
def test_the_parameter_of_the_module_says_whether_guests_get_virtualization(
    module: str, value: str, expected: bool, tmp_path: Path
) -> None:
    parameters = tmp_path / module / "parameters"
    parameters.mkdir(parents=True)
    (parameters / "nested").write_text(value)
    assert nested_kvm_enabled(tmp_path) == expected


def test_an_emulated_host_has_amd_v_and_no_xsave() -> None:
    flags = host_platform(is_emulated=True, cpus=2).cpu.split(",")
    assert {"+svm", "+npt", "-xsave", "-avx", "-avx2", "-fma", "-f16c"} <= set(flags)
    assert host_platform(is_emulated=False, cpus=64).cpu == "host"
    assert [host_platform(is_emulated=True, cpus=cpus).cpus for cpus in (1, 2, 64)] == [1, 2, 4]
    assert isinstance(host_guest().image, BuiltImage)


def cells_of(*platforms: str) -> list[Cell]:
    catalog = Catalog.load([SHIPPED_GUESTS])
    arm64 = "virt-uefi-virtio"
    return [catalog.cell(f"debian-12{'-arm64' if name == arm64 else ''}@{name}") for name in platforms]


@pytest.mark.parametrize(
    ("assistance", "platforms", "refused"),
    [
        (
            UNPROVEN,
            ["pc-bios-ide", "q35-uefi-virtio", "q35-uefi-secure"],
            ["q35-uefi-secure", "q35-uefi-virtio"],
        ),
        (PROVEN, ["pc-bios-ide", "q35-uefi-virtio"], []),
        (PROVEN, ["virt-uefi-virtio"], ["virt-uefi-virtio"]),
    ],
)
def test_platforms_that_the_host_cannot_run_are_named(
    assistance: Assistance, platforms: list[str], refused: list[str]
) -> None:
    outer: OuterAccelerator = choose_outer_accelerator(assistance, nested=True)
    assert [line.partition(":")[0] for line in refusals(cells_of(*platforms), outer)] == refused
