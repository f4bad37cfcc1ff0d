"""The host's own Linux stack as the guest at the end of a wire: a shell in a network namespace with a tap.

So the verbs and the checks of a wire are tested in seconds, on a real stack and without QEMU. A card's filters
and offloads, hot-plug and VLANs need a guest.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.deadline import Deadline
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.wires.wire import Wire
from fixtures.host.tools import require_tool
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.operations.peer_cards import PeerCard
from fixtures.lab.services.peer import Peer
from fixtures.machine import peer_network
from fixtures.machine.peer_network import PeerAddresses, PeerNetwork, open_peer_network
from fixtures.machine.user_network import extra_card_network
from fixtures.systems.base.answers import NetworkInterface
from fixtures.systems.linux.system import Linux

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fixtures.guest.context import GuestContext
    from fixtures.lab.instance.guest_instance import GuestInstance

_INTERFACE = "tap0"
# Runs the program that makes the tap, and then the commands on standard input. Their files are in directories of
# the namespace's own: other tests use the same names at the same time.
_SHELL = (
    'mount -t sysfs sysfs /sys; "$@" || exit;'
    " mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/tmp && exec sh"
)


class NamespaceShell:
    """A shell in a new network namespace; ``network`` has its tap and sockets."""

    def __init__(self, addresses: PeerAddresses) -> None:
        unshare = [str(require_tool("unshare")), "--net", "--mount"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
        receiver, sender = socket.socketpair()
        with receiver, sender:
            program = [sys.executable, "-I", str(peer_network.PROGRAM), str(sender.fileno())]
            arguments = [addresses.ipv4, addresses.ipv6, addresses.mac, "1500"]
            self._process = subprocess.Popen(
                [*unshare, "sh", "-c", _SHELL, "sh", *program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[sender.fileno()],
            )
            sender.close()
            _, descriptors, *_ = socket.recv_fds(receiver, 1, 5)
        tap, *services = descriptors
        self.network = PeerNetwork(tap, *(socket.socket(fileno=descriptor) for descriptor in services))

    def run(self, command: str, within: float | None = None) -> CommandResult:
        """Run a command; see :class:`fixtures.channels.shells.shell.Shell`."""
        assert self._process.stdin is not None, "expected the input of the shell"
        assert self._process.stdout is not None, "expected the output of the shell"
        mark = secrets.token_hex(8)
        self._process.stdin.write(f"( {command}\n) </dev/null 2>&1; echo; echo {mark} $?\n".encode())
        self._process.stdin.flush()
        lines: list[bytes] = []
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"the shell ended: {b''.join(lines)!r}")
            if line.startswith(mark.encode()):
                break
            lines.append(line)
        # The line break before the mark is ours.
        return CommandResult(command, int(line.split()[1]), b"".join(lines)[:-1], 0.0)

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.communicate()


class NamespaceMachine:
    """What the verbs of a wire use of a machine."""

    name = "namespace"

    def __init__(self) -> None:
        self.wakeup = self
        self.health = self
        self._change = threading.Event()

    def notify(self) -> None:
        """See :class:`fixtures.machine.wakeup.Wakeup`."""
        self._change.set()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline of the host's clock."""
        return Deadline.after(seconds)

    def wait_for(
        self, read: Callable[[], Any], deadline: Deadline, timeout_error: Callable[[], Exception]
    ) -> Any:
        """See :class:`fixtures.machine.health.Health`."""
        while (value := read()) is None:
            if deadline.expired:
                raise timeout_error()
            self.await_change()
        return value

    def poll_until(self, read: Callable[[], Any], is_good: Callable[[Any], bool], deadline: Deadline) -> Any:
        """See :class:`fixtures.machine.health.Health`."""
        while not is_good(value := read()) and not deadline.expired:
            self.await_change()
        return value

    def await_change(self) -> None:
        """Let the thread of the peer run, which a loop that only reads would starve of the interpreter."""
        self._change.wait(0.005)
        self._change.clear()


@dataclass
class NamespaceInstance:
    """What the verbs of a wire use of an instance."""

    shell: NamespaceShell
    machine: NamespaceMachine

    def poll_until(self, read: Callable[[], Any], is_done: Callable[[Any], bool], seconds: float) -> Any:
        """See :class:`fixtures.lab.instance.guest_instance.GuestInstance`."""
        return self.machine.poll_until(read, is_done, self.machine.deadline(seconds))


@dataclass
class NamespaceContext:
    """What the verbs of a wire use of a guest's context. A change in the guest is there at once."""

    proxy: RecordingProxy
    cell: Any

    @property
    def system(self) -> Linux:
        """The system that answers in the namespace."""
        return Linux(self.proxy)

    def require_writable(self, operation: str) -> None:
        """Every change is permitted: no other check shares the guest."""

    def wait_until(self, description: str, condition: Callable[[Any], bool]) -> None:
        """The shell's answer says that the change has happened."""


class NamespaceWire(Wire):
    """A wire to the tap of a namespace, which has no PCI address and no driver to unbind."""

    def reset(self) -> None:
        """Take the tap down and up."""
        self._system.cards.set_hardware_address(_INTERFACE, self.hardware_address)

    def interface(self) -> NetworkInterface:
        """The tap."""
        interfaces = self._system.network_interfaces()
        return next(interface for interface in interfaces if interface.name == _INTERFACE)


class NamespaceCard(PeerCard):
    """The peer of the tap, with no card of QEMU."""

    def __init__(self, instance: GuestInstance, network: PeerNetwork, peer: Peer) -> None:
        self.model = "tap"
        self.addresses = peer.addresses
        self.peer = peer
        self._instance = instance
        self._network = network
        self._transfer = None
        self._received = bytearray()
        self._two_way = None


@dataclass
class _Cell:
    @property
    def platform(self) -> _Cell:
        return self

    @property
    def devices(self) -> dict[str, tuple[str, ...]]:
        return {"nic": ("tap",)}


@contextmanager
def namespace_wire(directory: Path) -> Iterator[tuple[NamespaceWire, NamespaceShell]]:
    """A wire with the Linux stack of a namespace as the guest, and a shell in that namespace.

    Raises HostFault and MissingTool where this host permits no namespace.
    """
    addresses = PeerAddresses.on(extra_card_network(1, 1))
    network = open_peer_network(addresses, 1500)
    # The guest has an address of another prefix, so that it forms one of the peer's itself.
    mirrored = replace(addresses, mac=addresses.guest_mac, ipv4=addresses.guest_ipv4, ipv6="fd77::15")
    ends = socket.socketpair()
    with ExitStack() as stack:
        peer = stack.enter_context(closing(Peer(network, addresses, ends[0], directory / "peer.pcap")))
        shell = stack.enter_context(closing(NamespaceShell(mirrored)))
        stack.enter_context(closing(Peer(shell.network, mirrored, ends[1], directory / "guest.pcap")))
        instance = cast("GuestInstance", NamespaceInstance(shell, NamespaceMachine()))
        record = stack.enter_context(closing(LiveRecord(directory / "answers.jsonl")))
        context = NamespaceContext(RecordingProxy(record, instance), _Cell())
        wire = NamespaceWire(cast("GuestContext", context), 1, "tap")
        wire._card = NamespaceCard(instance, network, peer)
        wire.answer_timeout, wire.payload_timeout = 30.0, 30.0
        settings = f"/proc/sys/net/ipv6/conf/{_INTERFACE}"
        assert shell.run(f"echo 1 >{settings}/accept_dad && echo 1 >{settings}/accept_ra").status == 0
        yield wire, shell
