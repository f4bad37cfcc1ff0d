"""Sabotage of suites/agent: an agent that lies, hangs or has ended. For guests that have an agent."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.core import errors
from fixtures.core.deadline import Deadline
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.agent import test_agent

pytestmark = pytest.mark.needs("shell", "agent")


def test_agent_of_another_boot_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    test_agent.test_answers_as_the_console_does(victim)
    monkeypatch.setattr(victim.agent, "boot_id", lambda: "another")
    with pytest.raises(AssertionError, match="another"):
        test_agent.test_answers_as_the_console_does(victim)


def test_wrong_clock_is_found(victim: Guest) -> None:
    test_agent.test_tells_the_time(victim)
    victim.run_check("date -s '+1 minute'")
    with pytest.raises(AssertionError, match=r"the guest's clock is (59|6\d)\.\d+ s ahead"):
        test_agent.test_tells_the_time(victim)


def test_agent_that_hangs_or_has_ended_is_named(victim: Guest, instance: GuestInstance) -> None:
    assert instance.agent is not None
    victim.run_check("pkill -STOP -x qemu-ga")
    with pytest.raises(errors.CommandTimeout, match="the guest agent did not answer within 3 s"):
        instance.agent.execute("guest-ping", deadline=Deadline.after(3.0))
    victim.run_check("pkill -CONT -x qemu-ga")
    assert instance.agent.execute("guest-ping", deadline=Deadline.after(60.0)) == {}
    victim.run_check("systemctl stop qemu-guest-agent")
    with pytest.raises(errors.CommandFailed, match="does not run: the guest closed its port"):
        test_agent.test_answers_as_the_console_does(victim)


def test_agent_that_does_not_freeze_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent claims to freeze all file systems, but does not, so an unflushed file is missing."""
    agent = instance.agent
    assert agent is not None
    execute, statuses = agent.execute, iter(["thawed", "frozen", "thawed"])

    def claim_to_freeze(command: str, arguments: Any = None, deadline: Deadline | None = None) -> Any:
        if command == "guest-fsfreeze-status":
            return next(statuses)
        return 2 if command.startswith("guest-fsfreeze-") else execute(command, arguments, deadline)

    monkeypatch.setattr(agent, "execute", claim_to_freeze)
    source = victim.storage.attach(victim.storage.source)
    with pytest.raises(AssertionError, match="noise0"):
        test_agent.test_freezes_for_a_snapshot(victim, source, victim.storage.attach)


def test_guest_that_the_agent_cannot_turn_off_is_found(victim: Guest, instance: GuestInstance) -> None:
    instance.cell.guest.timeouts.__dict__["shutdown"] = 0.5
    victim.run_check("mv /sbin/shutdown /sbin/shutdown.away")
    with pytest.raises(errors.ShutdownTimeout, match="the guest agent was told to turn the guest off"):
        test_agent.test_turns_the_guest_off(victim)
