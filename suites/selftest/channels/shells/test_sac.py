"""SAC, cmd.exe and PowerShell on a console with every bad habit that is known; each test springs one trap."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.specs import Login
from fixtures.channels.shells.checksummed_lines import checksum
from fixtures.channels.shells.windows import powershell_framing
from fixtures.core.errors import BootTimeout, CommandTimeout, GuestCrashed, LoginRefused
from suites.selftest.support.sac_sample import Manners, SacBench
from suites.selftest.support.sac_texts import CRASH, EVENT

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = Login(user="Administrator", password="Pass-w00rd")
BYTES = random.Random(5).randbytes(3000)


def answering(kind: str, text: str) -> tuple[int, bytes, int]:
    """A guest of which the test knows what it says: to PowerShell, and to cmd.exe in code page 850."""
    if kind == "c":
        return 2, f"{text}: Gerät\r\n".encode("cp850"), 850
    return 3, BYTES if text == "bytes" else text.encode(), 65001


def reach(bench: SacBench, *, xml: bool = True) -> None:
    bench.guest.boot(xml=xml)
    assert bench.shell.is_available(bench.deadline(200.0))
    bench.shell.log_in(LOGIN, bench.deadline(600.0))


def talk(bench: SacBench) -> None:
    """The whole path: SAC, its channel, the login, cmd.exe, PowerShell, an answer that is not text."""
    reach(bench)
    result = bench.shell.run("bytes")
    assert (result.status, result.output) == (3, BYTES)
    assert bench.guest.servant.runs == 1


def raw(bench: SacBench, directory: Path) -> bytes:
    return (directory / "evidence" / "console.log").read_bytes()


def test_from_the_banner_to_an_answer(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(pads=False), answering) as bench:
        talk(bench)
        assert bench.shell.run("Zürich 日本").text == "Zürich 日本"
        assert bench.shell.command_count == 2


def test_lines_that_are_filled_with_blanks(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(pads=True), answering) as bench:
        talk(bench)
        assert b"started and initialized.   " in raw(bench, tmp_path)


def test_the_service_for_command_prompts_comes_late_and_sac_does_not_try_again(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(late=2), answering) as bench:
        talk(bench)
        assert bench.guest.typed.count("cmd") == 3


@pytest.mark.parametrize("after", range(1, 8))
def test_an_event_in_the_middle_of_what_is_typed(tmp_path: Path, after: int) -> None:
    with SacBench(tmp_path, Manners(interrupts=after), answering) as bench:
        talk(bench)
        assert b"A channel has been closed" in raw(bench, tmp_path)


def test_a_new_channel_throws_away_what_is_typed_first(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(eats=40), answering) as bench:
        talk(bench)


def test_a_console_that_paints_every_character_where_it_belongs(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(paints=True), answering) as bench:
        talk(bench)
        assert b"Username" not in raw(bench, tmp_path)


def test_lines_that_are_damaged_on_the_way_are_asked_for_again_and_nothing_runs_twice(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(loses=8), answering) as bench:
        talk(bench)
        assert EVENT.encode() in raw(bench, tmp_path)


def test_a_character_that_comes_twice_is_taken_for_a_bounce(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(bounces=True), answering, debounce=0.1) as bench:
        talk(bench)
        assert bench.guest.logins >= 1
        # The servant's requests need no pauses: their equal characters are parted.
        assert [line for line in bench.guest.typed if " D 0 " in line and "." in line]


def test_without_pauses_such_a_console_does_not_hear_what_is_typed(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(bounces=True), answering) as bench:
        bench.guest.boot()
        assert bench.shell.is_available(bench.deadline(200.0))
        with pytest.raises(BootTimeout):
            bench.shell.log_in(LOGIN, bench.deadline(50.0))
        # At least once of all times that it was typed.
        assert "ch -sn Cmd01" in bench.guest.typed


def test_a_login_that_was_spoilt_is_tried_again(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(refuses=2), answering) as bench:
        talk(bench)
        assert bench.guest.logins == 3


def test_a_login_that_is_refused_is_the_guests_fault(tmp_path: Path) -> None:
    with (
        SacBench(tmp_path, Manners(refuses=9), answering) as bench,
        pytest.raises(LoginRefused, match="3 times"),
    ):
        reach(bench)


def test_command_prompts_that_are_disabled_are_named(tmp_path: Path) -> None:
    refused = pytest.raises(LoginRefused, match="Launching of Command Prompt channels is disabled")
    with SacBench(tmp_path, Manners(disabled=True)) as bench, refused:
        reach(bench)


def test_the_channel_is_the_one_that_was_made(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(first_channel=4), answering) as bench:
        talk(bench)
        assert "ch -sn Cmd0004" in bench.guest.typed


def test_without_xml_before_the_banner(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering) as bench:
        reach(bench, xml=False)


def test_a_banner_that_is_painted_again_is_no_boot(tmp_path: Path) -> None:
    """The banner of the boot before is on the screen, and what answers has been up for an hour."""
    with SacBench(tmp_path, Manners(uptime="1:02:03"), answering) as bench:
        bench.guest.boot()
        bench.shell.begin_boot()
        bench.guest.repaint()
        assert not bench.shell.is_available(bench.deadline(10.0))


def test_leaving_a_channel_leads_back_to_sac(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering) as bench:
        talk(bench)
        bench.shell.sac.return_to_sac(bench.deadline(100.0))
        identity = bench.shell.sac.identity(bench.deadline(100.0))
        assert dict(identity.labels)["Computer GUID"] == "20bf9ade-650b-4415-9e2f-cc044c21c6c9"
        assert identity.uptime == 5.0


def test_a_bugcheck_ends_every_wait_and_names_the_stop_code(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering) as bench:
        reach(bench)
        bench.guest.raw(CRASH)
        with pytest.raises(GuestCrashed, match=r"bugcheck 0xD1 \(DRIVER_IRQL_NOT_LESS_OR_EQUAL\)"):
            bench.shell.run("anything")


def test_a_line_for_cmd_keeps_its_bytes_and_says_their_code_page(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering) as bench:
        reach(bench)
        result = bench.shell.run("cmd: vol")
        assert (result.status, result.output, result.encoding) == (
            2,
            "vol: Gerät\r\n".encode("cp850"),
            "cp850",
        )
        assert result.text == "vol: Gerät\r\n"


def test_a_command_without_an_end_is_interrupted_and_the_shell_goes_on(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering) as bench:
        reach(bench)
        read = bench.guest.servant.read
        heard = bench.guest.servant.say("1:G:0")

        def never_ends(line: str) -> str:
            verb = line.split(" ")[1]
            return read(line) if verb == "D" else heard if verb == "R" else ""

        bench.guest.servant.read = never_ends  # type: ignore[method-assign]
        bench.guest.on_interrupt = lambda: setattr(bench.guest.servant, "read", read)
        with pytest.raises(CommandTimeout, match="endless"):
            bench.shell.run("endless", within=10.0)
        assert bench.shell.run("bytes").output == BYTES


def test_long_answers_come_through_a_port_of_their_own(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(paints=True), answering, port="COM2") as bench:
        reach(bench)
        assert bench.shell.run("short").output == b"short"
        assert bench.guest.servant.lines
        assert bench.shell.run("bytes").output == BYTES
        assert not bench.guest.servant.lines


def test_a_port_that_cannot_be_opened_is_done_without(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering, port="COM2") as bench:
        reach(bench)
        bench.guest.servant.opens = False
        assert bench.shell.run("bytes").output == BYTES


def test_cmd_keeps_status_and_output(tmp_path: Path) -> None:
    with SacBench(tmp_path, Manners(), answering) as bench:
        bench.guest.boot()
        assert bench.shell.is_available(bench.deadline(200.0))
        bench.shell.sac.open_command_prompt(LOGIN, bench.deadline(600.0))
        cmd = bench.shell.cmd
        cmd.synchronize(bench.deadline(200.0))
        unknown = cmd.run("nonsense")
        assert unknown.status == 9009
        assert (
            unknown.text.splitlines()[0] == "'nonsense' is not recognized as an internal or external command,"
        )
        # A built-in command leaves the status of the one before; lines of more than 80 characters are whole.
        long = cmd.run("echo out")
        assert (long.status, long.text) == (0, "out\n")
        assert cmd.run("long").text == "".join(f"{number:03} {'x' * 90}\n" for number in range(3))


@pytest.mark.parametrize("text", ["2:H:0:65001:1:3", "1:S:af5271a4b6bf0d4ff33f64728085f123", "1:E:0"])
def test_a_reply_of_which_a_part_has_come_is_waited_for(text: str) -> None:
    """A part of a line can end as a line does: in a colon and four digits."""
    line = f"qZ7:{text}:{checksum(text)}"
    for length in range(len(line) + 1):
        assert re.search(powershell_framing.REPLY, line[:length]) is None
    whole = re.search(powershell_framing.REPLY, f"{line}  \n")
    assert whole is not None
    assert powershell_framing.parse_reply(whole) is not None
