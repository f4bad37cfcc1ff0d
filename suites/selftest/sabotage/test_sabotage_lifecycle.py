"""Sabotage of suites/lifecycle: a second reset, a reset by the wrong side, a power button without effect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.catalog.specs import Cell
from fixtures.core import errors
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.lifecycle import test_lifecycle


@pytest.mark.small_guest
@pytest.mark.boots
def test_second_reset_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cell.platform.machine != "pc":
        pytest.skip(
            "not_in_profile: one platform suffices; the firmware of machine type pc also resets, which is harder"
        )

    def reset_during_boot(*, is_reboot: bool = False) -> None:
        # The check must find the second reset. It does not matter here whether the guest survives it.
        assert is_reboot
        deadline = instance.machine.deadline(cell.guest.timeouts.boot)
        transcript = instance.transcript
        timeout = errors.BootTimeout("the boot loader did not come")
        instance.machine.health.wait_for(
            lambda: True if transcript.stage_time("kernel") > 0 else None, deadline, lambda: timeout
        )
        mark = instance.machine.journal.mark()
        instance.machine.execute("system_reset")
        instance.machine.wait_event(["RESET"], mark, deadline, "the machine was reset again")

    monkeypatch.setattr(instance, "reach_shell", reset_during_boot)
    with pytest.raises(
        AssertionError,
        match=r"- 1 reset, requested by the host\n(.*\n)*.*\+ [2-9] resets, requested by the host",
    ):
        test_lifecycle.test_reset_reboots_once(victim)


@pytest.mark.boots
def test_restart_by_the_wrong_side_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cell.platform.machine == "pc":
        pytest.skip("not_in_profile: one platform suffices; the other sabotage of restarts covers this one")
    monkeypatch.setattr(instance.shell, "start", lambda _: instance.machine.execute("system_reset"))
    monkeypatch.setattr(instance, "reach_shell", lambda *, is_reboot: None)
    with pytest.raises(
        AssertionError, match=r"- 1 reset, requested by the guest\n(.*\n)*.*\+ 1 reset, requested by the host"
    ):
        test_lifecycle.test_guest_reboots_once(victim)


def test_ignored_power_button_is_found(victim: Guest, instance: GuestInstance, cell: Cell) -> None:
    victim.run_check("systemctl stop systemd-logind.service")
    timeouts = cell.guest.timeouts.model_copy(update={"shutdown": 1.0})
    instance.cell = replace(cell, guest=cell.guest.model_copy(update={"timeouts": timeouts}))
    with pytest.raises(errors.ShutdownTimeout, match="power button"):
        test_lifecycle.test_shuts_down_by_acpi(victim)
    instance.cell = cell
