"""The key of a login by SSH: made once for this host, or a file of the user that can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from fixtures.catalog.specs import GuestSpec
from fixtures.core.errors import DescriptionMismatch
from fixtures.core.invariants import required
from fixtures.media.ssh_keys import private_key_file, seed_of
from suites.selftest.support.machine_sample import cell


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def guest(key: str | None) -> GuestSpec:
    fields: dict[str, Any] = cell().guest.model_dump(exclude={"timeouts", "requires"})
    login = {"user": "tester", "key": key, "password": "" if key else "open-sesame"}
    return GuestSpec.model_validate({**fields, "console": "ssh", "login": login, "seed": {"nocloud": {}}})


def user_data(spec: GuestSpec) -> Any:
    return yaml.safe_load(required(seed_of(spec), "a seed").files["user-data"])


def test_a_generated_key_is_made_once_and_is_private() -> None:
    file = required(private_key_file(guest("generated")), "a key")
    content = file.read_bytes()
    assert private_key_file(guest("generated")) == file
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o077 == 0


def test_the_seed_has_the_public_half_and_no_password() -> None:
    file = required(private_key_file(guest("generated")), "a key")
    public = asyncssh.read_private_key(file).export_public_key("openssh").decode().strip()
    (user,) = user_data(guest("generated"))["users"]
    assert user == {"name": "tester", "lock_passwd": True, "ssh_authorized_keys": [public]}
    assert "ssh_pwauth" not in user_data(guest("generated"))


def test_a_login_with_a_password_switches_passwords_on_in_sshd() -> None:
    data = user_data(guest(None))
    assert data["ssh_pwauth"] is True
    assert "ssh_authorized_keys" not in data["users"][0]


def test_a_file_of_the_user(tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "id")
    assert private_key_file(guest(str(tmp_path / "id"))) == tmp_path / "id"


@pytest.mark.parametrize("content", [None, b"no key\n", "with a passphrase"])
def test_a_file_that_cannot_be_used_names_the_key_of_the_yaml(content: object, tmp_path: Path) -> None:
    if content == "with a passphrase":
        key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        key.write_private_key(tmp_path / "id", "pkcs8-pem", passphrase="secret")
    elif isinstance(content, bytes):
        (tmp_path / "id").write_bytes(content)
    with pytest.raises(DescriptionMismatch, match=r"nothing: login.key: .*id is no private key"):
        private_key_file(guest(str(tmp_path / "id")))
