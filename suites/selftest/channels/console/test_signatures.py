"""Signatures match real crashes and complaints, and no harmless lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.signatures.matching import SIGNATURES, match_prompt, match_signature
from fixtures.channels.console.spawn_base import ConsoleSpawn
from fixtures.channels.console.transcript import Transcript, strip_controls
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from suites.selftest.support.paths import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.channels.console.signatures.signature import Signature

# All other signatures are fatal: they end a wait.
ERRORS = {
    "kernel bug report",
    "soft lockup",
    "hung task",
    "rcu stall",
    "i/o error",
    "file system error",
}
COMPLAINTS = {
    "kernel warning",
    "machine check",
    "failed unit",
    "boot device fails",
    "secure boot refuses a boot option",
    "network boot fails",
    "boot loader error",
    "U-Boot finds no kernel",
    "bugcheck begins",
    "DOS cannot unpack a program",
}

HARMLESS = (SAMPLES / "consoles" / "harmless-lines.txt").read_text(encoding="utf-8").splitlines()
# Lines "name of a signature: text".
CRASHES = [
    tuple(line.split(": ", 1))[::-1]
    for line in (SAMPLES / "consoles" / "crash-lines.txt").read_text(encoding="utf-8").splitlines()
]
# Lines that end in a space, which an editor could remove from a file.
PROMPT_LINES = [
    ("(initramfs) ", "initramfs shell"),
    ("No bootable device.            ", "firmware finds nothing to boot"),
    ("db> ", "kernel debugger"),
    ("ddb> ", "kernel debugger"),
    ("db{0}> ", "kernel debugger"),
    ("kdb:> ", "kernel debugger"),
]

PROMPTS = [signature for signature in SIGNATURES if signature.is_prompt]


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_a_sample_matches_only_its_own_signature(signature: Signature) -> None:
    assert [other.name for other in SIGNATURES if other.pattern.search(signature.sample)] == [signature.name]
    assert match_signature(signature.sample) is signature


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_a_healthy_twin_matches_no_signature(signature: Signature) -> None:
    assert match_signature(signature.twin) is None
    assert match_prompt(signature.twin) is None


def test_names_are_unique_and_only_these_are_not_fatal() -> None:
    assert {signature.name for signature in SIGNATURES if signature.severity == "error"} == ERRORS
    assert {signature.name for signature in SIGNATURES if signature.severity == "complaint"} == COMPLAINTS
    assert len({signature.name for signature in SIGNATURES}) == len(SIGNATURES)
    assert len({signature.twin for signature in SIGNATURES}) == len(SIGNATURES)


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_lines_match_no_signature(line: str) -> None:
    assert match_signature(line) is None
    assert match_prompt(line) is None


@pytest.mark.parametrize(("line", "name"), [*CRASHES, *PROMPT_LINES])
def test_variants_of_lines_match_their_signature(line: str, name: str) -> None:
    signature = match_signature(line)
    assert signature is not None, f"expected the signature {name}; no signature matches {line!r}"
    assert signature.name == name


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("consoles/*.log")), ids=lambda path: path.stem)
def test_recorded_consoles_of_healthy_guests_match_no_signature(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    lines = [strip_controls(line) for line in data.decode(errors="replace").split("\n")]
    assert len(lines) > 50
    assert [line for line in lines if match_signature(line)] == []
    transcript = Transcript(tmp_path, ())
    for at in range(0, len(data), 97):
        transcript.feed(data[at : at + 97])
    transcript.close()
    assert transcript.findings() == ()


@pytest.mark.parametrize("signature", PROMPTS, ids=lambda signature: signature.name)
def test_a_prompt_is_found_once_before_its_line_ends(signature: Signature, tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, ())
    transcript.feed(b"text\r\n")
    for byte in signature.sample.encode():
        transcript.feed(bytes([byte]))
    assert [finding.signature for finding in transcript.findings()] == [signature]
    for byte in b"help\r\n":
        transcript.feed(bytes([byte]))
    assert [finding.signature for finding in transcript.findings()] == [signature]
    transcript.feed(signature.sample.encode() + b"help\r\n")
    assert [finding.signature for finding in transcript.findings()] == [signature, signature]
    transcript.close()


@pytest.mark.parametrize("signature", PROMPTS, ids=lambda signature: signature.name)
def test_a_prompt_matches_with_any_text_after_it(signature: Signature) -> None:
    """The rest of an unfinished line must not change the result."""
    assert match_signature(signature.sample + "x") is signature
    assert match_signature(signature.sample + " (and more)") is signature


@pytest.mark.parametrize("line", HARMLESS)
def test_the_beginnings_of_harmless_lines_match_no_prompt(line: str) -> None:
    assert [line[:size] for size in range(len(line)) if match_prompt(line[:size])] == []


@pytest.mark.parametrize(
    "line",
    [
        "*** STOP: 0x0000007B (0xF8955640,0xC0000034,0x00000000,0x00000000)",
        "*** Fatal System Error: 0x0000007b",
        '<PROPERTY NAME="STOPCODE" TYPE="string"><VALUE>"0x7B"</VALUE></PROPERTY>',
    ],
)
def test_the_code_of_a_bugcheck_is_named(line: str, tmp_path: Path) -> None:
    wakeup = Wakeup()
    transcript = Transcript(tmp_path, ())
    health = Health("windows", Journal(tmp_path / "qmp.jsonl", wakeup), wakeup)
    transcript.feed(f"{line}\r\n".encode())
    failure = ConsoleSpawn("windows", transcript, health).find_crash()
    transcript.close()
    assert str(failure).startswith("windows: bugcheck 0x7B (INACCESSIBLE_BOOT_DEVICE) at ")
