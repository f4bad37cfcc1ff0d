"""The class Linux: each verb is one command, and the recorded answers of Debian 12 are parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core import errors
from fixtures.systems.base.answers import parse_sha256
from fixtures.systems.base.system import System
from fixtures.systems.linux import commands, disks, firmware, kernel, network, pci, services
from fixtures.systems.linux.system import Linux
from fixtures.systems.registry import system_for
from suites.selftest.support.paths import SAMPLES

FILES = {
    pci.QUERY: "pci.txt",
    disks.QUERY: "disks.txt",
    network.QUERY: "network.txt",
    kernel.query(): "kernel.txt",
    firmware.QUERY: "firmware.txt",
    services.SYSTEM_STATE: "state.txt",
    services.FAILED_UNITS: "failed.txt",
    services.LOG_ERRORS: "complaints.txt",
    commands.BOOT_ID: "boot-id.txt",
}


@dataclass
class SampleShell:
    """A shell that answers from a directory of samples, or with the answers that a test adds."""

    directory: Path
    status: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    commands: list[tuple[str, float | None]] = field(default_factory=list)

    def run(self, command: str, within: float | None = None) -> CommandResult:
        self.commands.append((command, within))
        output = self.answers.get(command)
        if output is None:
            output = (self.directory / FILES[command]).read_bytes() if command in FILES else b""
        return CommandResult(command, self.status, output, 0.1)


@pytest.fixture
def shell() -> SampleShell:
    return SampleShell(SAMPLES / "debian-12-q35")


def test_linux_is_a_system(shell: SampleShell) -> None:
    system: System = system_for("linux")(shell)
    assert isinstance(system, Linux)


@pytest.fixture
def linux(shell: SampleShell) -> Linux:
    return Linux(shell)


def test_the_package_of_a_copied_kernel_is_that_of_its_original(shell: SampleShell) -> None:
    rows = (SAMPLES / "debian-12-q35" / "kernel.txt").read_text().splitlines()[:9]
    original = b"package|linux-binary-7.2\nvendor_digest|0d8adc540aa4bb8269e5b9d5eb93c188\nend|2\n"
    shell.answers = {
        kernel.query(): "\n".join([*rows, "end|9"]).encode(),
        kernel.ORIGINAL_QUERY: original,
    }
    assert Linux(shell).kernel().package == "linux-binary-7.2"
    without_dpkg = Linux(shell, lacks=frozenset({"packages"}))
    assert without_dpkg.kernel().package == ""


def test_every_verb_is_one_command(linux: Linux, shell: SampleShell) -> None:
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
    assert len(linux.log_errors()) == 4
    assert len(shell.commands) == 11


def test_a_state_other_than_running_is_an_answer_despite_its_exit_status() -> None:
    assert Linux(SampleShell(SAMPLES / "debian-12-q35-broken", status=1)).state(within=60.0) == "degraded"


def test_a_failed_command_raises(linux: Linux, shell: SampleShell) -> None:
    shell.status = 1
    with pytest.raises(errors.CommandFailed):
        linux.pci_devices()


def test_a_missing_disk_is_reported_with_the_disks_that_exist(linux: Linux) -> None:
    with pytest.raises(errors.GuestFault) as caught:
        linux.disk_by_serial("IG-lost")
    assert "no disk with serial 'IG-lost'" in str(caught.value)
    assert "vda (virtio, 2147483648 bytes, serial 'ROOT-VIRTIO')" in str(caught.value)


def test_two_disks_with_one_serial_number_raise(linux: Linux, shell: SampleShell) -> None:
    answer = (SAMPLES / "debian-12-q35" / "disks.txt").read_bytes()
    shell.answers[disks.QUERY] = answer.replace(b"IG-src", b"IG-dst")
    with pytest.raises(errors.GuestFault, match="2 disks with serial 'IG-dst'"):
        linux.disk_by_serial("IG-dst")


def test_a_missing_pci_function_raises(linux: Linux, shell: SampleShell) -> None:
    with pytest.raises(
        errors.GuestFault, match=r"no PCI function at 0000:00:1e\.0; the guest sees 0000:00:00\.0"
    ):
        linux.driver_of("0000:00:1e.0")
    shell.answers[pci.QUERY] = b"end|0\n"
    with pytest.raises(errors.GuestFault, match="none at all"):
        linux.driver_of("0000:00:1e.0")


def test_an_invalid_boot_id_raises(linux: Linux, shell: SampleShell) -> None:
    shell.answers[commands.BOOT_ID] = b"not an id\n"
    with pytest.raises(errors.AnswerNotUnderstood, match="'not an id'"):
        linux.boot_id()


def test_digests(linux: Linux, shell: SampleShell) -> None:
    shell.answers[commands.digest("/dev/vda", 512)] = (SAMPLES / "debian-12-pc" / "digest.txt").read_bytes()
    expected = "sha256:30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"
    assert linux.digest("/dev/vda", 512, within=20.0) == expected
    shell.answers[commands.file_digest("/x y")] = (SAMPLES / "debian-12-q35" / "file-digest.txt").read_bytes()
    assert linux.file_digest("/x y").startswith("sha256:7484b665")
    assert shell.commands[0] == (commands.digest("/dev/vda", 512), 20.0)


def test_an_error_message_is_not_a_digest() -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="failed to open '/dev/vdz'"):
        parse_sha256((SAMPLES / "debian-12-pc" / "digest-missing.txt").read_text())


def test_commands_run_with_their_timeouts(linux: Linux, shell: SampleShell) -> None:
    linux.copy("/dev/vda", "/dev/vdb", 4096, target_offset=512, within=9.0)
    linux.receive("10.0.2.2", 99, 5, "/tmp/x")
    linux.send("10.0.2.2", 99, "/tmp/x", within=2.0)
    assert shell.commands == [
        (commands.copy("/dev/vda", "/dev/vdb", 4096, target_offset=512), 9.0),
        (commands.receive("10.0.2.2", 99, 5, "/tmp/x"), None),
        (commands.send("10.0.2.2", 99, "/tmp/x"), 2.0),
    ]


def test_a_failed_copy_raises(linux: Linux, shell: SampleShell) -> None:
    shell.status = 1
    with pytest.raises(errors.CommandFailed, match="status 1"):
        linux.copy("/dev/vda", "/dev/vdb", 4096)


ROUTES = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "enp0s2\t00000000\t0202000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0\n"
)


def test_a_card_is_online_once_it_has_an_address_and_a_route(linux: Linux, shell: SampleShell) -> None:
    """systemd-networkd adds the route after the address; between them nothing can be sent."""
    (name,) = (card.name for card in linux.network_cards())
    shell.answers[network.ROUTES] = ROUTES.replace("enp0s2", name).encode()
    assert linux.is_online()
    shell.answers[network.ROUTES] = ROUTES.splitlines()[0].encode()
    assert not linux.is_online()
    shell.answers[network.ROUTES] = b""
    with pytest.raises(errors.AnswerNotUnderstood, match="IPv4 routes"):
        linux.is_online()
