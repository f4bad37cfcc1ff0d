"""Failures of a machine are named at once with the right outcome, and clones do not affect each other."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from fixtures.catalog.specs import Cell
from fixtures.core import errors
from fixtures.evidence.recording import Json
from fixtures.guest.guest import Guest
from fixtures.host import tools
from fixtures.host.qemu import find_qemu_img
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.lab.pool.machine_request import MachineRequest
from suites.boot import test_boot
from suites.drivers import test_drivers
from suites.integrity import test_integrity


def test_healthy_guest_passes(victim: Guest) -> None:
    """The guest that the other sabotage tests break passes its checks while it is healthy."""
    test_boot.test_no_fatal_events(victim)
    test_drivers.test_every_device_is_driven(victim)
    test_integrity.test_the_kernel_is_the_vendors(victim)


@pytest.mark.one_platform
def test_hanging_command_is_interrupted_and_the_shell_survives(
    victim: Guest, instance: GuestInstance
) -> None:
    with pytest.raises(errors.CommandTimeout, match="sleep 1000") as timeout:
        instance.shell.run("sleep 1000", within=0.4)
    assert timeout.value.outcome == "FAIL"
    assert victim.run_check("echo still here") == "still here\n"


def test_clones_are_independent(pool: MachinePool, cell: Cell) -> None:
    """Each clone has the current time and its own randomness, and sees no file of another clone."""
    answers = []
    for _ in range(2):
        instance, start = pool.acquire(MachineRequest(cell, is_cold=False, group=None))
        assert start.description.startswith("clone of a checkpoint (shared memory)")
        random = instance.shell.run("head -c 32 /dev/urandom | base64; cat /proc/sys/kernel/random/uuid").text
        marked = instance.shell.run("ls /root/mark; touch /root/mark; sync").text
        answers.append((random, marked))
        now = float(instance.shell.run("date +%s").text)
        assert abs(now - time.time()) < 5
        pool.release(None)
    assert answers[0][0] != answers[1][0]
    assert ["No such file" in marked for _, marked in answers] == [True, True]


def test_full_disk_of_the_host_is_an_error(
    victim: Guest, instance: GuestInstance, cell: Cell, tmp_path: Path
) -> None:
    if "virtio-blk-pci" not in cell.platform.models:
        pytest.skip(
            "not_in_profile: one kind of disk suffices; QEMU reports the error in the same way for all"
        )
    fill_host(instance, tmp_path / "overlay.qcow2")
    with pytest.raises(errors.NoSpace, match="the host's disk is full") as full:
        victim.run_check("dd if=/dev/zero of=/var/tmp/filler bs=1M count=8 conv=fsync")
    assert full.value.outcome == "ERROR"


def fill_host(instance: GuestInstance, overlay: Path) -> None:
    """Let QEMU's blkdebug fail every further write to the root disk with ENOSPC."""
    nodes = instance.machine.execute("query-named-block-nodes")
    length = next(node["image"]["virtual-size"] for node in nodes if node["node-name"] == "root")
    tools.run_tool([find_qemu_img(), "create", "-q", "-f", "qcow2", overlay, str(length)])
    full: dict[str, Json] = {
        "driver": "blkdebug",
        "image": {"driver": "file", "filename": str(overlay)},
        "inject-error": [{"event": "write_aio", "errno": errno.ENOSPC}],
    }
    node: dict[str, Json] = {"driver": "qcow2", "node-name": "full", "file": full, "backing": None}
    instance.machine.execute("blockdev-add", node)
    instance.machine.execute("blockdev-snapshot", {"node": "root", "overlay": "full"})


def test_fatal_end_is_named_at_once(victim: Guest, instance: GuestInstance, cell: Cell) -> None:
    """A kernel panic is the guest's fault, a killed QEMU is the host's; one of them on each platform."""
    if cell.platform.machine == "pc":
        with pytest.raises(
            errors.GuestCrashed, match="Kernel panic - not syncing: sysrq triggered crash"
        ) as crash:
            victim.run_check("echo c >/proc/sysrq-trigger")
        assert crash.value.outcome == "FAIL"
        assert crash.value.postmortem is not None
        assert any("sysrq" in line for line in crash.value.postmortem.last_lines)
    else:
        with pytest.raises(errors.MachineKilled, match="SIGKILL") as killed:
            instance.shell.run(f"sleep 60 # {kill(instance)}")
        assert killed.value.outcome == "ERROR"


def kill(instance: GuestInstance) -> str:
    """Kill the QEMU process."""
    assert instance.machine.pid is not None
    os.kill(instance.machine.pid, signal.SIGKILL)
    return "killed"
