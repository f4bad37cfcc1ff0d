from __future__ import annotations

import hashlib
import shlex
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.systems.linux import commands, disks, firmware, kernel, network, pci
from fixtures.systems.linux.linux import parse_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
QUESTIONS = {
    kernel.WHAT: kernel.question(),
    **{m.WHAT: m.QUESTION for m in (disks, firmware, network, pci)},
}


def here(command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=30)


def test_only_a_card_that_did_not_notice_asks_again(tmp_path: Path) -> None:
    for card, driver in (("en0", "virtio_net"), ("en1", "e1000e"), ("en2", "e1000e")):
        (tmp_path / "drivers" / driver).mkdir(parents=True, exist_ok=True)
        (tmp_path / card / "device").mkdir(parents=True)
        (tmp_path / card / "device" / "driver").symlink_to(tmp_path / "drivers" / driver)
    routes, said = tmp_path / "route", tmp_path / "said"
    routes.write_text("Iface\tDestination\nen1\t0\nen1\t1\nen0\t2\n")
    ask = commands.ask_for_addresses(str(routes), str(tmp_path))
    assert here(f'ip() {{ echo "$@" >>{said}; }}; {ask}').returncode == 0
    assert said.read_text() == "link set en1 down\nlink set en1 up\n"
    assert here(f"ip() {{ false; }}; {ask}").returncode == 1


@given(st.lists(st.integers(0, 1 << 32).map(lambda sectors: sectors * 512), min_size=1, max_size=3))
def test_a_block_divides_everything_and_is_as_large_as_can_be(numbers: list[int]) -> None:
    block = commands.block_for(*numbers)
    assert 512 <= block <= MIB
    assert not any(number % block for number in numbers)
    assert block == MIB or any(number % (2 * block) for number in numbers)


@pytest.mark.parametrize("numbers", [(513,), (4096, 100), (-512,)])
def test_direct_io_needs_whole_sectors(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 512"):
        commands.block_for(*numbers)


def test_a_copy_past_the_cache() -> None:
    command = commands.copy("/dev/vda", "/dev/vdb", 8 * MIB, source_offset=MIB, target_offset=4096)
    assert shlex.split(command) == [
        "dd",
        "if=/dev/vda",
        "of=/dev/vdb",
        "bs=4096",
        "count=2048",
        "skip=256",
        "seek=1",
        "iflag=direct,fullblock",
        "oflag=direct",
        "conv=nocreat,notrunc,fsync",
        "status=none",
    ]


def cached(command: str) -> str:
    """The command without O_DIRECT, which a temporary directory's file system may not know."""
    return command.replace("iflag=direct,", "iflag=").replace("oflag=direct ", "")


def test_a_copy_changes_its_range_only(tmp_path: Path) -> None:
    source, target = tmp_path / "a disk", tmp_path / "another"
    source.write_bytes(bytes(512) + b"a" * 512 + b"b" * 512)
    target.write_bytes(b"-" * 2048)
    command = commands.copy(str(source), str(target), 1024, source_offset=512, target_offset=512)
    assert here(cached(command)).returncode == 0
    assert target.read_bytes() == b"-" * 512 + b"a" * 512 + b"b" * 512 + b"-" * 512


def test_a_copy_to_a_disk_that_is_gone_fails_and_makes_no_file(tmp_path: Path) -> None:
    target = tmp_path / "vdz"
    done = here(cached(commands.copy("/dev/zero", str(target), 512)))
    assert (done.returncode, b"vdz" in done.stderr) == (1, True)
    assert not target.exists()


def test_a_digest_fails_where_reading_fails_although_it_is_a_pipeline(tmp_path: Path) -> None:
    done = here(cached(commands.digest(str(tmp_path / "gone"), 512)))
    assert (done.returncode, b"gone" in done.stderr) == (1, True)


def test_a_digest_is_that_of_the_range(tmp_path: Path) -> None:
    disk = tmp_path / "it's a disk"
    disk.write_bytes(b"".join(bytes([number]) * 512 for number in range(5)))
    done = here(cached(commands.digest(str(disk), 1024, 512)))
    assert parse_digest(done.stdout.decode()) == (
        f"sha256:{hashlib.sha256(bytes([1]) * 512 + bytes([2]) * 512).hexdigest()}"
    )
    assert done.returncode == 0


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize(("sent", "asked", "status"), [(10_000, 10_000, 0), (10_000, 9_999, 0), (5, 10, 1)])
def test_receiving_takes_exactly_what_was_asked_for(
    server: socket.socket, tmp_path: Path, sent: int, asked: int, status: int
) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"x" * sent)

    target = tmp_path / "a file"
    thread = threading.Thread(target=serve)
    thread.start()
    done = here(commands.receive("127.0.0.1", server.getsockname()[1], asked, str(target)))
    thread.join()
    assert done.returncode == status, done
    assert target.stat().st_size == min(sent, asked)
    assert done.stdout == (b"received 5 of 10 bytes\n" if status else b"")


def test_sending_closes_the_connection(server: socket.socket, tmp_path: Path) -> None:
    received = bytearray()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while piece := connection.recv(65536):
                received.extend(piece)

    source = tmp_path / "it's"
    source.write_bytes(bytes(range(256)) * 100)
    thread = threading.Thread(target=serve)
    thread.start()
    done = here(commands.send("127.0.0.1", server.getsockname()[1], str(source)))
    thread.join()
    assert (done.returncode, bytes(received)) == (0, source.read_bytes())


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=[what.replace(" ", "-") for what in QUESTIONS])
def test_a_question_is_one_line_that_a_console_takes(question: str) -> None:
    # 4095 characters is the limit of a terminal in canonical mode (termios(3)).
    assert len(question) < 4000
    assert question.isprintable()
    assert "!" not in question
    command = shlex.split(question)
    assert command[:4] == ["env", "LC_ALL=C", "sh", "-c"]
    assert subprocess.run(["sh", "-n", "-c", command[4]], check=False).returncode == 0
