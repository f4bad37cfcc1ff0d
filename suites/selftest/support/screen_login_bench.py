"""A guest with a shell on a text screen: a script behind a terminal, which also has a serial port."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pyte

from fixtures.catalog.key_sequences import parse_keys
from fixtures.channels.boot import screen_login
from fixtures.channels.boot.boot_stages import boot_stages
from fixtures.channels.boot.login import boot_to_shell
from fixtures.channels.console.transcript import Transcript
from fixtures.channels.screen.displays import ScreenSnapshot, pad_to_cursor
from fixtures.channels.screen.keyboard import no_pace, terminal_code
from fixtures.channels.screen.screen_console import ScreenConsole
from fixtures.evidence.redaction import Redactor
from fixtures.machine.wakeup import Wakeup
from suites.selftest.support.gallery_bench import PRELUDE, GalleryBench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from fixtures.catalog.key_sequences import Chord
    from fixtures.core.deadline import Deadline

_COLUMNS, _LINES = 80, 25


class TerminalScreen:
    """The text screen of a program on a terminal, with its cursor, and the keyboard in front of it.

    ``descriptor`` is the other end of the terminal.
    """

    answer_interval = 0.005

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.begin_boot()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self) -> None:
        """Begin to show the program's output."""
        self._thread.start()

    def begin_boot(self) -> None:
        """Clear the screen."""
        self._screen = pyte.Screen(_COLUMNS, _LINES)
        self._stream = pyte.ByteStream(self._screen)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while output := os.read(self._descriptor, 512):
                with self._lock:
                    self._stream.feed(output)

    def read_screen(self) -> ScreenSnapshot:
        """The text and the cursor."""
        with self._lock:
            cursor = (self._screen.cursor.y, self._screen.cursor.x)
            lines = [line.rstrip() for line in self._screen.display]
        return ScreenSnapshot(pad_to_cursor(lines, cursor), cursor, "text")

    def press(self, keys: str, deadline: Deadline, pace: Callable[[str | Chord], None] = no_pace) -> None:
        """Press ``keys`` one by one."""
        del deadline
        last: str | Chord | None = None
        for key in parse_keys(keys):
            if last is not None:
                pace(last)
            os.write(self._descriptor, terminal_code(key).encode())
            last = key


class ScreenLoginBench(GalleryBench):
    """A scripted guest whose console is its text screen; see :class:`GalleryBench`.

    ``port`` replaces the path of the guest's serial port. ``serial_script`` runs on that port.
    """

    def __init__(
        self, directory: Path, script: str, *, port: str | None = None, serial_script: str = "", **others: Any
    ) -> None:
        self._master, self._slave = os.openpty()
        self._port = port or os.ttyname(self._slave)
        super().__init__(directory, script, console="vga-text", **others)
        self._display = TerminalScreen(self._guest.child_fd)
        self._screen_transcript = Transcript(
            directory / "evidence", boot_stages(self.guest), redact=self.transcript.redact
        )
        wakeup = Wakeup()
        self.screen = ScreenConsole(
            "nothing", self._display, self._display, self._screen_transcript, self.health, wakeup
        )
        self._serial_login = self._start_on_serial(serial_script) if serial_script else None

    def _open_transcript(self, directory: Path) -> Transcript:
        redact = Redactor(self.guest.secrets, [self.guest.id]).text
        return Transcript(directory / "evidence", (), "serial", redact)

    def _start_on_serial(self, script: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["/bin/sh", "-c", PRELUDE + script],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )

    @property
    def _wire(self) -> int:
        return self._master

    def boot(self, *, is_restart: bool = False) -> None:
        """Wait for the guest's boot and log in on its screen, as the engine does it."""
        self._display.start()
        with self.scaled_limits(), patch.object(screen_login, "serial_port", lambda _: self._port):
            boot_to_shell(self._machine(), self.console, self.shell, self.screen, is_restart=is_restart)

    @property
    def stages(self) -> list[str]:
        """The names of the boot stages that the guest has reached on its screen."""
        return [name for name, _ in self._screen_transcript.stages]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serial_login is not None:
            self._serial_login.kill()
            self._serial_login.wait()
        super().__exit__(kind, error, trace)
        self._screen_transcript.close()
        os.close(self._master)
        os.close(self._slave)
