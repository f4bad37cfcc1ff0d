"""The wait for cloud-init after the login: done, failed, mute or missing, and with the restarts of a first boot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.catalog.specs import Timeouts
from fixtures.channels.console.transcript import Transcript
from fixtures.core.errors import (
    BootTimeout,
    DescriptionMismatch,
    FirstBootFailed,
    GuestCrashed,
    GuestRestarted,
)
from fixtures.core.invariants import required
from fixtures.lab.instance.first_boot import FirstBoot, restart_count
from fixtures.media.seeds import render_seed
from suites.selftest.support.gallery_bench import GalleryBench

if TYPE_CHECKING:
    from pathlib import Path

# With job control, the terminal is the login's again when the shell is gone. A reset loses what was typed.
LOGIN = """
set -m
while :; do
    getty root secret
    (printf '# '; exec sh)
    stty sane
    dd if=/dev/tty iflag=nonblock of=/dev/null 2>/dev/null
done
"""
DONE = "echo status: done; echo detail:; echo 'DataSourceNoCloud [seed=/dev/vdb]'"
LOG = "util.py[WARNING]: Running module users-groups failed"
# The machine resets under a running command, and its firmware starts again: the shell is gone.
RESTART = r"""
count=$(cat "$HOME/restarts" 2>/dev/null || echo 0)
if [ "$count" -lt %d ]; then
    echo $((count + 1)) >"$HOME/restarts"
    shell=$PPID
    while parent=$(ps -o ppid= -p $shell | tr -d ' '); [ "$(ps -o comm= -p $parent)" = sh ] && [ "$parent" != "$(cat "$HOME/init")" ]; do shell=$parent; done
    printf '\036' >/dev/tty
    kill -9 $shell
    exit 1
