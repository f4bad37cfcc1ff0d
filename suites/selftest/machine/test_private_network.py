"""The network namespace of one QEMU: its ports are none of the host's, and it ends with the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.deadline import Deadline
from fixtures.core.errors import HostFault
from fixtures.core.invariants import required
from fixtures.machine.private_network import PrivateNetwork
from fixtures.machine.user_network import SSH_FORWARD_PORT
from suites.selftest.support import machine_sample
from suites.selftest.support.described_instance import described_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

# A program in place of QEMU: it listens, says so, and sends one line to each client.
SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 2222))
print("ready", flush=True)
connection, _ = server.accept()
connection.sendall(b"hello from the namespace")
connection.close()
"""


@pytest.fixture
def network() -> Iterator[PrivateNetwork]:
    network = PrivateNetwork()
    yield network
    network.close()


def start(network: PrivateNetwork, code: str) -> subprocess.Popen[bytes]:
    command = network.wrap([sys.executable, "-c", code])
    process = subprocess.Popen(command, pass_fds=(network.descriptor,), stdout=subprocess.PIPE)
    network.close_child_end()
    return process


def test_a_port_in_the_namespace_is_none_of_the_hosts(network: PrivateNetwork) -> None:
    with start(network, SERVER) as process, ExitStack() as stack:
        assert process.stdout is not None, "expected the output of the program"
        assert process.stdout.readline() == b"ready\n"
        outside = stack.enter_context(socket.socket())
        with pytest.raises(ConnectionRefusedError):
            outside.connect(("127.0.0.1", 2222))
        inside = stack.enter_context(network.new_socket())
        inside.connect(("127.0.0.1", 2222))
        assert inside.recv(100) == b"hello from the namespace"


def test_two_machines_have_the_same_port_each(network: PrivateNetwork) -> None:
    other = PrivateNetwork()
    with start(network, SERVER) as one, start(other, SERVER) as two:
        for process, owner in ((one, network), (two, other)):
            assert process.stdout is not None, "expected the output of the program"
            assert process.stdout.readline() == b"ready\n"
            with owner.new_socket() as connection:
                connection.connect(("127.0.0.1", 2222))
                assert connection.recv(100) == b"hello from the namespace"
    other.close()


def test_the_command_keeps_its_process_id_and_no_descriptor_of_ours(network: PrivateNetwork) -> None:
    code = "import os; print(os.getpid(), sorted(map(int, os.listdir('/proc/self/fd')))[:3], len(os.listdir('/proc/self/fd')))"
    with start(network, code) as process:
        assert process.stdout is not None, "expected the output of the program"
        pid, rest = process.stdout.readline().decode().split(" ", 1)
        # The three standard streams, and the one that lists the directory.
        assert (int(pid), rest) == (process.pid, "[0, 1, 2] 4\n")


def test_a_namespace_that_does_not_come_up_is_a_fault_of_the_host(network: PrivateNetwork) -> None:
    network.close_child_end()
    with pytest.raises(HostFault, match="no socket in the network namespace of QEMU"):
        network.new_socket()


def test_qemu_forwards_to_its_guest_in_a_namespace_of_its_own(tmp_path: Path) -> None:
    """The guest has no network at all, so that QEMU takes the connection and cannot pass it on."""
    with described_instance(
        tmp_path,
        machine_sample.printing_code("tick ", for_ever=True),
        {"console": "ssh"},
        devices={"disk": "ide-hd", "nic": "e1000"},
    ) as instance:
        machine = instance.machine
        machine.start()
        machine.power_on()
        assert instance.console.wait_for([b"tick"], Deadline.after(60.0)) == 0
        network = required(machine.private_network, "the network namespace of a machine with SSH")
        with network.new_socket() as connection, socket.socket() as outside:
            connection.connect(("127.0.0.1", SSH_FORWARD_PORT))
            with pytest.raises(ConnectionRefusedError):
                outside.connect(("127.0.0.1", SSH_FORWARD_PORT))
        forwards = machine.execute("human-monitor-command", {"command-line": "info usernet"})
        assert any("HOST_FORWARD" in line and " 22 " in f"{line} " for line in forwards.splitlines()), (
            forwards
        )


def test_a_machine_that_ends_leaves_no_process_in_its_namespace(tmp_path: Path) -> None:
    with described_instance(
        tmp_path, machine_sample.HANG, {"console": "ssh"}, devices={"disk": "ide-hd", "nic": "e1000"}
    ) as instance:
        instance.machine.start()
        session = os.getsid(required(instance.machine.pid, "QEMU's process"))
        network = required(instance.machine.private_network, "the network namespace of a machine with SSH")
        network.new_socket().close()
        namespace = Path(f"/proc/{instance.machine.pid}/ns/net").readlink()
        assert namespace in namespaces()
        assert session == instance.machine.pid
    deadline = Deadline.after(30.0)
    while namespace in namespaces():
        assert not deadline.expired, "a process still lives in the namespace of a machine that has ended"


def namespaces() -> set[Path]:
    """The network namespaces of all processes that this user may look at."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.add((process / "ns" / "net").readlink())
    return found
