"""SAC, cmd.exe and PowerShell on a simulated console. Each test enables one known quirk of real consoles."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.login_specs import Login
from fixtures.channels.shells.checksummed_lines import checksum
from fixtures.channels.shells.windows import powershell_framing
from fixtures.core.errors import BootTimeout, CommandTimeout, GuestCrashed, LoginRefused
from suites.selftest.support.sac_sample import ConsoleQuirks, SacBench
from suites.selftest.support.sac_texts import CRASH, EVENT

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = Login(user="Administrator", password="Pass-w00rd")
BYTES = random.Random(5).randbytes(3000)


def answer_command(kind: str, text: str) -> tuple[int, bytes, int]:
    """The guest's answer to a command for PowerShell, or to a line for cmd.exe in code page 850."""
    if kind == "c":
        return 2, f"{text}: Gerät\r\n".encode("cp850"), 850
    return 3, BYTES if text == "bytes" else text.encode(), 65001


def log_in(bench: SacBench, *, xml: bool = True) -> None:
    bench.guest.boot(xml=xml)
    assert bench.shell.is_available(bench.deadline(200.0))
    bench.shell.log_in(LOGIN, bench.deadline(600.0))


def run_one_command(bench: SacBench) -> None:
    """Log in through SAC, and run a command whose output is not text."""
    log_in(bench)
    result = bench.shell.run("bytes")
    assert (result.status, result.output) == (3, BYTES)
    assert bench.guest.agent_protocol.runs == 1


def console_log(directory: Path) -> bytes:
    return (directory / "evidence" / "console.log").read_bytes()


def test_login_and_commands(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(pads_lines=False), answer_command) as bench:
        run_one_command(bench)
        assert bench.shell.run("Zürich 日本").text == "Zürich 日本"
        assert bench.shell.command_count == 2


def test_lines_padded_with_blanks(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(pads_lines=True), answer_command) as bench:
        run_one_command(bench)
        assert b"started and initialized.   " in console_log(tmp_path)


def test_a_late_service_for_command_prompts(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(late_requests=2), answer_command) as bench:
        run_one_command(bench)
        assert bench.guest.typed.count("cmd") == 3


@pytest.mark.parametrize("after", range(1, 8))
def test_an_event_in_the_middle_of_typed_text(tmp_path: Path, after: int) -> None:
    with SacBench(tmp_path, ConsoleQuirks(interrupts_after=after), answer_command) as bench:
        run_one_command(bench)
        assert b"A channel has been closed" in console_log(tmp_path)


def test_a_new_channel_discards_its_first_input(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(discarded_characters=40), answer_command) as bench:
        run_one_command(bench)


def test_a_console_that_paints_each_character_separately(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(paints_cells=True), answer_command) as bench:
        run_one_command(bench)
        assert b"Username" not in console_log(tmp_path)


def test_damaged_lines_are_requested_again_and_the_command_runs_once(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(damages_every=8), answer_command) as bench:
        run_one_command(bench)
        assert EVENT.encode() in console_log(tmp_path)


def test_a_console_that_drops_repeated_characters(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(drops_repeats=True), answer_command, debounce=0.1) as bench:
        run_one_command(bench)
        assert bench.guest.logins >= 1
        # Requests to the agent need no pauses, because full stops separate their equal characters.
        assert [line for line in bench.guest.typed if " D 0 " in line and "." in line]


def test_without_pauses_a_console_drops_repeated_characters(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(drops_repeats=True), answer_command) as bench:
        bench.guest.boot()
        assert bench.shell.is_available(bench.deadline(200.0))
        with pytest.raises(BootTimeout):
            bench.shell.log_in(LOGIN, bench.deadline(50.0))
        # "ch -sn Cmd0001" lost two of its zeros.
        assert "ch -sn Cmd01" in bench.guest.typed


def test_a_garbled_login_is_repeated(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(refused_logins=2), answer_command) as bench:
        run_one_command(bench)
        assert bench.guest.logins == 3


def test_a_refused_login_is_reported(tmp_path: Path) -> None:
    with (
        SacBench(tmp_path, ConsoleQuirks(refused_logins=9), answer_command) as bench,
        pytest.raises(LoginRefused, match="3 times"),
    ):
        log_in(bench)


def test_disabled_command_prompts_are_reported(tmp_path: Path) -> None:
    expected_error = pytest.raises(LoginRefused, match="Launching of Command Prompt channels is disabled")
    with SacBench(tmp_path, ConsoleQuirks(has_no_prompts=True)) as bench, expected_error:
        log_in(bench)


