"""Sabotage of suites/lifecycle: an extra reset, a reset by the wrong side, and a power button without effect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.catalog.specs import Cell
from fixtures.core import errors
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.lifecycle import test_lifecycle


@pytest.mark.boots
def test_a_second_reset_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cell.platform.machine != "pc":
        pytest.skip(
            "not_in_profile: once is enough, and the platform with resets of its own is the harder one"
        )

    def interfere(*, again: bool = False) -> None:
        # The second reset is what is to be found; that a guest survives it is for others to see.
        assert again
        deadline = instance.machine.deadline(cell.guest.timeouts.boot)
        loaded = instance.transcript
        late = errors.BootTimeout("the boot loader did not come")
        instance.machine.health.wait_for(
            lambda: True if loaded.stage_time("kernel") > 0 else None, deadline, lambda: late
        )
        mark = instance.machine.journal.mark()
        instance.machine.execute("system_reset")
        instance.machine.wait_event(["RESET"], mark, deadline, "the machine was reset again")

    monkeypatch.setattr(instance, "reach_shell", interfere)
    with pytest.raises(AssertionError, match=r"\([2-9], False\) == \(1, False\)"):
        test_lifecycle.test_reset_reboots_once(victim)


@pytest.mark.boots
def test_a_restart_that_the_guest_did_not_ask_for_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cell.platform.machine == "pc":
        pytest.skip("not_in_profile: once is enough, and the other sabotage of restarts has this platform")
    monkeypatch.setattr(instance.shell, "start", lambda _: instance.machine.execute("system_reset"))
    monkeypatch.setattr(instance, "reach_shell", lambda *, again: None)
    with pytest.raises(AssertionError, match=r"\(1, False\) == \(1, True\)"):
        test_lifecycle.test_guest_reboots_once(victim)


def test_a_guest_that_ignores_its_power_button_is_found(
    victim: Guest, instance: GuestInstance, cell: Cell
) -> None:
    victim.run_check("systemctl stop systemd-logind.service")
    timeouts = cell.guest.timeouts.model_copy(update={"shutdown": 1.0})
    instance.cell = replace(cell, guest=cell.guest.model_copy(update={"timeouts": timeouts}))
    with pytest.raises(errors.ShutdownTimeout, match="power button"):
        test_lifecycle.test_shuts_down_by_acpi(victim)
    instance.cell = cell
