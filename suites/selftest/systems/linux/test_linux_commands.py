"""Linux's commands, run by the shell of this host on files, and the form of its queries."""

from __future__ import annotations

import hashlib
import shlex
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.systems.base.answers import parse_sha256
from fixtures.systems.base.storage import block_for
from fixtures.systems.linux import commands, dhcp_clients, disks, firmware, kernel, network, pci

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
QUERIES = {
    kernel.SUBJECT: kernel.query(),
    **{module.SUBJECT: module.QUERY for module in (disks, firmware, network, pci)},
}


def run_on_host(command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=30)


def test_only_an_e1000e_card_requests_its_address_again(tmp_path: Path) -> None:
    for card, driver in (("en0", "virtio_net"), ("en1", "e1000e"), ("en2", "e1000e")):
        (tmp_path / "drivers" / driver).mkdir(parents=True, exist_ok=True)
        (tmp_path / card / "device").mkdir(parents=True)
        (tmp_path / card / "device" / "driver").symlink_to(tmp_path / "drivers" / driver)
    routes, ip_log = tmp_path / "route", tmp_path / "ip-log"
    routes.write_text("Iface\tDestination\nen1\t0\nen1\t1\nen0\t2\n")
    renew = commands.renew_addresses(str(routes), str(tmp_path))
    assert run_on_host(f'ip() {{ echo "$@" >>{ip_log}; }}; {renew}').returncode == 0
    assert ip_log.read_text() == "link set en1 down\nlink set en1 up\n"
    assert run_on_host(f"ip() {{ false; }}; {renew}").returncode == 1


def test_dhcp_clients_that_do_not_watch_the_link_ask_for_their_lease_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    client = tmp_path / "dhclient"
    client.write_text(f'#!/bin/sh\nset -f; echo "$@" >>{log}\n')
    client.chmod(0o755)
    managed = tmp_path / "of NetworkManager"
    processes = {
        "11": ("dhclient", (str(client), "-4", "-lf", "a b", "en0")),
        "12": ("dhclient", (str(client), "-cf", str(managed), "en1")),
        "13": ("udhcpc", ("udhcpc", "-i", "en2")),
        "14": ("dhcpcd", ("dhcpcd", "en3")),
    }
    for number, (name, arguments) in processes.items():
        process = tmp_path / number
        process.mkdir()
        (process / "comm").write_text(f"{name}\n")
        (process / "cmdline").write_text("".join(f"{argument}\0" for argument in arguments))
    renew = dhcp_clients.renew_leases(str(tmp_path))
    assert run_on_host(f'kill() {{ echo "$@" >{log}.signal; }}; {renew}; exit $?').returncode == 0
    assert Path(f"{log}.signal").read_text() == "-USR1 13\n"
    # The command does not wait for the client.
    assert run_on_host(f"while [ $(wc -l <{log}) -lt 2 ]; do sleep 0.1; done").returncode == 0
    assert log.read_text() == "-x -4 -lf a b en0\n-4 -lf a b en0\n"


@given(st.lists(st.integers(0, 1 << 32).map(lambda sectors: sectors * 512), min_size=1, max_size=3))
def test_the_block_size_is_the_largest_that_divides_all_numbers(numbers: list[int]) -> None:
    block = block_for(*numbers)
    assert 512 <= block <= MIB
    assert not any(number % block for number in numbers)
    assert block == MIB or any(number % (2 * block) for number in numbers)


@pytest.mark.parametrize("numbers", [(513,), (4096, 100), (-512,)])
def test_direct_io_needs_whole_sectors(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 512"):
        block_for(*numbers)


def test_a_copy_bypasses_the_page_cache() -> None:
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


def without_direct_io(command: str) -> str:
    """The command without O_DIRECT, which the file system of a temporary directory may not support."""
    return command.replace("iflag=direct,", "iflag=").replace("oflag=direct ", "")


def test_a_copy_changes_its_range_only(tmp_path: Path) -> None:
    source, target = tmp_path / "a disk", tmp_path / "another"
    source.write_bytes(bytes(512) + b"a" * 512 + b"b" * 512)
    target.write_bytes(b"-" * 2048)
    command = commands.copy(str(source), str(target), 1024, source_offset=512, target_offset=512)
    assert run_on_host(without_direct_io(command)).returncode == 0
    assert target.read_bytes() == b"-" * 512 + b"a" * 512 + b"b" * 512 + b"-" * 512


def test_a_copy_to_a_missing_disk_fails_and_creates_no_file(tmp_path: Path) -> None:
    target = tmp_path / "vdz"
    done = run_on_host(without_direct_io(commands.copy("/dev/zero", str(target), 512)))
    assert (done.returncode, b"vdz" in done.stderr) == (1, True)
    assert not target.exists()


def test_a_digest_fails_where_reading_fails_despite_the_pipeline(tmp_path: Path) -> None:
    done = run_on_host(without_direct_io(commands.digest(str(tmp_path / "gone"), 512)))
    assert (done.returncode, b"gone" in done.stderr) == (1, True)


def test_a_digest_covers_the_range_only(tmp_path: Path) -> None:
    disk = tmp_path / "it's a disk"
    disk.write_bytes(b"".join(bytes([number]) * 512 for number in range(5)))
    done = run_on_host(without_direct_io(commands.digest(str(disk), 1024, 512)))
    assert parse_sha256(done.stdout.decode()) == (
        f"sha256:{hashlib.sha256(bytes([1]) * 512 + bytes([2]) * 512).hexdigest()}"
    )
    assert done.returncode == 0


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize(
    ("sent", "requested", "status"), [(10_000, 10_000, 0), (10_000, 9_999, 0), (5, 10, 1)]
)
def test_receive_takes_exactly_the_requested_bytes(
    server: socket.socket, tmp_path: Path, sent: int, requested: int, status: int
) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"x" * sent)

    target = tmp_path / "a file"
    thread = threading.Thread(target=serve)
    thread.start()
    done = run_on_host(commands.receive("127.0.0.1", server.getsockname()[1], requested, str(target)))
    thread.join()
    assert done.returncode == status, done
    assert target.stat().st_size == min(sent, requested)
    assert done.stdout == (b"received 5 of 10 bytes\n" if status else b"")


def test_send_closes_the_connection(server: socket.socket, tmp_path: Path) -> None:
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
    done = run_on_host(commands.send("127.0.0.1", server.getsockname()[1], str(source)))
    thread.join()
    assert (done.returncode, bytes(received)) == (0, source.read_bytes())


@pytest.mark.parametrize("query", QUERIES.values(), ids=[subject.replace(" ", "-") for subject in QUERIES])
def test_a_query_is_one_line_that_a_console_accepts(query: str) -> None:
    # 4095 characters is the limit of a terminal in canonical mode (termios(3)).
    assert len(query) < 4000
    assert query.isprintable()
    assert "!" not in query
    command = shlex.split(query)
    assert command[:4] == ["env", "LC_ALL=C", "sh", "-c"]
    assert subprocess.run(["sh", "-n", "-c", command[4]], check=False).returncode == 0
