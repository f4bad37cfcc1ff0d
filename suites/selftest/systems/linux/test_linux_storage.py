"""Linux: transfers as they are typed, and how attempts end; both are tried on files of this host, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import AnswerNotUnderstood
from fixtures.systems.base.storage import Transfer
from fixtures.systems.linux import storage


def run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=20)


def test_a_transfer_is_one_command() -> None:
    assert storage.dd("/dev/a", "/dev/b", Transfer(512, 1024, 4096, 512)) == (
        "dd if=/dev/a of=/dev/b bs=512 skip=512 seek=1024 count=4096"
        " iflag=fullblock,skip_bytes,count_bytes,direct oflag=seek_bytes,direct"
        " conv=nocreat,notrunc status=none"
    )
    assert " oflag=seek_bytes,direct,dsync " in storage.dd("a", "b", Transfer(0, 0, 1, how="synchronous"))
    buffered = storage.dd("a", "b", Transfer(0, 0, 1, how="buffered"))
    assert "direct" not in buffered


@pytest.mark.parametrize("parallel", [False, True])
def test_transfers_put_everything_where_it_belongs(tmp_path: Path, parallel: bool) -> None:
    source, target = tmp_path / "a file", tmp_path / "b"
    data = bytes(at % 251 for at in range(10000))
    source.write_bytes(data)
    target.write_bytes(b"x" * 10000)
    work = [Transfer(1, 3, 1000, 7, "buffered"), Transfer(5001, 5001, 4999, 333, "buffered")]
    done = run(storage.copies(str(source), str(target), work, parallel=parallel))
    assert (done.returncode, done.stderr) == (0, "")
    expected = b"xxx" + data[1:1001] + b"x" * (5001 - 1003) + data[5001:]
    assert target.read_bytes() == expected


@pytest.mark.parametrize("parallel", [False, True])
def test_one_that_fails_is_heard(tmp_path: Path, parallel: bool) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    (tmp_path / "b").write_bytes(bytes(100))
    work = [Transfer(0, 0, 10, 1, "buffered")]
    missing = str(tmp_path / "missing")
    assert run(storage.copies(missing, str(tmp_path / "b"), work, parallel=parallel)).returncode != 0
    assert run(storage.copies(str(tmp_path / "a"), missing, work, parallel=parallel)).returncode != 0
    assert not Path(missing).exists()


@pytest.mark.parametrize(
    ("said", "ending"),
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
def test_how_an_attempt_ended(said: str, ending: str) -> None:
    assert storage.ending(CommandResult("dd", 1, said.encode(), 0.1)) == ending


def test_what_is_no_ending() -> None:
    assert storage.ending(CommandResult("dd", 0, b"", 0.1)) == "done"
    with pytest.raises(AnswerNotUnderstood, match="sh: dd: not found"):
        storage.ending(CommandResult("dd", 127, b"sh: dd: not found", 0.1))
