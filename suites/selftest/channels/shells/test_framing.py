"""The framing of answers: noise in an answer gives no answer, and never a wrong one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.channels.shells.posix.framing import (
    END,
    READY,
    Answer,
    decode,
    define_functions,
    repeat_answer,
    run_command,
    start_shell,
)

KERNEL = b"[   12.345678] usb 1-1: new full-speed USB device number 2 using xhci_hcd\r\n"


def frame(output: bytes, status: int = 0, number: int = 5, nudge: int = 0, end: bytes = b"\r\n") -> bytes:
    """A framed answer as the guest prints it."""
    body = base64.encodebytes(output + b":%d" % status).rstrip(b"\n")
    digest = hashlib.sha256(body).hexdigest().encode()
    lines = [b"", b"qZ7:B:%d:%d:%s" % (number, nudge, digest), body, b"qZ7:E:%d:%d" % (number, nudge), b""]
    return b"\n".join(lines).replace(b"\n", end)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n"])
@pytest.mark.parametrize("output", [b"", b"hello\n", b":0", b":", bytes(range(256)) * 9, b"\r\n\r\n"])
def test_a_framed_answer_is_decoded(output: bytes, end: bytes) -> None:
    assert decode(frame(output, 3, end=end), 5) == Answer(3, output)


def test_a_kernel_message_at_any_position_gives_no_wrong_answer() -> None:
    output = b"the answer\n" * 12
    whole = frame(output, 42)
    intact = 0
    for at in range(len(whole) + 1):
        answer = decode(whole[:at] + KERNEL + whole[at:], 5)
        assert answer in (None, Answer(42, output))
        intact += answer is not None
    assert 0 < intact < len(whole)


def test_one_lost_or_changed_byte_gives_no_wrong_answer() -> None:
    output = b"the answer\n"
    whole = frame(output, 42)
    for at in range(len(whole)):
        for damaged in (whole[:at] + whole[at + 1 :], whole[:at] + b"#" + whole[at + 1 :], whole[:at]):
            assert decode(damaged, 5) in (None, Answer(42, output))


def test_an_intact_second_copy_replaces_a_damaged_first_copy() -> None:
    first, second = frame(b"x" * 90, 1), frame(b"x" * 90, 1, nudge=1)
    for at in range(len(first) + 1):
        assert decode(first[:at] + KERNEL + first[at:] + second, 5) == Answer(1, b"x" * 90)
        assert decode(first[:at] + second, 5) == Answer(1, b"x" * 90)


@settings(max_examples=300)
@given(
    output=st.binary(max_size=300),
    status=st.integers(0, 255),
    noise=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=40)), max_size=6),
    cut=st.integers(0, 2000),
)
def test_random_noise_gives_no_wrong_answer(
    output: bytes, status: int, noise: list[tuple[int, bytes]], cut: int
) -> None:
    printed = frame(output, status) + frame(output, status, nudge=1)
    for at, junk in noise:
        position = at % (len(printed) + 1)
        printed = printed[:position] + junk + printed[position:]
    for text in (printed, printed[cut:], printed[:cut]):
        assert decode(text, 5) in (None, Answer(status, output))


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_random_bytes_are_no_answer(printed: bytes) -> None:
    assert decode(printed, 5) is None


def test_answers_to_other_commands_are_ignored() -> None:
    assert decode(frame(b"old", number=4), 5) is None
    assert decode(frame(b"old", number=55), 5) is None
    assert decode(frame(b"old", number=4) + frame(b"new", number=5), 5) == Answer(0, b"new")
    assert decode(frame(b"new", number=5) + frame(b"later", number=6), 5) == Answer(0, b"new")


def test_a_frame_inside_the_output_is_output() -> None:
    inner = frame(b"fake", 9)
    assert decode(frame(inner, 1), 5) == Answer(1, inner)


def test_the_end_line_has_the_numbers_of_command_and_nudge() -> None:
    match = END.search(frame(b"x", number=12, nudge=3))
    assert match is not None, "expected an end line"
    assert match.groups() == (b"12", b"3")


def test_typed_input_never_looks_like_an_answer() -> None:
    commands = ["true", "x" * 5000, "grüße"]
    lines = [
        start_shell(1),
        define_functions(2),
        repeat_answer(3),
        *(line for text in commands for line in run_command(text, 4)),
    ]
    for line in lines:
        assert END.search(line) is None
        assert READY.search(line) is None
        assert b"qZ7" not in line


@settings(max_examples=200)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3000))
def test_typed_lines_are_printable_and_fit_a_terminal(command: str) -> None:
    lines = run_command(command, 9)
    assert all(len(line) < 4096 for line in lines)
    assert all(
        line.endswith(b"\n") and line[:-1].isascii() and line[:-1].decode().isprintable() for line in lines
    )


@pytest.mark.parametrize("command", ["'" * 1200, '"' * 1200, "x" * 1200, "é" * 3000])
def test_the_longest_lines_fit_a_terminal(command: str) -> None:
    assert max(map(len, run_command(command, 10**6))) < 4096
