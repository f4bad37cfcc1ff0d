"""Sabotage of suites/platform/test_time.py: clocks that are set, slowed or faked, and an RTC that does not ring.

Each test also runs its check on the healthy guest first. The guests are healthy and slow: their host is busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.guest import timekeeping
from fixtures.lab.operations import host_clocks
from suites.platform import test_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.guest.guest import Guest
    from fixtures.lab.instance.guest_instance import GuestInstance

pytestmark = [pytest.mark.one_platform, pytest.mark.needs("clocks")]

SHORT = 4


@pytest.fixture
def alter_answers(instance: GuestInstance, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change each row of the guest's answers that starts with a word."""
    run = instance.shell.run

    def altering(word: str, change: Callable[[list[str]], None]) -> None:
        def altered(command: str, within: float | None = None) -> CommandResult:
            result = run(command, within)
            rows = [line.split("|") for line in result.text.splitlines()]
            for row in rows:
                if row[0] == word:
                    change(row)
            output = "\n".join("|".join(row) for row in rows).encode() + b"\n"
            return CommandResult(result.command, result.status, output, result.seconds)

        monkeypatch.setattr(instance.shell, "run", altered)

    return altering


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_time, "MEASURED", SHORT)
    monkeypatch.setattr(test_time, "PAUSE", 3.0)
    monkeypatch.setattr(test_time, "READS", 300)
    monkeypatch.setattr(test_time, "ALARM", 3)
    monkeypatch.setattr(timekeeping, "_READINGS", 2)


# struct timex of 64-bit Linux: the modes are first (0x4000: set the tick), the tick is the twelfth word.
SET_TICK = "perl -e '$t = pack(\"Q x80 Q x160\", 0x4000, %d); syscall(159, $t) >= 0 or die $!'"


def test_clock_that_is_slow_or_set_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_time.test_clocks_keep_the_hosts_pace(victim)
    # A tenth of each tick is missing: the kernel states it, and the clock is slow all the same.
    victim.run_check(SET_TICK % 9000)
    with pytest.raises(AssertionError, match=r"the kernel lets its clocks run at 0\.900000 times the rate"):
        test_time.test_clocks_keep_the_hosts_pace(victim)
    victim.run_check(SET_TICK % 10000)
    run = instance.shell.run

    def set_back(command: str, within: float | None = None) -> CommandResult:
        return run(f"{command}; date -s '-5 seconds'" if command.startswith("sleep ") else command, within)

    monkeypatch.setattr(instance.shell, "run", set_back)
    with pytest.raises(AssertionError, match=r"the wall clock was set by -[45]\.\d+ s"):
        test_time.test_clocks_keep_the_hosts_pace(victim)


def test_clock_that_steps_back_is_found(victim: Guest, alter_answers: Callable[..., None]) -> None:
    test_time.test_clocks_never_step_back(victim)
    victim.run_check(
        "touch /run/back; ( while [ -e /run/back ]; do date -s '-1 second'; done ) </dev/null >/dev/null 2>&1 &"
    )
    with pytest.raises(AssertionError, match=r"the wall clock, read \d+ times .* stepped back \d+ times"):
        test_time.test_clocks_never_step_back(victim)
    victim.run_check("rm /run/back")

    def coarse(row: list[str]) -> None:
        row[7] = "4000000"

    alter_answers("run", coarse)
    with pytest.raises(AssertionError, match="advances in steps of at least 4000000 ns"):
        test_time.test_clocks_never_step_back(victim)


def test_clock_that_gains_over_a_pause_is_found(victim: Guest, alter_answers: Callable[..., None]) -> None:
    test_time.test_clocks_survive_a_pause(victim)
    readings: list[int] = []

    def ahead(row: list[str]) -> None:
        """After the pause, the monotonic clock is a minute ahead."""
        readings.append(1)
        shift = 60_000_000_000 if len(readings) > 2 else 0
        for index in (1, 3, 5):
            row[index] = str(int(row[index]) + shift)

    alter_answers("clocks", ahead)
    with pytest.raises(AssertionError, match=r"the monotonic clock advanced by 6\d\.\d+ s"):
        test_time.test_clocks_survive_a_pause(victim)


def test_late_answers_accuse_nobody(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alibi: every answer comes late, as on a host that has no time for QEMU."""
    run = instance.shell.run

    def late(command: str, within: float | None = None) -> CommandResult:
        result = run(command, within)
        instance.poll_until(lambda: False, bool, 0.2)
        return result

    monkeypatch.setattr(instance.shell, "run", late)
    test_time.test_clocks_survive_a_pause(victim)


def test_clock_that_is_lost_in_a_move_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = instance.move_to_new_machine
    test_time.test_clocks_survive_a_restore(victim)
    assert instance.machine.evidence.name == "moved", "the directory of the new process's evidence"

    def move_and_set_back() -> None:
        move()
        instance.shell.run("date -s '-1 hour'")

    monkeypatch.setattr(instance, "move_to_new_machine", move_and_set_back)
    with pytest.raises(AssertionError, match=r"the wall clock advanced by -3\d\d\d\.\d+ s"):
        test_time.test_clocks_survive_a_restore(victim)


def test_rtc_that_differs_or_is_not_announced_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_time.test_rtc_is_read_and_set(victim)
    real = host_clocks.unix_time
    with monkeypatch.context() as patch:
        patch.setattr(host_clocks, "unix_time", lambda date: real(date) + 3600)
        with pytest.raises(AssertionError, match="HardwareTime"):
            test_time.test_rtc_is_read_and_set(victim)
    monkeypatch.setattr(host_clocks, "hardware_time_changes", lambda instance, mark: [])
    with pytest.raises(AssertionError, match="announced the change 0 times"):
        test_time.test_rtc_is_read_and_set(victim)


def test_alarm_that_does_not_ring_is_found(victim: Guest, alter_answers: Callable[..., None]) -> None:
    test_time.test_rtc_alarm_rings(victim)

    def silent(row: list[str]) -> None:
        row[2], row[3] = "0", "0"

    alter_answers("alarm", silent)
    with pytest.raises(AssertionError, match=r"no interrupt within \d+\.\d s, for an alarm after 3 s"):
        test_time.test_rtc_alarm_rings(victim)
