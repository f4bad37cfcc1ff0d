"""The class Windows, and the parsers of its answers in several languages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core import errors
from fixtures.systems.base.answers import parse_sha256
from fixtures.systems.registry import system_for
from fixtures.systems.windows import disks, network, services, system_files
from fixtures.systems.windows import kernel as windows_kernel
from fixtures.systems.windows import pci as windows_pci
from fixtures.systems.windows.system import Windows
from suites.selftest.channels.shells.test_sac import LOGIN
from suites.selftest.support import windows_samples as samples
from suites.selftest.support.sac_sample import ConsoleQuirks, SacBench

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.systems.base.system import System

LANGUAGES = ["en", "de", "fr", "ja"]


@dataclass
class SampleShell:
    """A shell that answers with the samples, or with the answers that a test adds."""

    language: str = "en"
    answers: dict[str, Any] = field(default_factory=dict)

    def run(self, command: str, within: float | None = None) -> CommandResult:
        added = {query: json.dumps(answer) for query, answer in self.answers.items()}
        answer = (samples.answers(self.language) | added)[command]
        return CommandResult(command, 0, answer.encode(), 0.1)


def test_windows_is_a_system() -> None:
    system: System = system_for("windows")(SampleShell())
    assert isinstance(system, Windows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verb_is_one_command_in_any_language(language: str) -> None:
    windows = Windows(SampleShell(language))
    assert windows.kernel().image_is_running
    assert windows.firmware().secure_boot is True
    assert [device.address for device in windows.pci_devices()] == [
        *("0000:00:00.0", "0000:00:02.0", "0000:00:03.0", "0000:00:1f.2", "0000:02:00.0"),
    ]
    assert windows.driver_of("0000:00:03.0") == "netkvm"
    assert [disk.serial for disk in windows.block_devices()] == ["IGROOT", "IGSOURCE", "IGTARGET"]
    assert windows.disk_by_serial("IGTARGET").path == r"\\.\PhysicalDrive2"
    assert windows.network_cards()[0].name == samples.CARDS[language]
    assert windows.is_online()
    assert windows.boot_id() == "record 1423 of 2024-05-13T08:19:57.500000000Z"
    assert windows.state() == "running"
    assert windows.failed_units() == ()
    assert str(windows.log_errors()[0]) == f"disk 153 (warning): {samples.REPEATED[language]}"
    assert windows.changed_files() == ()
    assert windows.clock() == 1715588400.123


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("paints_cells", [False, True])
def test_from_a_login_on_sac_to_a_parsed_answer(tmp_path: Path, language: str, paints_cells: bool) -> None:
    answers = samples.answers(language)
    with SacBench(
        tmp_path,
        ConsoleQuirks(paints_cells=paints_cells),
        lambda kind, text: (0, answers[text].encode(), 65001),
    ) as bench:
        bench.guest.boot()
        assert bench.shell.is_available(bench.deadline(200.0))
        bench.shell.log_in(LOGIN, bench.deadline(900.0))
        windows = Windows(bench.shell)
        assert windows.driver_of("0000:00:02.0") == "viostor"
        assert samples.REPEATED[language] in windows.log_errors()[0].message


DRIVEN = [
    ({}, "viostor"),
    ({"service": None, "state": None}, None),
    ({"service": None, "state": None, "problem": 28}, "no driver (problem 28: no driver installed)"),
    ({"problem": 10}, "viostor (problem 10: cannot start)"),
    ({"problem": 52}, "viostor (problem 52: driver not signed)"),
    ({"problem": 99}, "viostor (problem 99: no name)"),
    ({"state": "Stopped"}, "viostor (its service is stopped)"),
    ({"state": None}, "viostor (its service is unknown)"),
    ({"signed": False}, "viostor (not signed)"),
    ({"signed": None}, "viostor (signature unknown)"),
]


@pytest.mark.parametrize(("changed", "expected"), DRIVEN)
def test_a_driver_comes_with_its_fault(changed: dict[str, Any], expected: str | None) -> None:
    row = samples.pci("1AF4", "1042", "(0,2,0)", "010000", "viostor") | changed
    device = windows_pci.parse(json.dumps([row]))[0]
    assert device.effective_driver == expected
    assert (device.vendor, device.device, device.class_code) == (0x1AF4, 0x1042, 0x010000)


KERNELS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({"integrity": 4}, ("code integrity is not enforced",)),
    ({"integrity": 3}, ("code integrity accepts test signatures",)),
    (
        {"integrity": 0x81, "options": "DEBUG=1 X"},
        ("a kernel debugger is enabled", "started with the option DEBUG"),
    ),
    ({"options": " TESTSIGNING  NOEXECUTE=OPTIN"}, ("started with the option TESTSIGNING",)),
    ({"options": "/disable_integrity_checks"}, ()),
    ({"options": "DISABLE_INTEGRITY_CHECKS"}, ("started with the option DISABLE_INTEGRITY_CHECKS",)),
    ({"verified": "viostor.sys"}, ("Driver Verifier watches viostor.sys",)),
]


@pytest.mark.parametrize(("changed", "expected"), KERNELS)
def test_settings_that_weaken_code_integrity(changed: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert windows_kernel.parse(json.dumps([samples.KERNEL | changed])).taint_flags == expected


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ({}, True),
        ({"file": "10.0.20348.2700"}, False),
        ({"file": "10.0.19041.2849"}, False),
        # Windows 10 22H2 is 21H2 with an enablement package: the running build is 19045, that of the file 19041.
        ({"build": "19045", "file": "10.0.19041.2849"}, True),
        ({"file": "6.3.20348.2849"}, False),
    ],
)
def test_whether_the_file_is_the_running_kernel(changed: dict[str, Any], runs: bool) -> None:
    assert windows_kernel.parse(json.dumps([samples.KERNEL | changed])).image_is_running is runs


@pytest.mark.parametrize("changed", [{"status": "HashMismatch"}, {"status": "NotSigned"}, {"vendor": False}])
def test_only_a_valid_signature_of_microsoft_gives_a_vendor_digest(changed: dict[str, Any]) -> None:
    kernel = windows_kernel.parse(json.dumps([samples.KERNEL | changed]))
    assert kernel.vendor_digest is None
    assert kernel.file_digest == f"sha256:{samples.SHA.lower()}"


def test_firmware() -> None:
    answers = [{"kind": 1, "secure": None}, {"kind": 2, "secure": 0}, {"kind": 2, "secure": None}]
    parsed = [windows_kernel.parse_firmware(json.dumps([row])) for row in answers]
    assert [(firmware.kind, firmware.secure_boot) for firmware in parsed] == [
        ("bios", None),
        ("uefi", False),
        ("uefi", None),
    ]


def test_link_local_and_tentative_addresses_do_not_count() -> None:
    addresses = [
        {"index": 4, "address": "169.254.7.7", "state": 4},
        {"index": 4, "address": "10.0.2.15", "state": 1},
    ]
    windows = Windows(SampleShell(answers={network.QUERY: [samples.card("Ethernet", addresses=addresses)]}))
    assert windows.network_cards()[0].ipv4 == ()
    assert not windows.is_online()


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"setup": 1, "started": True, "failed": 0}, "setup"),
        ({"setup": 0, "started": False, "failed": 0}, "starting"),
        ({"setup": 0, "started": None, "failed": 0}, "running"),
        ({"setup": 0, "started": True, "failed": 2}, "degraded"),
    ],
)
def test_states(row: dict[str, Any], state: str) -> None:
    assert services.parse_state(json.dumps([row])) == state


def test_failed_services_and_their_error_codes() -> None:
    row = {"name": "W32Time", "title": "Windows-Zeitgeber", "state": "Stopped", "code": 1290}
    assert (
        str(services.parse_failed(json.dumps([row]))[0]) == "W32Time: Windows-Zeitgeber ended with code 1290"
    )


def test_findings_of_sfc() -> None:
    lines = [
        "2024-05-13 10:20:00, Info                  CSI    00000009 [SR] Verifying 100 components",
        "2024-05-13 10:20:00, Info                  CSI    0000000a [SR] Cannot repair member file [l:11]'autochk.exe' of X",
        "2024-05-13 10:20:01, Info                  CSI    0000000b [SR] Verify complete",
    ]
    assert system_files.parse(json.dumps([{"lines": lines}])) == (
        "Cannot repair member file [l:11]'autochk.exe' of X",
    )


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Zugriff verweigert",
        "{}",
        "[1]",
        '[{"id": "PCI\\\\VEN_1AF4"}]',
        json.dumps([samples.PCI[0] | {"at": "PCI-Bus 0, Gerät 2, Funktion 0"}]),
        json.dumps([samples.PCI[0] | {"at": ""}]),
        json.dumps([samples.PCI[0] | {"problem": None}]),
        json.dumps([samples.PCI[0] | {"problem": True}]),
        json.dumps([samples.PCI[0] | {"compatible": []}]),
        json.dumps([samples.PCI[0] | {"signed": "TRUE"}]),
        json.dumps(samples.PCI)[:-9],
    ],
)
def test_a_damaged_answer_raises(answer: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="PCI devices"):
        windows_pci.parse(answer)


@pytest.mark.parametrize(
    ("parse", "row"),
    [
        (disks.parse, samples.DISKS[0] | {"size": "33554432"}),
        (disks.parse, samples.DISKS[0] | {"serials": "IGSOURCE"}),
        (network.parse, samples.card("Ethernet", addresses=[{"address": "fe80::1", "state": 4}])),
        (network.parse, samples.card("Ethernet", addresses=None)),
        (windows_kernel.parse, samples.KERNEL | {"sha256": "5F"}),
        (windows_kernel.parse, samples.KERNEL | {"revision": ""}),
        (windows_kernel.parse_firmware, {"kind": 3, "secure": 1}),
        (services.parse_log, {"provider": "disk", "id": 7, "level": 4, "message": ""}),
        (services.parse_state, {"setup": 0, "started": "True", "failed": 0}),
        (system_files.parse, {"lines": ["[SR] Beginning Verify and Repair transaction"]}),
    ],
)
def test_an_invalid_answer_raises(parse: Any, row: dict[str, Any]) -> None:
    with pytest.raises(errors.AnswerNotUnderstood):
        parse(json.dumps([row]))


def test_digests() -> None:
    assert parse_sha256(f"{samples.SHA}\r\n") == f"sha256:{samples.SHA.lower()}"
    with pytest.raises(errors.AnswerNotUnderstood):
        parse_sha256("Das System kann die angegebene Datei nicht finden.")
