"""A stand-in for a Windows guest on real QEMU: serial ports, resets, ACPI, checkpoints and a report."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.channels.boot import login
from fixtures.channels.shells.windows.sac_shell import SacShell
from fixtures.core import errors
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.operations import power_control
from fixtures.systems.windows import commands, kernel, services
from suites.lifecycle import test_lifecycle
from suites.selftest.sabotage.test_sabotage_run import run
from suites.selftest.support import windows_samples as samples
from suites.selftest.support.machine_sample import disk
from suites.selftest.support.sac_sample import ConsoleQuirks
from suites.selftest.support.simulated_windows import (
    RESTART,
    Bugcheck,
    SimulatedWindows,
    boot_sector,
    windows_machine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.lab.instance.guest_instance import GuestInstance

LONG, CRASHES, OEM = "a long answer", "a bugcheck", "an answer of 1990"
LISTING = "".join(f"C:\\Users\\Jörg\\{number:05}.txt 日本語\n" for number in range(4000))


def answers(windows: SimulatedWindows, kind: str, text: str) -> tuple[int, bytes, int]:
    """The guest's answers: samples in German, and values that depend on what happened to its machine."""
    if text in {CRASHES, windows.crashes_at}:
        raise Bugcheck
    if text == commands.REBOOT:
        windows.after_this(RESTART)
    if text == services.BOOT_ID:
        return 0, b'[{"record": %d, "time": "2024-05-13T08:19:57.5Z"}]' % windows.boots, 65001
    if text == services.LOG_ERRORS:
        return 0, b"[]\n", 65001
    if text == OEM:
        return 5, "Zugriff verweigert für »Jörg«\r\n".encode("cp850"), 850
    if text == LONG:
        return 0, LISTING.encode(), 65001
    del kind
    return 0, samples.answers("de").get(text, "").encode(), 65001


@pytest.fixture
def windows(tmp_path: Path) -> Iterator[SimulatedWindows]:
    """The stand-in at the other end of the serial ports."""
    other_end = SimulatedWindows(
        tmp_path, answers, ConsoleQuirks(password="Pas-w0rd", late_requests=1, interrupts_after=5)
    )
    yield other_end
    other_end.close()


@pytest.fixture
def machine(
    tmp_path: Path, windows: SimulatedWindows, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GuestInstance]:
    """A machine whose console accepts typed characters without pauses."""
    defaults: Any = SacShell.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "debounce", 0.0)
    with windows_machine(tmp_path, windows, timeouts={"boot": "10s", "silence": "400ms"}) as instance:
        yield instance


def guest_of(instance: GuestInstance, tmp_path: Path) -> Guest:
    return Guest(instance.cell, RecordingProxy(LiveRecord(tmp_path / "answers.jsonl"), instance))


def test_login_commands_restart_and_a_bugcheck_during_a_command(
    tmp_path: Path, machine: GuestInstance
) -> None:
    """A late SAC service, events while the suite types, statuses, code pages, long answers, a restart."""
    machine.boot()
    assert [name for name, _ in machine.transcript.stages] == [
        *("firmware", "boot loader", "kernel", "services", "login"),
    ]
    failed = machine.shell.run(OEM)
    assert (failed.status, failed.text) == (5, "Zugriff verweigert für »Jörg«\r\n")
    assert machine.shell.run(LONG).text == LISTING
    test_lifecycle.test_guest_reboots_once(guest_of(machine, tmp_path))
    with pytest.raises(
        errors.GuestCrashed, match=r"bugcheck 0xD1 \(DRIVER_IRQL_NOT_LESS_OR_EQUAL\)"
    ) as crash:
        machine.shell.run(CRASHES)
    assert crash.value.outcome == "FAIL"
    # The next question raises the same crash.
    with pytest.raises(errors.GuestCrashed):
        machine.system.boot_id()


def test_a_silent_kernel_is_a_boot_that_hangs(machine: GuestInstance, windows: SimulatedWindows) -> None:
    windows.silent = True
    with pytest.raises(errors.BootTimeout, match="the boot hangs: .* after stage 'firmware'"):
        machine.boot()


