"""Monitors installations on a real machine, with a stand-in for the installer that works or fails."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from fixtures.channels.console.serial_console import Console
from fixtures.channels.console.transcript import Transcript
from fixtures.core import errors
from fixtures.lab.installation.monitoring import (
    INSTALLATION_STAGES,
    InstallationMonitor,
    InstallationTimeouts,
)
from fixtures.machine.hardware import CdMedium
from fixtures.machine.machine import Machine
from fixtures.media.iso import write_iso
from suites.selftest.support.machine_sample import TCG, hardware
from suites.selftest.support.simulated_installer import SimulatedInstaller

if TYPE_CHECKING:
    from pathlib import Path

# Long enough for an overloaded host.
TIMEOUTS = InstallationTimeouts(total=300.0, silence=120.0, loading=120.0, shutdown=60.0)


class Run:
    """A machine with the stand-in medium in its drive, and the progress messages of its installation."""

    def __init__(
        self, directory: Path, stand_in: SimulatedInstaller, *, answers: bool = True, **platform: object
    ) -> None:
        disk = directory / "disk.raw"
        with disk.open("wb") as file:
            file.truncate(1 << 20)
        media = [CdMedium("installation", stand_in.write(directory / "medium.iso"), boot=True)]
        if answers:
            write_iso(directory / "answers.iso", "ironguest", {"autounattend.xml": b"<unattend/>"})
            media.append(CdMedium("answers", directory / "answers.iso"))
        self.disk = disk
        self.messages: list[str] = []
        evidence = directory / "evidence"
        # The timeouts are in seconds of the host, although the machine is emulated.
        unscaled = dataclasses.replace(TCG, scale=1.0)
        self.machine = Machine(
            dataclasses.replace(hardware(disk, **platform), media=tuple(media), accelerator=unscaled),
            evidence,
        )
        self.transcript = Transcript(evidence, INSTALLATION_STAGES)
        self.console = Console(
            "nothing@bare", self.machine.console, self.transcript, self.machine.health, self.machine.wakeup
        )
        self.machine.drain_console = self.console.drain

    def follow(self, timeouts: InstallationTimeouts = TIMEOUTS) -> None:
        medium = self.machine.hardware.media[0]
        try:
            self.machine.start()
            self.transcript.begin_boot()
            self.machine.power_on()
            InstallationMonitor(
                self.machine, self.console, medium, self.messages.append, timeouts
            ).wait_until_done()
        finally:
            self.machine.end()
            self.transcript.close()

    @property
    def log(self) -> str:
        return (self.machine.evidence / "console.log").read_text()


def test_the_boot_prompt_times_out_at_any_time_of_day(tmp_path: Path) -> None:
    run = Run(tmp_path, SimulatedInstaller(ticks=0xFFF0, then="off"))
    with pytest.raises(errors.InstallerStopped):
        run.follow(dataclasses.replace(TIMEOUTS, silence=8.0))
    assert "nobody pressed a key" not in run.log


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_an_installation_completes(tmp_path: Path, machine: str) -> None:
    stand_in = SimulatedInstaller(starts=3)
    run = Run(tmp_path, stand_in, machine=machine)
    run.follow()
    content = run.disk.read_bytes()
    assert (content[:512], content[512]) == (stand_in.disk_code(), 3)
    lines = [line for line in run.log.splitlines() if line]
    assert lines == [
        "Press any key to boot from CD or DVD.....",
        "the installer starts",
        "the answers are there",
        "the disk is filled",
        *["the disk starts"] * 2,
        "IRONGUEST-SETUP finishing",
        "IRONGUEST-SETUP done",
    ]
    reports = [line.removeprefix("installation on nothing@bare: ") for line in run.messages]
    # So quick an installer may be done before the monitor sees that it is loaded.
    assert [report for report in reports if report in {"finishing", "done"}] == ["finishing", "done"]
    assert "restart 1" in reports
    assert [stage for stage, _ in run.transcript.stages] == ["firmware", "boot prompt", "finishing", "done"]


def test_a_medium_without_boot_prompt_installs(tmp_path: Path) -> None:
    run = Run(tmp_path, SimulatedInstaller(wants_key=False, starts=1))
    run.follow()
    assert "Press any key" not in run.log
    assert run.disk.read_bytes()[512] == 1


BAD = [
    pytest.param(
        SimulatedInstaller(then="hang"), {"silence": 8.0}, errors.InstallerHung,
        "the installation hangs: no restart, no output and no disk access for 8 s", id="hangs",
    ),
    pytest.param(
        SimulatedInstaller(starts=0), {}, errors.InstallerRestarts,
        "13 restarts, and no end of the installation", id="restarts-for-ever",
    ),
    pytest.param(
        SimulatedInstaller(then="off"), {}, errors.InstallerStopped,
        "the machine went off before the installation was done: SHUTDOWN (guest=True, reason=guest-shutdown)",
        id="goes-off-early",
    ),
    pytest.param(
        SimulatedInstaller(words="IRONGUEST-SETUP failed: status 50 of dism.exe\r\n"), {}, errors.InstallerRefused,
        "the installation failed: status 50 of dism.exe", id="says-what-failed",
    ),
    pytest.param(
        SimulatedInstaller(words="IRONGUEST-SETUP done", starts=1), {}, errors.InstallerStopped,
        "the machine went off before the installation was done: SHUTDOWN (guest=True, reason=guest-shutdown)",
        id="ends-in-the-middle-of-a-line",
    ),
    pytest.param(
        SimulatedInstaller(starts=1, at_end="hang"), {"shutdown": 5.0}, errors.InstallerHung,
        "the installation reported done, and the machine did not go off within 5 s", id="does-not-go-off",
    ),
    pytest.param(
        SimulatedInstaller(words="IRONGUEST-SETUP finishing\r\n", starts=1, at_end="restart"), {"total": 3.0},
        errors.InstallerHung, "no end of the installation within 3 s", id="never-done",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stand_in", "timeouts", "kind", "message"), BAD)
def test_each_failure_has_its_error(
    tmp_path: Path,
    stand_in: SimulatedInstaller,
    timeouts: dict[str, float],
    kind: type[Exception],
    message: str,
) -> None:
    run = Run(tmp_path, stand_in)
    with pytest.raises(kind) as caught:
        run.follow(dataclasses.replace(TIMEOUTS, **timeouts))
    assert isinstance(caught.value, errors.MediaFault)
    assert message in caught.value.message
    assert caught.value.outcome == "ERROR"


def test_missing_answer_files_are_reported_by_the_installer(tmp_path: Path) -> None:
    run = Run(tmp_path, SimulatedInstaller(), answers=False)
    with pytest.raises(errors.InstallerRefused, match="the installation failed: no medium with answers"):
        run.follow()


def test_a_medium_without_boot_catalogue_does_not_start(tmp_path: Path) -> None:
    run = Run(tmp_path, SimulatedInstaller())
    # Without its boot catalogue the medium is a data CD.
    content = bytearray((tmp_path / "medium.iso").read_bytes())
    content[17 * 2048 : 18 * 2048] = bytes(2048)
    (tmp_path / "medium.iso").write_bytes(content)
    with pytest.raises(errors.InstallerNotStarted, match=r"in 10 s \d+ bytes were read from medium\.iso"):
        run.follow(dataclasses.replace(TIMEOUTS, loading=10.0))


def test_a_kernel_panic_is_raised_by_the_health_watch(tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        SimulatedInstaller(words="[    1.000000] Kernel panic - not syncing: a test\r\n", at_end="hang"),
    )
    with pytest.raises(errors.GuestCrashed):
        run.follow()


def test_a_screenshot_of_a_hanging_installer_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path, SimulatedInstaller(then="hang"), devices={"disk": ("ide-hd",), "display": ("VGA",)})
    with pytest.raises(errors.InstallerHung):
        run.follow(dataclasses.replace(TIMEOUTS, silence=8.0))
    assert (run.machine.evidence / "screen.png").read_bytes().startswith(b"\x89PNG")
