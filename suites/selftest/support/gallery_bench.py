"""A guest whose serial port is a script, booted and logged in as the engine does it with a real guest."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from fixtures.catalog.specs import Cell
from fixtures.channels.boot import late_accounts
from fixtures.channels.boot.boot_stages import boot_stages
from fixtures.channels.boot.login import boot_to_shell
from fixtures.channels.console.signatures.described import described_signatures
from fixtures.channels.console.transcript import Transcript
from fixtures.core.deadline import Deadline
from fixtures.core.errors import IronguestError, Postmortem
from fixtures.evidence.redaction import Redactor
from suites.selftest.support.machine_sample import cell
from suites.selftest.support.shell_sample import NO_COMMANDS, ShellBench

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fixtures.catalog.specs import GuestSpec
    from fixtures.machine.machine import Machine

# The scale of pauses and retries. The limits of waits have the scale 1 unless a test says otherwise.
_PAUSE_SCALE = 0.1
# Seconds; a shorter time is a pause of the engine, a longer one is a limit.
_SHORTEST_LIMIT = 10.0
# Seconds until a guest without output and disk requests hangs.
HANG_LIMIT = 1.5
# The console of an ordinary user. sudo replaces the shell; when it ends, getty starts again.
SUDO_THAT_ENDS = (
    "echo 1000 >$HOME/user_id; while :; do getty admin secret; (shell 'admin@nothing:~$ '); stty sane; done"
)
_BOOT_LIMIT = 300.0
# The script prints this character where the machine resets.
_RESET_MARK = b"\036"

PRELUDE = r"""
# Ask $1 and read a line.
ask() { printf '%s' "$1"; IFS= read -r answer; }
# Ask $1 and read a line without echo, as login does.
ask_hidden() { stty -echo; printf '%s' "$1"; IFS= read -r answer; stty echo; echo; }
# The machine resets.
reset_machine() { printf '\036'; }
# A login of $1 with the password $2, and the refusal $3, until it succeeds.
getty() {
    while :; do
        ask 'nothing login: '; user=$answer
        ask_hidden 'Password: '
        [ "$user:$answer" = "$1:$2" ] && return
        printf '\n%s\n' "${3:-Login incorrect}"
    done
}
# A shell with the prompt $1.
shell() { PS1=$1 exec bash --norc --noprofile -i; }
# The script prints nothing more and reads its input for ever.
stand_still() { stty -echo; exec cat >/dev/null; }
"""


class _BootTranscript(Transcript):
    """A transcript that sets ``has_new_boot`` when the engine begins a new boot."""

    has_new_boot: threading.Event

    def begin_boot(self) -> None:
        super().begin_boot()
        self.has_new_boot.set()


class GalleryBench(ShellBench):
    """A scripted guest. ``script`` runs after :data:`PRELUDE`, once the boot begins.

    ``description`` are the fields of the guest's YAML that differ from those of
    :func:`~suites.selftest.support.machine_sample.cell`. ``commands`` are the guest's own programs, ``sh`` is its program of that name.
    ``limit_scale`` shortens the limits of all waits, ``pause_scale`` pauses and the times in which the guest must
    reply. ``is_disk_busy``: the guest uses its disk all the time.
    """

    def __init__(
        self,
        directory: Path,
        script: str,
        *,
        commands: Mapping[str, str] = NO_COMMANDS,
        sh: str = "sh",
        limit_scale: float = 1.0,
        pause_scale: float = _PAUSE_SCALE,
        is_disk_busy: bool = False,
        **description: Any,
    ) -> None:
        self.guest = _guest(description)
        self._limit_scale = limit_scale
        self._pause_scale = pause_scale
        self._is_disk_busy = is_disk_busy
        self._request_count = 0
        self._has_new_boot = threading.Event()
        self._boot_deadlines: list[Deadline] = []
        super().__init__(
            directory, sh, self._report_resets, pause_scale, script=PRELUDE + script, commands=commands
        )
        self.health.postmortem = lambda: Postmortem(cell="nothing", last_lines=self.transcript.tail())

    def _open_transcript(self, directory: Path) -> Transcript:
        redact = Redactor(self.guest.secrets, [self.guest.id]).text
        transcript = _BootTranscript(
            directory / "evidence",
            boot_stages(self.guest),
            redact=redact,
            fails=described_signatures(self.guest),
        )
        transcript.has_new_boot = self._has_new_boot
        return transcript

    def _start(self) -> None:
        """Nothing yet: the guest runs from the beginning of its boot."""

    def _report_resets(self, data: bytes) -> bytes:
        *ended_boots, output = data.split(_RESET_MARK)
        for ended_boot in ended_boots:
            self._theirs.sendall(ended_boot)
            self._has_new_boot.clear()
            self.journal.event("RESET", {"guest": True, "reason": "guest-reset"})
            # The firmware of a real machine takes longer than the engine to notice the reset.
            self._has_new_boot.wait(_BOOT_LIMIT)
        return output

    def deadline(self, seconds: float) -> Deadline:
        """A deadline as the machine creates it: short for pauses, real for limits."""
        if seconds == self.guest.timeouts.boot:
            if not self._boot_deadlines:
                self._bridge.start()
            self._boot_deadlines.append(Deadline(seconds, Deadline.after(0.0).started, self._pause_scale))
            return self._boot_deadlines[-1]
        if seconds == self.guest.timeouts.silence:
            return Deadline(seconds, Deadline.after(0.0).started, self._pause_scale)
        is_limit = seconds >= _SHORTEST_LIMIT
        limit = seconds * (self._limit_scale if is_limit else self._pause_scale)
        return Deadline(limit, Deadline.after(0.0).started, self._pause_scale)

    def boot(self, *, is_restart: bool = False) -> None:
        """Wait for the guest's boot and log in, as the engine does it."""
        with self.scaled_limits():
            boot_to_shell(self._machine(), self.console, self.shell, is_restart=is_restart)

    def scaled_limits(self) -> AbstractContextManager[object]:
        """Scale the limit that no machine scales: the time in which an idle guest may create an account."""
        return patch.object(late_accounts, "IDLE", late_accounts.IDLE * self._limit_scale)

    def boot_error(self, *, is_restart: bool = False) -> IronguestError | None:
        """The error of :meth:`boot`; None if the guest has a shell."""
        try:
            self.boot(is_restart=is_restart)
        except IronguestError as error:
            return error
        return None

    @property
    def boot_share(self) -> float:
        """The part of the boot's time limit that has passed."""
        return self._boot_deadlines[-1].elapsed / self._boot_deadlines[-1].limit

    @property
    def stages(self) -> list[str]:
        """The names of the boot stages that the guest has reached."""
        return [name for name, _ in self.transcript.stages]

    def _machine(self) -> Machine:
        """A machine as far as the wait for a boot uses one."""
        hardware = SimpleNamespace(cell=Cell.of(self.guest, cell().platform))
        machine = SimpleNamespace(
            name="nothing@bare",
            evidence=self.transcript.log.parent,
            pid=None,
            waited_for_host=0.0,
            hardware=hardware,
            journal=self.journal,
            health=self.health,
            deadline=self.deadline,
            execute=self._execute,
        )
        return cast("Machine", machine)

    def _execute(self, command: str) -> list[dict[str, Any]]:
        assert command == "query-blockstats", f"unexpected command {command}"
        self._request_count += self._is_disk_busy
        names = ("rd_operations", "wr_operations", "flush_operations", "unmap_operations")
        return [{"stats": dict.fromkeys(names, self._request_count)}]


def _guest(description: Mapping[str, Any]) -> GuestSpec:
    guest = cell().guest
    fields = guest.model_dump(exclude={"timeouts", "requires"}) | {
        "timeouts": {"boot": f"{_BOOT_LIMIT}s", "silence": "15s"}
    }
    for name, value in description.items():
        is_mapping = isinstance(value, dict) and isinstance(fields.get(name), dict)
        fields[name] = {**fields[name], **value} if is_mapping else value
    return type(guest).model_validate(fields)
