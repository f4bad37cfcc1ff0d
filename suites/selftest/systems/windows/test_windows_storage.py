"""What Windows is told to do to disks and drivers, and what its answers mean, in every language."""

from __future__ import annotations

import base64
import inspect
import json
from typing import Any

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.channels.shells.windows import powershell_framing
from fixtures.core import errors
from fixtures.systems.base.device_answers import Module
from fixtures.systems.base.devices import SystemDevices
from fixtures.systems.base.storage import Transfer
from fixtures.systems.base.unasked_devices import UnaskedDevices
from fixtures.systems.windows import background, drivers, storage
from fixtures.systems.windows.windows import Windows
from suites.selftest.support import windows_samples as samples
from suites.selftest.systems.windows.test_windows import Recorded
from suites.selftest.systems.windows.test_windows_scripts import grammar

A, B = r"\\.\PhysicalDrive1", r"\\.\PhysicalDrive2"
ONE = Transfer(512, 1024, 4096, 777, "buffered")
SAFE = Transfer(0, 1 << 41, 1 << 20, how="synchronous")

SCRIPTS = {
    "one after the other": storage.copies(A, B, [ONE, SAFE], parallel=False),
    "all at once": storage.copies(A, B, [ONE, SAFE] * 4, parallel=True),
    "to each": storage.copies_to_each(A, [(B, ONE), (A, SAFE)]),
    "attempt to write": storage.attempt_to_write(A, B, ONE),
    "attempt to read": storage.attempt_to_read(A, 512, 4096, 512),
    "look again": storage.look_again("PhysicalDrive3"),
    "background": background.background("IGTARGET", storage.copies(A, B, [ONE], parallel=False)),
    "wait": background.wait("IGTARGET"),
    "is running": background.is_running("IGTARGET"),
    "modules": drivers.MODULES,
    "disable": drivers.disable("0000:00:03.0"),
    "enable": drivers.enable("0000:00:03.0", "netkvm"),
    "reload": drivers.reload("netkvm"),
    "flood": drivers.start_flood("10.0.2.2", 9),
    "end of flood": drivers.STOP_FLOOD,
    "receive on port": drivers.receive_on_port("org.x.0", 65536, r"C:\Windows\Temp\port"),
    "send on port": drivers.send_on_port("org.x.0", r"C:\Windows\Temp\port"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_powershell_in_plain_ascii_on_one_line(name: str) -> None:
    text = SCRIPTS[name]
    assert grammar(text)
    assert text.isascii()
    assert "\n" not in text


def strings(text: str) -> list[str]:
    """The single-quoted strings of a script, with what they mean."""
    found, at = [], 0
    while (start := text.find("'", at)) >= 0:
        end = start + 1
        while text.startswith("''", end := text.index("'", end)):
            end += 2
        found.append(text[start + 1 : end].replace("''", "'"))
        at = end + 1
    return found


@pytest.mark.parametrize("name", ["all at once", "background", "flood"])
def test_a_script_within_a_script_is_powershell_as_well(name: str) -> None:
    inner = [text for text in strings(SCRIPTS[name]) if len(text) > 200 and "DllImport" not in text[:20]]
    assert inner
    assert all(grammar(text) for text in inner)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_arrives_as_it_was_sent_whatever_its_length(name: str) -> None:
    _, pieces = powershell_framing.encode_command(SCRIPTS[name])
    assert max(map(len, pieces)) <= 140
    base64.b64decode("".join(pieces), validate=True)


def test_places_past_two_gigabytes_and_serial_ports_are_written_out() -> None:
    assert f"Copy-Device '{A}' 0 '{B}' {1 << 41} 1048576 1048576 $true" in SCRIPTS["one after the other"]
    assert r"Open-Device '\\.\Global\org.x.0' $true" in SCRIPTS["send on port"]
    assert "'(0,31,2)'" in drivers.disable("0000:00:1f.2")
    with pytest.raises(ValueError, match="does not tell of segments"):
        drivers.disable("0001:00:03.0")


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


@pytest.mark.parametrize(("answer", "meaning"), ATTEMPTS)
def test_errors_are_told_by_their_numbers_in_any_language(answer: str, meaning: str) -> None:
    assert storage.ending(answer) == meaning


def test_an_answer_in_an_oem_code_page_is_read_in_it() -> None:
    german = "failed 1117 E/A-Gerätefehler".encode("cp850")
    assert CommandResult("x", 0, german, 0.1, "cp850").text == "failed 1117 E/A-Gerätefehler"
    japanese = "failed 19 書き込み禁止です".encode("cp932")
    assert storage.ending(CommandResult("x", 0, japanese, 0.1, "cp932").text) == "refused"


@pytest.mark.parametrize(
    "answer", ["", "failed", "failed 0 Add-Type: csc.exe", "failed 2 Nicht gefunden", "Done"]
)
def test_what_no_disk_answers_is_refused(answer: str) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="an attempt at a disk"):
        storage.ending(answer)


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
def test_whose_a_driver_is(row: dict[str, Any], problem: str) -> None:
    (found,) = drivers.parse_modules(json.dumps([row]))
    assert found.problem == problem


def test_thousands_of_drivers_are_read_by_name() -> None:
    rows = [driver(f"drv{number % 1000:03}-{number}") for number in reversed(range(3000))]
    found = drivers.parse_modules(json.dumps(rows))
    assert (len(found), found[0].name) == (3000, "drv000-0")


@pytest.mark.parametrize(
    "row", [driver(""), driver("x", state=None), {"name": "x"}, driver("x", signed="ja")]
)
def test_a_driver_of_another_form_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="drivers"):
        drivers.parse_modules(json.dumps([row]))


def test_the_protocol_is_spoken_from_question_to_meaning() -> None:
    attempt = storage.attempt_to_write(A, B, ONE)
    running = background.is_running("IGTARGET")
    windows = Windows(Recorded(more={drivers.MODULES: [driver("netkvm")], running: True, attempt: 0}))
    assert windows.devices.modules() == (Module("netkvm", "100.95.104.26200", True, "", samples.SIGNER),)
    with pytest.raises(errors.AnswerNotUnderstood):
        windows.storage.try_write(A, B, ONE, 1.0)


def test_a_device_that_is_disabled_has_no_driver() -> None:
    rows = [samples.pci("1AF4", "1041", "(0,3,0)", "020000", "netkvm", problem=22, state="Running")]
    question = next(text for text, answer in samples.answers().items() if '"id"' in answer)
    windows = Windows(Recorded(more={question: rows}))
    assert windows.driver_of("0000:00:03.0") is None
    with pytest.raises(errors.GuestFault, match="no PCI function at 0000:00:04.0"):
        windows.driver_of("0000:00:04.0")


def test_everything_that_the_protocol_asks_raises_where_nobody_knows_how() -> None:
    devices: SystemDevices = UnaskedDevices(Recorded())
    for name, method in inspect.getmembers(SystemDevices, inspect.isfunction):
        # To paint takes a framebuffer, of which there is none.
        if not name.startswith("_") and name != "paint":
            parameters = list(inspect.signature(method).parameters.values())[1:]
            given = [() for each in parameters if each.kind != each.VAR_POSITIONAL]
            with pytest.raises(errors.SuiteFault, match="Unasked is not asked"):
                getattr(devices, name)(*given)
