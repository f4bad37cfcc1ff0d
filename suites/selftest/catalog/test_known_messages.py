"""The accepted messages of the shipped guests: they cover a real line, and none that is worse."""

from __future__ import annotations

import re

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.core.project import SHIPPED_GUESTS

DEBIAN = Catalog.load([SHIPPED_GUESTS, SHIPPED_GUESTS / "examples"]).guests


@pytest.mark.parametrize(
    "name", ["debian-12", "debian-12-agent", "debian-12-busybox", "debian-12-fio", "debian-12-i386"]
)
def test_a_timer_that_a_busy_host_delays_is_no_complaint(name: str) -> None:
    def accepts(line: str) -> bool:
        return any(re.search(message.pattern, line) for message in DEBIAN[name].known_messages)

    assert accepts("kernel (err): ..MP-BIOS bug: 8254 timer not connected to IO-APIC")
    assert not accepts("kernel (err): ..MP-BIOS bug: 8254 timer")
    assert not accepts("Kernel panic - not syncing: IO-APIC + timer doesn't work!")
