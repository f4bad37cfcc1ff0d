"""QEMU's guest agent: it answers as the console does, and freezes file systems for a snapshot.

The checks apply to guests that have the agent. Operators rely on it for consistent snapshots, so the checks
are mandatory there.
"""

from __future__ import annotations

import pytest

from fixtures.guest.durability import with_file_system
from fixtures.guest.guest import Guest
from fixtures.guest.power import CLEAN_SHUTDOWN
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk

pytestmark = pytest.mark.needs("shell", "agent")

# Seconds. The time that question and answer took does not count.
CLOCK_TOLERANCE = 2.0


@pytest.mark.check("agent.answers-as-the-console-does", level="mandatory")
def test_answers_as_the_console_does(guest: Guest) -> None:
    """The agent reports its version and exit statuses of programs, and runs in the guest of the console."""
    assert guest.agent.version() != "", "the agent's version is empty"
    assert guest.agent.run("exit 7").status == 7
    assert guest.agent.run("echo said").text.strip() == "said"
    assert guest.agent.boot_id() == guest.boot_id()


@pytest.mark.check("agent.tells-the-time", level="recommended")
def test_tells_the_time(guest: Guest) -> None:
    """The guest's clock, as the agent reports it, shows the host's time."""
    offset = guest.agent.clock_offset()
    assert abs(offset) < CLOCK_TOLERANCE, f"the guest's clock is {offset} s ahead of the host's"


@pytest.mark.needs("ext4")
@pytest.mark.check("agent.freezes-for-a-snapshot", level="mandatory")
def test_freezes_for_a_snapshot(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """A snapshot of frozen file systems is sound and holds even unflushed files; later writes succeed."""
    disk = attach_disk(with_file_system("target", "ext4"))
    guest.durability.mount(disk, "/mnt")
    flushed = guest.durability.write_durable_file(source_disk, disk, "/mnt", 0)
    unflushed = guest.durability.unflushed_file(source_disk, 0)
    frozen = guest.agent.snapshot_while_frozen(disk)
    assert (frozen.before, frozen.during, frozen.after) == ("thawed", "frozen", "thawed")
    assert frozen.file_systems >= 2, "the root file system and the scratch disk's must be frozen"
    assert guest.durability.check_snapshot(disk, [flushed, unflushed]).problems == ()
    guest.durability.write_durable_file(source_disk, disk, "/mnt", 1)


@pytest.mark.check("agent.turns-the-guest-off", level="mandatory")
def test_turns_the_guest_off(guest: Guest) -> None:
    """The agent's shutdown command turns the machine off once, and QEMU exits cleanly."""
    assert str(guest.power.shut_down_by_agent()) == CLEAN_SHUTDOWN
