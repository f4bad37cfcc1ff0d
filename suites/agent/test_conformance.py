"""Each command of QEMU's guest agent does what it says: its answers are the console's, its effects are there.

The console and the host are the judges. The checks apply to guests that have the agent.
"""

from __future__ import annotations

import pytest

from fixtures.core.file_digest import data_digest
from fixtures.guest.agent.programs import ProgramEnd
from fixtures.guest.agent.reports import JUDGED_COMMANDS
from fixtures.guest.durability import with_file_system
from fixtures.guest.guest import Guest
from fixtures.lab.operations.scratch_disks import AttachDisk, ScratchDisk
from fixtures.machine.disk_options import DiskOptions
from fixtures.run.collection import MeasureVerb

pytestmark = pytest.mark.needs("shell", "agent", "agent-console")

# Bytes. The agent sends data in base64, and a port carries some hundred kilobytes a second when emulated.
LARGE = 4 << 20
PIECE = 96 << 10
EVERY_BYTE = bytes(range(256)) * 64
ACCOUNT = "agent-test"
KEYS = tuple(
    f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} {name}"
    for letter, name in (("A", "first"), ("B", "second"))
)
# The hash of "a second word", as crypt(5) has it for SHA-512.
HASH = (
    "$6$saltsaltsalt$Sr0BkofYbxg2WQJ.ZMeEmsPbS48oSefykbILj6hqQe/FOL0DdCJgQfnRLmqMqsn0CCfAGgN/ouLVteJE4QY/X/"
)
HOUR = 3600
# Seconds. The time that question and answer took does not count.
CLOCK_TOLERANCE = 2.0


@pytest.mark.check("agent.reports-the-system", level="mandatory")
def test_reports_the_system(guest: Guest, measure: MeasureVerb) -> None:
    """The agent reports names, users, time zone, processors and memory as the console does."""
    commands = guest.agent.reports.commands()
    enabled = {name for name, is_enabled in commands.items() if is_enabled}
    measure("commands of the guest agent that no check judges", len(enabled - JUDGED_COMMANDS), "commands")
    assert guest.agent.reports.answering_disabled_commands() == ()
    differences = guest.agent.reports.system_differences()
    assert {command: found for command, found in differences.items() if found} == {}
    assert "guest-get-osinfo" in differences, f"commands that were compared: {sorted(differences)}"


@pytest.mark.check("agent.reports-disks-and-cards", level="mandatory")
def test_reports_disks_and_cards(guest: Guest) -> None:
    """The agent reports file systems, disks, network interfaces and their counters as the console does."""
    differences = guest.agent.reports.device_differences()
    assert {command: found for command, found in differences.items() if found} == {}
    assert "guest-get-fsinfo" in differences, f"commands that were compared: {sorted(differences)}"


