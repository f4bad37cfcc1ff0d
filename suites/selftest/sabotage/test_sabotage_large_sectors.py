"""Sabotage of suites/storage/test_large_sectors.py: a disk that confuses the units of its discards."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from suites.selftest.support import misbehaving_disk as bad
from suites.selftest.support.fault_injection import Spoil
from suites.storage import test_large_sectors

pytestmark = pytest.mark.device("virtio-blk-*")


def test_discards_at_eight_times_their_offset_are_found(victim: Guest, spoil: Spoil) -> None:
    source = victim.storage.attach(victim.storage.source)
    spoil(bad.MultipliesDiscards, 0)
    with pytest.raises(AssertionError, match=r"offset and length in bytes of what was discarded") as failure:
        test_large_sectors.test_sectors_of_4_kib(victim, source, victim.storage.attach)
    assert "(32768, 4096)" in str(failure.value)
