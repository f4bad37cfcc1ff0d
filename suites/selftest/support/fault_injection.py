"""Faults in the disks of a check: the types of the fixtures ``alter`` and ``spoil``, and ignored flushes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.machine import block_devices, hotplug
from fixtures.machine.command_line import disk_controllers
from fixtures.machine.hardware import Disk
from suites.selftest.support import misbehaving_disk as bad

Change = Callable[[Disk], Disk]
Alter = Callable[[Change], None]
Spoil = Callable[[type[bad.OneSectorFault], int], None]


def ignore_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make QEMU drop the guest's flushes of logged disks, as with ``cache=unsafe``.

    The write log lies below QEMU's cache, so it does not contain the flushes.
    """

    def without_flushes(disk: Disk) -> dict[str, Any]:
        node = block_devices.block_node(disk)
        return {**node, "cache": {"no-flush": True}} if disk.options.logged else node

    for module in (hotplug, disk_controllers):
        monkeypatch.setattr(module, "block_node", without_flushes)
