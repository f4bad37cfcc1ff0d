"""The console's side of the guest agent's checks: the facts of Linux, and SSH keys."""

from __future__ import annotations

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.systems.base.agent_console import KeyFile
from fixtures.systems.base.system_facts import BlockNode, InterfaceFacts, Mount
from fixtures.systems.linux.agent_console import LinuxAgentConsole, parse_key_file
from fixtures.systems.linux.system_facts import parse_devices, parse_system
from suites.selftest.support.host_shell import HostShell

SYSTEM = """\
host|debian
release|6.1.0-56-amd64
version|#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
machine|x86_64
zone|-0330|NST
now|1795855700 2026
os|PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
os|# a comment
os|
os|ID=debian
user|root|Nov 28 08:46
user|root|Nov 28 08:33
cpu|0|-
cpu|1|0
memory|0|online
memory|3|offline
block|0x8000000
time|0|1588 0 5268 1968 54 0 415 0 7 0
end|18
"""
DEVICES = """\
mount|ext4|489482|297248|267787|4096|/
mount|vfat|100|50|50|512|/boot/a\\040directory
disk|vda|4194304|0|254:0|1464 607 116474 8901 238 223 7320 10794 0 8428 19900 12 0 2369808 48 41 156
disk|cciss!c0d0p1|2048|1|104:1|1 0 8 0 0 0 0 0 0 0 0
net|enp2s0|52:54:00:12:34:56|1990|3100
addr|enp2s0|10.0.2.15/24
addr|enp2s0|fe80::5054:ff:fe12:3456/64
end|7
"""


def test_facts_about_the_system_are_parsed() -> None:
    facts = parse_system(SYSTEM)
    assert facts.release == {"PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)", "ID": "debian"}
    assert (facts.zone, facts.zone_offset) == ("NST", -12600)
    assert facts.users == {"root": 29930913}
    assert (facts.processors, facts.removable) == ({0: True, 1: False}, frozenset({1}))
    assert (facts.memory_blocks, facts.block_size) == ({0: "online", 3: "offline"}, 128 << 20)
    assert facts.processor_time == {0: pytest.approx(92.93)}


def test_a_login_of_last_year_is_in_the_past() -> None:
    answer = SYSTEM.replace("1795855700 2026", "1798761700 2027").replace("Nov 28", "Dec 31")
    assert parse_system(answer).users == {"root": 1798705980 // 60}


def test_facts_about_devices_are_parsed() -> None:
    facts = parse_devices(DEVICES)
    assert facts.mounts == (
        Mount("/", "ext4", 787390464, 1884246016),
        Mount("/boot/a directory", "vfat", 25600, 51200),
    )
    assert facts.blocks == (
        BlockNode("vda", 4194304, False, (254, 0), 1464, 116474, 238, 7320),
        BlockNode("cciss/c0d0p1", 2048, True, (104, 1), 1, 8, 0, 0),
    )
    addresses = frozenset({"10.0.2.15/24", "fe80::5054:ff:fe12:3456/64"})
    assert facts.interfaces == (InterfaceFacts("enp2s0", "52:54:00:12:34:56", 1990, 3100, addresses),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-0330", "later"),
        ("host|debian\n", ""),
        ("Nov 28 08:46", "yesterday"),
        ("time|0", "times|0"),
        ("cpu|0|-", "cpu|zero|-"),
    ],
)
def test_another_form_is_not_understood(old: str, new: str) -> None:
    answer = SYSTEM.replace(old, new)
    rows = answer.count("\n") - 1
    with pytest.raises(AnswerNotUnderstood, match="facts about the system: expected"):
        parse_system(answer.replace("end|18", f"end|{rows}"))


def test_this_host_has_facts() -> None:
    console = LinuxAgentConsole(HostShell())
    before, after = console.system_facts(), console.system_facts()
    assert before.processor_time[0] <= after.processor_time[0] + 2
    assert {face.name for face in console.device_facts().interfaces} >= {"lo"}


def test_keys_are_parsed() -> None:
    answer = 'file|tester|600\nkey|ssh-ed25519 AAAA first\nkey|from="a|b" ssh-rsa BBBB\nend|3\n'
    keys = ("ssh-ed25519 AAAA first", 'from="a|b" ssh-rsa BBBB')
    assert parse_key_file(answer) == KeyFile(keys, "tester", "600")
    assert parse_key_file("file||\nend|1\n") == KeyFile((), "", "")
    with pytest.raises(AnswerNotUnderstood, match="SSH keys: expected"):
        parse_key_file("key|x\nend|1\n")
