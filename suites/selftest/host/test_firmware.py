"""The selection of firmware from descriptors that the test writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.core.errors import MissingTool
from fixtures.host.firmware import default_directories, find_firmware, own_directories
from suites.selftest.support.homeless_user import Homeless

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
    """Write the three descriptors of the package ovmf in Debian and Ubuntu."""
    both = ("pc-i440fx-*", "pc-q35-*")
    install("share", "40-enrolled", "enrolled-keys", "requires-smm", "secure-boot")
    install("share", "50-secure", "requires-smm", "secure-boot")
    install("share", "60-plain", machines=both)


def test_uefi_prefers_firmware_without_smm(usual: None, tmp_path: Path) -> None:
    firmware = find_firmware("uefi", "q35", [tmp_path / "share"])
    assert firmware.code == tmp_path / "share/60-plain.code"
    assert firmware.variables == tmp_path / "share/60-plain.vars"
    assert firmware.variables_format == "raw"
    assert not firmware.requires_smm


def test_uefi_does_not_use_firmware_that_enforces_secure_boot(install: Install, tmp_path: Path) -> None:
    install("share", "40-enrolled", "enrolled-keys", "requires-smm", "secure-boot")
    with pytest.raises(MissingTool, match=r"40-enrolled\.json: enforces Secure Boot$"):
        find_firmware("uefi", "q35", [tmp_path / "share"])


def test_uefi_uses_firmware_with_smm_if_there_is_no_other(install: Install, tmp_path: Path) -> None:
    install("share", "50-secure", "requires-smm", "secure-boot")
    assert find_firmware("uefi", "q35", [tmp_path / "share"]).requires_smm


def test_uefi_secure_has_enrolled_keys(usual: None, tmp_path: Path) -> None:
    firmware = find_firmware("uefi-secure", "q35", [tmp_path / "share"])
    assert firmware.code == tmp_path / "share/40-enrolled.code"
    assert firmware.requires_smm


def test_a_descriptor_applies_to_its_machines_only(usual: None, tmp_path: Path) -> None:
    assert find_firmware("uefi", "pc", [tmp_path / "share"]).code == tmp_path / "share/60-plain.code"
    with pytest.raises(MissingTool) as missing:
        find_firmware("uefi-secure", "pc", [tmp_path / "share"])
    assert "no uefi-secure firmware for machine pc" in str(missing.value)
    assert "40-enrolled.json: is not for machine pc" in str(missing.value)


def test_a_specific_directory_replaces_and_an_empty_file_disables(install: Install, tmp_path: Path) -> None:
    install("share", "60-plain")
    directories = [tmp_path / "share", tmp_path / "etc"]
    specific = install("etc", "60-plain")
    assert find_firmware("uefi", "q35", directories).code == specific
    (tmp_path / "etc/60-plain.json").write_text(" \n")
    with pytest.raises(
        MissingTool, match=r"60-plain\.json: is empty, so descriptors of the same name do not count"
    ):
        find_firmware("uefi", "q35", directories)


def test_file_names_decide_the_order_across_directories(install: Install, tmp_path: Path) -> None:
    install("share", "60-plain")
    specific = install("etc", "10-mine")
    assert find_firmware("uefi", "q35", [tmp_path / "share", tmp_path / "etc"]).code == specific


def test_a_descriptor_without_its_files_is_unsuitable(install: Install, tmp_path: Path) -> None:
    install("share", "10-gone", present=False)
    plain = install("share", "60-plain")
    assert find_firmware("uefi", "q35", [tmp_path / "share"]).code == plain
    (tmp_path / "share/60-plain.json").unlink()
    with pytest.raises(
        MissingTool, match=r"names files that do not exist: .*10-gone\.code, .*10-gone\.vars$"
    ):
        find_firmware("uefi", "q35", [tmp_path / "share"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON: "),
        ("[]", "is not a firmware descriptor: "),
        ('{"interface-types": ["uefi"]}', "is not a firmware descriptor: mapping: Field required"),
    ],
)
def test_an_invalid_descriptor_is_reported(
    install: Install, tmp_path: Path, content: str, reason: str
) -> None:
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
def test_firmware_of_another_kind_is_unsuitable(
    install: Install, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    install("share", "10-other", **changes)
    with pytest.raises(MissingTool, match=reason):
        find_firmware("uefi", "q35", [tmp_path / "share"])


def test_the_formats_are_those_of_the_descriptor(install: Install, tmp_path: Path) -> None:
    install("share", "10-qcow2")
    descriptor = tmp_path / "share/10-qcow2.json"
    text = descriptor.read_text()
    descriptor.write_text(text.replace('"raw"', '"qcow2"'))
    firmware = find_firmware("uefi", "q35", [tmp_path / "share"])
    assert (firmware.code_format, firmware.variables_format) == ("qcow2", "qcow2")
    descriptor.write_text(text.replace('"raw"', '"vmdk"'))
    with pytest.raises(MissingTool, match=r"mapping\.executable\.format: Input should be 'raw' or 'qcow2'"):
        find_firmware("uefi", "q35", [tmp_path / "share"])


def test_bios_is_the_firmware_of_qemu(tmp_path: Path) -> None:
    image = tmp_path / "seabios/bios-256k.bin"
    image.parent.mkdir()
    image.write_bytes(b"SeaBIOS")
    firmware = find_firmware("bios", "pc", bios_directories=[tmp_path, image.parent])
    assert (firmware.code, firmware.variables, firmware.image) == (None, None, image)
    assert firmware.digests() == ((str(image), f"sha256:{hashlib.sha256(b'SeaBIOS').hexdigest()}"),)
    with pytest.raises(MissingTool, match="apt-get install seabios"):
        find_firmware("bios", "pc", bios_directories=[tmp_path])


def test_digests_cover_code_and_variables(install: Install, tmp_path: Path) -> None:
    install("share", "60-plain")
    paths = [path for path, _ in find_firmware("uefi", "q35", [tmp_path / "share"]).digests()]
    assert paths == [str(tmp_path / "share/60-plain.code"), str(tmp_path / "share/60-plain.vars")]


def test_directories_from_the_general_to_the_specific(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    directories = [str(path) for path in default_directories()]
    assert directories == ["/usr/share/qemu/firmware", "/etc/qemu/firmware", str(tmp_path / "qemu/firmware")]


def test_a_user_without_a_home_directory_has_no_descriptors(homeless_user: Homeless) -> None:
    assert homeless_user(lambda: [str(path) for path in default_directories()]) == [
        "/usr/share/qemu/firmware",
        "/etc/qemu/firmware",
    ]


def test_a_qemu_with_a_prefix_of_its_own_has_the_firmware_there(install: Install, tmp_path: Path) -> None:
    data = tmp_path / "opt/share/qemu"
    (data / "firmware").mkdir(parents=True)
    code = install("opt/share/qemu/firmware", "60-mine")
    program = tmp_path / "qemu"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in -L*) echo {data}; echo /usr/share/qemu ;; *) echo QEMU emulator version 9.0.0 ;; esac\n'
    )
    program.chmod(0o755)
    assert own_directories([data, Path("/usr/share/qemu")])[0] == data / "firmware"
    assert find_firmware("uefi", "q35", program=program).code == code


def test_a_qemu_of_the_system_has_the_firmware_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "empty/firmware").mkdir(parents=True)
    directories = [Path("/usr/bin/../share/qemu"), Path("/usr/share/seabios"), tmp_path / "empty"]
    assert own_directories(directories) == ()


def test_descriptors_in_an_unpacked_tree_name_files_of_this_tree(install: Install, tmp_path: Path) -> None:
    folder = tmp_path / "tree/usr/share/qemu/firmware"
    folder.mkdir(parents=True)
    for name in ("code", "variables"):
        path = tmp_path / f"tree/usr/share/OVMF/{name}.fd"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    mapping = {
        "device": "flash",
        "executable": {"filename": "/usr/share/OVMF/code.fd", "format": "raw"},
        "nvram-template": {"filename": "/usr/share/OVMF/variables.fd", "format": "raw"},
    }
    install("tree/usr/share/qemu/firmware", "60-x", mapping=mapping)
    firmware = find_firmware("uefi", "q35", [folder])
    assert firmware.code == tmp_path / "tree/usr/share/OVMF/code.fd"
    assert firmware.variables == tmp_path / "tree/usr/share/OVMF/variables.fd"
