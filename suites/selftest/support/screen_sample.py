"""Guests with only a screen: boot sectors that print and read keys through the BIOS."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fixtures.catalog.screen_specs import ScreenSpec
from fixtures.channels.screen.displays import VgaDisplay
from fixtures.channels.screen.keyboard import MachineKeyboard
from fixtures.channels.screen.screen_console import ScreenConsole
from suites.selftest.machine.test_vga_text import DISPLAY, TELETYPE, printing
from suites.selftest.support.machine_sample import MachineBench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ECHO", "printing", "screen", "spec"]

# Echoes the typed keys: next: mov ah, 0; int 0x16; mov ah, 0x0e; mov bx, 7; int 0x10; cmp al, 0x0d; jne next;
# mov al, 0x0a; jmp to mov ah, 0x0e
ECHO = TELETYPE + bytes.fromhex("b400cd16b40ebb0700cd103c0d75f1b00aebf0")


@contextmanager
def screen(
    directory: Path, code: bytes, layout: str = "us", **platform: Any
) -> Iterator[tuple[MachineBench, ScreenConsole]]:
    """A machine that runs ``code``, and its screen as a console. ``layout`` is the keyboard's layout."""
    devices = platform.pop("devices", DISPLAY)
    with MachineBench(directory, code, devices=devices, **platform).run() as bench:
        display = VgaDisplay(bench.machine, directory)
        keyboard = MachineKeyboard(bench.machine, layout)
        yield (
            bench,
            ScreenConsole(
                "nothing@bare", display, keyboard, bench.transcript, bench.health, bench.machine.wakeup
            ),
        )


def spec(ready: str, **others: Any) -> ScreenSpec:
    """The screen description of a guest's YAML."""
    return ScreenSpec.model_validate({"ready": ready, **others})
