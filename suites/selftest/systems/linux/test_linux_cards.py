"""Linux's commands for the settings of cards, on this host: a function in place of ip, and a namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import AnswerNotUnderstood
from fixtures.systems.base.cards import SystemCards
from fixtures.systems.linux.cards import LinuxCards


@dataclass
class HostShell:
    """Runs commands on this host behind ``prefix``; ``ip`` only prints its arguments."""

    prefix: tuple[str, ...] = ()
    answers: list[str] = field(default_factory=list)

    def run(self, command: str, within: float | None = None) -> CommandResult:
        script = f'ip() {{ echo "ip $*"; }}; {command}'
        done = subprocess.run([*self.prefix, "sh", "-c", script], capture_output=True, text=True, check=False)
        self.answers.append(done.stdout)
        return CommandResult(command, done.returncode, done.stdout.encode(), 0.0)


def test_settings_are_made_by_ip() -> None:
    shell = HostShell()
    cards = LinuxCards(shell)
    cards.set_hardware_address("en1", "52:54:00:0d:15:ea")
    cards.join_vlan("en1", 7, "192.168.7.15")
    cards.leave_vlan(7)
    cards.set_promiscuous("en1", on=True)
    assert "".join(shell.answers).splitlines() == [
        "ip link set dev en1 down",
        "ip link set dev en1 address 52:54:00:0d:15:ea",
        "ip link set dev en1 up",
        "ip link add link en1 name vlan7 type vlan id 7",
        "ip addr add 192.168.7.15/24 dev vlan7",
        "ip link set vlan7 up",
        "ip link del vlan7",
        "ip link set en1 promisc on",
    ]


def test_received_packets_are_counted() -> None:
    assert LinuxCards(HostShell()).received_packets("lo") >= 0


def test_an_offload_is_set_where_the_driver_has_it() -> None:
    """The loopback interface has TSO, GSO and GRO, and its checksums cannot be turned off."""
    unshare = shutil.which("unshare")
    prefix = (unshare or "unshare", "--net", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]))
    if unshare is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this host permits no network namespace")
    cards = LinuxCards(HostShell(prefix))
    for offload in ("TSO", "GSO", "GRO"):
        assert [cards.set_offload("lo", offload, on=on) for on in (False, True)] == [True, True]
    assert not cards.set_offload("lo", "send checksums", on=False)
    assert not cards.set_offload("none", "GSO", on=True)


def test_another_answer_about_an_offload_is_not_understood() -> None:
    class Babble(HostShell):
        def run(self, command: str, within: float | None = None) -> CommandResult:
            return CommandResult(command, 0, b"set?", 0.0)

    with pytest.raises(AnswerNotUnderstood, match="the offload GRO"):
        LinuxCards(Babble()).set_offload("en1", "GRO", on=True)


def test_linux_has_every_verb_for_cards() -> None:
    verbs = [name for name in vars(SystemCards) if not name.startswith("_")]
    assert [name for name in verbs if name not in vars(LinuxCards)] == []
