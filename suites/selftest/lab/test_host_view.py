"""Keys and answers as the host sees them: repeated answers, keys that lead back, and failures as they are."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.catalog.screen_specs import Probe
from fixtures.catalog.specs import Timeouts
from fixtures.core.deadline import Deadline
from fixtures.core.errors import GuestCrashed
from fixtures.lab.observation import host_view
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.screen_sample import printing, screen, spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.lab.instance.guest_instance import GuestInstance


@contextmanager
def instance(directory: Path, code: bytes, ready: str, command: float = 8) -> Iterator[GuestInstance]:
    """A machine that runs ``code`` and shows ``ready``, with the parts of a guest instance for its screen."""
    with screen(directory, code) as (bench, console):
        limits = Timeouts.model_validate({"command": f"{command}s"})
        bench.describe_guest(screen=spec(ready), timeouts=limits, console="vga-text")
        assert console.poll_until(lambda snapshot: ready in snapshot.text, Deadline.after(60.0)) is not None
        parts = {
            "cell": bench.machine.hardware.cell,
            "machine": bench.machine,
            "screen": console,
            "directories": SimpleNamespace(work=directory),
        }
        yield cast("GuestInstance", SimpleNamespace(**parts))


def probe(**fields: Any) -> Probe:
    return Probe.model_validate(fields)


REPEATING = """
    mov si, offset ready; call print
again:
    call getc
    mov cx, 24
line:
    push cx
    mov si, offset text; call print
    pop cx
    loop line
    jmp again
    ready: .asciz "READY"
    text: .asciz "\\r\\nAnswer"
"""


def test_an_answer_that_leaves_the_screen_as_it_was_counts(tmp_path: Path) -> None:
    with instance(tmp_path, assemble(tmp_path, REPEATING), "READY") as guest:
        enter = probe(press="<enter>", expect="Ans..r")
        assert [host_view.press_and_wait(guest, enter) for _ in range(4)] == ["Answer"] * 4


def test_an_old_answer_on_the_screen_of_a_hanging_guest_does_not_count(tmp_path: Path) -> None:
    """The BIOS takes the key by its interrupt, the program does not."""
    with instance(tmp_path, printing("\r\nAnswer"), "Answer", command=2) as guest:
        assert host_view.press_and_wait(guest, probe(press="<enter>", expect="Answer")) is None


# Escape, which is character 27, clears the screen after half a second; every other key shows a page of help.
HELPING = """
menu:
    call clear
    mov si, offset ready; call print
next:
    call getc
    cmp al, 27
    je back
    call clear
    mov si, offset help; call print
    jmp next
back:
    mov cx, 9; call ticks
    jmp menu
    ready: .asciz "Main menu"
    help: .asciz "Help\\r\\nEsc: back"
"""


def test_keys_that_lead_back_are_awaited(tmp_path: Path) -> None:
    with instance(tmp_path, assemble(tmp_path, HELPING), "Main menu") as guest:
        for _ in range(4):
            assert (
                host_view.press_and_wait(guest, probe(press="<f1>", expect="^Help$", back="<esc>")) == "Help"
            )
            assert "Main menu" in host_view.screen_lines(guest)  # type: ignore[operator]


def test_the_screen_of_a_missing_answer_stays(tmp_path: Path) -> None:
    with instance(tmp_path, assemble(tmp_path, HELPING), "Main menu", command=1) as guest:
        assert host_view.press_and_wait(guest, probe(press="<f1>", expect="Hilfe", back="<esc>")) is None
        assert "Help" in host_view.screen_lines(guest)  # type: ignore[operator]


PANICKING = """
    mov si, offset ready; call print
    call getc
    mov si, offset panic; call print
    jmp stop
    ready: .asciz "\\r\\nREADY"
    panic: .asciz "\\r\\nKernel panic - not syncing: test\\r\\nAnswer\\r\\n"
"""


def test_a_crash_is_found_although_the_answer_is_there(tmp_path: Path) -> None:
    with (
        instance(tmp_path, assemble(tmp_path, PANICKING), "READY") as guest,
        pytest.raises(GuestCrashed, match="kernel panic"),
    ):
        host_view.press_and_wait(guest, probe(press="<enter>", expect="Answer"))
