"""Seeds are rendered as cloud-init and Ignition document them, the same each time, and published without secrets."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fixtures.catalog.specs import GuestSpec
from fixtures.media.iso import open_iso, write_iso
from fixtures.media.seeds import NOCLOUD_LABEL, RenderedSeed, render_seed
from suites.selftest.support.machine_sample import cell

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKf2GqSdQgSqCTDmtNFmP3NMaBS0G2nZ6x1pXwvYkFqT"
LOGIN = {"user": "tester", "password": "open-sesame", "become": "sudo"}


def guest(seed: dict[str, Any] | None, login: dict[str, Any] | None = None) -> GuestSpec:
    fields = cell().guest.model_dump(exclude={"timeouts", "requires"})
    return GuestSpec.model_validate({**fields, "login": login or LOGIN, "seed": seed})


def rendered(seed: dict[str, Any], login: dict[str, Any] | None = None) -> RenderedSeed:
    result = render_seed(guest(seed, login))
    assert result is not None, "expected a seed"
    return result


def user_data(seed: RenderedSeed) -> Any:
    text = seed.files["user-data"].decode()
    # cloud-init tells the kind of user data from its first line.
    assert text.splitlines()[0] == "#cloud-config"
    return yaml.safe_load(text)


def test_a_guest_without_a_seed() -> None:
    assert render_seed(guest(None)) is None


def test_the_account_of_the_login() -> None:
    data = user_data(rendered({"nocloud": {}}))
    (user,) = data["users"]
    assert user.pop("hashed_passwd").startswith("$6$")
    assert user == {"name": "tester", "lock_passwd": False, "sudo": "ALL=(ALL) NOPASSWD:ALL"}
    assert data["hostname"] == "nothing"
    assert "disable_root" not in data


def test_the_hash_is_that_of_crypt() -> None:
    password_hash = rendered({"nocloud": {}}).password_hash
    salt = password_hash.split("$")[2]
    command = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
    done = subprocess.run(command, input="open-sesame\n", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == password_hash


def test_an_account_with_keys_alone_has_a_locked_password() -> None:
    data = user_data(rendered({"nocloud": {"ssh_keys": [KEY]}}, {"user": "tester"}))
    assert data["users"] == [{"name": "tester", "lock_passwd": True, "ssh_authorized_keys": [KEY]}]


def test_root_is_not_disabled_when_it_is_the_account() -> None:
    data = user_data(rendered({"nocloud": {}}, {"user": "root", "password": "open-sesame"}))
    assert data["disable_root"] is False
    assert [user["name"] for user in data["users"]] == ["root"]


def test_further_keys_of_the_cloud_config() -> None:
    data = user_data(rendered({"nocloud": {"config": {"growpart": {"mode": "off"}}}}))
    assert data["growpart"] == {"mode": "off"}


def test_the_network() -> None:
    static = {"addresses": ["10.0.2.50/24"], "gateway": "10.0.2.2", "nameservers": ["10.0.2.3"]}
    card = {"match": {"macaddress": "52:54:00:12:34:56"}, "set-name": "eth0"}
    expected: dict[str, Any] = {
        "addresses": ["10.0.2.50/24"],
        "routes": [{"to": "0.0.0.0/0", "via": "10.0.2.2"}],
        "nameservers": {"addresses": ["10.0.2.3"]},
    }
    for network, settings in ((static, expected), ("dhcp", {"dhcp4": True})):
        files = rendered({"nocloud": {"network": network}}).files
        config = yaml.safe_load(files["network-config"])
        assert config == {"version": 2, "ethernets": {"eth0": {**card, **settings}}}
    assert "network-config" not in rendered({"nocloud": {}}).files


def test_another_seed_is_another_first_boot() -> None:
    def identity(seed: RenderedSeed) -> str:
        return str(yaml.safe_load(seed.files["meta-data"])["instance-id"])

    one, again = rendered({"nocloud": {}}), rendered({"nocloud": {}})
    other = rendered({"nocloud": {"hostname": "other"}})
    network = rendered({"nocloud": {"network": "dhcp"}})
    assert (one.files, one.digest) == (again.files, again.digest)
    assert len({identity(seed) for seed in (one, other, network)}) == 3
    assert len({seed.digest for seed in (one, other, network)}) == 3


def test_ignition() -> None:
    seed = rendered({"ignition": {"ssh_keys": [KEY], "hostname": "core"}})
    config = json.loads(seed.files["config.ign"])
    assert config["ignition"] == {"version": "3.0.0"}
    assert config["passwd"]["users"] == [
        {
            "name": "tester",
            "passwordHash": seed.password_hash,
            "sshAuthorizedKeys": [KEY],
            "groups": ["sudo", "wheel"],
        }
    ]
    assert config["storage"]["files"][0]["contents"] == {"source": "data:,core"}


@pytest.mark.parametrize("kind", ["nocloud", "ignition"])
def test_what_is_published_has_no_secret(kind: str) -> None:
    seed = rendered({kind: {}})
    published = b"".join(seed.published_files.values())
    assert b"open-sesame" not in b"".join(seed.files.values())
    assert seed.password_hash.encode() not in published
    assert b"<redacted>" in published
    assert seed.digest in seed.means


def test_its_disk_has_the_label_and_the_names_that_cloud_init_looks_for(tmp_path: Path) -> None:
    seed = rendered({"nocloud": {"network": "dhcp"}})
    write_iso(tmp_path / "seed.iso", NOCLOUD_LABEL, seed.files)
    # The volume identifier of ISO 9660 is at offset 40 of the first volume descriptor, in sector 16.
    assert (tmp_path / "seed.iso").read_bytes()[16 * 2048 + 40 :][:32].rstrip(b" ") == b"CIDATA"
    with open_iso(tmp_path / "seed.iso") as medium:
        assert medium.read_files("") == dict(seed.files)
