"""The serial shell with real shells on a pseudo-terminal, on a quiet and on a noisy line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.login_specs import Login
from fixtures.channels.boot import serial_login
from fixtures.core.deadline import Deadline
from fixtures.core.errors import CommandTimeout, DescriptionMismatch
from suites.selftest.support.shell_sample import CharacterLoss, KernelNoise, ShellBench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.channels.shells.posix.serial_shell import SerialShell

ROOT_LOGIN = Login(user="root", password="secret")


@pytest.fixture(scope="module", params=["dash", "bash"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SerialShell]:
    with ShellBench(tmp_path_factory.mktemp("shell"), request.param) as bench:
        log_in(bench)
        yield bench.shell


def log_in(bench: ShellBench) -> SerialShell:
    assert bench.console.wait_for([b"login: "], Deadline.after(60.0)) == 0
    serial_login.log_in(bench.console, bench.shell, ROOT_LOGIN, bench.deadline(2000.0), bench.deadline)
    return bench.shell


@pytest.mark.parametrize(
    ("command", "status", "output"),
    [
        ("true", 0, b""),
        ("exit 7", 7, b""),
        ("echo hello", 0, b"hello\n"),
        ("printf hello", 0, b"hello"),
        ("printf 'a\\n\\n\\n'", 0, b"a\n\n\n"),
        ("echo one; echo two >&2; echo three", 0, b"one\ntwo\nthree\n"),
        ('echo "it\'s" \'a "quoted" word\' \\$HOME `echo x`', 0, b'it\'s a "quoted" word $HOME x\n'),
        ("echo 'it'\"'\"'s !x !! !$ !'", 0, b"it's !x !! !$ !\n"),
        ("cat", 0, b""),
        ("read line; echo $?", 0, b"1\n"),
        ("for i in 1 2\ndo\n\techo $i\ndone", 0, b"1\n2\n"),
        ("cat <<END\nline 'one'\nEND", 0, b"line 'one'\n"),
        ("printf %s 'grüße, 世界 \U0001f600'", 0, "grüße, 世界 \U0001f600".encode()),
        ("printf '\\000\\001\\377\\r\\n\\033[31m'", 0, b"\x00\x01\xff\r\n\x1b[31m"),
        ("echo qZ7:E:1:0; echo qZ7:B:1:0:", 0, b"qZ7:E:1:0\nqZ7:B:1:0:\n"),
        ("printf :9", 0, b":9"),
        ("(exit 300)", 44, b""),
        ("cd /; pwd", 0, b"/\n"),
        ("pwd | grep -c '^/$'", 1, b"0\n"),
        ("", 0, b""),
        (" ", 0, b""),
        ("#", 0, b""),
    ],
)
def test_output_and_status_are_exact(shell: SerialShell, command: str, status: int, output: bytes) -> None:
    result = shell.run(command)
    assert (result.status, result.output) == (status, output)
    assert result.command == command


@pytest.mark.parametrize("command", ["echo 'never closed", 'echo "never closed', "if true", "echo $(", ")"])
def test_a_syntax_error_is_a_status_and_the_shell_survives(shell: SerialShell, command: str) -> None:
    assert shell.run(command).status != 0
    assert shell.run("echo alive").output == b"alive\n"


def test_a_command_that_does_not_exist(shell: SerialShell) -> None:
    result = shell.run("no-such-command")
    assert result.status == 127
    assert b"no-such-command" in result.output
    assert b"not found" in result.output


def test_long_output(shell: SerialShell) -> None:
    result = shell.run("i=0; while [ $i -lt 2048 ]; do printf '%049d\\n' $i; i=$((i+1)); done")
    assert result.output == b"".join(b"%049d\n" % number for number in range(2048))


@pytest.mark.parametrize("length", [1100, 1199, 1300, 4090, 4096, 5000, 20000])
@pytest.mark.parametrize("letter", ["x", "'", "é"])
def test_long_commands(shell: SerialShell, length: int, letter: str) -> None:
    text = letter * length
    quoted = f'"{text}"' if letter == "'" else text
    result = shell.run(f"printf %s {quoted}")
    assert result.output == text.encode()


def test_commands_do_not_affect_each_other(shell: SerialShell) -> None:
    shell.run("x=1; cd /tmp; set -e; exec >/dev/null")
    assert shell.run('echo "<$x>"').output == b"<>\n"


def test_the_environment_is_minimal(shell: SerialShell) -> None:
    assert shell.run("echo $TERM $LC_ALL; echo $PATH | grep -c sbin").output == b"dumb C.UTF-8\n1\n"


@pytest.mark.parametrize("sh", ["dash", "bash"])
@pytest.mark.parametrize("seed", range(3))
def test_answers_on_a_noisy_line_are_exact_and_each_command_runs_once(
    tmp_path: Path, sh: str, seed: int
) -> None:
    noise = KernelNoise(seed, every=3)
    with ShellBench(tmp_path, sh, noise, scale=0.03) as bench:
        shell = log_in(bench)
        log = tmp_path / "ran"
        for number in range(25):
            result = shell.run(f"echo {number} >> {log}; printf '%0{number * 4}d' {number}; exit {number}")
            assert (result.status, result.output) == (number, b"%0*d" % (number * 4, number))
        assert log.read_text().split() == [str(number) for number in range(25)]
        assert noise.message_count > 0


def test_a_slow_command_runs_once_despite_nudges(tmp_path: Path) -> None:
    with ShellBench(tmp_path) as bench:
        shell = log_in(bench)
        assert shell.run(f"echo x >> {tmp_path}/ran; sleep 1; echo slow").output == b"slow\n"
        for number in range(5):
            assert shell.run(f"echo x >> {tmp_path}/ran; echo {number}").output == b"%d\n" % number
        assert (tmp_path / "ran").read_text() == "x\n" * 6


def test_an_endless_command_is_interrupted(tmp_path: Path) -> None:
    # With the scale 1 the shell has enough time to return after the interrupt.
    with ShellBench(tmp_path, scale=1.0) as bench:
        shell = log_in(bench)
        with pytest.raises(CommandTimeout, match=r"no answer within 0\.2 s: sleep 600"):
            shell.run("sleep 600", within=0.2)
        assert bench.health.failure is None
        assert shell.run("echo still here").output == b"still here\n"


def test_an_answer_that_always_arrives_damaged_is_reported(tmp_path: Path) -> None:
    with ShellBench(tmp_path) as bench:
        shell = log_in(bench)
        bench._noise = lambda data: data.replace(b"=", b"").replace(b"Y", b"Z")
        with pytest.raises(CommandTimeout, match="its answer arrived damaged 8 times: printf aaaaaaa"):
            shell.run("printf aaaaaaaaaaaaaaaaaaaaaaaaaa")


def test_a_refused_login(tmp_path: Path) -> None:
    with ShellBench(tmp_path) as bench:
        assert bench.console.wait_for([b"login: "], Deadline.after(60.0)) == 0
        wrong = Login(user="root", password="wrong")
        with pytest.raises(
            DescriptionMismatch,
            match=r"refused the login of 'root' \d+ times, until the limit of 5 s was over \(Login incorrect",
        ):
            serial_login.log_in(bench.console, bench.shell, wrong, bench.deadline(50.0), bench.deadline)


def test_a_login_on_a_noisy_line(tmp_path: Path) -> None:
    noise = KernelNoise(11, every=2)
    with ShellBench(tmp_path, noise=noise) as bench:
        assert log_in(bench).run("echo in").output == b"in\n"
        assert noise.message_count > 0


@pytest.mark.parametrize(
    ("command", "word"),
    [
        # Without its first character each text is another valid command.
        ("echo once >>{log}; echo 12345", b"12345"),
        ("echo once >>{log}; cd / && pwd", b"; cd /"),
        # The umlaut makes the command travel in base64.
        ("echo once >>{log}; echo über 12345", b"ZWNobyBvbmNl"),
    ],
)
def test_a_command_that_lost_a_character_is_typed_again(tmp_path: Path, command: str, word: bytes) -> None:
    character_loss = CharacterLoss(b"")
    with ShellBench(tmp_path, character_loss=character_loss) as bench:
        shell = log_in(bench)
        log = tmp_path / "log"
        expected = shell.run(command.format(log="/dev/null")).output
        character_loss.word = word
        assert shell.run(command.format(log=log)).output == expected
    assert character_loss.lost_count == 1
    assert log.read_text() == "once\n"


@pytest.mark.parametrize("word", [b"_s() {", b"_x() {"])
def test_functions_that_were_lost_are_defined_again(tmp_path: Path, word: bytes) -> None:
    character_loss = CharacterLoss(word)
    with ShellBench(tmp_path, character_loss=character_loss) as bench:
        assert log_in(bench).run("echo one").output == b"one\n"
    assert character_loss.lost_count == 1
