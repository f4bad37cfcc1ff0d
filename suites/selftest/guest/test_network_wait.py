"""The wait for a guest's network: which cards must have a lease of DHCP before a payload moves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.catalog.seed_specs import Seed
from fixtures.guest import network
from fixtures.machine.user_network import UserNetwork
from fixtures.oracles import dhcp_leases

if TYPE_CHECKING:
    from fixtures.lab.instance.guest_instance import GuestInstance
    from fixtures.systems.base.system import System

FIRST, SECOND, PLUGGED = "52:54:00:12:34:56", "52:54:00:12:34:57", "52:54:00:12:34:58"
STATIC = Seed.model_validate({"nocloud": {"network": {"addresses": ["10.0.2.50/24"]}}})


@pytest.mark.parametrize(
    ("seed", "addresses", "is_online"),
    [
        (None, {FIRST: "10.0.2.15", SECOND: "10.0.3.15"}, True),
        (None, {FIRST: "10.0.2.15", SECOND: "10.0.3.15", PLUGGED: "10.0.4.15"}, True),
        # The address from before the clone's cable was unplugged.
        (None, {FIRST: "10.0.2.99", SECOND: "10.0.3.15"}, False),
        (None, {FIRST: "10.0.2.50", SECOND: "10.0.3.15"}, False),
        (STATIC, {FIRST: "10.0.2.50", SECOND: "10.0.3.15"}, True),
        (STATIC, {FIRST: "10.0.2.50", SECOND: "10.0.3.99"}, False),
    ],
)
def test_the_cards_of_the_platform_have_the_addresses_that_dhcp_gave(
    seed: Seed | None, addresses: dict[str, str], is_online: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = {"net0": {FIRST: "10.0.2.15"}, "net1": {SECOND: "10.0.3.15"}}
    monkeypatch.setattr(dhcp_leases, "leases", leases.get)
    macs = {"/machine/peripheral/nic0": FIRST, "/machine/peripheral/nic1": SECOND}
    instance: Any = SimpleNamespace(
        cell=SimpleNamespace(guest=SimpleNamespace(seed=seed)),
        hardware=SimpleNamespace(user_networks=(UserNetwork(0), UserNetwork(1)), captures=("net0", "net1")),
        machine=SimpleNamespace(execute=lambda command, arguments: macs[arguments["path"]]),
    )
    cards = [SimpleNamespace(mac=mac, ipv4=(address,)) for mac, address in addresses.items()]
    system: Any = SimpleNamespace(network_cards=lambda: cards, is_online=lambda: True)
    assert network._is_online(cast("GuestInstance", instance), cast("System", system)) is is_online
