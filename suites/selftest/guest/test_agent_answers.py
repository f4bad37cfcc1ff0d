"""The guest agent's answers against the console's: recorded answers of Debian 12, and lies about each of them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.guest.agent.requests import WRONG_REQUESTS, WrongRequest, essential, judge_replies
from fixtures.guest.agent.system_answers import compare_devices, compare_system
from fixtures.systems.base.system_facts import BlockNode, DeviceFacts, InterfaceFacts, Mount, SystemFacts

SYSTEM_ANSWERS: dict[str, Any] = {
    "guest-get-osinfo": {
        "name": "Debian GNU/Linux",
        "kernel-release": "6.1.0-56-amd64",
        "version": "12 (bookworm)",
        "pretty-name": "Debian GNU/Linux 12 (bookworm)",
        "version-id": "12",
        "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
        "machine": "x86_64",
        "id": "debian",
    },
    "guest-get-host-name": {"host-name": "debian"},
    "guest-get-users": [{"login-time": 1795855603.125904, "user": "root"}],
    "guest-get-timezone": {"zone": "UTC", "offset": 0},
    "guest-get-vcpus": [
        {"online": True, "can-offline": True, "logical-id": 1},
        {"online": True, "can-offline": False, "logical-id": 0},
    ],
    "guest-get-memory-blocks": [
        {"online": True, "can-offline": True, "phys-index": 1},
        {"online": True, "can-offline": True, "phys-index": 0},
    ],
    "guest-get-memory-block-info": {"size": 134217728},
    "guest-get-cpustats": [
        {"cpu": 0, "idle": 16350, "steal": 0, "iowait": 370, "system": 50250, "guest": 0, "nice": 0}
        | {"irq": 0, "type": "linux", "user": 14270, "softirq": 3560, "guestnice": 0},
        {"cpu": 1, "idle": 19190, "steal": 0, "iowait": 130, "system": 45180, "guest": 0, "nice": 0}
        | {"irq": 0, "type": "linux", "user": 16440, "softirq": 3600, "guestnice": 0},
    ],
}
SYSTEM = SystemFacts(
    host_name="debian",
    kernel_release="6.1.0-56-amd64",
    kernel_version="#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
    machine="x86_64",
    release={
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "NAME": "Debian GNU/Linux",
        "VERSION_ID": "12",
        "VERSION": "12 (bookworm)",
        "VERSION_CODENAME": "bookworm",
        "ID": "debian",
    },
    zone="UTC",
    zone_offset=0,
    users={"root": 1795855603 // 60},
    processors={0: True, 1: True},
    removable=frozenset({1}),
    memory_blocks={0: "online", 1: "online"},
    block_size=134217728,
    processor_time={0: 84.7, 1: 84.2},
)
LATER = replace(SYSTEM, processor_time={0: 90.1, 1: 89.9})

DEVICE_ANSWERS: dict[str, Any] = {
    "guest-get-fsinfo": [
        {
            "name": "vda3",
            "total-bytes": 1884282880,
            "mountpoint": "/",
            "disk": [{"serial": "IGROOT", "bus-type": "virtio", "dev": "/dev/vda3"}],
            "used-bytes": 787406848,
            "type": "ext4",
        }
    ],
    "guest-get-disks": [
        {"name": "/dev/vda3", "dependencies": ["/dev/vda"], "partition": True},
        {"name": "/dev/vda", "dependencies": [], "partition": False},
    ],
    "guest-get-diskstats": [
        {
            "name": "vda",
            "stats": {"write-ios": 174, "read-ios": 1357, "write-sectors": 6152, "read-sectors": 106586},
            "minor": 0,
            "major": 254,
        },
    ],
    "guest-network-get-interfaces": [
        {
            "name": "enp2s0",
            "ip-addresses": [
                {"ip-address-type": "ipv4", "ip-address": "10.0.2.15", "prefix": 24},
                {"ip-address-type": "ipv6", "ip-address": "fe80::5054:ff:fe12:3456", "prefix": 64},
            ],
            "statistics": {"rx-bytes": 1990, "tx-bytes": 3100},
            "hardware-address": "52:54:00:12:34:56",
        }
    ],
}
DISK = BlockNode("vda", 4194304, False, (254, 0), 1350, 106000, 170, 6000)
CARD = InterfaceFacts(
    "enp2s0",
    "52:54:00:12:34:56",
    1990,
    3100,
    frozenset({"10.0.2.15/24", "fe80::5054:ff:fe12:3456/64"}),
)
DEVICES = DeviceFacts(
    mounts=(Mount("/", "ext4", 787406848, 1884282880),),
    blocks=(
        DISK,
        BlockNode("vda3", 4059136, True, (254, 3), 0, 0, 0, 0),
        BlockNode("loop0", 0, False, (7, 0), 0, 0, 0, 0),
    ),
    interfaces=(CARD,),
)
DEVICES_LATER = replace(
    DEVICES,
    blocks=(replace(DISK, reads=1464, sectors_read=116474, writes=238, sectors_written=7320),),
    interfaces=(replace(CARD, received=4000, sent=5000),),
)


def test_recorded_answers_agree_with_the_console() -> None:
    found = compare_system(SYSTEM_ANSWERS, SYSTEM, LATER) | compare_devices(
        DEVICE_ANSWERS, DEVICES, DEVICES_LATER
    )
    assert found == dict.fromkeys((*SYSTEM_ANSWERS, *DEVICE_ANSWERS), ())


def lied_about(answers: dict[str, Any], command: str, path: tuple[Any, ...], value: object) -> dict[str, Any]:
    """The answer to ``command``, with one value replaced."""
    answer = copy.deepcopy(answers[command])
    place = answer
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return {command: answer}


@pytest.mark.parametrize(
    ("command", "path", "value", "difference"),
    [
        ("guest-get-osinfo", ("version-id",), "11", "os-release: the agent says {"),
        ("guest-get-osinfo", ("kernel-release",), "5.10", "kernel-release: the agent says '5.10'"),
        ("guest-get-osinfo", ("machine",), "i686", "machine: "),
        ("guest-get-host-name", ("host-name",), "x", "host-name: the agent says 'x', the console 'debian'"),
        ("guest-get-users", (0, "user"), "daemon", "minutes of the logins: "),
        ("guest-get-users", (0, "login-time"), 1795855703.0, "minutes of the logins: "),
        ("guest-get-timezone", ("offset",), 3600, "offset: the agent says 3600, the console 0"),
        ("guest-get-vcpus", (0, "online"), False, "online: "),
        ("guest-get-vcpus", (1, "can-offline"), True, "can-offline: "),
        ("guest-get-memory-blocks", (0, "phys-index"), 7, "online: "),
        ("guest-get-memory-block-info", ("size",), 1, "size: the agent says 1, the console 134217728"),
        ("guest-get-cpustats", (1, "user"), 99999, "milliseconds of processor 1: "),
        ("guest-get-cpustats", (1, "cpu"), 2, "cpu: the agent says [0, 2], the console [0, 1]"),
    ],
)
def test_a_lie_about_the_system_is_found(
    command: str, path: tuple[Any, ...], value: object, difference: str
) -> None:
    answers = lied_about(SYSTEM_ANSWERS, command, path, value)
    assert compare_system(answers, SYSTEM, LATER)[command][0].startswith(difference)


@pytest.mark.parametrize(
    ("command", "path", "value", "difference"),
    [
        ("guest-get-fsinfo", (0, "type"), "xfs", "type: the agent says {'/': 'xfs'}"),
        ("guest-get-fsinfo", (0, "mountpoint"), "/mnt", "type: "),
        ("guest-get-fsinfo", (0, "used-bytes"), 1 << 40, "used-bytes of /: "),
        ("guest-get-fsinfo", (0, "total-bytes"), 1, "total-bytes of /: "),
        ("guest-get-disks", (0, "partition"), False, "partition: "),
        ("guest-get-disks", (1, "name"), "/dev/vdb", "partition: "),
        ("guest-get-diskstats", (0, "stats", "read-ios"), 1, "read-ios of vda: the agent says 1,"),
        ("guest-get-diskstats", (0, "major"), 8, "number of vda: the agent says (8, 0)"),
        (
            "guest-get-diskstats",
            (0, "name"),
            "vdb",
            "disks with reads: the agent says [], the console ['vda']",
        ),
        ("guest-network-get-interfaces", (0, "hardware-address"), "52:54:00:12:34:57", "hardware-address: "),
        ("guest-network-get-interfaces", (0, "ip-addresses", 0, "prefix"), 16, "ip-addresses: "),
        ("guest-network-get-interfaces", (0, "statistics", "tx-bytes"), 9, "tx-bytes of enp2s0: "),
    ],
)
def test_a_lie_about_devices_is_found(
    command: str, path: tuple[Any, ...], value: object, difference: str
) -> None:
    answers = lied_about(DEVICE_ANSWERS, command, path, value)
    assert compare_devices(answers, DEVICES, DEVICES_LATER)[command][0].startswith(difference)


def test_an_older_agent_and_an_unusual_guest_are_left_in_peace() -> None:
    """No sizes of file systems, no statistics, no users, an offline processor, and memory without blocks."""
    facts = replace(
        SYSTEM, users={}, processors={0: True, 1: False}, processor_time={0: 84.7}, memory_blocks={}
    )
    answers = {
        "guest-get-users": [],
        "guest-get-vcpus": lied_about(SYSTEM_ANSWERS, "guest-get-vcpus", (0, "online"), False)[
            "guest-get-vcpus"
        ],
        "guest-get-cpustats": SYSTEM_ANSWERS["guest-get-cpustats"][:1],
        "guest-get-memory-blocks": [],
    }
    assert not any(compare_system(answers, facts, facts).values())
    old = copy.deepcopy(DEVICE_ANSWERS)
    del old["guest-get-fsinfo"][0]["used-bytes"], old["guest-get-fsinfo"][0]["total-bytes"]
    del old["guest-network-get-interfaces"][0]["statistics"]
    assert not any(compare_devices(old, DEVICES, DEVICES_LATER).values())


@pytest.mark.parametrize("answer", [None, [], {"hostname": "debian"}, "debian"])
def test_another_form_is_not_understood(answer: object) -> None:
    with pytest.raises(
        AnswerNotUnderstood, match="the guest agent's answer to guest-get-host-name has another"
    ):
        compare_system({"guest-get-host-name": answer}, SYSTEM, LATER)


def error(name: str, description: str) -> dict[str, Any]:
    return {"error": {"class": name, "desc": description}}


STRAY = error("GenericError", "JSON parse error, stray '\ufffd'")
UNKNOWN, MISSING = WRONG_REQUESTS[0], WRONG_REQUESTS[2]
HALF = next(request for request in WRONG_REQUESTS if request.is_rubbish)


@pytest.mark.parametrize(
    ("request_", "replies", "problem"),
    [
        (UNKNOWN, [error("CommandNotFound", "The command guest-frobnicate has not been found"), STRAY], ""),
        (MISSING, [error("GenericError", "Parameter 'path' is missing")], ""),
        (HALF, [STRAY], ""),
        (HALF, [], ""),
        (
            UNKNOWN,
            [],
            "unknown command: the agent did not answer; expected an error of class CommandNotFound",
        ),
        (UNKNOWN, [error("GenericError", "guest-frobnicate")], "unknown command: expected an error of class"),
        (
            MISSING,
            [error("GenericError", "no")],
            "missing argument: expected an error of class GenericError that",
        ),
        (
            UNKNOWN,
            [{"return": {}}, STRAY],
            "unknown command: expected errors alone, the agent sent {'return'",
        ),
        (HALF, [STRAY, {"return": {}}], "half a request: expected errors alone"),
        (HALF, [error("GenericError", "")], "half a request: expected errors alone"),
        (HALF, [7], "half a request: expected errors alone"),
    ],
)
def test_replies_to_wrong_requests_are_judged(
    request_: WrongRequest, replies: list[Any], problem: str
) -> None:
    problems = judge_replies(request_, essential(replies))
    assert len(problems) == (problem != "")
    assert problem == "" or problems[0].startswith(problem)


def test_a_record_keeps_what_the_judgement_needs() -> None:
    replies = [error("GenericError", "x" * 5000), STRAY, STRAY, {"return": 7}, {"return": 8}, STRAY]
    assert essential(replies) == [error("GenericError", "x" * 300), {"return": 7}]
