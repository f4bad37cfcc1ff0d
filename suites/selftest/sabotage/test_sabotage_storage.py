"""Sabotage of suites/storage/test_storage.py: bits that the host flips behind the guest."""

from __future__ import annotations

from typing import Literal

import pytest

from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from suites.storage import test_storage


def flip(instance: GuestInstance, name: Literal["source", "target"], sector: int) -> None:
    """Flip one bit of a disk's file without the guest's knowledge."""
    with instance.disks[name].path.open("r+b") as file:
        file.seek(sector * 512 + 99)
        byte = file.read(1)[0]
        file.seek(sector * 512 + 99)
        file.write(bytes([byte ^ 4]))


def test_bit_flip_in_written_data_is_found(victim: Guest, instance: GuestInstance) -> None:
    copy = victim.storage.copy

    def copy_and_flip(*arguments: object, **sectors: int) -> None:
        copy(*arguments, **sectors)  # type: ignore[arg-type]
        if sectors["first"] == 2048:
            flip(instance, "target", 3000)

    victim.storage.copy = copy_and_flip  # type: ignore[method-assign, assignment]
    victim.storage.attach(victim.storage.source)
    victim.storage.attach(victim.storage.target)
    with pytest.raises(AssertionError, match=r"sector 3000: bit flip .*; 1 bad sector"):
        test_storage.test_a_write_reaches_the_disk(victim, victim.storage.source, victim.storage.target)


@pytest.mark.one_platform
def test_bit_flip_outside_of_written_data_is_found(victim: Guest, instance: GuestInstance) -> None:
    victim.storage.attach(victim.storage.source)
    victim.storage.attach(victim.storage.target)
    flip(instance, "target", 65000)
    with pytest.raises(AssertionError, match="sector 65000"):
        test_storage.test_a_write_reaches_the_disk(victim, victim.storage.source, victim.storage.target)


@pytest.mark.one_platform
def test_bit_flip_on_the_source_is_found(victim: Guest, instance: GuestInstance) -> None:
    victim.storage.attach(victim.storage.source)
    flip(instance, "source", 12345)
    with pytest.raises(AssertionError, match="sha256:"):
        test_storage.test_the_hosts_pattern_reads_back(victim, victim.storage.source)
