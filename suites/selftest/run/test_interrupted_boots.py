"""A run that an interrupt ends shows what its booting guests showed last, whichever process booted them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.channels.boot.boot_marker import marked_boot
from fixtures.run.interrupted_boots import describe_interrupted_boots
from suites.selftest.support.inner_run import InnerRun

if TYPE_CHECKING:
    from fixtures.machine.machine import Machine

# A check that stands for a boot: it leaves what a boot in progress leaves, and interrupts the whole run.
BOOTING = """
import signal
from pathlib import Path

@check("boot.interrupted")
def test_boot():
    evidence = Path(os.environ["IRONGUEST_WORK"]) / "bundle/evidence/machines/one"
    evidence.mkdir(parents=True, exist_ok=True)
    (evidence / "console.log").write_text("Loading\\r\\nlast words")
    (evidence / "booting").write_text("left@pc-bios-ide")
    os.kill(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid(), signal.SIGINT)
    threading.Event().wait(60)
"""


def machine(evidence: Path) -> Machine:
    evidence.mkdir(parents=True)
    return cast("Machine", SimpleNamespace(name="one@bare", evidence=evidence))


def interrupt_boot(evidence: Path, output: bytes) -> None:
    """Leave the evidence of a boot that an interrupt ended."""
    booting = machine(evidence)
    (evidence / "console.log").write_bytes(output)
    with pytest.raises(KeyboardInterrupt), marked_boot(booting):
        raise KeyboardInterrupt


def test_the_last_lines_of_an_interrupted_boot_are_shown_without_secrets(tmp_path: Path) -> None:
    output = b"\x1b[2J\x1b[HLoading\r\n\r\npassword: secret\r\nlast \x1b[1mwords\x1b[m"
    interrupt_boot(tmp_path / "machines/gw0/1", output)
    shown = describe_interrupted_boots(tmp_path, lambda text: text.replace("secret", "***"))
    head, *lines = shown.strip().splitlines()
    assert head == "one@bare: its boot was interrupted after 0 s; its console shows"
    assert lines == ["    Loading", "    password: ***", "    last words"]
    assert describe_interrupted_boots(tmp_path, str) == ""


def test_an_empty_console_is_named(tmp_path: Path) -> None:
    interrupt_boot(tmp_path / "1", b"")
    assert "its console is empty" in describe_interrupted_boots(tmp_path, str)


def test_a_boot_that_ended_or_failed_is_not_shown(tmp_path: Path) -> None:
    with marked_boot(machine(tmp_path / "1")):
        pass
    with pytest.raises(ValueError, match="failed"), marked_boot(machine(tmp_path / "2")):
        raise ValueError("failed")
    assert describe_interrupted_boots(tmp_path, str) == ""


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_an_interrupted_run_shows_the_boot(workers: str, tmp_path: Path) -> None:
    finished = InnerRun.create(tmp_path, BOOTING).finish(workers)
    assert finished.returncode == pytest.ExitCode.INTERRUPTED, finished.stdout
    assert "left@pc-bios-ide: its boot was interrupted after" in finished.stdout
    assert "    last words" in finished.stdout
