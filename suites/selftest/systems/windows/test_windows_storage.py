"""Windows' scripts for disks and drivers, and the parsers of their answers in several languages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.channels.shells.windows import powershell_framing
from fixtures.core import errors
from fixtures.systems.base.device_answers import Module
from fixtures.systems.base.storage import Transfer
from fixtures.systems.windows import background, devices
from fixtures.systems.windows.storage import WindowsStorage
from fixtures.systems.windows.system import Windows
from suites.selftest.support import windows_samples as samples
from suites.selftest.systems.windows.test_windows import SampleShell
from suites.selftest.systems.windows.test_windows_scripts import is_powershell

A, B = r"\\.\PhysicalDrive1", r"\\.\PhysicalDrive2"
PARTIAL_SECTORS = Transfer(512, 1024, 4096, 777, "buffered")
SYNCHRONOUS = Transfer(0, 1 << 41, 1 << 20, mode="synchronous")

SCRIPTS = {
    "sequential": WindowsStorage.transfer_command(A, B, [PARTIAL_SECTORS, SYNCHRONOUS], parallel=False),
    "parallel": WindowsStorage.transfer_command(A, B, [PARTIAL_SECTORS, SYNCHRONOUS] * 4, parallel=True),
    "to each": WindowsStorage.transfer_to_each_command(A, [(B, PARTIAL_SECTORS), (A, SYNCHRONOUS)]),
    "attempt to write": WindowsStorage.write_attempt_command(A, B, PARTIAL_SECTORS),
    "attempt to read": WindowsStorage.read_attempt_command(A, 512, 4096, 512),
    "rescan": WindowsStorage.rescan_command("PhysicalDrive3"),
    "background": WindowsStorage.background_transfer_command(A, B, [PARTIAL_SECTORS], "IGTARGET"),
    "wait": background.wait("IGTARGET"),
    "modules": devices.MODULES,
    "disable": devices.disable_command("0000:00:03.0"),
    "enable": devices.enable_command("0000:00:03.0", "netkvm"),
    "reload": devices.reload_command("netkvm"),
    "flood": devices.start_flood_command("10.0.2.2", 9),
    "end of flood": devices.STOP_FLOOD,
    "receive on port": devices.receive_on_port_command("org.x.0", 65536, r"C:\Windows\Temp\port"),
    "send on port": devices.send_on_port_command("org.x.0", r"C:\Windows\Temp\port"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_powershell_in_plain_ascii_on_one_line(name: str) -> None:
    text = SCRIPTS[name]
    assert is_powershell(text)
    assert text.isascii()
    assert "\n" not in text


def strings(text: str) -> list[str]:
    """The contents of the single-quoted strings of a script."""
    contents, at = [], 0
    while (start := text.find("'", at)) >= 0:
        end = start + 1
        while text.startswith("''", end := text.index("'", end)):
            end += 2
        contents.append(text[start + 1 : end].replace("''", "'"))
        at = end + 1
    return contents


@pytest.mark.parametrize("name", ["parallel", "background", "flood"])
def test_a_script_within_a_script_is_powershell_as_well(name: str) -> None:
    inner = [text for text in strings(SCRIPTS[name]) if len(text) > 200 and "DllImport" not in text[:20]]
    assert inner
    assert all(is_powershell(text) for text in inner)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_arrives_as_it_was_sent_whatever_its_length(name: str) -> None:
    _, pieces = powershell_framing.encode_command(SCRIPTS[name])
    assert max(map(len, pieces)) <= 140
    base64.b64decode("".join(pieces), validate=True)


def test_large_offsets_serial_ports_and_pci_locations_are_written_out() -> None:
    assert f"Copy-Device '{A}' 0 '{B}' {1 << 41} 1048576 1048576 $true" in SCRIPTS["sequential"]
    assert r"Open-Device '\\.\Global\org.x.0' $true" in SCRIPTS["send on port"]
    assert "'(0,31,2)'" in devices.disable_command("0000:00:1f.2")
    with pytest.raises(ValueError, match="has no PCI segments"):
        devices.disable_command("0001:00:03.0")


ATTEMPTS = [
    ("done\r\n", "done"),
    (
        "failed 1117 Die Anforderung konnte wegen eines E/A-Gerätefehlers nicht ausgeführt werden.",
        "I/O error",
    ),
    ("failed 1117 I/O デバイス エラーが発生したため、要求を実行できませんでした。\r\n", "I/O error"),
    ("failed 23 Datenfehler (CRC-Prüfung)", "I/O error"),
    ("failed 19 The media is write protected.\r\n\r\n", "refused"),
    ("failed 87 Falscher Parameter.", "refused"),
    ("failed 27 Das Laufwerk kann den gesuchten Sektor nicht finden", "no space"),
    ("failed 112 There is not enough space on the disk.", "no space"),
]


@pytest.mark.parametrize(("answer", "outcome"), ATTEMPTS)
def test_errors_are_identified_by_their_numbers_in_any_language(answer: str, outcome: str) -> None:
    assert WindowsStorage.outcome(CommandResult("x", 0, answer.encode(), 0.1)) == outcome


def test_an_answer_in_an_oem_code_page_is_read_in_it() -> None:
    german = "failed 1117 E/A-Gerätefehler".encode("cp850")
    assert CommandResult("x", 0, german, 0.1, "cp850").text == "failed 1117 E/A-Gerätefehler"
    japanese = "failed 19 書き込み禁止です".encode("cp932")
    assert WindowsStorage.outcome(CommandResult("x", 0, japanese, 0.1, "cp932")) == "refused"


@pytest.mark.parametrize(
    "answer", ["", "failed", "failed 0 Add-Type: csc.exe", "failed 2 Nicht gefunden", "Done"]
)
def test_an_answer_that_disks_do_not_give_raises(answer: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="an attempt at a disk"):
        WindowsStorage.outcome(CommandResult("x", 0, answer.encode(), 0.1))


def driver(name: str, **more: Any) -> dict[str, Any]:
    row = {"name": name, "state": "Running", "version": "100.95.104.26200", "provider": "Red Hat, Inc."}
    return row | {"signed": True, "signer": samples.SIGNER} | more


DRIVERS = [
    (driver("netkvm"), ""),
    (driver("storahci", provider="Microsoft", signer="Microsoft Windows"), ""),
    (driver("viostor", signed=False, signer=None), "not of the kernel's tree, not signed"),
    (driver("viostor", signer="WDKTestCert build"), "not of the kernel's tree"),
    (driver("viostor", version="0.0.0.1"), "taints the kernel (version 0.0.0.1 is a placeholder)"),
    (driver("BALLOON", state="Stopped"), "taints the kernel (stopped)"),
]


@pytest.mark.parametrize(("row", "problem"), DRIVERS)
def test_drivers_and_their_problems(row: dict[str, Any], problem: str) -> None:
    (module,) = devices.parse_modules(json.dumps([row]))
    assert module.problem == problem


def test_thousands_of_drivers_are_sorted_by_name() -> None:
    rows = [driver(f"drv{number % 1000:03}-{number}") for number in reversed(range(3000))]
    modules = devices.parse_modules(json.dumps(rows))
    assert (len(modules), modules[0].name) == (3000, "drv000-0")


@pytest.mark.parametrize(
    "row", [driver(""), driver("x", state=None), {"name": "x"}, driver("x", signed="ja")]
)
def test_an_invalid_driver_raises(row: dict[str, Any]) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="drivers"):
        devices.parse_modules(json.dumps([row]))


def test_verbs_send_their_scripts_and_parse_the_answers() -> None:
    attempt = WindowsStorage.write_attempt_command(A, B, PARTIAL_SECTORS)
    windows = Windows(SampleShell(answers={devices.MODULES: [driver("netkvm")], attempt: 0}))
    assert windows.devices.driver_modules() == (
        Module("netkvm", "100.95.104.26200", True, "", samples.SIGNER),
    )
    with pytest.raises(errors.AnswerNotUnderstood):
        windows.storage.try_write(A, B, PARTIAL_SECTORS, 1.0)


def test_a_disabled_device_has_no_driver() -> None:
    rows = [samples.pci("1AF4", "1041", "(0,3,0)", "020000", "netkvm", problem=22, state="Running")]
    query = next(text for text, answer in samples.answers().items() if '"id"' in answer)
    windows = Windows(SampleShell(answers={query: rows}))
    assert windows.driver_of("0000:00:03.0") is None
    with pytest.raises(errors.GuestFault, match="no PCI function at 0000:00:04.0"):
        windows.driver_of("0000:00:04.0")
