"""Parsers of Linux's answers about devices other than disks and network cards."""

from __future__ import annotations

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core import errors
from fixtures.systems.base.device_answers import UnboundDisk
from fixtures.systems.linux import (
    display,
    drivers,
    input_devices,
    load,
    tpm_watchdog,
    virtio_devices,
    virtualization,
)


def test_input_events() -> None:
    (event, other) = input_devices.parse_input_events("QEMU Virtio Mouse|2|1|-9\nQEMU|1|30|1\nend|2\n")
    assert (event.device, event.kind, event.code, event.value) == ("QEMU Virtio Mouse", "relative", 1, -9)
    assert other.kind == "key"
    with pytest.raises(errors.AnswerNotUnderstood, match="from 1 to 3"):
        input_devices.parse_input_events("QEMU|4|30|1\nend|1\n")


def test_framebuffers() -> None:
    (framebuffer,) = display.parse_framebuffers("fb0|U:1280x800p-0|32|5120|virtio_gpudrmfb\nend|1\n")
    assert (framebuffer.width, framebuffer.height) == (1280, 800)
    assert (framebuffer.depth, framebuffer.stride) == (32, 5120)
    with pytest.raises(errors.AnswerNotUnderstood, match="a mode like"):
        display.parse_framebuffers("fb0||32|5120|x\nend|1\n")


def test_display_modes() -> None:
    assert display.parse_display_modes("1280x800\n640x480\nend|2\n") == ((1280, 800), (640, 480))
    with pytest.raises(errors.AnswerNotUnderstood, match="a mode like"):
        display.parse_display_modes("1280\nend|1\n")


def test_random_bytes_memory_and_a_watchdog() -> None:
    assert virtio_devices.parse_random("current|virtio_rng.0\nbytes|00ff\nend|2\n").data == b"\x00\xff"
    assert virtio_devices.parse_memory_total("975308\nend|1\n") == 975308 << 10
    assert tpm_watchdog.parse_watchdog("identity|iTCO_wdt\ntimeout|8\nend|2\n") == ("iTCO_wdt", 8)
    with pytest.raises(errors.AnswerNotUnderstood):
        virtio_devices.parse_random("current|virtio_rng.0\nbytes|0\nend|2\n")


def test_modules_and_their_problems() -> None:
    answer = "ahci|3.0|Y||Debian\nvboxguest|7|||\nnvidia|1||OE|NVIDIA\nend|3\n"
    problems = {module.name: module.problem for module in drivers.parse_modules(answer)}
    assert problems == {
        "ahci": "",
        "nvidia": "not of the kernel's tree, taints the kernel (OE)",
        "vboxguest": "not of the kernel's tree, not signed",
    }


def test_interrupts() -> None:
    answer = "44:        830          2   PCI-MSI 1572865-edge      virtio2-req.0\n"
    answer += "11:   7   XT-PIC  virtio0\nend|2\n"
    queue, shared = load.parse_interrupts(answer)
    assert (queue.name, queue.count, queue.is_msi) == ("virtio2-req.0", 832, True)
    assert (shared.count, shared.is_msi) == (7, False)


class RecordingShell:
    """A shell that records its commands, and answers nothing."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def run(self, command: str, within: float | None = None) -> CommandResult:
        self.commands.append(command)
        return CommandResult(command, 0, b"", 0.1)


def test_an_unbound_disk_is_bound_to_its_driver_again() -> None:
    disk = drivers.parse_unbound_disk("/sys/bus/virtio/drivers/virtio_blk|virtio5\n")
    assert disk == UnboundDisk("/sys/bus/virtio/drivers/virtio_blk", "virtio5")
    shell = RecordingShell()
    drivers.LinuxDrivers(shell).bind_disk_driver(disk)
    assert 'echo "virtio5" >"/sys/bus/virtio/drivers/virtio_blk/bind"' in shell.commands[0]
    with pytest.raises(errors.AnswerNotUnderstood, match="2 fields"):
        drivers.parse_unbound_disk("sh: cannot cd\n")


def test_features_of_the_cpu() -> None:
    assert virtualization.parse_features("flags\t\t: fpu svm npt\n") == {"fpu", "svm", "npt"}
    with pytest.raises(errors.AnswerNotUnderstood, match="a line flags"):
        virtualization.parse_features("Features\t: fp asimd\n")
