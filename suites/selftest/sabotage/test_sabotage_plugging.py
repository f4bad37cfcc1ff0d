"""Checks of cards that are plugged, of sticks and of disks' drivers, on a guest broken on purpose: they fail, rightly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.guest.device_kinds.hotplug import Presence
from fixtures.guest.storage import Copy
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.systems.base.device_answers import UnboundDisk
from suites.drivers import test_driver_binding, test_hotplug, test_usb
from suites.selftest.support.device_victims import Victim, victim


@pytest.fixture
def broken(pool: MachinePool, tmp_path: Path) -> Iterator[Victim]:
    with victim(pool, tmp_path) as made:
        yield made


def test_a_card_that_stays_although_it_is_unplugged_is_found(
    broken: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody hears the request to let go of it."""
    machine, guest = broken.instance.machine, broken.guest
    execute = machine.execute

    def deaf(command: str, *arguments: object, **named: object) -> object:
        return {} if command == "device_del" else execute(command, *arguments, **named)  # type: ignore[arg-type]

    def deaf_once_it_carried(number: int) -> int:
        monkeypatch.setattr(machine, "execute", deaf)
        monkeypatch.setattr(guest._context, "wait_until", lambda what, seen: None)
        return test_hotplug.LENGTH

    monkeypatch.setattr("fixtures.guest.device_kinds.hotplug.UNPLUG_TIMEOUT", 0.2)
    monkeypatch.setattr(guest.devices.hotplug, "payload_on_wire", deaf_once_it_carried)
    with pytest.raises(AssertionError, match="qemu: 'present'"):
        test_hotplug.test_card_hot_plug_while_paused(guest)


def test_a_load_on_a_card_that_is_none_is_found(broken: Victim) -> None:
    broken.guest.devices.hotplug.timeout = 0.2
    broken.guest.run_check("mount --bind /bin/true /bin/bash")
    with pytest.raises(AssertionError, match="assert 0 > 0"):
        test_hotplug.test_card_hot_unplug_under_load(broken.guest)


def test_a_descriptor_that_leaks_with_a_card_is_found(
    broken: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug = broken.guest.devices.hotplug
    plug_card = plug.plug_card
    monkeypatch.setattr(test_hotplug, "ROUNDS", 1)

    def leaking(number: int) -> Presence:
        with Path(os.devnull).open("rb") as file:
            broken.instance.machine.send_fd(
                f"leak{len(broken.instance.machine.journal.since(0))}", file.fileno()
            )
        return plug_card(number)

    monkeypatch.setattr(plug, "plug_card", leaking)
    with pytest.raises(AssertionError, match=r"assert (\d+) == \d+"):
        test_hotplug.test_card_hot_plug_many_times(broken.guest)


def test_a_stick_that_holds_something_else_or_has_no_driver_is_found(
    broken: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = broken.guest
    stick = guest.storage.attach(guest.storage.usb_stick)
    copy_all = guest.storage.copy_all

    def copy_and_flip(source: ScratchDisk, target: ScratchDisk, copies: list[Copy]) -> None:
        copy_all(source, target, copies)
        with broken.instance.disks["stick"].path.open("r+b") as file:
            file.seek(40000 * 512)
            file.write(b"?")

    monkeypatch.setattr(guest.storage, "copy_all", copy_and_flip)
    with pytest.raises(AssertionError, match="sector 40000"):
        test_usb.test_usb_stick(guest, stick)
    guest.run_check("cd /sys/bus/usb/drivers/usb-storage && echo *-*:1.0 >unbind")
    with pytest.raises(AssertionError, match=r"\('usb-storage', 'none'\)"):
        test_usb.test_usb_stick(guest, stick)


def test_a_disks_driver_that_stays_or_does_not_come_back_is_found(
    broken: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, binding = broken.guest, broken.guest.devices.driver_binding
    disk = guest.storage.attach(guest.storage.source)
    with monkeypatch.context() as patch:
        patch.setattr(binding, "unbind_disk", lambda disk: UnboundDisk("/nowhere", "nothing"))
        with pytest.raises(AssertionError, match=r"BindingState\(driver='there', driven=True\)"):
            test_driver_binding.test_disk_unbind_and_bind(guest, disk)
    monkeypatch.setattr(binding, "bind_disk", lambda disk, held: None)
    with pytest.raises(AssertionError, match=r"BindingState\(driver='none', driven=False\)"):
        test_driver_binding.test_disk_unbind_and_bind(guest, disk)
