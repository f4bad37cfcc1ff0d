"""A program that runs alone leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.host.contained_process import alone, running

# Says that it is there, and stays; a child of its own stays too, deaf to what ends others.
STAYS = "trap '' TERM INT HUP; sleep 1000 & echo ready; wait"


def processes(mark: str) -> list[str]:
    """The processes with ``mark`` among their variables."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [str(path)] if mark.encode() in path.read_bytes() else []
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_no_process(interrupt: type[BaseException], tmp_path: Path) -> None:
    mark = str(tmp_path)

    def read() -> None:
        with running(["sh", "-c", STAYS], {**os.environ, "MARK": mark}) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            assert processes(mark)
            raise interrupt

    with pytest.raises(interrupt):
        read()
    assert processes(mark) == []


def test_a_program_that_ends_is_read_to_its_end() -> None:
    with running(["sh", "-c", "echo one; echo two >&2; exit 3"], os.environ) as process:
        assert list(process.stdout or ()) == ["one\n", "two\n"]
    assert process.returncode == 3


def test_it_ends_with_whoever_started_it_even_if_that_was_killed(tmp_path: Path) -> None:
    starter = (
        "import os, sys; from fixtures.host.contained_process import running\n"
        f"with running(['sh', '-c', {STAYS!r}], {{**os.environ, 'MARK': sys.argv[1]}}) as process:\n"
        "    print(process.stdout.readline() + str(process.pid), flush=True); process.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "ready\n"
        program = int(killed.stdout.readline())
        started = [int(Path(path).parent.name) for path in processes(str(tmp_path))]
        # Where there are no namespaces, what the program started outlives it.
        apart = "--kill-child" in alone(["true"])
        watches = [os.pidfd_open(each) for each in (started if apart else [program])]
        killed.send_signal(signal.SIGKILL)
    for watch in watches:
        # Readable when the process has ended.
        assert select.select([watch], [], [], 20)[0]
        os.close(watch)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_what_it_mounts_is_gone(tmp_path: Path) -> None:
    if "--mount" not in alone(["true"]):
        pytest.skip("this host lets nobody make namespaces")
    script = f"mount -t tmpfs none {tmp_path} && touch {tmp_path}/inside && echo ready && sleep 1000"

    def read() -> None:
        with running(["sh", "-c", script], os.environ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert list(tmp_path.iterdir()) == []
    tmp_path.rmdir()
