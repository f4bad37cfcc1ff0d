"""Guests that have only a screen: the checks of suites/screen do not accuse a healthy one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.observation.recording_proxy import RecordingProxy
from suites.screen import test_screen as checks
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.described_instance import described_instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TIMEOUTS = {"boot": "120s", "silence": "60s", "command": "10s"}
# Ways to print the text at si, and to read a key.
CHANNELS = {
    "vga-text": "say: jmp print\nkey: jmp getc",
    "framebuffer": "say: jmp print\nkey: jmp getc",
    "serial": """
        say: jmp send
        key: mov dx, 0x3fd; 1: in al, dx; test al, 1; jz 1b; mov dx, 0x3f8; in al, dx; ret
    """,
}
# Each key prints 24 equal lines.
REPEATING = """
    mov si, offset ready; call say
again:
    call key; mov cx, 24
line:
    push cx; mov si, offset text; call say; pop cx; loop line
    jmp again
    ready: .asciz "READY"
    text: .asciz "\\r\\nAnswer"
"""
# The guest prints one short line, never clears its screen, and echoes each key.
SHORT = """
    mov si, offset ready; call say
next:
    call key; mov [echo], al; mov si, offset echo; call say; jmp next
    ready: .asciz "READY to serve\\r\\n"
    echo: .byte 0, 0
"""


@contextmanager
def booted(directory: Path, console: str, code: str, screen: Mapping[str, Any]) -> Iterator[Guest]:
    """A guest that runs ``code`` on its ``console``, ready as ``screen`` describes it, as a check gets it."""
    description = {"system": "none", "console": console, "screen": screen, "timeouts": TIMEOUTS}
    binary = assemble(directory, f"{code}\n{CHANNELS[console]}")
    with described_instance(directory, binary, description, devices=DISPLAY) as instance:
        instance.boot()
        record = LiveRecord(directory / "answers.jsonl")
        yield Guest(instance.cell, RecordingProxy(record, instance))
        record.close()


@pytest.mark.parametrize("console", ["serial", "vga-text"])
def test_an_answer_of_equal_lines_counts(console: str, tmp_path: Path) -> None:
    screen = {"ready": "READY", "probe": {"press": "<enter>", "expect": "^Answer$"}}
    with booted(tmp_path, console, REPEATING, screen) as guest:
        checks.test_keyboard_answers(guest)
        if console == "vga-text":
            # The screen is full of answers by now, and one more leaves it as it is.
            with pytest.raises(pytest.skip.Exception, match="not_in_profile: the guest's answer to keys"):
                checks.test_display_is_alive(guest)


@pytest.mark.parametrize("console", CHANNELS)
def test_a_guest_that_restarts_at_once_is_seen_again(console: str, tmp_path: Path) -> None:
    """It is ready again before its picture has been read once, and its terminal is never cleared."""
    with booted(tmp_path, console, SHORT, {"ready": "^READY to serve"}) as guest:
        checks.test_reset_reaches_the_described_screen(guest)
