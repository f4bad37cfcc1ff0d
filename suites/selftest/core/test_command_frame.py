"""The frame of a command: which exit status and which message an error, Ctrl-C and SIGTERM become."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from fixtures.core.argument_parser import USAGE_ERROR
from fixtures.core.command_frame import CANCELLED, CommandFrame, run_command
from fixtures.core.errors import HostFault


@pytest.fixture(autouse=True)
def _signal_handler() -> Iterator[None]:
    """The frame sets the handler of SIGTERM for the rest of the process."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def test_a_program_returns_its_exit_status() -> None:
    assert run_command("ci/sample", lambda _: 1) == 1


def test_an_error_is_a_message_and_wrong_usage_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    def program(_: CommandFrame) -> int:
        raise HostFault("no\x00screen")

    assert run_command("ci/sample", program) == USAGE_ERROR
    assert capsys.readouterr().err == "ci/sample: noscreen\n"


def test_a_later_error_has_the_status_that_the_program_chose() -> None:
    def program(frame: CommandFrame) -> int:
        frame.failure_status = 3
        raise HostFault("no screen")

    assert run_command("ci/sample", program) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_and_lets_the_program_clean_up(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    cleaned: list[bool] = []

    def program(_: CommandFrame) -> int:
        try:
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 10.0)
        finally:
            cleaned.append(True)
        return 0

    assert run_command("ci/sample", program, "cancelled; nothing is left") == CANCELLED
    assert cleaned == [True]
    assert capsys.readouterr().err == "ci/sample: cancelled; nothing is left\n"
