"""Sabotage of suites/drivers/test_hotplug.py: devices that stay, leaks, changed data, loads that do not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.guest.device_kinds.hotplug import Presence
from fixtures.lab.operations.scratch_disks import ScratchDisk
from suites.drivers import test_hotplug
from suites.selftest.support.sabotaged_guest import SabotagedGuest


def test_leaked_descriptor_after_disks_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    disk = guest.storage.attach(guest.storage.source)
    plug_disk = plug.plug_disk
    monkeypatch.setattr(test_hotplug, "ROUNDS", 1)

    def plug_and_leak(disk: ScratchDisk) -> Presence:
        _leak(broken, "leak")
        return plug_disk(disk)

    monkeypatch.setattr(plug, "plug_disk", plug_and_leak)
    with pytest.raises(AssertionError, match=r"assert (\d+) == \d+"):
        test_hotplug.test_disk_hot_plug(guest, disk)


def _leak(broken: SabotagedGuest, name: str) -> None:
    """Leave a file descriptor open in QEMU."""
    with Path(os.devnull).open("rb") as file:
        broken.instance.machine.send_fd(name, file.fileno())


def test_disk_that_comes_back_changed_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = broken.guest
    disk = guest.storage.attach(guest.storage.source)
    unplug_disk = guest.devices.hotplug.unplug_disk

    def unplug_and_change(disk: ScratchDisk, *, paused: bool) -> Presence:
        presence = unplug_disk(disk, paused=paused)
        with broken.instance.disks["source"].path.open("r+b") as file:
            file.write(b"?")
        return presence

    monkeypatch.setattr(guest.devices.hotplug, "unplug_disk", unplug_and_change)
    with pytest.raises(AssertionError, match="sha256:"):
        test_hotplug.test_disk_hot_plug_while_paused(guest, disk)


def test_disk_that_stays_is_found(broken: SabotagedGuest) -> None:
    """The request to release the device does not reach the guest."""
    guest, machine = broken.guest, broken.instance.machine
    disk = guest.storage.attach(guest.storage.source)
    execute = machine.execute

    def drop_device_del(command: str, *arguments: object, **options: object) -> object:
        return {} if command == "device_del" else execute(command, *arguments, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "execute", drop_device_del)
        patch.setattr("fixtures.guest.device_kinds.hotplug.UNPLUG_TIMEOUT", 0.2)
        patch.setattr(guest._context, "wait_until", lambda description, condition: None)
        with pytest.raises(AssertionError, match="qemu: 'present'"):
            test_hotplug.test_disk_hot_unplug_under_load(guest, disk)


def test_payload_through_another_card_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    guest.network.addresses()
    monkeypatch.setattr(plug, "receive", lambda number, seed, length: guest.network.receive(seed, length))
    with pytest.raises(AssertionError, match="assert 0 >= 1048576"):
        test_hotplug.test_card_hot_plug(guest)


def test_card_that_stays_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request to release the device does not reach the guest."""
    machine, guest = broken.instance.machine, broken.guest
    execute = machine.execute

    def drop_device_del(command: str, *arguments: object, **options: object) -> object:
        return {} if command == "device_del" else execute(command, *arguments, **options)  # type: ignore[arg-type]

    def drop_device_del_from_now_on(number: int) -> int:
        monkeypatch.setattr(machine, "execute", drop_device_del)
        monkeypatch.setattr(guest._context, "wait_until", lambda description, condition: None)
        return test_hotplug.LENGTH

    monkeypatch.setattr("fixtures.guest.device_kinds.hotplug.UNPLUG_TIMEOUT", 0.2)
    monkeypatch.setattr(guest.devices.hotplug, "payload_on_wire", drop_device_del_from_now_on)
    with pytest.raises(AssertionError, match="qemu: 'present'"):
        test_hotplug.test_card_hot_plug_while_paused(guest)


def test_load_that_does_not_run_is_found(broken: SabotagedGuest) -> None:
    broken.guest.devices.hotplug.timeout = 0.2
    broken.guest.run_check("mount --bind /bin/true /bin/bash")
    with pytest.raises(AssertionError, match="assert 0 > 0"):
        test_hotplug.test_card_hot_unplug_under_load(broken.guest)


def test_leaked_descriptor_after_cards_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug = broken.guest.devices.hotplug
    plug_card = plug.plug_card
    monkeypatch.setattr(test_hotplug, "ROUNDS", 1)

    def plug_and_leak(number: int) -> Presence:
        _leak(broken, f"leak{len(broken.instance.machine.journal.since(0))}")
        return plug_card(number)

    monkeypatch.setattr(plug, "plug_card", plug_and_leak)
    with pytest.raises(AssertionError, match=r"assert (\d+) == \d+"):
        test_hotplug.test_card_hot_plug_many_times(broken.guest)
