"""Guests that print on one channel and take keys on another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import BootTimeout
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.described_instance import described_instance

if TYPE_CHECKING:
    from pathlib import Path

# The guest asks, echoes each key, and after Enter shows its menu.
DIALOGUE = """
    mov si, offset ask; call say
next:
    call key; mov [echo], al; mov si, offset echo; call say
    cmp byte ptr [echo], 13; jne next
    mov si, offset menu; call say; jmp next
    ask: .asciz "\\r\\nName: "
    menu: .asciz "\\nMain menu\\r\\n"
    echo: .byte 0, 0
"""
# Ways to print the text at si, and to read a key.
SAY = {"serial": "say: jmp send", "vga-text": "say: jmp print", "framebuffer": "say: jmp print"}
KEY = {
    "keyboard": "key: jmp getc",
    "serial": "key: mov dx, 0x3fd; 1: in al, dx; test al, 1; jz 1b; mov dx, 0x3f8; in al, dx; ret",
}
SPLIT = (("serial", "keyboard"), ("vga-text", "serial"), ("framebuffer", "serial"))


def dialogue(directory: Path, output: str, source: str) -> bytes:
    """A boot sector that prints on ``output`` and reads keys from ``source``."""
    return assemble(directory, f"{DIALOGUE}\n{SAY[output]}\n{KEY[source]}")


def description(console: object, **timeouts: str) -> dict[str, object]:
    return {
        "system": "none",
        "console": console,
        "screen": {
            "ready": "Main menu",
            "steps": [{"when": "Name:", "press": "gallery<enter>"}],
            "probe": {"press": "help<enter>", "expect": "help"},
        },
        "timeouts": {"boot": "300s", "silence": "100s", **timeouts},
    }


@pytest.mark.parametrize(("output", "source"), SPLIT)
def test_keys_and_text_on_different_channels(output: str, source: str, tmp_path: Path) -> None:
    code = dialogue(tmp_path, output, source)
    fields = description({"read": output, "type": source})
    with described_instance(tmp_path, code, fields, devices=DISPLAY) as instance:
        instance.boot()
        screen = instance.screen
        assert screen is not None, "expected the screen of the description"
        with screen.new_lines() as new_lines:
            screen.press("help<enter>", Deadline.after(60.0))
            assert screen.wait_for_new_line(new_lines, "help", Deadline.after(60.0)), "no echo of help"
        assert re.search("Name: gallery", "\n".join(instance.transcript.lines_since(0)[0]))


@pytest.mark.parametrize(("output", "source"), [("serial", "keyboard"), ("vga-text", "serial")])
def test_keys_on_the_wrong_channel_are_a_timeout(output: str, source: str, tmp_path: Path) -> None:
    """The sabotage: with the short form, the keys go where the text comes from, and the guest waits."""
    code = dialogue(tmp_path, output, source)
    with (
        described_instance(tmp_path, code, description(output, silence="4s"), devices=DISPLAY) as instance,
        pytest.raises(BootTimeout, match="no 'Main menu' on the screen") as caught,
    ):
        instance.boot()
    assert "Name:" in caught.value.message
