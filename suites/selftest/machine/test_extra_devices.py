"""Serial lines, ports, random sources and USB controllers that are plugged in, with QEMU but no guest.

The machine has no root ports, so a device is there at once. Without a driver nothing crosses a port.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.guest.device_kinds.input_sequences import key_steps
from fixtures.lab.operations.extra_ports import LINE_ID, ExtraController, ExtraLine, address_of
from fixtures.lab.operations.extra_rng import ExtraRandomSource
from fixtures.lab.operations.extra_usb import plug_controller_with_stick
from fixtures.lab.operations.scratch_disks import ScratchDisk
from fixtures.machine.hotplug import has_device
from fixtures.machine.machine import Machine
from fixtures.oracles.disk_layout import DiskLayout
from suites.selftest.support import machine_sample

DEVICES = {"disk": "ide-hd", "serial-port": "virtio-serial-pci", "rng": "virtio-rng-pci"}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Any]:
    """The attributes of a GuestInstance that the operations use."""
    image = machine_sample.disk(tmp_path / "disk.raw", machine_sample.HANG)
    machine = Machine(machine_sample.hardware(image, devices=DEVICES), tmp_path / "evidence")
    machine.start()
    work = tmp_path / "work"
    work.mkdir()
    yield SimpleNamespace(
        machine=machine,
        cell=machine.hardware.cell,
        disks={},
        unplugged=set(),
        directories=SimpleNamespace(work=work),
    )
    machine.end()


def is_open(instance: Any, chardev: str) -> bool:
    """Whether QEMU has a connection on a character device."""
    found = instance.machine.execute("query-chardev")
    (filename,) = (entry["filename"] for entry in found if entry["label"] == chardev)
    return "disconnected" not in filename


def wait_for(instance: Any, chardev: str, *, opened: bool) -> bool:
    deadline = instance.machine.deadline(20)
    health = instance.machine.health
    return bool(health.poll_until(lambda: is_open(instance, chardev), lambda seen: seen is opened, deadline))


def test_a_line_is_a_pci_function_and_takes_a_break(instance: Any) -> None:
    line = ExtraLine(instance)
    assert address_of(instance, LINE_ID) != ""
    line.send_break()
    line.service.close()


def test_the_hosts_end_of_a_port_is_closed_and_opened_again(instance: Any) -> None:
    controller = ExtraController(instance, 2)
    assert wait_for(instance, "ports1-1-socket", opened=True)
    controller.ports[1].close_host_end()
    assert not wait_for(instance, "ports1-1-socket", opened=False)
    assert is_open(instance, "ports1-2-socket"), "the other port's end stays open"
    controller.ports[1].open_host_end()
    assert wait_for(instance, "ports1-1-socket", opened=True)


def test_a_port_goes_with_its_socket_and_can_come_again(instance: Any) -> None:
    controller = ExtraController(instance, 1)
    controller.plug(2)
    assert has_device(instance.machine, "ports1-2")
    assert controller.unplug(2, 20)
    assert not has_device(instance.machine, "ports1-2")
    controller.plug(2)
    assert has_device(instance.machine, "ports1-2")


def test_a_random_source_has_its_limit(instance: Any) -> None:
    ExtraRandomSource(instance, 512, 1000)
    path = "/machine/peripheral/rng1"
    limits = [
        instance.machine.execute("qom-get", {"path": path, "property": name})
        for name in ("max-bytes", "period")
    ]
    assert limits == [512, 1000]


@pytest.mark.parametrize("model", ["piix3-usb-uhci", "usb-ehci", "qemu-xhci"])
def test_a_stick_is_on_its_own_controller(instance: Any, model: str) -> None:
    stick = ScratchDisk.named("stick", DiskLayout.of_size(1 << 20))
    plug_controller_with_stick(instance, model, stick)
    listing = instance.machine.execute("human-monitor-command", {"command-line": "info usb"})
    assert "disk-stick" in listing
    assert instance.disks["stick"].serial == stick.serial


def test_qemu_knows_every_key(instance: Any) -> None:
    instance.machine.execute("cont")
    for step in key_steps():
        instance.machine.execute("input-send-event", {"events": [*step.sent]})


def test_a_shared_folder_is_on_the_command_line(tmp_path: Path) -> None:
    """QEMU starts with it: its device and its name are right."""
    image = machine_sample.disk(tmp_path / "disk.raw", machine_sample.HANG)
    plain = machine_sample.hardware(image, devices={"disk": "ide-hd", "shared-folder": "virtio-9p-pci"})
    folder = tmp_path / "a,folder"
    folder.mkdir()
    machine = Machine(dataclasses.replace(plain, shared_folder=folder), tmp_path / "evidence")
    machine.start()
    tag = machine.execute("qom-get", {"path": "/machine/peripheral/folder0", "property": "mount_tag"})
    machine.end()
    assert tag == "ironguest"
