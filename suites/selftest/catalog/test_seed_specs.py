"""Seeds in guests' YAML: what they may say, and an error with a key for what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.seed_specs import StaticNetwork
from fixtures.catalog.serialization import to_plain
from fixtures.catalog.specs import GuestSpec
from suites.selftest.support.catalog_sample import error_lines, platform, write

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKf2GqSdQgSqCTDmtNFmP3NMaBS0G2nZ6x1pXwvYkFqT"
GUEST = """\
id: g
title: G
system: linux
arch: x86_64
image: {build: debian-cloud, suite: bookworm}
platforms: [p]
console: serial
login: {user: tester, password: open-sesame}
drivers: {}
"""


def catalog(directory: Path, text: str) -> Catalog:
    write(directory / "g.yaml", text)
    write(directory / "platforms" / "p.yaml", platform("p"))
    return Catalog.load([directory])


def messages(directory: Path, text: str) -> list[str]:
    write(directory / "g.yaml", text)
    write(directory / "platforms" / "p.yaml", platform("p"))
    return [line.partition("g.yaml:")[2] for line in error_lines(directory)]


def test_an_empty_seed_makes_the_account_of_the_login(tmp_path: Path) -> None:
    guest = catalog(tmp_path, f"{GUEST}seed: {{nocloud: {{}}}}\n").guests["g"]
    assert guest.seed is not None, "expected the seed of the YAML"
    assert guest.seed.account.user_for(guest.login) == "tester"
    assert guest.seed.account.password_for(guest.login) == "open-sesame"
    assert guest.seed.has_disk


def test_ignition_has_no_disk(tmp_path: Path) -> None:
    seed = catalog(tmp_path, f"{GUEST}seed: {{ignition: {{}}}}\n").guests["g"].seed
    assert seed is not None, "expected the seed of the YAML"
    assert not seed.has_disk


def test_a_static_network(tmp_path: Path) -> None:
    network = "{addresses: [10.0.2.15/24, fec0::15/64], gateway: 10.0.2.2, nameservers: [10.0.2.3]}"
    guest = catalog(tmp_path, f"{GUEST}seed: {{nocloud: {{network: {network}}}}}\n").guests["g"]
    assert guest.seed is not None, "expected the seed of the YAML"
    assert guest.seed.nocloud is not None, f"expected a seed for cloud-init: {guest.seed}"
    assert guest.seed.nocloud.network == StaticNetwork(
        addresses=("10.0.2.15/24", "fec0::15/64"), gateway="10.0.2.2", nameservers=("10.0.2.3",)
    )


@pytest.mark.parametrize(
    ("addresses", "own"),
    [
        ("10.0.2.15/24", "10.0.2.15"),
        ("fec0::15/64, 192.168.7.1/24, 10.0.2.77/25, 10.0.2.78/24", "10.0.2.77"),
        ("fec0::15/64, 192.168.7.1/24, 10.0.3.15/24", "None"),
    ],
)
def test_the_address_on_the_first_card(addresses: str, own: str, tmp_path: Path) -> None:
    text = f"{GUEST}seed: {{nocloud: {{network: {{addresses: [{addresses}]}}}}}}\n"
    seed = catalog(tmp_path, text).guests["g"].seed
    assert seed is not None, "expected the seed of the YAML"
    assert seed.static_network is not None, f"expected a static network: {seed}"
    assert str(seed.static_network.on_first_card) == own


@pytest.mark.parametrize("seed", ["{nocloud: {}}", "{nocloud: {network: dhcp}}", "{ignition: {}}"])
def test_other_seeds_configure_no_static_network(seed: str, tmp_path: Path) -> None:
    found = catalog(tmp_path, f"{GUEST}seed: {seed}\n").guests["g"].seed
    assert found is not None, "expected the seed of the YAML"
    assert found.static_network is None


MISTAKES = {
    "{}": "10: seed.ignition: expected either nocloud or ignition; found nothing",
    "{nocloud: {}, ignition: {}}": "10: seed.ignition: expected either nocloud or ignition; found an empty mapping",
    "{cloudinit: {}}": "10: seed: key 'cloudinit' is unknown; ",
    "{nocloud: {user: Tester!}}": "10: seed.nocloud.user: expected a user name of lower-case letters, digits, _ and -",
    "{nocloud: {user: other}}": "10: seed.nocloud.user: expected 'tester', as login.user says; found 'other'",
    "{nocloud: {password: another-one}}": "10: seed.nocloud.password: expected the same as login.password, or none here",
    "{nocloud: {password: 12}}": "10: seed.nocloud.password: expected text; put it in quotes",
    "{nocloud: {ssh_keys: [ssh-dss AAAA]}}": "10: seed.nocloud.ssh_keys.0: expected a public key in one line",
    "{nocloud: {hostname: a_b}}": "10: seed.nocloud.hostname: expected a host name of letters, digits, dots and dashes",
    "{nocloud: {network: static}}": "10: seed.nocloud.network: expected 'dhcp'; found 'static'",
    "{nocloud: {network: {addresses: [10.0.2.15]}}}": "10: seed.nocloud.network.addresses.0: expected an address with the length of its prefix",
    "{nocloud: {network: {addresses: [10.0.2.15/24], gateway: 10.0.2}}}": "10: seed.nocloud.network.gateway: expected an IP address",
    "{nocloud: {config: {users: [x]}}}": "10: seed.nocloud.config: the seed's own keys say that: expected no users",
    "{ignition: {network: dhcp}}": "10: seed.ignition: key 'network' is unknown",
}


@pytest.mark.parametrize("seed", MISTAKES)
def test_a_mistake_names_its_key(seed: str, tmp_path: Path) -> None:
    found = messages(tmp_path, f"{GUEST}seed: {seed}\n")
    assert any(line.startswith(MISTAKES[seed].strip()) for line in found), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GUEST, "5: image.build: 'debian-cloud' has no password: expected the key seed"),
        (
            GUEST.replace(", password: open-sesame", "") + "seed: {nocloud: {}}\n",
            "10: seed.nocloud: expected a password here or in login, login.key or ssh_keys: no login is possible",
        ),
        (
            GUEST.replace("{build: debian-cloud, suite: bookworm}", "{install: windows, medium: a, index: 1}")
            .replace("system: linux", "system: windows")
            .replace("console: serial", "console: sac")
            + "seed: {nocloud: {}}\n",
            "10: seed: expected none, as the installation of the image makes its account",
        ),
        (
            GUEST.replace("password: open-sesame", "key: generated") + "seed: {nocloud: {}}\n",
            "8: login.key: expected console 'ssh', which uses a key; found 'serial'",
        ),
        (
            GUEST.replace("password: open-sesame", "key: generated")
            .replace("console: serial", "console: ssh")
            .replace("debian-cloud", "debian"),
            "8: login.key: 'generated' needs the key seed, which brings the key into the guest",
        ),
        (
            GUEST.replace("console: serial", "console: ssh") + "seed: {nocloud: {}}\n",
            "6: platforms.0: p does not fit: it lacks the role 'nic', and g has console: ssh",
        ),
        (
            GUEST.replace("console: serial", "console: ssh")
            + "seed: {nocloud: {network: {addresses: [10.0.3.15/24, fec0::15/64]}}}\n",
            "10: seed.nocloud.network.addresses: expected an address in 10.0.2.0/24, the subnet of the first network card",
        ),
        (
            GUEST.replace("system: linux", "system: none").replace(
                "login: {user: tester, password: open-sesame}", "screen: {ready: 'x login: '}"
            )
            + "seed: {nocloud: {password: secret}}\n",
            "10: seed.nocloud.user: expected the name of an account, as system 'none' has no login",
        ),
    ],
)
def test_a_seed_that_does_not_fit_its_guest(text: str, message: str, tmp_path: Path) -> None:
    found = messages(tmp_path, text)
    assert any(line.startswith(message) for line in found), found


def test_its_password_is_a_secret(tmp_path: Path) -> None:
    text = GUEST.replace(", password: open-sesame", "")
    text += f"seed: {{nocloud: {{password: open-sesame, ssh_keys: ['{KEY}']}}}}\n"
    guest = catalog(tmp_path, text).guests["g"]
    assert guest.secrets == {"open-sesame"}
    plain = to_plain(guest)
    assert "open-sesame" not in str(plain)
    again = GuestSpec.model_validate(plain)
    assert again.seed is not None, f"expected the seed again: {again}"
    assert again.seed.account.ssh_keys == (KEY,)
