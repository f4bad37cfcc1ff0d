"""A machine that goes on in a new QEMU process, without an operating system in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.core.errors import MachineNotUsable, NotMigratable
from fixtures.lab.operations import host_clocks
from suites.selftest.support.instance_sample import boot_sector_instance

if TYPE_CHECKING:
    from pathlib import Path


def test_a_moved_machine_goes_on(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path) as instance:
        machine = instance.machine
        # A clone was loaded with this capability.
        capability = {"capability": "x-ignore-shared", "state": True}
        machine.execute("migrate-set-capabilities", {"capabilities": [capability]})
        answer: Any = host_clocks.move(instance)
        assert sorted(answer) == ["times"]
        assert (machine.state, instance.machine.state) == ("off", "running")
        assert instance.machine.execute("query-status")["running"], "the new process must run the machine"
        assert instance.machine.evidence == machine.evidence / "moved"


def test_a_machine_that_cannot_be_saved_goes_on_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with boot_sector_instance(tmp_path) as instance:
        machine = instance.machine

        def refuse() -> None:
            machine.execute("stop")
            raise NotMigratable("this device does not support migration")

        monkeypatch.setattr(instance, "move_to_new_machine", refuse)
        assert host_clocks.move(instance) == {"refusal": "this device does not support migration"}
        assert machine.execute("query-status")["running"], "the machine must go on"


def test_a_machine_with_plugged_disks_is_not_moved(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path) as instance:
        root = instance.disks["root"]
        instance.disks["target"] = replace(root, name="target")
        with pytest.raises(MachineNotUsable, match="disks were plugged into the machine or out of it"):
            instance.move_to_new_machine()


def test_the_hardware_clock_of_qemu_is_read_and_pauses_are_timed(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path) as instance:
        time: Any = host_clocks.hardware_time(instance)
        assert time > 1_700_000_000, "Unix time of QEMU's real-time clock"
        times: Any = host_clocks.pause(instance, 0.1)
        assert times == sorted(times), "the host's times around a pause"
        assert instance.machine.execute("query-status")["running"], "the machine must run after the pause"


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ({"tm_year": 126, "tm_mon": 10, "tm_mday": 28, "tm_hour": 8, "tm_min": 47, "tm_sec": 30}, 1795855650),
        ({"tm_year": 70, "tm_mon": 0, "tm_mday": 1, "tm_hour": 0, "tm_min": 0, "tm_sec": 0}, 0),
    ],
)
def test_a_date_of_qemu_is_unix_time(date: dict[str, int], seconds: int) -> None:
    assert host_clocks.unix_time(date) == seconds