def test_a_missing_command_prompt_is_named(
    machine: GuestInstance, windows: SimulatedWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows.quirks = ConsoleQuirks(late_requests=1000)
    monkeypatch.setattr(login, "_SAC_LOGIN", 0.4)
    with pytest.raises(errors.BootTimeout, match="SAC gave no command prompt within 2 s"):
        machine.boot()


def test_a_refused_login_is_named(machine: GuestInstance, windows: SimulatedWindows) -> None:
    windows.quirks = ConsoleQuirks(password="another")
    with pytest.raises(errors.LoginRefused, match="refused the login of 'Administrator' 3 times"):
        machine.boot()


def test_a_restart_that_does_not_happen_is_named(machine: GuestInstance, windows: SimulatedWindows) -> None:
    machine.boot()
    machine.cell.guest.timeouts.__dict__["shutdown"] = 0.1
    windows.runner = lambda *_: (0, b"", 65001)
    with pytest.raises(errors.ShutdownTimeout, match="the machine was told to restart"):
        power_control.reboot(machine, "shutdown.exe /r /t 0")


def started(machine: GuestInstance, windows: SimulatedWindows) -> GuestInstance:
    """A machine whose guest has booted, before the login."""
    machine.machine.start()
    machine.transcript.begin_boot()
    machine.machine.power_on()
    assert machine.poll_until(lambda: windows.boots, bool, 20.0)
    machine.cell.guest.timeouts.__dict__["shutdown"] = 0.4
    return machine


def test_the_power_button_is_pressed_again_after_a_wakeup(
    machine: GuestInstance, windows: SimulatedWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows.presses = 2
    monkeypatch.setattr(power_control, "_SECOND_PRESS", 0.05)
    shutdown = power_control.press_power_button(started(machine, windows))
    assert (shutdown.asked_by_guest, shutdown.shutdowns, shutdown.exit) == (
        *(True, 1, "left with exit status 0"),
    )


def test_a_guest_that_ignores_its_shutdown_command_fails(
    tmp_path: Path, machine: GuestInstance, windows: SimulatedWindows
) -> None:
    windows.presses = 99
    machine.boot()
    machine.cell.guest.timeouts.__dict__["shutdown"] = 0.2
    with pytest.raises(errors.ShutdownTimeout, match="told to turn itself off") as failure:
        test_lifecycle.test_shuts_down_by_command(guest_of(machine, tmp_path))
    assert failure.value.outcome == "FAIL"


def test_a_qemu_that_is_killed_during_shutdown_is_an_error(
    machine: GuestInstance, windows: SimulatedWindows
) -> None:
    pid = started(machine, windows).machine.pid
    assert pid is not None
    windows.presses = 99
    with pytest.raises(errors.MachineKilled) as failure:
        power_control._shut_down(machine, lambda: os.kill(pid, signal.SIGKILL), "it was killed")
    assert failure.value.outcome == "ERROR"


def test_a_shutdown_by_agent_needs_an_agent(machine: GuestInstance, windows: SimulatedWindows) -> None:
    with pytest.raises(errors.SuiteFault, match="has no guest agent"):
        power_control.shut_down_by_agent(started(machine, windows))


GUEST = """\
id: winlike
title: A machine that talks as Windows does
system: windows
arch: x86_64
image: {{path: {image}, format: raw}}
platforms: [pc-bios-ide]
console: sac
login: {{user: Administrator, password: Pas-w0rd}}
drivers: {{}}
timeouts: {{boot: 10s, silence: 5s}}
"""


def test_a_complete_run_writes_a_report(
    tmp_path: Path, windows: SimulatedWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with a cold boot, a checkpoint and its clones, a restart, a bugcheck and the power button."""
    guests = tmp_path / "guests"
    guests.mkdir()
    (guests / "winlike.yaml").write_text(GUEST.format(image=disk(tmp_path / "relay.raw", boot_sector())))
    windows.crashes_at = kernel.QUERY
    monkeypatch.setenv("IRONGUEST_QEMU", str(windows.launcher))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    selection = "reaches_login or fatal or guest_reboots or acpi or ext4 or kernel_is"
    paths = ["suites/boot", "suites/lifecycle", "suites/integrity", "suites/storage/test_durability.py"]
    cells = [f"--guests-dir={guests}", "--guest=winlike", "--platform=pc-bios-ide,nic=none"]
    done = run(tmp_path, "--accel=tcg", *cells, "-k", selection, *paths)
    kinds = {name: (each["failure"] or {}).get("kind") for name, each in done.results.items()}
    assert {name: (each["outcome"], kinds[name]) for name, each in done.results.items()} == {
        "boot.reaches-login": ("PASS", None),
        "boot.no-fatal-events": ("PASS", None),
        "integrity.kernel-is-the-vendors": ("FAIL", "GuestCrashed"),
        "lifecycle.guest-reboots-once": ("PASS", None),
        "lifecycle.shuts-down-by-acpi": ("PASS", None),
        "storage.ext4-survives-power-cuts": ("SKIP", None),
    }
    crash = done.results["integrity.kernel-is-the-vendors"]["failure"]["message"]
    assert "bugcheck 0xD1 (DRIVER_IRQL_NOT_LESS_OR_EQUAL)" in crash
    assert done.results["storage.ext4-survives-power-cuts"]["reason"][0] == "not_in_profile"
    assert "clone of a checkpoint" in (done.bundle / "report.json").read_text()
