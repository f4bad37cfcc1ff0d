"""The wait for a ready screen: steps, keys without effect, resets, crashes after the screen, and other modes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.screen_wait import ScreenSteps, wait_for_screen
from fixtures.channels.screen.displays import ScreenSnapshot
from fixtures.core.deadline import Deadline
from fixtures.core.errors import BootTimeout, DescriptionMismatch, GuestCrashed, GuestRestarted
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.screen_sample import ECHO, printing, screen, spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.channels.screen.screen_console import ScreenConsole
    from suites.selftest.support.machine_sample import MachineBench

STEPS = [{"when": "boot:", "press": "x"}, {"when": "sure", "press": "y"}]


def keys_for(steps: ScreenSteps, *lines: str, is_stuck: bool = False) -> list[str | None]:
    """The keys that ``steps`` presses on screens with one line each."""
    return [steps.next_keys(ScreenSnapshot((line,)), is_stuck=is_stuck) for line in lines]


def test_steps_run_in_order() -> None:
    keys = keys_for(
        ScreenSteps(spec("ready", steps=STEPS)), "", "sure?", "boot: ", "boot: ", "sure?", "ready"
    )
    assert keys == ["", "", "x", "", "y", None]


def test_the_ready_text_ends_the_boot_although_steps_are_left() -> None:
    assert keys_for(ScreenSteps(spec("ready", steps=STEPS)), "", "ready") == ["", None]
    assert keys_for(ScreenSteps(spec("ready", steps=STEPS)), "boot: ", "ready") == ["x", None]


def test_a_step_on_the_ready_screen_is_pressed_first() -> None:
    assert keys_for(ScreenSteps(spec("ready", steps=STEPS)), "boot: ready", "ready") == ["x", None]


def test_a_stuck_boot_leaves_out_a_step_that_did_not_come() -> None:
    steps = ScreenSteps(spec("ready", steps=STEPS))
    assert keys_for(steps, "sure?") == [""]
    assert keys_for(steps, "sure?", is_stuck=True) == ["y"]
    assert steps.awaited == "'ready'"


def test_keys_without_effect_are_pressed_five_times() -> None:
    steps = ScreenSteps(spec("ready", steps=STEPS))
    assert keys_for(steps, "boot: ") == ["x"]
    assert keys_for(steps, *["boot: "] * 6, is_stuck=True) == ["x", "x", "x", "x", "", ""]
    assert keys_for(steps, "loading", is_stuck=True) == [""]


@contextmanager
def booting(
    directory: Path, code: bytes, ready: str, *, boot: float = 60, silence: float = 60, **others: Any
) -> Iterator[tuple[MachineBench, ScreenConsole]]:
    """A machine that runs ``code``, its screen, and a guest that is ready at the line ``ready``."""
    with screen(directory, code) as (bench, console):
        limits = Timeouts.model_validate({"boot": f"{boot}s", "silence": f"{silence}s"})
        bench.describe_guest(screen=spec(ready, **others), timeouts=limits, console="vga-text")
        yield bench, console


def test_a_boot_ends_at_its_screen(tmp_path: Path) -> None:
    steps = [{"when": "Hard Disk", "press": "<enter>abc"}]
    with booting(tmp_path, ECHO, "^abc$", steps=steps) as (bench, console):
        wait_for_screen(bench.machine, console)


def test_a_key_that_the_guest_drops_is_pressed_again(tmp_path: Path) -> None:
    """The guest takes two keys without an effect before it answers one."""
    code = assemble(
        tmp_path,
        "mov si, offset ask; call print; call getc; call getc; call getc; mov si, offset done; call print; jmp stop\n"
        'ask: .asciz "\\r\\nPress Enter"\ndone: .asciz "\\r\\nMain menu"',
    )
    with booting(tmp_path, code, "Main menu", steps=[{"when": "Press Enter", "press": "<enter>"}]) as (
        bench,
        console,
    ):
        wait_for_screen(bench.machine, console)


def test_a_boot_with_an_unexpected_screen_hangs(tmp_path: Path) -> None:
    with (
        booting(tmp_path, printing("\r\nNO ROM BASIC"), "C:", silence=2) as (bench, console),
        pytest.raises(BootTimeout, match="no 'C:' on the screen: the screen does not change") as caught,
    ):
        wait_for_screen(bench.machine, console)
    assert "NO ROM BASIC" in caught.value.message


def test_a_boot_that_paints_without_end_fails_at_its_timeout(tmp_path: Path) -> None:
    # mov ax, 0xb800; mov es, ax; next: inc word es:[0]; jmp next
    code = bytes.fromhex("b800b88ec026ff060000ebf9")
    with (
        booting(tmp_path, code, "never", boot=2) as (bench, console),
        pytest.raises(BootTimeout, match="the boot took longer than its limit of 2 s"),
    ):
        wait_for_screen(bench.machine, console)


def test_an_interrupted_boot_shows_its_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Deadline) -> None:
        raise KeyboardInterrupt

    with booting(tmp_path, printing("\r\nNO ROM BASIC"), "C:") as (bench, console):
        seen = console.poll_until(lambda snapshot: "NO ROM BASIC" in snapshot.text, Deadline.after(60.0))
        assert seen is not None, "expected the text of the boot sector within 60 s"
        monkeypatch.setattr(console, "wait_poll_interval", interrupt)
        with pytest.raises(KeyboardInterrupt, match="the wait for 'C:' was interrupted") as caught:
            wait_for_screen(bench.machine, console)
    assert "NO ROM BASIC" in str(caught.value)


def test_a_panic_just_after_the_ready_screen_is_found(tmp_path: Path) -> None:
    code = assemble(
        tmp_path,
        "mov si, offset ready; call print; mov cx, 9; call ticks; mov si, offset panic; call print; jmp stop\n"
        'ready: .asciz "\\r\\nREADY"\npanic: .asciz "\\r\\nKernel panic - not syncing: test\\r\\n"',
    )
    with (
        booting(tmp_path, code, "READY") as (bench, console),
        pytest.raises(GuestCrashed, match="kernel panic at"),
    ):
        wait_for_screen(bench.machine, console)


def test_a_ready_text_that_does_not_stay_is_named(tmp_path: Path) -> None:
    code = assemble(
        tmp_path,
        "mov si, offset ready; call print; mov cx, 18; call ticks; call clear; mov si, offset menu; call print; jmp stop\n"
        'ready: .asciz "\\r\\nREADY"\nmenu: .asciz "Main menu"',
    )
    with (
        booting(tmp_path, code, "READY", silence=2) as (bench, console),
        pytest.raises(BootTimeout, match=r"was there before, but not for 3 s: .*screen\.ready") as caught,
    ):
        wait_for_screen(bench.machine, console)
    assert "Main menu" in caught.value.message


RESETTING = """
    mov si, offset ready; call print; mov cx, 36; call ticks; jmp reset
    ready: .asciz "\\r\\nREADY"
