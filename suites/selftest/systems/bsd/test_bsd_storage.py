"""FreeBSD's commands for disks, run by the shell and the dd of this host, which take the same arguments."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import AnswerNotUnderstood, CommandFailed
from fixtures.systems.base.storage import Transfer
from fixtures.systems.bsd.devices import pci_selector
from fixtures.systems.bsd.storage import FreeBsdStorage

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.systems.base.storage import TransferMode

# Programs of FreeBSD that this host may lack: fsync(1), and diskinfo(8) for the sector size of a disk.
_TOOLS = """
fsync() { sync "$1"; }
diskinfo() { printf '%s\\t%s\\t...\\n' "$1" SECTOR; }
"""


class HostShell:
    """Runs FreeBSD's commands in the shell of this host."""

    def __init__(self, sector: int = 512) -> None:
        self.tools = _TOOLS.replace("SECTOR", str(sector))

    def run(self, command: str, within: float | None = None) -> CommandResult:
        done = subprocess.run(self.tools + command, shell=True, capture_output=True, check=False, timeout=30)
        return CommandResult(command, done.returncode, done.stdout + done.stderr, 0.0)


def disks(directory: Path) -> tuple[Path, Path, bytes]:
    """A source of noise, an empty target, and the noise."""
    noise = bytes((number * 31 + number // 512) % 251 for number in range(256 * 512))
    source, target = directory / "da0", directory / "da1"
    source.write_bytes(noise)
    target.write_bytes(bytes(len(noise)))
    return source, target, noise


SHAPES = [
    (0, 0, 1, 512, "direct"),
    (63, 63, 9, 4608, "direct"),
    (101, 7, 99, 1536, "synchronous"),
    (31, 131, 100, 65536, "direct"),
    (33, 17, 77, 777, "buffered"),
    (8, 8, 64, 65537, "buffered"),
]


@pytest.mark.parametrize("sector", [512, 4096])
@pytest.mark.parametrize(("first", "to", "count", "block", "mode"), SHAPES)
def test_a_transfer_writes_its_range_only(
    tmp_path: Path, sector: int, first: int, to: int, count: int, block: int, mode: TransferMode
) -> None:
    source, target, noise = disks(tmp_path)
    work = Transfer(first * 512, to * 512, count * 512, block, mode)
    FreeBsdStorage(HostShell(sector)).transfer(str(source), str(target), [work], parallel=False, within=5.0)
    expected = bytearray(len(noise))
    expected[to * 512 : (to + count) * 512] = noise[first * 512 : (first + count) * 512]
    assert target.read_bytes() == bytes(expected)


def test_parallel_transfers_and_transfers_to_each(tmp_path: Path) -> None:
    source, target, noise = disks(tmp_path)
    storage = FreeBsdStorage(HostShell())
    jobs = [Transfer(job * 8192, job * 8192, 8192, 1024 * (job % 4 + 1)) for job in range(8)]
    storage.transfer(str(source), str(target), jobs, parallel=True, within=5.0)
    assert target.read_bytes()[: 8 * 8192] == noise[: 8 * 8192]
    storage.transfer_to_each(str(source), [(str(target), Transfer(512, 0, 512))], within=5.0)
    assert target.read_bytes()[:512] == noise[512:1024]


@pytest.mark.parametrize("parallel", [False, True])
def test_a_failed_transfer_raises(tmp_path: Path, parallel: bool) -> None:
    source, target, _ = disks(tmp_path)
    target.unlink()
    works = [Transfer(0, 0, 512), Transfer(512, 512, 512)]
    with pytest.raises(CommandFailed):
        FreeBsdStorage(HostShell()).transfer(str(source), str(target), works, parallel=parallel, within=5.0)
    assert not target.exists()


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("dd: stdout: Input/output error", "I/O error"),
        ("dd: stdin: Device not configured", "I/O error"),
        ("dd: /dev/da1: end of device", "no space"),
        ("cannot create /dev/da1: Operation not permitted", "refused"),
        ("dd: stdout: Invalid argument", "refused"),
        ("trim: TRIM /dev/da1: Operation not supported", "not supported"),
    ],
)
def test_error_messages_have_outcomes(message: str, outcome: str) -> None:
    assert FreeBsdStorage.outcome(CommandResult("x", 1, message.encode(), 0.0)) == outcome
    assert FreeBsdStorage.outcome(CommandResult("x", 0, b"", 0.0)) == "done"


def test_an_unknown_error_message_raises() -> None:
    with pytest.raises(AnswerNotUnderstood, match="one of the errors that disks give"):
        FreeBsdStorage.outcome(CommandResult("x", 127, b"sh: dd: not found", 0.0))


def test_reading_a_range(tmp_path: Path) -> None:
    source, _, _ = disks(tmp_path)
    assert HostShell().run(FreeBsdStorage.read_attempt_command(str(source), 512, 5000 * 16, 4096)).status == 0
    assert (
        HostShell().run(FreeBsdStorage.read_attempt_command(str(tmp_path / "none"), 512, 512, 512)).status
        != 0
    )


def test_pci_addresses_in_the_format_of_pciconf() -> None:
    assert pci_selector("0000:00:1f.2") == "pci0:0:31:2"
    with pytest.raises(ValueError, match="expected domain:bus"):
        pci_selector("em0")
