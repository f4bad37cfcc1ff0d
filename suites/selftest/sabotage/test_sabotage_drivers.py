"""Each check of drivers' life, hot-plug and queues, on a guest that was broken on purpose: it fails, rightly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.guest.device_kinds.hotplug import PRESENT, Presence
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.lab.pool.machine_pool import MachinePool
from suites.drivers import test_drivers, test_hotplug, test_driver_binding
from suites.network import test_network
from suites.selftest.support.device_victims import Victim, victim


@pytest.fixture
def broken(pool: MachinePool, tmp_path: Path) -> Iterator[Victim]:
    with victim(pool, tmp_path) as made:
        yield made


def test_a_device_that_was_asked_for_and_is_gone_names_all_three_views(broken: Victim) -> None:
    machine = broken.instance.machine
    mark = machine.journal.mark()
    machine.execute("device_del", {"id": "input0"})
    broken.instance.poll_until(lambda: machine.journal.since(mark, ["DEVICE_DELETED"]), bool, 10.0)
    words = "asked for: usb-kbd; QEMU has: not there; guest drives it with: not seen by the guest"
    with pytest.raises(AssertionError, match=words):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_a_device_that_nobody_asked_for_names_all_three_views(broken: Victim) -> None:
    broken.instance.machine.execute("device_add", {"driver": "usb-mouse", "id": "mouse9", "bus": "usb0.0"})
    seen = "until ls -d /sys/bus/usb/devices/1-3:1.0/driver; do :; done"
    broken.guest.run_check(seen)
    words = "asked for: not there; QEMU has: usb-mouse; guest drives it with: usbhid"
    with pytest.raises(AssertionError, match=words):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_a_usb_device_without_its_driver_is_found(broken: Victim) -> None:
    test_drivers.test_every_device_is_driven(broken.guest)
    broken.guest.run_check("echo 1-2:1.0 >/sys/bus/usb/drivers/usbhid/unbind")
    words = "asked for: usb-tablet; QEMU has: usb-tablet; guest drives it with: none"
    with pytest.raises(AssertionError, match=words):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_a_driver_that_is_not_the_recorded_one_is_found(broken: Victim) -> None:
    """The watchdog's driver is taken from it, and another one is given to it."""
    broken.guest.run_check(
        "modprobe pci-stub && d=$(grep -lx 0x25ab /sys/bus/pci/devices/*/device) && cd ${d%/*} && a=${PWD##*/}"
        " && echo pci-stub >driver_override && echo $a >driver/unbind && echo $a >/sys/bus/pci/drivers_probe"
    )
    words = "QEMU has: i6300esb; guest drives it with: "
    with pytest.raises(AssertionError, match=f"{words}pci-stub.* != .*{words}i6300ESB timer"):
        test_drivers.test_every_device_is_driven(broken.guest)


def test_a_module_that_taints_is_found(broken: Victim) -> None:
    test_drivers.test_modules_are_the_vendors(broken.guest)
    broken.guest.run_check("echo OE >/run/taint && mount --bind /run/taint /sys/module/virtio_net/taint")
    with pytest.raises(AssertionError, match=r"virtio_net: taints the kernel \(OE\)"):
        test_drivers.test_modules_are_the_vendors(broken.guest)


def test_a_driver_that_does_not_come_back_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.guest.devices.driver_binding, "bind", lambda row, driver: None)
    with pytest.raises(AssertionError, match="driver='none'"):
        test_driver_binding.test_unbind_and_bind(broken.guest)


def test_a_driver_that_stays_is_found(broken: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.guest.devices.driver_binding, "unbind", lambda row: "virtio-pci")
    with pytest.raises(AssertionError, match="driver='none'"):
        test_driver_binding.test_unbind_and_bind(broken.guest)


def test_a_load_that_is_none_is_found(broken: Victim) -> None:
    broken.guest.devices.driver_binding.timeout = 0.2
    broken.guest.run_check("mount --bind /bin/true /bin/bash")
    with pytest.raises(AssertionError, match=r"assert \(0 > 0\) is True"):
        _reload_flooded_only(broken)


def _reload_flooded_only(broken: Victim) -> None:
    frames = broken.guest.devices.driver_binding.reload_card_module("virtio_net", under_load=True)
    assert (frames > 0) is True


def test_queues_that_stand_still_are_found(broken: Victim) -> None:
    test_multiqueue.test_every_queue_is_used(broken.guest)
    test_multiqueue.test_every_queue_of_a_card_is_used(broken.guest)
    # Whatever processor is asked for, it is the first.
    wrapper = '#!/bin/sh\\nshift 2; exec /root/pinned -c 0 "$@"\\n'
    broken.guest.run_check(
        f"printf '{wrapper}' >/root/one && chmod +x /root/one && cp /usr/bin/taskset /root/pinned"
    )
    broken.guest.run_check("mount --bind /root/one /usr/bin/taskset")
    with pytest.raises(AssertionError, match=r"assert \[1\] == \[\]"):
        test_multiqueue.test_every_queue_is_used(broken.guest)
    with pytest.raises(AssertionError, match=r"assert \[2, 3\] == \[\]"):
        test_multiqueue.test_every_queue_of_a_card_is_used(broken.guest)


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


def test_a_card_whose_payload_crosses_another_wire_is_found(
    broken: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    sent = guest.network.payload_digest

    def by_another_card(seed: int, length: int, card: int) -> str:
        assert plug.plug_card(1 + card) == PRESENT
        plug.receive(1 + card, seed, length)
        return sent(seed, length)

    monkeypatch.setattr(guest.network, "receive", by_another_card)
    monkeypatch.setattr(guest.network, "send", lambda seed, length, card: sent(seed, length))
    with pytest.raises(AssertionError, match=r"WireTraffic\(to_guest=0, from_guest=0\)"):
        test_network.test_each_card_carries_its_own(guest)


def test_a_card_with_another_driver_is_found(broken: Victim) -> None:
    broken.guest.run_check("cd /sys/bus/virtio/drivers/virtio_net && echo virtio* >unbind")
    with pytest.raises(AssertionError, match="'52:54:00:12:34:56': 'virtio_net'"):
        test_network.test_each_card_carries_its_own(broken.guest)