"""


def test_a_reset_just_after_the_ready_screen_is_found(tmp_path: Path) -> None:
    with (
        booting(tmp_path, assemble(tmp_path, RESETTING), "READY") as (bench, console),
        pytest.raises(GuestRestarted, match="unexpected reset"),
    ):
        wait_for_screen(bench.machine, console)


def test_a_guest_that_restarts_without_end_is_found_where_a_reset_is_allowed(tmp_path: Path) -> None:
    with (
        booting(tmp_path, assemble(tmp_path, RESETTING), "READY") as (bench, console),
        pytest.raises(GuestRestarted, match="restarts without end: 3 resets after its screen was ready"),
        bench.health.allowing("RESET"),
    ):
        wait_for_screen(bench.machine, console)


def test_a_restart_to_the_same_screen_is_awaited(tmp_path: Path) -> None:
    """The screen after the reset is the same as before; it is a new one by the RESET event."""
    with booting(tmp_path, printing("\r\nREADY"), "READY") as (bench, console):
        wait_for_screen(bench.machine, console)
        mark = bench.machine.journal.mark()
        with bench.health.allowing("RESET"):
            bench.machine.execute("system_reset")
            event = bench.machine.wait_event(["RESET"], mark, Deadline.after(60.0), "it was reset")
            ready_at: list[float] = []

            def mark_stage(_: str) -> None:
                ready_at.append(bench.transcript.last_output)

            wait_for_screen(bench.machine, console, mark_stage=mark_stage, is_restart=True)
    assert ready_at[0] > event.at, "expected text after the reset before the screen is ready"


GRAPHICS = 'mov ax, 0x12; int 0x10; mov si, offset text; call print; jmp stop\ntext: .asciz "READY TO GO"'


def test_a_graphics_mode_is_named_with_the_console_that_reads_it(tmp_path: Path) -> None:
    with (
        booting(tmp_path, assemble(tmp_path, GRAPHICS), "^never$", silence=2) as (bench, console),
        pytest.raises(
            DescriptionMismatch,
            match="in a graphics mode.*use console: framebuffer.*the display shows '?READY",
        ),
    ):
        wait_for_screen(bench.machine, console)


def test_a_ready_text_in_a_graphics_mode_is_a_mistake_of_the_description(tmp_path: Path) -> None:
    with booting(tmp_path, assemble(tmp_path, GRAPHICS), "READY") as (bench, console):
        deadline = bench.machine.deadline(60)
        with pytest.raises(DescriptionMismatch, match="use console: framebuffer"):
            wait_for_screen(bench.machine, console)
        assert not deadline.expired, "expected the error before the boot's limit"


def test_a_monochrome_text_mode_is_read(tmp_path: Path) -> None:
    code = assemble(
        tmp_path,
        'mov ax, 7; int 0x10; mov si, offset text; call print; jmp stop\ntext: .asciz "READY"',
    )
    with booting(tmp_path, code, "^READY$", silence=5) as (bench, console):
        wait_for_screen(bench.machine, console)
