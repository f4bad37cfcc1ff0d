"""Sabotage of suites/drivers/test_hotplug.py: devices that stay, leaks, changed data, and loads that do not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.guest.device_kinds.hotplug import Presence
from fixtures.lab.operations.scratch_disks import ScratchDisk
from suites.drivers import test_hotplug
from suites.selftest.support.device_victims import Victim


def test_a_descriptor_that_leaks_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    disk = guest.storage.attach(guest.storage.source)
    plug_disk = plug.plug_disk
    monkeypatch.setattr(test_hotplug, "ROUNDS", 1)

    def leaking(disk: ScratchDisk) -> Presence:
        _leak(broken)
        return plug_disk(disk)

    monkeypatch.setattr(plug, "plug_disk", leaking)
    with pytest.raises(AssertionError, match=r"assert (\d+) == \d+"):
        test_hotplug.test_disk_hot_plug(guest, disk)


def _leak(broken: Victim) -> None:
    """QEMU keeps a descriptor that nobody takes back."""
    with Path(os.devnull).open("rb") as file:
        broken.instance.machine.send_fd("leak", file.fileno())


def test_a_disk_that_comes_back_changed_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = broken.guest
    disk = guest.storage.attach(guest.storage.source)
    take = guest.devices.hotplug.take_out_paused

    def take_and_flip(taken: object) -> object:
        views = take(disk)
        with broken.instance.disks["source"].path.open("r+b") as file:
            file.write(b"?")
        return views

    monkeypatch.setattr(guest.devices.hotplug, "take_out_paused", take_and_flip)
    with pytest.raises(AssertionError, match="sha256:"):
        test_hotplug.test_disk_hot_plug_while_paused(guest, disk)


def test_a_disk_that_stays_although_it_is_unplugged_is_found(broken: Victim) -> None:
    """Nobody hears the request to let go of it."""
    guest, machine = broken.guest, broken.instance.machine
    disk = guest.storage.attach(guest.storage.source)
    execute = machine.execute

    def deaf(command: str, *arguments: object, **named: object) -> object:
        return {} if command == "device_del" else execute(command, *arguments, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "execute", deaf)
        patch.setattr("fixtures.guest.device_kinds.hotplug.UNPLUG_TIMEOUT", 0.2)
        patch.setattr(guest._context, "wait_until", lambda what, seen: None)
        with pytest.raises(AssertionError, match="qemu: 'present'"):
            test_hotplug.test_disk_hot_unplug_under_load(guest, disk)


def test_a_payload_that_takes_another_card_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    guest.network.addresses()
    monkeypatch.setattr(plug, "receive", lambda number, seed, length: guest.network.receive(seed, length))
    with pytest.raises(AssertionError, match="assert 0 >= 1048576"):
        test_hotplug.test_card_hot_plug(guest)


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
