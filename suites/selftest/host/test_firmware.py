"""Firmware chosen from descriptors that are written for the test."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.core.errors import MissingTool
from fixtures.host.firmware import default_directories, find_firmware

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Write a descriptor with its two files; ``present=False`` leaves the files out."""

    def write(
        directory: str,
        name: str,
        *features: str,
        machines: tuple[str, ...] = ("pc-q35-*",),
        present: bool = True,
        **changes: object,
    ) -> Path:
        folder = tmp_path / directory
        folder.mkdir(exist_ok=True)
        code, variables = folder / f"{name}.code", folder / f"{name}.vars"
        if present:
            code.write_bytes(f"code {name}".encode())
            variables.write_bytes(f"variables {name}".encode())
        descriptor = {
            "description": name,
            "interface-types": ["uefi"],
            "mapping": {
                "device": "flash",
                "executable": {"filename": str(code), "format": "raw"},
                "nvram-template": {"filename": str(variables), "format": "raw"},
            },
            "targets": [{"architecture": "x86_64", "machines": list(machines)}],
            "features": list(features),
            "tags": [],
        }
        (folder / f"{name}.json").write_text(json.dumps(descriptor | changes))
        return code

    return write


@pytest.fixture
def usual(install: Install) -> None:
    """The three descriptors of Debian's and Ubuntu's ovmf."""
    both = ("pc-i440fx-*", "pc-q35-*")
    install("share", "40-enrolled", "enrolled-keys", "requires-smm", "secure-boot")
    install("share", "50-secure", "requires-smm", "secure-boot")
    install("share", "60-plain", machines=both)


def test_uefi_prefers_firmware_without_smm(usual: None, tmp_path: Path) -> None:
    found = find_firmware("uefi", "q35", [tmp_path / "share"])
    assert found.code == tmp_path / "share/60-plain.code"
    assert found.variables == tmp_path / "share/60-plain.vars"
    assert found.variables_format == "raw"
    assert not found.requires_smm
    assert found.passed_over == (f"{tmp_path / 'share/40-enrolled.json'}: enforces Secure Boot",)


def test_uefi_takes_smm_where_there_is_nothing_else(install: Install, tmp_path: Path) -> None:
    install("share", "50-secure", "requires-smm", "secure-boot")
    assert find_firmware("uefi", "q35", [tmp_path / "share"]).requires_smm


def test_uefi_secure_has_keys_enrolled(usual: None, tmp_path: Path) -> None:
    found = find_firmware("uefi-secure", "q35", [tmp_path / "share"])
    assert found.code == tmp_path / "share/40-enrolled.code"
    assert found.requires_smm


def test_a_descriptor_is_for_its_machines(usual: None, tmp_path: Path) -> None:
    assert find_firmware("uefi", "pc", [tmp_path / "share"]).code == tmp_path / "share/60-plain.code"
    with pytest.raises(MissingTool) as missing:
        find_firmware("uefi-secure", "pc", [tmp_path / "share"])
    assert "no uefi-secure firmware for machine pc" in str(missing.value)
    assert "40-enrolled.json: is not for machine pc" in str(missing.value)


def test_the_specific_directory_replaces_and_an_empty_file_hides(install: Install, tmp_path: Path) -> None:
    install("share", "60-plain")
    directories = [tmp_path / "share", tmp_path / "etc"]
    mine = install("etc", "60-plain")
    assert find_firmware("uefi", "q35", directories).code == mine
    (tmp_path / "etc/60-plain.json").write_text(" \n")
    with pytest.raises(MissingTool, match=r"60-plain\.json: is empty, which hides"):
        find_firmware("uefi", "q35", directories)


def test_file_names_order_descriptors_across_directories(install: Install, tmp_path: Path) -> None:
    install("share", "60-plain")
    mine = install("etc", "10-mine")
    assert find_firmware("uefi", "q35", [tmp_path / "share", tmp_path / "etc"]).code == mine


def test_a_descriptor_without_its_files_is_passed_over_with_the_reason(
    install: Install, tmp_path: Path
) -> None:
    install("share", "10-gone", present=False)
    plain = install("share", "60-plain")
    found = find_firmware("uefi", "q35", [tmp_path / "share"])
    assert found.code == plain
    assert "10-gone.code and " in found.passed_over[0]
    assert found.passed_over[0].endswith("10-gone.vars, which does not exist")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON: "),
        ("[]", "is no firmware descriptor: "),
        ('{"interface-types": ["uefi"]}', "is no firmware descriptor: mapping: Field required"),
    ],
)
def test_a_broken_descriptor_is_named(install: Install, tmp_path: Path, content: str, reason: str) -> None:
    install("share", "10-broken")
    (tmp_path / "share/10-broken.json").write_text(content)
    with pytest.raises(MissingTool) as missing:
        find_firmware("uefi", "q35", [tmp_path / "share"])
    assert f"10-broken.json: {reason}" in str(missing.value)
    assert "apt-get install ovmf" in str(missing.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"interface-types": ["bios"]}, "is not for UEFI"),
        ({"targets": [{"architecture": "aarch64", "machines": ["*"]}]}, "is not for machine q35"),
        ({"mapping": {"device": "memory", "filename": "/x"}}, "has no separate variable store in flash"),
        (
            {
                "mapping": {
                    "device": "flash",
                    "mode": "stateless",
                    "executable": {"filename": "/x", "format": "raw"},
                }
            },
            "has no separate variable store in flash",
        ),
    ],
)
def test_firmware_of_another_kind_is_passed_over(
    install: Install, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    install("share", "10-other", **changes)
    with pytest.raises(MissingTool, match=reason):
        find_firmware("uefi", "q35", [tmp_path / "share"])


def test_bios_is_qemus_own_and_its_file_is_known(tmp_path: Path) -> None:
    image = tmp_path / "seabios/bios-256k.bin"
    image.parent.mkdir()
    image.write_bytes(b"SeaBIOS")
    found = find_firmware("bios", "pc", bios_directories=[tmp_path, image.parent])
    assert (found.code, found.variables, found.image) == (None, None, image)
    assert found.digests() == ((str(image), f"sha256:{hashlib.sha256(b'SeaBIOS').hexdigest()}"),)
    with pytest.raises(MissingTool, match="apt-get install seabios"):
        find_firmware("bios", "pc", bios_directories=[tmp_path])


def test_digests_are_of_code_and_variables(install: Install, tmp_path: Path) -> None:
    install("share", "60-plain")
    paths = [path for path, _ in find_firmware("uefi", "q35", [tmp_path / "share"]).digests()]
    assert paths == [str(tmp_path / "share/60-plain.code"), str(tmp_path / "share/60-plain.vars")]


def test_directories_go_from_the_general_to_the_specific(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    places = [str(path) for path in default_directories()]
    assert places == ["/usr/share/qemu/firmware", "/etc/qemu/firmware", str(tmp_path / "qemu/firmware")]
