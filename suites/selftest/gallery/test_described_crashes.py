"""Guests that crash in words of their own, which the key ``fails`` of their YAML describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import GuestCrashed
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.described_instance import described_instance
from suites.selftest.support.gallery_bench import GalleryBench
from suites.selftest.support.machine_sample import printing_code
from suites.selftest.support.screen_sample import printing

FAILS = [
    {"pattern": r"^no data volume\b", "meaning": "the data volume is missing"},
    {"pattern": r"^E\d{4} halted$", "meaning": "the application stopped itself"},
]
SCREEN = {"system": "none", "screen": {"ready": "Main menu"}}
USUAL_LOGIN = "getty root secret; shell '# '"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'no data volume on sdb'; stand_still", "the data volume is missing .* no data volume on sdb"),
        # A line without an end, which comes in two pieces.
        ("printf 'E0815 '; printf 'halted'; stand_still", "the application stopped itself .* E0815 halted"),
    ],
    ids=["a line", "a line without an end"],
)
def test_a_crash_on_a_serial_console_is_named(script: str, words: str, tmp_path: Path) -> None:
    with GalleryBench(tmp_path, script, fails=FAILS) as bench:
        with pytest.raises(GuestCrashed, match=words):
            bench.boot()
        assert bench.boot_share < 0.25


def test_similar_words_are_no_crash(tmp_path: Path) -> None:
    """The alibi: other words, and an unfinished line that goes on."""
    script = (
        f"echo 'mounted: no data volume is needed'; printf 'E0815 halted'; echo ' and resumed'; {USUAL_LOGIN}"
    )
    with GalleryBench(tmp_path, script, fails=FAILS) as bench:
        bench.boot()
        assert bench.transcript.findings() == ()


def crash_of(directory: Path, code: bytes, description: dict[str, Any]) -> GuestCrashed:
    """The crash of a guest on a real machine."""
    timeouts = {"boot": "300s", "silence": "200s"}
    fields = {"fails": FAILS, "timeouts": timeouts, **description}
    limit = Deadline.after(100.0)
    with (
        described_instance(directory, code, fields, devices=DISPLAY) as instance,
        pytest.raises(GuestCrashed) as caught,
    ):
        instance.boot()
    assert not limit.expired
    return caught.value


@pytest.mark.parametrize(
    ("console", "system"),
    [
        ("vga-text", SCREEN),
        ("framebuffer", SCREEN),
        # The text is on the display, the console is the serial port.
        ("serial", SCREEN),
        ("serial", {}),
    ],
    ids=["on the screen", "read by OCR", "on the screen, ready on serial", "on the screen, login on serial"],
)
def test_a_crash_on_the_display_is_named(console: str, system: dict[str, Any], tmp_path: Path) -> None:
    code = printing("\r\nno data volume on sdb\r\n")
    message = crash_of(tmp_path, code, {"console": console, **system}).message
    assert "the data volume is missing" in message
    assert "no data volume on sdb" in message


@pytest.mark.parametrize(
    ("mode", "text", "words"),
    [
        # The line has no end in a picture.
        (0x03, "No bootable device.", "firmware finds nothing to boot at .*No bootable device"),
        (0x12, "*** STOP: 0x0000007B (0xF8955640,0xC0000034)", "bugcheck code at .* STOP: 0x"),
        (
            0x12,
            "[   12.345678] BUG: unable to handle page fault",
            "page fault in the kernel at .*BUG: unable",
        ),
    ],
    ids=["text mode", "STOP in graphics", "Linux in graphics"],
)
def test_a_known_crash_in_a_picture_is_named(mode: int, text: str, words: str, tmp_path: Path) -> None:
    """Optical character recognition confuses zeros with letters, and asterisks with any character."""
    code = assemble(
        tmp_path,
        f'mov ax, {mode}; int 0x10; mov si, offset text; call print; jmp stop\ntext: .asciz "{text}"',
    )
    message = crash_of(tmp_path, code, {"console": "framebuffer", **SCREEN}).message
    assert re.search(words, message), message


def test_a_crash_on_the_serial_port_of_a_guest_with_a_screen_is_named(tmp_path: Path) -> None:
    code = printing_code("no data volume on sdb\r\n")
    crash = crash_of(tmp_path, code, {"console": "vga-text", **SCREEN})
    assert "the data volume is missing" in crash.message
    assert crash.postmortem is not None, "expected the state of the machine in the error"
    assert crash.postmortem.last_lines[-1] == "no data volume on sdb"
    assert [(name, Path(path).name) for name, path in crash.postmortem.paths][:2] == [
        ("console", "console.log"),
        ("serial", "serial.log"),
    ]


def test_a_crash_after_the_boot_is_named(tmp_path: Path) -> None:
    """The guest is ready, and crashes on its display a moment later: the next wait says so."""
    code = assemble(
        tmp_path,
        "mov si, offset ready; call send; mov cx, 100; call ticks; mov si, offset crash; call print; jmp stop\n"
        'ready: .asciz "Main menu\\r\\n"\ncrash: .asciz "\\r\\nE0815 halted\\r\\n"',
    )
    with described_instance(tmp_path, code, {"fails": FAILS, **SCREEN}, devices=DISPLAY) as instance:
        instance.boot()
        with pytest.raises(GuestCrashed, match="the application stopped itself, as the screen shows: E0815"):
            instance.machine.wait_event(["SHUTDOWN"], 0, Deadline.after(60.0), "nothing")


def test_a_crash_of_its_own_counts_before_the_crashes_of_all_guests(tmp_path: Path) -> None:
    bench = GalleryBench(
        tmp_path,
        "echo '[    1.000000] Kernel panic - not syncing: no flash'; stand_still",
        fails=[{"pattern": "not syncing: no flash$", "meaning": "the flash is not there"}],
    )
    with bench, pytest.raises(GuestCrashed, match="the flash is not there"):
        bench.boot()


def test_a_known_kernel_crash_on_the_display_is_named_at_the_limit_of_silence(tmp_path: Path) -> None:
    """Without ``fails``, the display of a guest on a serial console is read when the console stays silent."""
    panic = "\r\n[    1.000000] Kernel panic - not syncing: test\r\n"
    timeouts = {"boot": "300s", "silence": "2s"}
    with (
        described_instance(tmp_path, printing(panic), {"timeouts": timeouts}, devices=DISPLAY) as instance,
        pytest.raises(GuestCrashed, match="kernel panic, as the screen shows: .*not syncing: test"),
    ):
        instance.boot()