def test_the_shell_uses_the_channel_that_it_created(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(first_channel=4), answer_command) as bench:
        run_one_command(bench)
        assert "ch -sn Cmd0004" in bench.guest.typed


def test_a_banner_without_xml_before_it(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(), answer_command) as bench:
        log_in(bench, xml=False)


def test_a_repainted_banner_is_no_boot(tmp_path: Path) -> None:
    """The banner is that of an earlier boot: SAC's uptime is an hour."""
    with SacBench(tmp_path, ConsoleQuirks(uptime="1:02:03"), answer_command) as bench:
        bench.guest.boot()
        bench.shell.begin_boot()
        bench.guest.repaint()
        assert not bench.shell.is_available(bench.deadline(10.0))


def test_a_bugcheck_ends_every_wait_and_names_the_stop_code(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(), answer_command) as bench:
        log_in(bench)
        bench.guest.raw(CRASH)
        with pytest.raises(GuestCrashed, match=r"bugcheck 0xD1 \(DRIVER_IRQL_NOT_LESS_OR_EQUAL\)"):
            bench.shell.run("anything")


def test_output_of_cmd_keeps_its_bytes_and_code_page(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(), answer_command) as bench:
        log_in(bench)
        result = bench.shell.run("cmd: vol")
        assert (result.status, result.output, result.encoding) == (
            2,
            "vol: Gerät\r\n".encode("cp850"),
            "cp850",
        )
        assert result.text == "vol: Gerät\r\n"


def test_an_endless_command_is_interrupted_and_the_shell_continues(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(), answer_command) as bench:
        log_in(bench)
        read = bench.guest.agent_protocol.read
        confirmation = bench.guest.agent_protocol.say("1:G:0")

        def never_ends(line: str) -> str:
            verb = line.split(" ")[1]
            return read(line) if verb == "D" else confirmation if verb == "R" else ""

        bench.guest.agent_protocol.read = never_ends  # type: ignore[method-assign]
        bench.guest.on_interrupt = lambda: setattr(bench.guest.agent_protocol, "read", read)
        with pytest.raises(CommandTimeout, match="endless"):
            bench.shell.run("endless", within=10.0)
        assert bench.shell.run("bytes").output == BYTES


def test_long_answers_arrive_through_the_results_port(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(paints_cells=True), answer_command, port="COM2") as bench:
        log_in(bench)
        assert bench.shell.run("short").output == b"short"
        assert bench.guest.agent_protocol.lines
        assert bench.shell.run("bytes").output == BYTES
        assert not bench.guest.agent_protocol.lines


def test_answers_arrive_on_the_console_if_the_port_cannot_be_opened(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(), answer_command, port="COM2") as bench:
        log_in(bench)
        bench.guest.agent_protocol.opens = False
        assert bench.shell.run("bytes").output == BYTES


def test_the_status_of_lines_for_cmd(tmp_path: Path) -> None:
    with SacBench(tmp_path, ConsoleQuirks(), answer_command) as bench:
        bench.guest.boot()
        assert bench.shell.is_available(bench.deadline(200.0))
        bench.shell.sac.open_command_prompt(LOGIN, bench.deadline(600.0))
        command_prompt, deadline = bench.shell.command_prompt, bench.deadline(600.0)
        command_prompt.synchronize(deadline)
        assert command_prompt.run_line("nonsense", deadline) == 9009
        # A built-in command keeps the status.
        assert command_prompt.run_line("set igs=one", deadline) == 9009
        assert command_prompt.run_line("cmd /d /c exit 5", deadline) == 5
        # Its output is longer than a line of the terminal.
        assert command_prompt.run_line("long", deadline) == 0


@pytest.mark.parametrize("text", ["2:H:0:65001:1:3", "1:S:af5271a4b6bf0d4ff33f64728085f123", "1:E:0"])
def test_a_part_of_a_reply_does_not_match(text: str) -> None:
    """A part of a line can end like a complete line, in a colon and four digits."""
    line = f"qZ7:{text}:{checksum(text)}"
    for length in range(len(line) + 1):
        assert re.search(powershell_framing.REPLY, line[:length]) is None
    match = re.search(powershell_framing.REPLY, f"{line}  \n")
    assert match is not None, f"expected a reply, found {line!r}"
    assert powershell_framing.parse_reply(match) is not None, f"expected a correct checksum in {line!r}"
