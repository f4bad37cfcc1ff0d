"""Waits for the end of a boot: a login prompt, boots that hang, and boots that take too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.specs import Timeouts
from fixtures.channels.boot.login_wait import LoginWait
from fixtures.channels.boot.serial_login import SerialLogin
from fixtures.channels.shells.posix.serial_shell import SerialShell
from fixtures.core.deadline import Deadline
from fixtures.core.errors import BootTimeout, GuestCrashed, HostTooBusy
from fixtures.machine.machine import Machine
from suites.selftest.support.machine_sample import HANG, MachineBench, printing_code

if TYPE_CHECKING:
    from pathlib import Path

PANIC = "[    1.000000] Kernel panic - not syncing: test\n"


def timeouts(boot: float, silence: float) -> Timeouts:
    return Timeouts.model_validate({"boot": f"{boot}s", "silence": f"{silence}s"})


def wait_for_login(bench: MachineBench, *, is_restart: bool = False) -> bool:
    machine, guest = bench.machine, bench.machine.hardware.cell.guest
    shell = SerialShell(bench.console, 10.0, machine.deadline)
    login = SerialLogin(bench.console, shell, guest.login, machine.deadline, steps=guest.steps)
    return LoginWait(machine, bench.console, login, is_restart=is_restart).run()


def test_a_login_prompt_ends_the_boot(tmp_path: Path) -> None:
    text = "Welcome to GRUB!\r\n[    0.000000] Linux version 6.1\r\n\r\nnothing login: "
    with MachineBench(tmp_path, printing_code(text)) as bench:
        bench.describe_guest(timeouts=timeouts(60, 60))
        bench.run()
        wait_for_login(bench)
        reached = [stage for stage, _ in bench.transcript.stages]
    assert reached == ["firmware", "boot loader", "kernel", "login"]


def test_a_hanging_boot_fails_long_before_its_timeout(tmp_path: Path) -> None:
    with MachineBench(tmp_path, HANG) as bench:
        bench.describe_guest(timeouts=timeouts(600, 0.2))
        bench.run()
        with pytest.raises(BootTimeout) as caught:
            wait_for_login(bench)
        assert "the boot hangs: no output and no disk access for 0.2 s, after stage 'firmware'" in str(
            caught.value
        )
        with pytest.raises(BootTimeout):
            bench.health.check()


def test_the_error_names_the_stage_of_a_hanging_boot(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code("[    0.000000] Linux version 6.1\n")) as bench:
        bench.describe_guest(timeouts=timeouts(600, 0.2))
        bench.run()
        assert bench.console.wait_for([b"6.1"], Deadline.after(60.0)) == 0
        with pytest.raises(BootTimeout, match=r"hangs.*after stage 'kernel'"):
            wait_for_login(bench)


def test_a_boot_with_endless_output_fails_at_its_timeout(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code("working\n", for_ever=True)) as bench:
        bench.describe_guest(timeouts=timeouts(0.5, 60))
        bench.run()
        with pytest.raises(BootTimeout, match=r"no 'login: ' within 0\.5 s; last stage 'firmware'"):
            wait_for_login(bench)


@pytest.mark.parametrize(
    ("waited", "error"), [(371.0, HostTooBusy), (5.0, BootTimeout)], ids=["busy host", "quiet host"]
)
def test_a_guest_that_gave_up_on_a_device_is_accused_only_on_a_host_with_free_cpus(
    waited: float, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd starts no login on a serial port that udev did not announce within its own 90 s."""
    gave_up = "[\x1b[0;1;31m TIME \x1b[0m] Timed out waiting for device dev-ttyS0.device - /dev/ttyS0."
    with MachineBench(tmp_path, printing_code(f"{gave_up}\r\n")) as bench:
        bench.describe_guest(timeouts=timeouts(600, 0.2))
        bench.run()
        assert bench.console.wait_for([b"/dev/ttyS0."], Deadline.after(60.0)) == 0
        monkeypatch.setattr(Machine, "waited_for_host", waited)
        with pytest.raises(
            error, match=r"hangs.*the guest said: Timed out waiting for device dev-ttyS0"
        ) as caught:
            wait_for_login(bench)
    assert type(caught.value) is error
    assert ("QEMU waited for a CPU of this host" in str(caught.value)) is (error is HostTooBusy)


def test_a_panic_ends_every_wait_at_once(tmp_path: Path) -> None:
    with MachineBench(tmp_path, printing_code(PANIC)) as bench:
        bench.describe_guest(timeouts=timeouts(600, 600))
        bench.run()
        with pytest.raises(GuestCrashed, match=r"kernel panic at \d+\.\d s: .* not syncing: test"):
            wait_for_login(bench)