@pytest.mark.check("agent.runs-programs", level="mandatory")
def test_runs_programs(guest: Guest) -> None:
    """A program gets its arguments, environment and input; its ends and both outputs come back unchanged."""
    run = guest.agent.programs.run
    assert run("/bin/sh", "-c", "echo out; echo err >&2; exit 3") == ProgramEnd(3, None, b"out\n", b"err\n")
    assert run("/bin/sh", "-c", "kill -9 $$") == ProgramEnd(None, 9, b"", b"")
    assert run("/bin/sh", "-c", "kill -15 $$") == ProgramEnd(None, 15, b"", b"")
    spaced = run("/bin/sh", "-c", 'printf "%s|" "$0" "$@" "$WORD"', "a b", "", "*", environment=["WORD=x y"])
    assert spaced == ProgramEnd(0, None, b"a b||*|x y|", b"")
    assert run("/bin/cat", data=EVERY_BYTE) == ProgramEnd(0, None, EVERY_BYTE, b"")
    long = run("/bin/sh", "-c", f"head -c {LARGE // 4} /dev/zero")
    assert data_digest(long.output) == data_digest(bytes(LARGE // 4))


@pytest.mark.check("agent.transfers-files", level="mandatory")
def test_transfers_files(guest: Guest) -> None:
    """Files that the agent writes are what the console reads, and the agent reads what is in the file."""
    files, path = guest.agent.files, guest.agent.files.scratch_path("agent-noise")
    written = files.write_noise(path, seed=19, length=LARGE, piece=PIECE)
    assert written.length == LARGE
    assert files.digest_on_console(path) == written.digest
    assert files.read(path, PIECE) == written
    files.overwrite(path, seed=20, offset=PIECE + 1, length=4097)
    changed = files.read(path, PIECE)
    assert changed.digest == files.digest_on_console(path)
    assert changed.digest != written.digest, "the file before and after a part of it was replaced"
    assert changed.length == LARGE
    tail = files.read(path, PIECE, offset=LARGE - 5)
    assert (tail.length, tail.reached_end) == (5, True)
    middle = files.read(path, PIECE, offset=7, limit=11)
    assert (middle.length, middle.reached_end) == (11, False)


@pytest.mark.check("agent.changes-accounts", level="mandatory")
def test_changes_accounts(guest: Guest) -> None:
    """SSH keys and passwords that the agent sets are in force, and keys that it removes are gone."""
    changes = guest.agent.changes
    changes.add_account(ACCOUNT)
    changes.add_keys(ACCOUNT, *KEYS)
    keys = changes.key_file(ACCOUNT)
    assert (keys.keys, keys.owner, keys.mode) == (KEYS, ACCOUNT, "600")
    assert changes.keys(ACCOUNT) == KEYS
    changes.remove_keys(ACCOUNT, KEYS[0])
    assert changes.keys(ACCOUNT) == KEYS[1:] == changes.key_file(ACCOUNT).keys
    changes.add_keys(ACCOUNT, KEYS[0], reset=True)
    assert changes.keys(ACCOUNT) == KEYS[:1] == changes.key_file(ACCOUNT).keys
    changes.set_password(ACCOUNT, "a first wörd")
    assert changes.accepts_password(ACCOUNT, "a first wörd"), "the new password must be accepted"
    changes.set_password(ACCOUNT, HASH, is_hash=True)
    assert not changes.accepts_password(ACCOUNT, "a first wörd"), "the old password must be refused"
    assert changes.accepts_password(ACCOUNT, "a second word"), "the password of the hash must be accepted"


@pytest.mark.needs("ext4")
@pytest.mark.check("agent.changes-the-machine", level="mandatory")
def test_changes_the_machine(guest: Guest, source_disk: ScratchDisk, attach_disk: AttachDisk) -> None:
    """The agent sets the clock, takes a processor offline and back, and gives free space back to the host."""
    changes = guest.agent.changes
    changes.set_time(-HOUR)
    assert abs(guest.clock.offset() + HOUR) < CLOCK_TOLERANCE, "the clock after it was set an hour back"
    changes.set_time(0)
    assert abs(guest.clock.offset()) < CLOCK_TOLERANCE, "the clock after it was set to the host's time"
    processors = changes.processors()
    for number in sorted(processors)[1:]:
        assert changes.set_processor(number, online=False) == 1
        assert changes.processors() == {**processors, number: False}
        assert changes.set_processor(number, online=True) == 1
    assert changes.processors() == processors
    disk = attach_disk(with_file_system("target", "ext4", options=DiskOptions(discards=True)))
    guest.durability.mount(disk, "/mnt")
    guest.durability.write_durable_file(source_disk, disk, "/mnt", 100)
    before = guest.storage.allocated_bytes_on_host(disk)
    changes.remove_files("/mnt")
    assert changes.trim()["/mnt"] == ""
    freed = before - guest.storage.allocated_bytes_on_host(disk)
    # The flushed file has more than 100 sectors. What was not flushed may never have reached the host.
    assert freed >= 100 * 512, "bytes that the host got back"


@pytest.mark.check("agent.refuses-wrong-requests", level="mandatory")
def test_refuses_wrong_requests(guest: Guest) -> None:
    """The agent names what is wrong with a request, and survives halves, rubbish and excess."""
    assert guest.agent.life.send_wrong_requests() == ()
    assert guest.agent.boot_id() == guest.boot_id()


@pytest.mark.check("agent.returns-after-its-death", level="mandatory")
def test_returns_after_its_death(guest: Guest) -> None:
    """The host sees the agent's port close when it is killed, and open when it is back."""
    returned = guest.agent.life.kill()
    assert returned.port == ("closed", "open")
    assert returned.is_new, returned
    assert guest.agent.boot_id() == guest.boot_id()


@pytest.mark.needs("ext4")
@pytest.mark.check("agent.freezes-under-load", level="mandatory")
def test_freezes_under_load(guest: Guest, attach_disk: AttachDisk) -> None:
    """No write reaches the host's disk while file systems are frozen; after the thaw the load goes on."""
    disk = attach_disk(with_file_system("target", "ext4"))
    guest.durability.mount(disk, "/mnt")
    frozen = guest.agent.life.freeze_under_load(disk, "/mnt")
    assert frozen.was_busy, "the guest must write before the freeze"
    assert frozen.states == ("thawed", "frozen", "thawed")
    assert frozen.file_systems >= 2, "the root file system and the scratch disk's must be frozen"
    assert (frozen.writes_while_frozen, frozen.is_unchanged) == (0, True)
    assert frozen.refusal != "", "a frozen agent must refuse to open a file"
    assert frozen.writes_after_thaw > 0, "the load must go on after the thaw"
    assert frozen.complaints == ""


@pytest.mark.check("agent.suspends-the-guest", level="recommended")
def test_suspends_the_guest(guest: Guest) -> None:
    """The agent suspends the guest to memory; the host wakes it, and agent and console go on in one boot."""
    if not guest.agent.life.can_suspend():
        pytest.skip(f"device_absent_by_design: {guest.cell.platform.id} cannot be woken from a suspension")
    boot_id = guest.boot_id()
    suspension = guest.agent.life.suspend()
    assert (suspension.asleep, suspension.events) == ("suspended", ("SUSPEND", "WAKEUP"))
    assert guest.boot_id() == boot_id
    assert guest.agent.boot_id() == boot_id