fi
"""


class FirstBootBench(GalleryBench):
    """A scripted guest with the program cloud-init, booted up to its shell."""

    def __init__(self, directory: Path, cloud_init: str | None, *, log: str = "", **description: Any) -> None:
        commands = {"grep": f"echo '{log}'" if log else "exit 1", "uname": "echo nothing.example"}
        commands |= {} if cloud_init is None else {"cloud-init": cloud_init}
        seed = description.pop("seed", {"nocloud": {}})
        script = f'echo $$ >"$HOME/init"\n{LOGIN}'
        super().__init__(directory, script, commands=commands, seed=seed, **description)
        self.evidence = directory / "evidence"
        self.boot()

    def has_ended(self) -> None:
        """No boot follows the last reset."""
        self._has_new_boot.set()

    def _first_boot(self) -> FirstBoot:
        machine = self._machine()
        machine.power_on_time = 0.0
        return FirstBoot(machine, self.transcript, self.shell, self.boot)

    def require_host_name(self) -> None:
        """Look for the host name of the seed, as the engine does it for Ignition."""
        self._first_boot().require_host_name(required(render_seed(self.guest), "the rendered seed"))

    def wait(self) -> FirstBoot:
        """Wait for the end of the first boot, as the engine does it."""
        first_boot = self._first_boot()
        seed = required(required(self.guest.seed, "the guest's seed").nocloud, "a seed for cloud-init")
        first_boot.wait(seed, required(render_seed(self.guest), "the rendered seed"))
        return first_boot


def test_cloud_init_is_done_and_its_report_is_kept(tmp_path: Path) -> None:
    with FirstBootBench(tmp_path, DONE) as bench:
        assert bench.wait().restarts == 0
        report = (bench.evidence / "first-boot.txt").read_text()
        assert "restarts: 0" in report
        assert "status: done" in report


def test_a_guest_of_ignition_has_the_host_name_of_its_seed(tmp_path: Path) -> None:
    with FirstBootBench(tmp_path, None, seed={"ignition": {"hostname": "nothing"}}) as bench:
        bench.require_host_name()


def test_a_guest_without_ignition_is_an_error_of_the_description(tmp_path: Path) -> None:
    message = "Ignition made no host name, and its host name is 'nothing.example' and not 'other'"
    with (
        FirstBootBench(tmp_path, None, seed={"ignition": {"hostname": "other"}}) as bench,
        pytest.raises(DescriptionMismatch, match=message),
    ):
        bench.require_host_name()


def test_a_failure_quotes_the_log_of_cloud_init(tmp_path: Path) -> None:
    failing = "echo status: error; echo detail:; echo \"('users-groups', ValueError('x'))\"; exit 1"
    with FirstBootBench(tmp_path, failing, log=LOG) as bench:
        with pytest.raises(FirstBootFailed, match=r"users-groups.*Running module users-groups failed"):
            bench.wait()
        assert "Running module" in (bench.evidence / "first-boot.txt").read_text()


def test_what_the_yaml_asks_for_and_what_fails_is_an_error_of_the_description(tmp_path: Path) -> None:
    failing = "echo status: error; echo detail:; echo \"('scripts-user', RuntimeError('x'))\"; exit 1"
    seed = {"nocloud": {"config": {"runcmd": ["false"]}}}
    with (
        FirstBootBench(tmp_path, failing, seed=seed) as bench,
        pytest.raises(DescriptionMismatch, match="seed.nocloud.config.runcmd fails"),
    ):
        bench.wait()


def test_a_first_boot_without_end(tmp_path: Path) -> None:
    """The command is interrupted at the limit, and cloud-init says in which stage it is."""
    endless = 'case "$*" in *--wait*) exec sleep 600;; esac; echo status: running; echo detail: modules-final'
    with FirstBootBench(tmp_path, endless) as bench:
        bench.guest = bench.guest.model_copy(update={"timeouts": Timeouts.model_validate({"boot": "2s"})})
        with pytest.raises(BootTimeout, match=r"within 2 s: its state is 'running' \(modules-final\)"):
            bench.wait()


def test_a_crash_during_the_wait_is_named_at_once(tmp_path: Path) -> None:
    crashing = "printf '\\n[   12.345678] Kernel panic - not syncing: VFS\\n' >/dev/tty; exec sleep 600"
    with (
        FirstBootBench(tmp_path, crashing) as bench,
        pytest.raises(GuestCrashed, match="Kernel panic"),
    ):
        bench.wait()


def test_one_restart_is_allowed_and_counted(tmp_path: Path) -> None:
    with FirstBootBench(tmp_path, RESTART % 1 + DONE) as bench:
        assert bench.wait().restarts == 1
        assert bench.shell.run("id -u").text == "0\n"
        assert "restarts: 1" in (bench.evidence / "first-boot.txt").read_text()


def test_a_reset_of_the_firmware_is_no_restart_of_the_guest(tmp_path: Path) -> None:
    """SeaBIOS on i440fx resets the machine once more: that boot shows nothing of the guest."""
    transcript = Transcript(tmp_path, ())
    for stages in (("kernel", "login"), (), ("kernel",)):
        transcript.begin_boot()
        for stage in stages:
            transcript.mark_stage(stage)
    assert restart_count(transcript) == 1
    transcript.close()


def test_a_second_restart_is_a_failure(tmp_path: Path) -> None:
    with FirstBootBench(tmp_path, RESTART % 2 + DONE) as bench:
        with pytest.raises(GuestRestarted):
            bench.wait()
        bench.has_ended()


def test_another_program_may_read_the_seed(tmp_path: Path) -> None:
    with FirstBootBench(tmp_path, None) as bench:
        bench.wait()


def test_an_image_that_reads_no_seed(tmp_path: Path) -> None:
    seed = {"nocloud": {"hostname": "other"}}
    with (
        FirstBootBench(tmp_path, None, seed=seed) as bench,
        pytest.raises(DescriptionMismatch, match="nothing in the image reads the seed.*'nothing.example'"),
    ):
        bench.wait()
