"""An SSH server of asyncssh with a real shell in a terminal, in place of a guest's sshd."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import asyncssh

if TYPE_CHECKING:
    from pathlib import Path


class SshServer:
    """A server on a port of the loopback interface, which only this test knows.

    ``password`` admits the user ``tester``, and so does the key in the file ``key``. :meth:`drop` ends all
    sessions, as the death of sshd does; :meth:`silence` leaves them without an answer.
    """

    def __init__(self, directory: Path, *, password: str = "open-sesame") -> None:
        self.directory = directory
        self.password = password
        self.key = directory / "id"
        if not self.key.exists():
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(self.key)
        self.renew_host_key()
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._resumed = threading.Event()
        self._server: asyncssh.SSHAcceptor | None = None
        self.address = ("127.0.0.1", 0)

    def renew_host_key(self) -> None:
        """The server has another host key from its next start."""
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")

    def start(self) -> None:
        """Listen, on the same port as before if it was started before."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)

    async def _start(self) -> None:
        listener = socket.create_server(self.address)
        self.address = listener.getsockname()[:2]
        outer = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                outer._connections.append(conn)

            def password_auth_supported(self) -> bool:
                return bool(outer.password)

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("tester", outer.password)

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                own = asyncssh.read_private_key(outer.key)
                return username == "tester" and key.public_data == own.public_data

        self._server = await asyncssh.create_server(
            Server,
            sock=listener,
            server_host_keys=[self._host_key],
            process_factory=self._shell,
            encoding=None,
        )

    async def _shell(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        ours, theirs = pty.openpty()
        commands = f"{self.directory / 'bin'}:{os.environ['PATH']}"
        child = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--norc", "--noprofile", "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"PATH": commands, "HOME": str(self.directory), "TERM": "dumb", "USER": "tester"},
        )
        os.close(theirs)
        self._children.append(child)
        await process.redirect(stdin=ours, stdout=os.dup(ours))
        await process.wait_closed()

    def drop(self) -> None:
        """End the server and all its sessions."""
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result(30)

    async def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    def silence(self) -> None:
        """Stop reading and answering, as a guest whose network is dead."""
        self._loop.call_soon_threadsafe(self._resumed.wait)

    def close(self) -> None:
        """End everything."""
        self._resumed.set()
        self.drop()
        for child in self._children:
            child.kill()
            child.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
