"""Unusual guests on real machines: boot sectors that restart, print on the screen only, or wait in a menu."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.login import boot_to_shell, create_shell
from fixtures.channels.shells.posix.serial_shell import SerialShell
from fixtures.core.errors import BootTimeout, DescriptionMismatch, GuestRestarted, IronguestError
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.machine_sample import HANG, RESET, MachineBench, printing_code
from suites.selftest.support.screen_sample import printing

if TYPE_CHECKING:
    from pathlib import Path

BOOT_LIMIT = 600.0


def boot(bench: MachineBench, *, silence: float = 20.0, is_restart: bool = False) -> None:
    """Boot the guest of the bench and log in, as the engine does it with a guest of the catalog."""
    bench.describe_guest(
        timeouts=Timeouts.model_validate({"boot": f"{BOOT_LIMIT}s", "silence": f"{silence}s"})
    )
    bench.run()
    shell = create_shell(bench.machine, bench.console)
    assert isinstance(shell, SerialShell), f"expected a shell on the serial console, not {shell}"
    deadline = bench.machine.deadline(BOOT_LIMIT)
    try:
        boot_to_shell(bench.machine, bench.console, shell, is_restart=is_restart)
    finally:
        assert deadline.elapsed < deadline.limit / 4


def boot_error(bench: MachineBench, **options: Any) -> IronguestError | None:
    """The error of the boot; None if the guest has a shell."""
    try:
        boot(bench, **options)
    except IronguestError as error:
        return error
    return None


def test_a_guest_that_restarts_for_ever_is_named(tmp_path: Path) -> None:
    with (
        MachineBench(tmp_path, RESET) as bench,
        pytest.raises(
            GuestRestarted, match=r"restarted 2 times before its login; expected at most 1 restart"
        ),
    ):
        boot(bench)


def test_a_restart_after_a_restart_is_a_fault(tmp_path: Path) -> None:
    with MachineBench(tmp_path, RESET) as bench:
        error = boot_error(bench, is_restart=True)
    assert type(error) is GuestRestarted, repr(error)
    assert re.search("unexpected reset", error.message)


@pytest.mark.parametrize("prompt", ["debian login: ", "debian Anmeldung: "])
def test_a_login_on_the_screen_is_named_if_the_serial_port_is_silent(tmp_path: Path, prompt: str) -> None:
    screen = printing(f"\r\nDebian GNU/Linux 12 debian tty1\r\n\r\n{prompt}")
    with MachineBench(tmp_path, screen, devices=DISPLAY) as bench:
        error = boot_error(bench, silence=2.0)
    assert type(error) is DescriptionMismatch, repr(error)
    assert "nothing came on the serial port for 2 s, and the screen shows a login" in error.message
    assert prompt.strip() in error.message
    assert "change the console key" in error.message


def test_the_screen_of_a_hanging_boot_is_quoted(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing("\r\nNO ROM BASIC"), devices=DISPLAY) as bench:
        error = boot_error(bench, silence=2.0)
    assert type(error) is BootTimeout, repr(error)
    assert re.search("the boot hangs: .* the screen shows: .*NO ROM BASIC", error.message)


def test_a_silent_guest_without_a_display_hangs(tmp_path: Path) -> None:
    with MachineBench(tmp_path, HANG) as bench:
        error = boot_error(bench, silence=1.0)
    assert type(error) is BootTimeout, repr(error)
    assert re.search("no output and no disk access for 1 s, after stage 'firmware'", error.message)


def test_a_menu_of_the_boot_loader_is_named(tmp_path: Path) -> None:
    menu = "Welcome to GRUB!\r\n\x1b[H\x1b[JGNU GRUB  version 2.06\r\n\r\n Use the ^ and v keys to select"
    with MachineBench(tmp_path, printing_code(menu)) as bench:
        error = boot_error(bench, silence=1.0)
    assert type(error) is DescriptionMismatch, repr(error)
    assert re.search("the boot loader's menu waits for a key", error.message)
