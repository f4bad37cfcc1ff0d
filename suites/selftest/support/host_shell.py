"""A shell of this host in place of a guest's, for commands that change nothing: the host runs Linux, too."""

from __future__ import annotations

import subprocess

from fixtures.channels.shells.shell import CommandResult


class HostShell:
    """The shell of this host, which runs Linux, too."""

    def run(self, command: str, within: float | None = None) -> CommandResult:
        done = subprocess.run(
            ["sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=within,
        )
        return CommandResult(command, done.returncode, done.stdout, 0.0)
