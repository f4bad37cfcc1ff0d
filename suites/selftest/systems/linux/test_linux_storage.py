"""Linux's transfers, run by the shell of this host on files, and the outcomes of attempts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import AnswerNotUnderstood
from fixtures.systems.base.storage import Transfer
from fixtures.systems.linux.storage import LinuxStorage, dd


def run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=20)


def test_a_transfer_is_one_command() -> None:
    assert dd("/dev/a", "/dev/b", Transfer(512, 1024, 4096, 512)) == (
        "dd if=/dev/a of=/dev/b bs=512 skip=512 seek=1024 count=4096"
        " iflag=fullblock,skip_bytes,count_bytes,direct oflag=seek_bytes,direct"
        " conv=nocreat,notrunc status=none"
    )
    assert " oflag=seek_bytes,direct,dsync " in dd("a", "b", Transfer(0, 0, 1, mode="synchronous"))
    buffered = dd("a", "b", Transfer(0, 0, 1, mode="buffered"))
    assert "direct" not in buffered


@pytest.mark.parametrize("parallel", [False, True])
def test_transfers_write_their_ranges_only(tmp_path: Path, parallel: bool) -> None:
    source, target = tmp_path / "a file", tmp_path / "b"
    data = bytes(at % 251 for at in range(10000))
    source.write_bytes(data)
    target.write_bytes(b"x" * 10000)
    work = [Transfer(1, 3, 1000, 7, "buffered"), Transfer(5001, 5001, 4999, 333, "buffered")]
    done = run(LinuxStorage.transfer_command(str(source), str(target), work, parallel=parallel))
    assert (done.returncode, done.stderr) == (0, "")
    expected = b"xxx" + data[1:1001] + b"x" * (5001 - 1003) + data[5001:]
    assert target.read_bytes() == expected


@pytest.mark.parametrize("parallel", [False, True])
def test_a_failed_transfer_fails_the_command(tmp_path: Path, parallel: bool) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    (tmp_path / "b").write_bytes(bytes(100))
    work = [Transfer(0, 0, 10, 1, "buffered")]
    missing = str(tmp_path / "missing")
    assert (
        run(LinuxStorage.transfer_command(missing, str(tmp_path / "b"), work, parallel=parallel)).returncode
        != 0
    )
    assert (
        run(LinuxStorage.transfer_command(str(tmp_path / "a"), missing, work, parallel=parallel)).returncode
        != 0
    )
    assert not Path(missing).exists()


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("dd: error reading '/dev/vdb': Input/output error", "I/O error"),
        ("sync: error syncing '/dev/vdb': Input/output error", "I/O error"),
        ("dd: error writing '/dev/vdb': No space left on device", "no space"),
        ("dd: failed to open '/dev/vdb': Read-only file system", "refused"),
        ("dd: error writing '/dev/vdb': Operation not permitted", "refused"),
        ("dd: /dev/vdc: cannot seek: Invalid argument", "refused"),
        ("blkdiscard: /dev/sda: BLKDISCARD ioctl failed: Operation not supported", "not supported"),
    ],
)
def test_error_messages_have_outcomes(message: str, outcome: str) -> None:
    assert LinuxStorage.outcome(CommandResult("dd", 1, message.encode(), 0.1)) == outcome


def test_an_unknown_error_message_raises() -> None:
    assert LinuxStorage.outcome(CommandResult("dd", 0, b"", 0.1)) == "done"
    with pytest.raises(AnswerNotUnderstood, match="sh: dd: not found"):
        LinuxStorage.outcome(CommandResult("dd", 127, b"sh: dd: not found", 0.1))
