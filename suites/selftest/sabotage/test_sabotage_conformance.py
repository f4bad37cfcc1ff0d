"""Sabotage of suites/agent/test_conformance.py: an agent whose answers are altered on their way, or that lies."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core import errors
from fixtures.guest.agent import life
from fixtures.lab.operations import agent_life
from suites.agent import test_conformance

if TYPE_CHECKING:
    from fixtures.core.deadline import Deadline
    from fixtures.guest.guest import Guest
    from fixtures.lab.instance.agent_connection import AgentConnection
    from fixtures.lab.instance.guest_instance import GuestInstance

pytestmark = pytest.mark.needs("shell", "agent", "agent-console")

Alter = Callable[..., None]


@pytest.fixture
def agent(instance: GuestInstance) -> AgentConnection:
    assert instance.agent is not None, "the cell needs a guest agent"
    return instance.agent


@pytest.fixture
def alter(agent: AgentConnection, monkeypatch: pytest.MonkeyPatch) -> Alter:
    """A proxy between the agent and the host: it changes the value in the replies to some commands."""
    receive = agent._receive_line

    def altering(**changes: Callable[[Any], None]) -> None:
        def altered(deadline: Deadline, command: str) -> bytes:
            line = receive(deadline, command)
            change = changes.get(command.replace("-", "_"))
            if change is None:
                return line
            reply = json.loads(line)
            change(reply["return"])
            return json.dumps(reply).encode()

        monkeypatch.setattr(agent, "_receive_line", altered)

    return altering


@pytest.fixture
def lie(agent: AgentConnection, monkeypatch: pytest.MonkeyPatch) -> Alter:
    """An agent that claims to have done what some commands ask for; it returns a value, or the next of many."""
    execute = agent.execute

    def lying(**values: Any) -> None:
        def claim(command: str, arguments: Any = None, deadline: Deadline | None = None) -> Any:
            name = command.replace("-", "_")
            value = values.get(name, execute)
            if value is execute:
                return execute(command, arguments, deadline)
            return next(value) if hasattr(value, "__next__") else value

        monkeypatch.setattr(agent, "execute", claim)

    return lying


def changed(**fields: Any) -> Callable[[Any], None]:
    """Replaces fields of a value, or of the first value of a list."""

    def change(value: Any) -> None:
        entry = value[0] if isinstance(value, list) else value
        entry.update({name.replace("_", "-"): field for name, field in fields.items()})

    return change


class NoMeasure:
    """Takes the measures of a check."""

    def __call__(self, name: str, value: float, unit: str) -> None:
        assert name, f"expected a name of the measure {value} {unit}"


def test_unusual_system_is_left_in_peace_and_lies_about_it_are_found(victim: Guest, alter: Alter) -> None:
    victim.run_check("ln -sf /usr/share/zoneinfo/Asia/Kolkata /etc/localtime")
    victim.run_check("hostname an-unusual-name")
    victim.run_check("echo 0 >/sys/devices/system/cpu/cpu1/online")
    test_conformance.test_reports_the_system(victim, NoMeasure())

    def all_online(processors: list[dict[str, Any]]) -> None:
        for processor in processors:
            processor["online"] = True

    alter(
        guest_get_osinfo=changed(kernel_release="6.6.6"),
        guest_get_host_name=changed(host_name="another"),
        guest_get_vcpus=all_online,
        guest_get_timezone=changed(offset=0),
    )
    differences = victim.agent.reports.system_differences()
    assert [command for command, found in differences.items() if found] == [
        *("guest-get-host-name", "guest-get-osinfo", "guest-get-timezone", "guest-get-vcpus"),
    ]
    with pytest.raises(AssertionError, match="another"):
        test_conformance.test_reports_the_system(victim, NoMeasure())


def test_lies_about_disks_and_cards_are_found(victim: Guest, alter: Alter) -> None:
    victim.run_check("ip addr add 192.0.2.7/30 dev lo")
    test_conformance.test_reports_disks_and_cards(victim)
    alter(
        guest_get_fsinfo=changed(type="xfs"),
        guest_network_get_interfaces=changed(hardware_address="52:54:00:00:00:01"),
        guest_get_disks=changed(name="/dev/vdz"),
    )
    with pytest.raises(AssertionError, match="vdz"):
        test_conformance.test_reports_disks_and_cards(victim)
    found = victim.agent.reports.device_differences()
    assert [command for command, differences in found.items() if differences] == [
        *("guest-get-disks", "guest-get-fsinfo", "guest-network-get-interfaces"),
    ]


def test_altered_end_of_a_program_is_found(victim: Guest, alter: Alter) -> None:
    test_conformance.test_runs_programs(victim)

    def exit_zero(status: dict[str, Any]) -> None:
        if "exitcode" in status:
            status["exitcode"] = 0

    alter(guest_exec_status=exit_zero)
    with pytest.raises(AssertionError, match="status: 0 != 3"):
        test_conformance.test_runs_programs(victim)


def test_altered_file_is_found(victim: Guest, alter: Alter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_conformance, "LARGE", 512 << 10)
    test_conformance.test_transfers_files(victim)

    def flip_a_bit(answer: dict[str, Any]) -> None:
        data = bytearray(base64.b64decode(answer["buf-b64"]))
        data[len(data) // 2] ^= 1
        answer["buf-b64"] = base64.b64encode(data).decode()

    alter(guest_file_read=flip_a_bit)
    with pytest.raises(AssertionError, match="sha256"):
        test_conformance.test_transfers_files(victim)


def test_account_that_is_not_changed_is_found(victim: Guest, lie: Alter) -> None:
    test_conformance.test_changes_accounts(victim)
    victim.run_check(f"userdel -r {test_conformance.ACCOUNT} 2>/dev/null")
    lie(guest_set_user_password={})
    with pytest.raises(AssertionError, match="the new password must be accepted"):
        test_conformance.test_changes_accounts(victim)
    victim.run_check(f"userdel -r {test_conformance.ACCOUNT} 2>/dev/null")
    lie(guest_ssh_add_authorized_keys={})
    with pytest.raises(AssertionError, match="AAAAC3NzaC1lZDI1NTE5AAAAIA"):
        test_conformance.test_changes_accounts(victim)


def test_machine_that_is_not_changed_is_found(victim: Guest, lie: Alter) -> None:
    source = victim.storage.attach(victim.storage.source)
    test_conformance.test_changes_the_machine(victim, source, victim.storage.attach)
    lie(guest_set_time={})
    with pytest.raises(AssertionError, match="the clock after it was set an hour back"):
        test_conformance.test_changes_the_machine(victim, source, victim.storage.attach)


def test_wrong_request_that_is_obeyed_is_found(
    victim: Guest, agent: AgentConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_conformance.test_refuses_wrong_requests(victim)
    exchange = agent.exchange

    def obey(data: bytes, deadline: Deadline | None = None) -> list[Any]:
        return [{"return": {}}] if b"frobnicate" in data else exchange(data, deadline)

    monkeypatch.setattr(agent, "exchange", obey)
    with pytest.raises(AssertionError, match="unknown command: expected errors alone"):
        test_conformance.test_refuses_wrong_requests(victim)


def test_agent_that_stays_dead_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    test_conformance.test_returns_after_its_death(victim)
    # The alibi: a service that does not start the agent again.
    victim.run_check(
        "d=/run/systemd/system/qemu-guest-agent.service.d; mkdir -p $d;"
        " printf '[Service]\\nRestart=no\\n' >$d/no.conf; systemctl daemon-reload"
    )
    monkeypatch.setattr(life, "_RETURN", 3.0)
    assert victim.agent.life.kill().started_by == "the check"
    victim.run_check("mv /usr/sbin/qemu-ga /usr/sbin/qemu-ga.away")
    with pytest.raises(AssertionError, match=r"\('closed',\) == \('closed', 'open'\)"):
        test_conformance.test_returns_after_its_death(victim)


def test_freeze_that_does_not_freeze_is_found(victim: Guest, lie: Alter) -> None:
    test_conformance.test_freezes_under_load(victim, victim.storage.attach)
    victim.run_check("umount /mnt")
    lie(
        guest_fsfreeze_freeze=2,
        guest_fsfreeze_thaw=2,
        guest_fsfreeze_status=iter(["thawed", "frozen", "thawed"]),
    )
    with pytest.raises(AssertionError, match=r"\(\d+, False\) == \(0, True\)"):
        test_conformance.test_freezes_under_load(victim, victim.storage.attach)


def test_thaw_always_comes_and_one_that_does_not_is_found(
    victim: Guest, agent: AgentConnection, lie: Alter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: object) -> str:
        raise errors.HostFault(f"no digest of {path}")

    with monkeypatch.context() as patch:
        patch.setattr(agent_life, "file_digest", fail)
        with pytest.raises(errors.HostFault, match="no digest"):
            test_conformance.test_freezes_under_load(victim, victim.storage.attach)
    assert agent.execute("guest-fsfreeze-status") == "thawed"
    victim.run_check("rm -f /run/ironguest-writer; umount /mnt || { sleep 1; umount /mnt; }")
    monkeypatch.setattr(agent_life, "_WRITE_TIMEOUT", 2.0)
    lie(guest_fsfreeze_thaw=2)
    with pytest.raises(AssertionError, match="'thawed', 'frozen', 'frozen'"):
        test_conformance.test_freezes_under_load(victim, victim.storage.attach)


def test_guest_that_does_not_sleep_is_found(
    victim: Guest, agent: AgentConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_conformance.test_suspends_the_guest(victim)
    monkeypatch.setattr(agent_life, "_SLEEP_TIMEOUT", 1.0)
    monkeypatch.setattr(agent, "execute_without_reply", lambda command: None)
    with pytest.raises(errors.ShutdownTimeout, match="no SUSPEND within"):
        test_conformance.test_suspends_the_guest(victim)
