"""Logins by SSH: a real server and a real shell in place of a guest's sshd, in all states that a guest may show."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

import asyncssh
import pytest

from fixtures.catalog.login_specs import Login
from fixtures.channels.boot import ssh_login
from fixtures.channels.boot.ssh_login import SshLogin
from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.shells.posix.serial_shell import SerialShell
from fixtures.channels.ssh.ssh_console import SshConsole
from fixtures.channels.ssh.ssh_link import Account, SshLink
from fixtures.core.deadline import Deadline
from fixtures.core.errors import CommandTimeout, ConnectionLost, DescriptionMismatch, LoginRefused
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from suites.selftest.support.ssh_bench import SshServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from fixtures.machine.machine import Machine

LIMIT = 60.0


class Bench:
    """A guest whose serial port is silent, and whose sshd is ``server``."""

    def __init__(
        self, directory: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch, **login: Any
    ) -> None:
        monkeypatch.setattr(ssh_login, "SSH_FORWARD_PORT", server.address[1])
        self.login = Login(user="tester", **login)
        wakeup = Wakeup()
        journal = Journal(directory / "qmp.jsonl", wakeup)
        self.health = Health("nothing", journal, wakeup)
        self._ours, self.serial_line = socket.socketpair()
        transcript = Transcript(directory / "evidence", ())
        self._serial = Console("nothing", self._ours, transcript, self.health, wakeup)
        account = Account("tester", password=self.login.password, key=self.login.key)
        self.link = SshLink(account, wakeup.notify)
        self.session = Transcript(directory / "evidence", (), "ssh")
        console = SshConsole("nothing", self.link, self.session, self.health, wakeup)
        # Pauses and limits of the shell are short: the server is on this host.
        self.shell = SerialShell(console, 150.0, lambda seconds: Deadline.after(seconds, 0.2))
        self._machine = SimpleNamespace(name="nothing", deadline=Deadline.after)

    def new_login(self, *, is_restart: bool) -> SshLogin:
        """A login as the engine makes it."""
        return SshLogin(
            cast("Machine", self._machine),
            self.link,
            socket.socket,
            self._serial,
            self.shell,
            self.login,
            is_restart=is_restart,
        )

    def log_in(self, seconds: float = LIMIT, *, is_restart: bool = False) -> bool:
        """Try to log in as the engine does it, at most ``seconds``; True if a shell answers."""
        login = self.new_login(is_restart=is_restart)
        deadline = Deadline.after(seconds)
        while not login.advance(deadline):
            if deadline.expired:
                return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.close()
        self.session.close()
        self.serial_line.close()
        self._ours.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    """A server of a guest whose user is root by its user id."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "bin" / "id").chmod(0o755)
    server = SshServer(tmp_path)
    server.start()
    yield server
    server.close()


@pytest.mark.parametrize("means", ["password", "key"])
def test_a_shell_with_the_framing_of_a_serial_shell(
    means: str, tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"password": "open-sesame"} if means == "password" else {"key": str(server.key)}
    with Bench(tmp_path, server, monkeypatch, **login) as bench:
        assert bench.log_in()
        result = bench.shell.run("printf 'a\\000b'; exit 3")
        assert (result.output, result.status) == (b"a\0b", 3)
        text = "x" * 20000
        assert bench.shell.run(f"printf %s {text} | wc -c").text.strip() == "20000"
        # The session is recorded as a serial console is.
        assert bench.session.line_count > 0
    assert (tmp_path / "evidence" / "ssh.cast").stat().st_size > 100


def test_sshd_that_comes_late(tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        server.drop()
        assert not bench.log_in(0.5)
        threading.Timer(1.0, server.start).start()
        assert bench.log_in()


def test_a_wrong_key_is_a_mistake_of_the_description_once_the_time_is_over(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(wrong)
    message = r"sshd refused 'tester' with its key \d+ times.*set login.user"
    with (
        Bench(tmp_path, server, monkeypatch, key=str(wrong)) as bench,
        pytest.raises(DescriptionMismatch, match=message),
    ):
        bench.log_in(3.0)


def test_a_refusal_after_a_restart_is_a_failure_of_the_guest(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Bench(tmp_path, server, monkeypatch, password="other") as bench,
        pytest.raises(LoginRefused, match="sshd refused 'tester' with its password 1 times"),
    ):
        bench.log_in(is_restart=True)


def test_a_session_after_a_restart_needs_the_same_host_key(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        server.drop()
        server.start()
        assert bench.log_in(is_restart=True)
        assert bench.shell.run("echo again").text == "again\n"
        server.drop()
        server.renew_host_key()
        server.start()
        with pytest.raises(LoginRefused, match="another host key than before its restart: SHA256:"):
            bench.log_in(is_restart=True)


def test_the_death_of_sshd_is_named_at_the_next_command(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        threading.Timer(0.5, server.drop).start()
        with pytest.raises(ConnectionLost, match="the session ended, and no check requested it"):
            bench.shell.run("sleep 30")


def test_a_guest_that_ends_its_session_by_itself_fails_no_wait(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A requested restart ends the session, and the health watch has nothing to say to that."""
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        server.drop()
        assert bench.health.poll_until(lambda: bench.link.loss, bool, Deadline.after(LIMIT)) != ""
        bench.health.check()


def test_a_command_without_end_is_a_timeout_as_sshd_answers(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        with pytest.raises(CommandTimeout, match="nothing, SSH: no answer within"):
            bench.shell.run("trap '' INT; sleep 30", 5.0)


def test_a_dead_network_is_named(tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        server.silence()
        with pytest.raises(ConnectionLost, match=r"neither the shell nor sshd answers.*no answer within"):
            bench.shell.run("echo", 5.0)


def test_another_session_replaces_one_that_was_lost_on_purpose(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        server.drop()
        server.start()
        bench.new_login(is_restart=True).log_in_again(Deadline.after(LIMIT))
        assert bench.shell.run("echo again").text == "again\n"


def test_a_guest_that_gives_no_other_session_is_named(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path, server, monkeypatch, password="open-sesame") as bench:
        assert bench.log_in()
        server.drop()
        with pytest.raises(ConnectionLost, match="sshd gave no new session within 3 s: no answer: "):
            bench.new_login(is_restart=True).log_in_again(Deadline.after(3.0))


@pytest.mark.parametrize("means", ["password", "key"])
def test_the_record_of_a_session_has_neither_password_nor_key(
    means: str, tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell types the password for sudo into the session, and nothing removes it from the record here."""
    asking = 'printf "%s" "$3" >&2; read -r answer; [ "$answer" = open-sesame ] || exit 1; shift 3; exec "$@"'
    (tmp_path / "bin" / "sudo").write_text(f"#!/bin/sh\n{asking}\n")
    (tmp_path / "bin" / "sudo").chmod(0o755)
    login = {"password": "open-sesame", **({"key": str(server.key)} if means == "key" else {})}
    with Bench(tmp_path, server, monkeypatch, become="sudo", **login) as bench:
        assert bench.log_in()
        assert bench.shell.run("echo a shell of root").text == "a shell of root\n"
    record = b"".join(file.read_bytes() for file in sorted((tmp_path / "evidence").iterdir()))
    assert b"sudo asks: " in record, "the question that the password answers"
    secrets = ["open-sesame", *server.key.read_text().splitlines()[1:-1]]
    assert [secret for secret in secrets if secret.encode() in record] == []
