from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core import errors
from fixtures.systems.base.system import System
from fixtures.systems.linux import commands, disks, firmware, kernel, network, pci, services
from fixtures.systems.linux.linux import Linux, parse_digest
from fixtures.systems.registry import system_for
from suites.selftest.support.paths import SAMPLES

FILES = {
    pci.QUESTION: "pci.txt",
    disks.QUESTION: "disks.txt",
    network.QUESTION: "network.txt",
    kernel.question(): "kernel.txt",
    firmware.QUESTION: "firmware.txt",
    services.SYSTEM_STATE: "state.txt",
    services.FAILED_UNITS: "failed.txt",
    services.COMPLAINTS: "complaints.txt",
    commands.BOOT_ID: "boot-id.txt",
}


@dataclass
class Recorded:
    """Answers from a directory of samples, or with what a test has put in."""

    directory: Path
    status: int = 0
    more: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, float | None]] = field(default_factory=list)

    def run(self, command: str, within: float | None = None) -> CommandResult:
        self.asked.append((command, within))
        output = self.more.get(command)
        if output is None:
            output = (self.directory / FILES[command]).read_bytes() if command in FILES else b""
        return CommandResult(command, self.status, output, 0.1)


@pytest.fixture
def shell() -> Recorded:
    return Recorded(SAMPLES / "debian-12-q35")


def test_linux_is_a_system(shell: Recorded) -> None:
    system: System = system_for("linux")(shell)
    assert isinstance(system, Linux)


@pytest.fixture
def linux(shell: Recorded) -> Linux:
    return Linux(shell)


def test_every_question_is_one_command(linux: Linux, shell: Recorded) -> None:
    assert linux.kernel().image_is_running
    assert linux.firmware().secure_boot is True
    assert len(linux.pci_devices()) == 12
    assert linux.driver_of("0000:00:03.0") == "virtio_net"
    assert [disk.serial for disk in linux.block_devices()] == ["ROOT-VIRTIO", "IG-src", "IG-dst"]
    assert linux.disk_by_serial("IG-dst").path == "/dev/vdc"
    assert linux.network_interfaces()[0].ipv4 == ("10.0.2.15",)
    assert linux.boot_id() == "47dfd7c5-b7b2-4763-8e98-911c0ef46a41"
    assert linux.state() == "running"
    assert linux.failed_units() == ()
    assert len(linux.complaints()) == 4
    assert len(shell.asked) == 11


def test_a_state_is_an_answer_although_its_status_is_not_zero() -> None:
    assert Linux(Recorded(SAMPLES / "debian-12-q35-broken", status=1)).state(within=60.0) == "degraded"


def test_a_command_that_fails_is_no_answer(linux: Linux, shell: Recorded) -> None:
    shell.status = 1
    with pytest.raises(errors.CommandFailed):
        linux.pci_devices()


def test_a_disk_that_is_not_there_is_named_with_those_that_are(linux: Linux) -> None:
    with pytest.raises(errors.GuestFault) as caught:
        linux.disk_by_serial("IG-lost")
    assert "no disk with serial 'IG-lost'" in str(caught.value)
    assert "vda (virtio, 2147483648 bytes, serial 'ROOT-VIRTIO')" in str(caught.value)


def test_two_disks_with_one_serial_number_are_a_fault(linux: Linux, shell: Recorded) -> None:
    answer = (SAMPLES / "debian-12-q35" / "disks.txt").read_bytes()
    shell.more[disks.QUESTION] = answer.replace(b"IG-src", b"IG-dst")
    with pytest.raises(errors.GuestFault, match="2 disks with serial 'IG-dst'"):
        linux.disk_by_serial("IG-dst")


def test_a_function_that_is_not_there_is_a_fault(linux: Linux, shell: Recorded) -> None:
    with pytest.raises(
        errors.GuestFault, match=r"no PCI function at 0000:00:1e\.0; the guest sees 0000:00:00\.0"
    ):
        linux.driver_of("0000:00:1e.0")
    shell.more[pci.QUESTION] = b"end|0\n"
    with pytest.raises(errors.GuestFault, match="none at all"):
        linux.driver_of("0000:00:1e.0")


def test_a_boot_id_that_is_none(linux: Linux, shell: Recorded) -> None:
    shell.more[commands.BOOT_ID] = b"not an id\n"
    with pytest.raises(errors.AnswerNotUnderstood, match="'not an id'"):
        linux.boot_id()


def test_digests(linux: Linux, shell: Recorded) -> None:
    shell.more[commands.digest("/dev/vda", 512)] = (SAMPLES / "debian-12-pc" / "digest.txt").read_bytes()
    expected = "sha256:30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"
    assert linux.digest("/dev/vda", 512, within=20.0) == expected
    shell.more[commands.file_digest("/x y")] = (SAMPLES / "debian-12-q35" / "file-digest.txt").read_bytes()
    assert linux.file_digest("/x y").startswith("sha256:7484b665")
    assert shell.asked[0] == (commands.digest("/dev/vda", 512), 20.0)


def test_a_digest_among_complaints_is_not_understood() -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="failed to open '/dev/vdz'"):
        parse_digest((SAMPLES / "debian-12-pc" / "digest-missing.txt").read_text())


def test_what_is_done_is_typed_with_its_budget(linux: Linux, shell: Recorded) -> None:
    linux.copy("/dev/vda", "/dev/vdb", 4096, target_offset=512, within=9.0)
    linux.drop_buffers("/dev/vdb")
    linux.sync()
    linux.receive("10.0.2.2", 99, 5, "/tmp/x")
    linux.send("10.0.2.2", 99, "/tmp/x", within=2.0)
    assert shell.asked == [
        (commands.copy("/dev/vda", "/dev/vdb", 4096, target_offset=512), 9.0),
        ("blockdev --flushbufs /dev/vdb", None),
        ("sync", None),
        (commands.receive("10.0.2.2", 99, 5, "/tmp/x"), None),
        (commands.send("10.0.2.2", 99, "/tmp/x"), 2.0),
    ]


def test_what_is_done_and_fails_is_raised(linux: Linux, shell: Recorded) -> None:
    shell.status = 1
    with pytest.raises(errors.CommandFailed, match="status 1"):
        linux.sync()
