"""QEMU's guest agent: the guest answers through it as on its console, and keeps still when told.

Only guests that have the agent are asked. Operators rely on it for snapshots that can be restored, hence
mandatory where a guest has it.
"""

from __future__ import annotations

import pytest

from fixtures.guest.durability import with_file_system
from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import GiveDisk, ScratchDisk

pytestmark = pytest.mark.needs("shell", "agent")

# Seconds; what the way of question and answer takes is left out already.
CLOSE = 2.0


@pytest.mark.check("agent.answers-as-the-console-does", level="mandatory")
def test_answers_as_the_console_does(guest: Guest) -> None:
    """The agent knows its version, runs programs with their statuses, and is in the guest of the console."""
    assert guest.agent.version() != ""
    assert guest.agent.run("exit 7").status == 7
    assert guest.agent.run("echo said").text.strip() == "said"
    assert guest.agent.boot_id() == guest.boot_id()


@pytest.mark.check("agent.tells-the-time", level="recommended")
def test_tells_the_time(guest: Guest) -> None:
    """The guest's clock, as the agent tells it, is the host's."""
    assert abs(guest.agent.clock_offset()) < CLOSE


@pytest.mark.needs("ext4")
@pytest.mark.check("agent.freezes-for-a-snapshot", level="mandatory")
def test_freezes_for_a_snapshot(guest: Guest, source_disk: ScratchDisk, give_disk: GiveDisk) -> None:
    """A snapshot of a frozen guest is sound and has what nobody made safe; the guest writes on after it."""
    disk = give_disk(with_file_system("target", "ext4"))
    guest.durability.mount(disk, "/mnt")
    safe = guest.durability.write_durable_file(source_disk, disk, "/mnt", 0)
    frozen = guest.agent.snapshot_while_frozen(disk)
    assert (frozen.before, frozen.during, frozen.after) == ("thawed", "frozen", "thawed")
    assert frozen.file_systems >= 2
    kept = guest.durability.verify_snapshot(disk, [safe, guest.durability.unflushed_file(source_disk, 0)])
    assert kept.problems == ()
    guest.durability.write_durable_file(source_disk, disk, "/mnt", 1)


@pytest.mark.check("agent.turns-the-guest-off", level="mandatory")
def test_turns_the_guest_off(guest: Guest) -> None:
    """Told by the agent, the guest turns the machine off, once, and QEMU leaves in order."""
    shutdown = guest.power.shut_down_by_agent()
    assert (shutdown.asked_by_guest, shutdown.reason) == (True, "guest-shutdown")
    assert (shutdown.shutdowns, shutdown.exit) == (1, "left with exit status 0")
