"""Unusual guests with a shell whose login is on a text screen: the shell that is opened runs on a serial port."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.login import boot_to_shell, create_shell
from fixtures.channels.shells.posix.serial_shell import SerialShell
from fixtures.core.errors import DescriptionMismatch
from suites.selftest.support.boot_sector import assemble
from suites.selftest.support.screen_login_bench import ScreenLoginBench
from suites.selftest.support.screen_sample import screen

if TYPE_CHECKING:
    from pathlib import Path

SHORT = {"boot": "12s", "silence": "15s"}
NOISE = r"for i in 1 2 3; do printf '[%5d.000000] usb 1-1: new full-speed USB device\r\n' $i; done"
LOGINS = {
    "a login and a password": "getty root secret; shell 'root@nothing:~# '",
    "a shell at once": "shell '# '",
    "a shell that asks for the position of the cursor": r"PS1=$(printf '~ # \033[6n') exec dash -i",
    "a screen that has scrolled": "seq 60; getty root secret; seq 60; shell '$ '",
    "kernel messages behind the prompt": rf"""
        printf 'nothing login: '; {NOISE}; read -r user; ask_hidden 'Password: '; {NOISE}; shell '# '
    """,
    "a wide prompt near the end of a line": "getty root secret; shell 'root@a-name-of-forty-characters-0123456789:~# '",
}


@pytest.mark.parametrize("script", LOGINS.values(), ids=LOGINS)
def test_a_shell_runs_on_the_serial_port(tmp_path: Path, script: str) -> None:
    with ScreenLoginBench(tmp_path, script) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"
        assert bench.stages[-1] == "login"
        # The screen has 80 columns; the answer is whole.
        assert bench.shell.run("seq 20000").text == "".join(f"{number}\n" for number in range(1, 20001))


def test_the_serial_port_is_the_terminal_of_the_shell(tmp_path: Path) -> None:
    with ScreenLoginBench(tmp_path, "getty root secret; shell '# '") as bench:
        bench.boot()
        assert bench.shell.run("tty </dev/tty >/dev/null && ps -o tty= -p $$").text.strip() in bench._port


def test_a_login_on_the_serial_port_is_used(tmp_path: Path) -> None:
    script = "sleep 1; getty root secret; shell '# '"
    with ScreenLoginBench(tmp_path, script, serial_script="getty root secret; shell '$ '") as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"


def test_a_guest_without_setsid(tmp_path: Path) -> None:
    missing = 'echo "sh: 1: setsid: not found" >&2; exit 127'
    with ScreenLoginBench(tmp_path, "shell '# '", commands={"setsid": missing}) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"


@pytest.mark.parametrize(
    ("port", "words"), [("/nowhere/ttyS0", "No such file"), ("/", "Is a directory|Permission denied")]
)
def test_a_serial_port_that_cannot_be_opened_is_quoted(tmp_path: Path, port: str, words: str) -> None:
    with ScreenLoginBench(tmp_path, "getty root secret; shell '# '", port=port) as bench:
        error = bench.boot_error()
    assert type(error) is DescriptionMismatch, repr(error)
    assert re.search(f"the checks need a shell on the serial port.*({words})", error.message), error.message


def test_a_refused_login_names_the_account(tmp_path: Path) -> None:
    with ScreenLoginBench(tmp_path, "getty root another", limit_scale=0.1, timeouts=SHORT) as bench:
        error = bench.boot_error()
    assert type(error) is DescriptionMismatch, repr(error)
    assert "the guest refused the login of 'root'" in error.message


def test_sudo_opens_the_port_and_gives_the_shell(tmp_path: Path) -> None:
    sudo = r"""
    [ "$1" = -S ] && shift 3 || { printf '[sudo] password for joe: ' >/dev/tty; stty -echo </dev/tty
        read -r password </dev/tty; stty echo </dev/tty; [ "$password" = secret ] || exit 1; }
    exec "$@"
    """
    login = {"user": "joe", "password": "secret", "become": "sudo"}
    script = "getty joe secret; shell '$ '"
    with ScreenLoginBench(tmp_path, script, commands={"sudo": sudo}, login=login) as bench:
        bench.boot()
        assert bench.shell.run("id -u").text == "0\n"


def test_a_login_in_a_graphics_mode_is_named_before_any_limit(tmp_path: Path) -> None:
    code = assemble(
        tmp_path,
        'mov ax, 0x12; int 0x10; mov si, offset text; call print; jmp stop\ntext: .asciz "debian login: "',
    )
    with screen(tmp_path, code) as (bench, console):
        bench.describe_guest(
            console="vga-text", timeouts=Timeouts.model_validate({"boot": "600s", "silence": "600s"})
        )
        shell = create_shell(bench.machine, bench.console)
        assert isinstance(shell, SerialShell), f"expected a shell on the serial port, not {shell}"
        with pytest.raises(DescriptionMismatch, match="in a graphics mode.*use console: framebuffer.*login:"):
            boot_to_shell(bench.machine, bench.console, shell, console)


def test_a_login_on_the_serial_port_alone_is_named(tmp_path: Path) -> None:
    limits = {"boot": "60s", "silence": "5s"}
    with ScreenLoginBench(
        tmp_path, "stand_still", serial_script="getty root secret", timeouts=limits
    ) as bench:
        error = bench.boot_error()
    assert type(error) is DescriptionMismatch, repr(error)
    assert re.search("on the screen for .*the serial port shows a login.*set console: serial", error.message)
