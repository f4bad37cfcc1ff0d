"""Transcripts: stages, findings, the log and the recording of a console; memory stays bounded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fixtures.channels.boot.boot_stages import boot_stages
from fixtures.channels.console.transcript import Transcript, strip_controls
from fixtures.evidence.redaction import MASK, Redactor
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOT = (
    b"\x1b[2J\x1b[01;01HWelcome to GRUB!\r\n\r\n"
    b"[    0.000000] Linux version 6.1.0-26-amd64\r\n"
    b"[    2.000000] systemd[1]: Hostname set to <debian>.\r\n"
    b"\r\nDebian GNU/Linux 12 debian ttyS0\r\n\r\ndebian login: "
)


@pytest.fixture
def transcript(tmp_path: Path) -> Iterator[Transcript]:
    transcript = Transcript(tmp_path / "evidence", boot_stages(machine_sample.cell().guest))
    yield transcript
    transcript.close()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("carriage return\r", "carriage return"),
        ("two\r\r", "two"),
        ("loading 10%\rloading 99%\r", "loading 99%"),
        ("\x1b[?2004hprompt# \x1b[0m", "prompt# "),
        ("\x1b]0;root@debian: ~\x07root@debian:~# ", "root@debian:~# "),
        ("\x1b]0;title\x1b\\x", "x"),
        ("\x1bP+q544e\x1b\\\x1b]3008;start=1;user=root\x1b\\root@fedora:~# ", "root@fedora:~# "),
        ("\x1b[32m[  OK  ]\x1b[0m Started \x1b[0;1;39mx\x1b[0m.", "[  OK  ] Started x."),
        ("\x1b(Bx\x1b7\x1b8\x1b=\x1b>", "x"),
        ("bell\x07 and null\x00", "bell and null"),
        ("tab\tstays", "tab\tstays"),
        ("10%\b\b\b99%", "99%"),
        ("typo\b \b", "typ"),
        # ksh prints its prompt like this.
        ("# \r\x1b[J\r# " + " " * 78 + "\b" * 78, "# "),
        ("\b\bx", "x"),
    ],
)
def test_escape_sequences_and_controls_are_stripped(raw: str, text: str) -> None:
    assert strip_controls(raw) == text


def test_a_line_after_the_login_is_no_stage(transcript: Transcript) -> None:
    transcript.feed(b"debian login: ")
    transcript.feed(b"\nsystemd[1]: Started getty@tty1.service.\n")
    assert [stage for stage, _ in transcript.stages] == ["firmware", "login"]


def test_quoted_lines_are_without_secrets(tmp_path: Path) -> None:
    redact = Redactor(["open-sesame"]).text
    transcript = Transcript(tmp_path / "evidence", (), redact=redact)
    transcript.feed(b"Password: open-sesame\nLogin of root with open-sesame")
    transcript.close()
    assert transcript.tail() == (f"Password: {MASK}", f"Login of root with {MASK}")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_stages_do_not_depend_on_the_size_of_reads(transcript: Transcript, size: int) -> None:
    for at in range(0, len(BOOT), size):
        transcript.feed(BOOT[at : at + size])
    assert [stage for stage, _ in transcript.stages] == [
        "firmware",
        "boot loader",
        "kernel",
        "services",
        "login",
    ]
    seconds = [at for _, at in transcript.stages]
    assert seconds == sorted(seconds)
    assert transcript.tail(2) == ("Debian GNU/Linux 12 debian ttyS0", "debian login: ")
    assert transcript.findings() == ()


def test_each_boot_has_its_own_stages(transcript: Transcript) -> None:
    transcript.begin_boot()
    assert transcript.boots == ((("firmware", 0.0),),)
    transcript.feed(BOOT)
    transcript.begin_boot()
    assert transcript.stages == (("firmware", 0.0),)
    transcript.feed(b"\r\nWelcome to GRUB!\r\n")
    assert [[stage for stage, _ in boot] for boot in transcript.boots] == [
        ["firmware", "boot loader", "kernel", "services", "login"],
        ["firmware", "boot loader"],
    ]


def test_utf8_characters_split_between_reads(transcript: Transcript) -> None:
    for byte in "grüße 世界\n".encode():
        transcript.feed(bytes([byte]))
    transcript.feed(b"\xff\xfe broken\n")
    assert transcript.tail() == ("grüße 世界", "\ufffd\ufffd broken")


def test_the_log_contains_every_byte(transcript: Transcript, tmp_path: Path) -> None:
    raw = bytes(range(256)) * 40
    transcript.feed(raw[:5000])
    transcript.feed(raw[5000:])
    transcript.close()
    transcript.feed(b"after the end")
    assert (tmp_path / "evidence/console.log").read_bytes() == raw


def test_the_recording_is_asciicast_2(transcript: Transcript, tmp_path: Path) -> None:
    for piece in (b"one\r\n", b"\x1b[31mt\xc3", b"\xa4\r\n"):
        transcript.feed(piece)
    transcript.close()
    header, *events = map(json.loads, (tmp_path / "evidence/console.cast").read_text("utf-8").splitlines())
    assert header["version"] == 2
    assert {"width", "height", "timestamp"} <= header.keys()
    assert all(isinstance(header[key], int) for key in ("width", "height", "timestamp"))
    assert [kind for _, kind, _ in events] == ["o", "o", "o"]
    assert "".join(text for _, _, text in events) == "one\r\n\x1b[31mtä\r\n"
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    assert times[0] >= 0


def test_the_tail_has_the_newest_nonempty_lines(transcript: Transcript) -> None:
    for number in range(1000):
        transcript.feed(f"line {number}\n\n".encode())
    transcript.feed(b"unfinished")
    assert transcript.tail(3) == ("line 998", "line 999", "unfinished")
    assert len(transcript.tail(10_000)) <= 401


def test_an_endless_line_is_cut(transcript: Transcript) -> None:
    for _ in range(200):
        transcript.feed(b"x" * 1000)
    assert len(transcript.tail()[0]) <= 4096
    transcript.feed(b"\nnext")
    assert transcript.tail(1) == ("next",)
    assert len(transcript.tail(2)[0]) <= 4096


def test_findings_of_each_signature_are_bounded(transcript: Transcript) -> None:
    complaint = b"[   31.337000] I/O error, dev vdb, sector 2048 op 0x1:(WRITE) flags 0x800\n"
    for _ in range(50):
        transcript.feed(complaint * 100)
    assert transcript.first_fatal() is None
    assert len(transcript.findings()) == 1000
    transcript.feed(b"[   99.000000] Kernel panic - not syncing: at last\n" * 3)
    finding = transcript.first_fatal()
    assert finding is not None, "expected the panic as the first fatal line"
    assert finding.line.endswith("at last")
    assert len(transcript.findings()) == 1003
    assert transcript.findings()[1000] is finding


def test_later_findings_have_room_of_their_own(transcript: Transcript) -> None:
    complaint = b"[   31.337000] I/O error, dev vdb, sector 2048 op 0x1:(WRITE) flags 0x800\n"
    transcript.feed(complaint * 1001)
    assert len(transcript.begin_findings()) == 1000
    transcript.feed(complaint * 2)
    assert len(transcript.findings()) == 1002


@pytest.mark.parametrize("prompt", [b"(initramfs) ", b"grub rescue> "])
def test_a_rescue_prompt_is_found_before_its_line_ends(transcript: Transcript, prompt: bytes) -> None:
    transcript.feed(b"something\r\n" + prompt[:-1])
    assert transcript.first_fatal() is None
    transcript.feed(prompt[-1:])
    assert transcript.first_fatal() is not None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"No bootable device.", "firmware finds nothing to boot"),
        (b"System halted", "DOS is halted"),
        # As a picture shows the prompt, without the blank behind it.
        (b"db>", "kernel debugger"),
        (b"No bootable device.  Retrying in 60 seconds.", None),
        (b"debian login:", None),
    ],
)
def test_an_unfinished_line_is_searched_once_nothing_follows_it(
    transcript: Transcript, monkeypatch: pytest.MonkeyPatch, line: bytes, name: str | None
) -> None:
    transcript.feed(line)
    assert transcript.first_fatal() is None
    monkeypatch.setattr("fixtures.channels.console.transcript._UNFINISHED", 0.0)
    monkeypatch.setattr("fixtures.channels.console.transcript._COMPLETE", 0.0)
    finding = transcript.first_fatal()
    assert (None if finding is None else finding.signature.name) == name
    transcript.feed(b"\r\n")
    assert len(transcript.findings()) == (name is not None or b"Retrying" in line)


def test_a_line_that_goes_on_is_searched_as_a_whole(transcript: Transcript) -> None:
    """The alibi: the first half alone tells of a crash."""
    for part in (b"No bootable device.", b"  Retrying in 60 seconds.\r\n"):
        transcript.feed(part)
        assert transcript.first_fatal() is None


def test_a_panic_in_single_bytes_is_one_finding(transcript: Transcript) -> None:
    for byte in b"[    1.000000] Kernel panic - not syncing: test\r\n":
        transcript.feed(bytes([byte]))
    assert [finding.signature.name for finding in transcript.findings()] == ["kernel panic"]


def test_silence_begins_at_the_last_byte(transcript: Transcript) -> None:
    before = transcript.last_output
    transcript.feed(b"x")
    assert transcript.last_output >= before
    assert transcript.silent_for >= 0.0
