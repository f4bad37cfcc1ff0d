"""What spoils the disks of a check: the types of the fixtures ``alter`` and ``spoil``."""

from __future__ import annotations

from collections.abc import Callable

from fixtures.machine.hardware import Disk
from suites.selftest import misbehaving_disk as bad

Change = Callable[[Disk], Disk]
Alter = Callable[[Change], None]
Spoil = Callable[[type[bad._OneSector], int], None]
