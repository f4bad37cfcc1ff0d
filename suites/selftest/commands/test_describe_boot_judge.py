"""``ci/describe`` judges boots: where the prompt is, and which line says that the guest is ready."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fixtures.commands.describe.boot_evidence import BootEvidence, Text
from fixtures.commands.describe.boot_judge import (
    console_of,
    line_pattern,
    login_channel,
    prompt_line,
    ready_text,
)
from fixtures.commands.describe.image_evidence import FileSystem
from fixtures.commands.describe.lasting_lines import LastingLines
from suites.selftest.support.describe_sample import (
    PICTURE,
    SCREEN,
    asked,
    boot,
    description,
    findings,
    image,
)

if TYPE_CHECKING:
    pass


@pytest.mark.parametrize(
    ("seen", "channel", "console"),
    [
        (boot(), "serial", "serial"),
        (boot(screen=SCREEN, screen_kind="text"), "serial", "serial"),
        (boot(**PICTURE), "screen", "framebuffer"),
        (boot(**PICTURE | {"screen_kind": "text"}), "screen", "vga-text"),
        # A boot loader's message on the serial port, and the login on the screen.
        (boot(serial=Text(("GRUB loading.",), ""), screen=SCREEN, screen_kind="text"), "screen", "vga-text"),
        (boot(serial=Text(), end="silent"), "", None),
        (boot(serial=Text(("BdsDxe: loading Boot0001",), ""), end="silent"), "", None),
    ],
)
def test_the_console_is_where_the_prompt_is(seen: BootEvidence, channel: str, console: str | None) -> None:
    assert (login_channel(seen), console_of([seen])) == (channel, console)


def test_a_screen_that_is_a_picture_on_one_platform_is_read_as_a_picture() -> None:
    assert console_of([boot(**PICTURE), boot(**PICTURE | {"screen_kind": "text"})]) == "framebuffer"


@pytest.mark.parametrize(
    ("lines", "cursor_line", "expected"),
    [
        ((), "debian login: ", "debian login: "),
        # Recorded: messages of the kernel behind a prompt.
        (
            ("", "debian login: [  102.989256] powernow_k8: Power state transitions not supported"),
            "",
            "debian login: ",
        ),
        (("debian login: [    1.5] one", "[    2.000001] two"), "", "debian login: "),
        (("debian login: [    1.5] one", "root", "Password: "), "", ""),
        (("Starting x: [    1.5] one",), "", ""),
        (("Last login: Fri Nov 27",), "", ""),
    ],
)
def test_a_prompt_is_seen_behind_messages_of_the_kernel(
    lines: tuple[str, ...], cursor_line: str, expected: str
) -> None:
    assert prompt_line(lines, cursor_line) == expected


def test_the_prompt_of_a_boot_loader_is_no_login() -> None:
    screen = Text(("iPXE initialising devices...",), "iPXE> ")
    unknown = image(FileSystem("the disc", "iso9660"), drive="cdrom")
    found = findings(unknown, boot(serial=Text(), screen=screen, screen_kind="text"))
    assert (login_channel(found.boots[0]), found.awaits_login) == ("screen", False)
    assert "Who can log in" not in asked(found)
    assert description(found)["screen"] == {"ready": "^iPXE> ?$"}


def test_the_ready_line_is_the_prompt() -> None:
    ready = ready_text(boot(), "serial")
    assert ready.pattern == r"^debian +login: ?$"
    assert re.search(ready.pattern, "debian login: "), ready.pattern
    assert re.search(ready.pattern, "Last login: Fri") is None


def test_the_ready_line_is_one_that_stays_and_is_not_the_firmwares() -> None:
    lines = ("SeaBIOS (version 1.16.2) and more of it", "Time: 0:00:12", "Pass: 3 Errors: 0 (ECC)", "x 1")
    lasting = frozenset(re.sub(r"\d", "0", line) for line in lines[:3])
    screen = Text(lines, "", lasting)
    ready = ready_text(boot(serial=Text(), screen=screen, screen_kind="text", end="steady"), "vga-text")
    assert ready.is_guess
    assert re.search(ready.pattern, "Pass: 17   Errors: 2 (ECC)"), ready.pattern


def test_special_characters_of_a_line_mean_themselves() -> None:
    pattern = line_pattern("A:\\> [x] 1.5*")
    assert re.search(pattern, "A:\\>  [x] 27.90*"), pattern


def test_lines_last_although_a_clock_runs() -> None:
    lines = LastingLines(10.0)
    for second in range(25):
        lines.add(second, ["Memory test", "Time 00:00", f"{'|/-'[second % 3]} spinning"])
    assert lines.lasting == {"Memory test", "Time 00:00"}
    assert lines.is_steady


def test_the_main_lines_are_the_most_that_came_together() -> None:
    lines = LastingLines(10.0)
    for second in range(40):
        shown = (
            ["Loading ..."]
            + ["Menu", "F0 Help", "ESC Quit"] * (second > 5)
            + ["Step two runs"] * (second > 25)
        )
        lines.add(second, shown)
    assert lines.lasting == {"Loading ...", "Menu", "F0 Help", "ESC Quit", "Step two runs"}
    assert lines.main_lines == {"Menu", "F0 Help", "ESC Quit"}


def test_a_scrolling_screen_is_not_steady() -> None:
    lines = LastingLines(10.0)
    for second in range(25):
        lines.add(second, ["header", *(f"line {chr(97 + second)} {row}" for row in range(20))])
    assert not lines.is_steady
