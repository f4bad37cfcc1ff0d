"""A command's result, and commands that have to succeed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.channels.shells.shell import CommandResult, require_success, run_check
from fixtures.core import errors

if TYPE_CHECKING:
    from fixtures.evidence.recording import Json


@dataclass
class OneAnswerShell:
    """A shell that knows one command and its result."""

    result: CommandResult
    within: float | None = -1.0

    def run(self, command: str, within: float | None = None) -> CommandResult:
        assert command == self.result.command
        self.within = within
        return self.result


def test_text_shows_bytes_that_are_not_utf8() -> None:
    assert CommandResult("x", 0, b"gr\xc3\xbc\xdf", 0.1).text == "gr\u00fc\\xdf"


@given(output=st.binary(), status=st.integers(0, 255), seconds=st.floats(0, 1e6))
def test_a_result_survives_json(output: bytes, status: int, seconds: float) -> None:
    result = CommandResult("cat /x", status, output, seconds)
    assert CommandResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_clean_output_is_readable_in_json() -> None:
    assert CommandResult("true", 0, b"yes\n", 0.5).to_json() == {
        "command": "true",
        "status": 0,
        "seconds": 0.5,
        "output": "yes\n",
    }


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"command": "x", "status": "0", "seconds": 1, "output": ""},
        {"command": "x", "status": 0, "seconds": 1},
        {"command": "x", "status": 0, "seconds": 1, "output": "", "output_base64": ""},
        {"command": "x", "status": 0, "seconds": 1, "output_base64": "no base64!"},
        {"command": "x", "status": 0, "seconds": 1, "output": "", "more": 1},
    ],
)
def test_data_that_is_not_a_result_raises(data: Json) -> None:
    with pytest.raises(ValueError, match="command"):
        CommandResult.from_json(data)


def test_run_check_passes_the_timeout_on_and_returns_the_text() -> None:
    shell = OneAnswerShell(CommandResult("uname -r", 0, b"6.1\n", 0.1))
    assert run_check(shell, "uname -r", within=3.0) == "6.1\n"
    assert shell.within == 3.0


def test_run_check_reports_command_status_and_last_lines() -> None:
    output = "".join(f"line {number}\n\n" for number in range(50)).encode()
    with pytest.raises(errors.CommandFailed) as caught:
        run_check(OneAnswerShell(CommandResult("dd if=/dev/vdz", 1, output, 0.1)), "dd if=/dev/vdz")
    message = str(caught.value)
    assert "status 1, expected 0: dd if=/dev/vdz" in message
    assert message.endswith("line 49")
    assert "line 39" not in message


def test_a_failure_without_output_is_reported() -> None:
    with pytest.raises(errors.CommandFailed, match="no output"):
        require_success(CommandResult("false", 1, b"", 0.1))
