"""A contained program leaves no process behind, however it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.host.contained_process import contain, run_contained

# Prints "ready" and stays; so does its child, which ignores the usual signals.
STAYS = "trap '' TERM INT HUP; sleep 1000 & echo ready; wait"


def processes(mark: str) -> list[str]:
    """The processes with ``mark`` in their environment."""
    environments = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environments += [str(path)] if mark.encode() in path.read_bytes() else []
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return environments


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_no_process(interrupt: type[BaseException], tmp_path: Path) -> None:
    mark = str(tmp_path)

    def read() -> None:
        with run_contained(["sh", "-c", STAYS], {**os.environ, "MARK": mark}) as process:
            assert process.stdout is not None, "expected a pipe"
            assert process.stdout.readline() == "ready\n"
            assert processes(mark)
            raise interrupt

    with pytest.raises(interrupt):
        read()
    assert processes(mark) == []


def test_the_output_of_a_program_is_complete() -> None:
    with run_contained(["sh", "-c", "echo one; echo two >&2; exit 3"], os.environ) as process:
        assert list(process.stdout or ()) == ["one\n", "two\n"]
    assert process.returncode == 3


def test_a_program_ends_with_its_starter_even_if_that_is_killed(tmp_path: Path) -> None:
    starter = (
        "import os, sys; from fixtures.host.contained_process import run_contained\n"
        f"with run_contained(['sh', '-c', {STAYS!r}], {{**os.environ, 'MARK': sys.argv[1]}}) as process:\n"
        "    print(process.stdout.readline() + str(process.pid), flush=True); process.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None, "expected a pipe"
        assert killed.stdout.readline() == "ready\n"
        program = int(killed.stdout.readline())
        started = [int(Path(path).parent.name) for path in processes(str(tmp_path))]
        # Without namespaces, the child of the program outlives it.
        has_namespaces = "--kill-child" in contain(["true"])
        watches = [os.pidfd_open(pid) for pid in (started if has_namespaces else [program])]
        killed.send_signal(signal.SIGKILL)
    for watch in watches:
        # The file descriptor is readable when the process has ended.
        assert select.select([watch], [], [], 20)[0]
        os.close(watch)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_mounts_of_the_program_disappear_with_it(tmp_path: Path) -> None:
    if "--mount" not in contain(["true"]):
        pytest.skip("this host does not allow namespaces")
    script = f"mount -t tmpfs none {tmp_path} && touch {tmp_path}/inside && echo ready && sleep 1000"

    def read() -> None:
        with run_contained(["sh", "-c", script], os.environ) as process:
            assert process.stdout is not None, "expected a pipe"
            assert process.stdout.readline() == "ready\n"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert list(tmp_path.iterdir()) == []
    tmp_path.rmdir()
