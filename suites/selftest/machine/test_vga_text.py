"""The text screen of a VGA card: the meaning of its registers, and the screens of real machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import MachineNotUsable
from fixtures.machine.port_io import while_paused
from fixtures.machine.vga_text import TextMode, VgaText, read_text, text_mode
from suites.selftest.support.machine_sample import HANG, MachineBench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# CRT controller registers of QEMU's card in mode 3, as SeaBIOS sets it.
CRTC = {
    0x01: 79,
    0x07: 0x1F,
    0x09: 0x4F,
    0x0A: 0x0D,
    0x0C: 0,
    0x0D: 0,
    0x0E: 0,
    0x0F: 80,
    0x12: 0x8F,
    0x13: 40,
}
DISPLAY = {"disk": ["ide-hd"], "display": ["VGA"]}
TELETYPE = bytes.fromhex("31c08ed8")  # xor ax, ax; mov ds, ax


def printing(text: str) -> bytes:
    """Code that prints ``text`` with the BIOS and halts.

    cld; mov si, text; next: lodsb; test al, al; jz end; mov ah, 0x0e; mov bx, 7; int 0x10; jmp next; end: hlt; jmp end
    """
    code = TELETYPE + bytes.fromhex("fcbe0000ac84c07409b40ebb0700cd10ebf2f4ebfd")
    address = 0x7C00 + len(code)
    return code[:6] + address.to_bytes(2, "little") + code[8:] + text.encode("cp437") + b"\0"


def scrolled_by_hardware() -> bytes:
    """Code that writes ``Z`` at character 2000 and sets the start of the screen (CRTC 0x0c, 0x0d) to it.

    mov ax, 0xb800; mov es, ax; mov byte es:[4000], 'Z'; mov dx, 0x3d4; mov ax, 0x070c; out dx, ax;
    mov ax, 0xd00d; out dx, ax; mov al, 0x11; out dx, al; hlt; jmp $-1
    """
    return TELETYPE + bytes.fromhex("b800b88ec026c606a00f5abad403b80c07efb80dd0efb011eef4ebfd")


def wait_for_lines(
    bench: MachineBench, path: Path, accepts: Callable[[tuple[str, ...]], bool]
) -> tuple[str, ...]:
    """The lines of the screen, as soon as ``accepts`` is true for them."""
    vga = VgaText(bench.machine, path / "window")

    def read() -> tuple[str, ...] | None:
        screen = vga.screen()
        return screen.lines if screen is not None and accepts(screen.lines) else None

    return bench.health.wait_for(read, Deadline.after(60.0), lambda: MachineNotUsable("no such screen"))


@pytest.mark.parametrize(
    ("change", "mode"),
    [
        ({}, TextMode(80, 25, 0, 80, 80)),
        ({0x0C: 0x07, 0x0D: 0xD0}, TextMode(80, 25, 2000, 80, 80)),
        ({0x09: 0x47}, TextMode(80, 50, 0, 80, 80)),
        ({0x01: 39, 0x13: 20}, TextMode(40, 25, 0, 40, 80)),
        ({0x01: 131, 0x13: 66}, TextMode(132, 25, 0, 132, 80)),
        ({0x0A: 0x20}, TextMode(80, 25, 0, 80, None)),
        ({0x01: 0}, None),
    ],
)
def test_registers_describe_the_text_mode(change: dict[int, int], mode: TextMode | None) -> None:
    assert text_mode(CRTC | change, 0x0E, 0) == mode


@pytest.mark.parametrize(("miscellaneous", "vbe"), [(0x05, 0), (0x0E, 0x41), (0x0F, 0xFFFF)])
def test_graphics_modes_have_no_text(miscellaneous: int, vbe: int) -> None:
    assert text_mode(CRTC, miscellaneous, vbe) is None


def test_a_card_without_vbe_extensions_has_text_modes() -> None:
    assert text_mode(CRTC, 0x0E, 0xFFFF) is not None


def window(text: dict[int, bytes]) -> bytes:
    cells = bytearray(b" \x07" * 0x4000)
    for start, characters in text.items():
        for offset, character in enumerate(characters):
            cells[(start + offset) % 0x4000 * 2] = character
    return bytes(cells)


def test_text_is_read_from_the_start_of_the_screen() -> None:
    memory = window({0: b"old", 2000: b"new", 2080: b"A\x00\xe4\x18\xff"})
    screen = read_text(memory, TextMode(80, 25, 2000, 80, 2084))
    assert screen.lines[:3] == ("new", "A Σ↑", "")
    assert screen.cursor == (1, 4)


def test_the_window_wraps() -> None:
    last = 0x4000 - 80
    screen = read_text(window({last: b"end", 0: b"begin"}), TextMode(80, 25, last, 80, 3))
    assert (screen.lines[0], screen.lines[1], screen.cursor) == ("end", "begin", (1, 3))


def test_a_cursor_outside_the_screen_is_not_visible() -> None:
    assert read_text(window({}), TextMode(80, 25, 0, 80, 80 * 25)).cursor is None


def test_a_real_screen(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing("\r\nGrüße\r\nA:\\>"), devices=DISPLAY).run() as bench:
        lines = wait_for_lines(bench, tmp_path, lambda lines: "A:\\>" in lines)
    assert lines[lines.index("Grüße") + 1] == "A:\\>"
    assert lines[0].startswith("SeaBIOS")


def test_a_screen_that_scrolled_by_hardware(tmp_path: Path) -> None:
    """The start register is honoured, and the index register is restored afterwards."""
    with MachineBench(tmp_path, scrolled_by_hardware(), devices=DISPLAY).run() as bench:
        lines = wait_for_lines(bench, tmp_path, lambda lines: lines[0] == "Z")
        assert lines[1:] == ("",) * 24
        index = bench.machine.execute("human-monitor-command", {"command-line": "i /b 0x3d4"})
        assert "= 0x11" in index


def test_reading_the_screen_restores_the_run_state(tmp_path: Path) -> None:
    with MachineBench(tmp_path, HANG, devices=DISPLAY).run() as bench:
        with while_paused(bench.machine):
            assert bench.machine.execute("query-status")["status"] == "paused"
        assert bench.machine.execute("query-status")["status"] == "running"
        bench.machine.execute("stop")
        VgaText(bench.machine, tmp_path / "window").screen()
        assert bench.machine.execute("query-status")["status"] == "paused"


def test_reading_the_screen_is_not_journaled(tmp_path: Path) -> None:
    with MachineBench(tmp_path, HANG, devices=DISPLAY).run() as bench:
        VgaText(bench.machine, tmp_path / "window").screen()
    journal = (bench.evidence / "qmp.jsonl").read_text()
    assert "pmemsave" not in journal
    assert '"event": "STOP"' in journal
