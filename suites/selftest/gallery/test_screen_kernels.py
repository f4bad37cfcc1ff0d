"""A real kernel whose console is the VGA text screen: a login there opens a shell on the serial port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.catalog.login_specs import Login
from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.boot_stages import boot_stages
from fixtures.channels.boot.login import boot_to_shell, create_shell
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.screen.displays import VgaDisplay
from fixtures.channels.screen.keyboard import MachineKeyboard
from fixtures.channels.screen.screen_console import ScreenConsole
from fixtures.channels.shells.posix.serial_shell import SerialShell
from suites.selftest.machine.test_vga_text import DISPLAY
from suites.selftest.support.kernel_bench import KernelBench

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUTS = Timeouts.model_validate({"boot": "120s", "silence": "40s"})
# BusyBox asks the terminal for the position of its cursor after each prompt.
ROOT_SHELL = "exec setsid cttyhack sh -l"
# The number of the controlling terminal, as /proc/PID/stat has it: major 4, minor 64.
TTY_S0 = 4 << 8 | 64


def test_a_shell_on_the_screen_opens_a_shell_on_the_serial_port(tmp_path: Path) -> None:
    with KernelBench(tmp_path, "console=tty0 nomodeset quiet", ROOT_SHELL, devices=DISPLAY) as bench:
        bench.describe_guest(console="vga-text", timeouts=TIMEOUTS, login=Login(user="root"))
        machine = bench.machine
        transcript = Transcript(bench.evidence / "screen", boot_stages(machine.hardware.cell.guest))
        display, keyboard = VgaDisplay(machine, tmp_path), MachineKeyboard(machine, "us")
        screen = ScreenConsole(machine.name, display, keyboard, transcript, bench.health, machine.wakeup)
        shell = create_shell(machine, bench.console)
        assert isinstance(shell, SerialShell), f"expected a shell on the serial port, not {shell}"
        bench.run()
        transcript.begin_boot()
        boot_to_shell(machine, bench.console, shell, screen)
        assert shell.run("id -u; cut -d' ' -f7 /proc/$$/stat").text == f"0\n{TTY_S0}\n"
        assert shell.run("seq 2000").text == "".join(f"{number}\n" for number in range(1, 2001))
        assert transcript.stages[-1][0] == "login"
        assert any("setsid sh -c" in line for line in screen.read_screen().lines)
        transcript.close()
