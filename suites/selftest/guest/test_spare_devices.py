"""Devices that a guest can spare for a moment: not the card that carries its session by SSH."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.core.errors import GuestFault
from fixtures.guest.device_kinds.hotplug import ABSENT, PRESENT, Presence
from fixtures.guest.devices import Devices
from fixtures.lab.observation.device_views import DeviceRow
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from fixtures.guest.context import GuestContext


def row(name: str) -> DeviceRow:
    return DeviceRow(name, name, "0000:00:02.0", "1af4:1000", name, name, "a driver", "a driver")


def devices(console: str, nic: str = "virtio-net-pci", presence: Presence = PRESENT) -> Devices:
    """The devices of a guest; a card that is plugged in is ``presence``."""
    cell = machine_sample.cell(machine="q35", devices={"disk": "ide-hd", "nic": nic})
    guest = type(cell.guest).model_validate(
        cell.guest.model_dump(exclude={"timeouts", "requires"}) | {"console": console}
    )
    system = SimpleNamespace(devices=None)
    context = SimpleNamespace(cell=replace(cell, guest=guest), proxy=None, system=system)
    found = Devices(cast("GuestContext", context))
    plugged: list[int] = []

    def plug_card(number: int) -> Presence:
        plugged.append(number)
        return presence

    def table() -> tuple[DeviceRow, ...]:
        return tuple(row(name) for name in ("nic0", "rng0", "disk-root", *(f"nic{each}" for each in plugged)))

    replaced: Any = found
    replaced.table, replaced.hotplug = table, SimpleNamespace(plug_card=plug_card)
    return found


@pytest.mark.parametrize(
    ("console", "nic", "spare", "names"),
    [
        ("serial", "virtio-net-pci", (), ["nic0", "rng0"]),
        ("ssh", "virtio-net-pci", (1,), ["rng0", "nic1"]),
        ("ssh", "e1000e", (1,), ["rng0", "nic1"]),
        ("ssh", "usb-net", (), ["rng0"]),
    ],
)
def test_a_spare_card_stands_for_the_card_of_the_session(
    console: str, nic: str, spare: tuple[int, ...], names: list[str]
) -> None:
    found = devices(console, nic)
    assert found.plug_spare_cards() == spare
    assert [each.name for each in found.rebindable()] == names


def test_a_spare_card_that_the_guest_does_not_see_is_a_failure() -> None:
    with pytest.raises(GuestFault, match="a card was plugged in, expected .*present.*, found .*absent"):
        devices("ssh", presence=ABSENT).plug_spare_cards()
