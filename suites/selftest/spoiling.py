"""What spoils the disks of a check: the types of the fixtures ``alter`` and ``spoil``, and deaf disks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.machine import devices_storage, plugging, storage
from fixtures.machine.hardware import Disk
from suites.selftest import misbehaving_disk as bad

Change = Callable[[Disk], Disk]
Alter = Callable[[Change], None]
Spoil = Callable[[type[bad._OneSector], int], None]


def ignore_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the hypervisor drop the guest's flushes of logged disks, as with ``cache=unsafe``.

    The log is of what the disk is told, so they are missing there.
    """

    def deaf(disk: Disk) -> dict[str, Any]:
        node = storage.block_node(disk)
        return {**node, "cache": {"no-flush": True}} if disk.traits.logged else node

    for module in (plugging, devices_storage):
        monkeypatch.setattr(module, "block_node", deaf)
