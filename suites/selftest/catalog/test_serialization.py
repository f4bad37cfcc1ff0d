"""Specs as plain data: every value that YAML can hold survives, except the password."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage, FetchedImage
from fixtures.catalog.login_specs import NO_LOGIN
from fixtures.catalog.serialization import to_plain
from fixtures.catalog.specs import GuestSpec, PlanSpec, PlatformSpec, Timeouts
from suites.selftest.support.paths import ROOT

SHIPPED = Catalog.load([ROOT / "guests"])
DURATIONS = st.builds(
    lambda number, unit: f"{Decimal(number):f}{unit}",
    st.decimals(min_value="0.000000001", max_value=999_999_999, places=9) | st.integers(1, 999_999_999),
    st.sampled_from(["ms", "s", "min"]),
)
SIZES = st.builds(lambda number, unit: f"{number}{unit}", st.integers(1, 999_999_999), st.sampled_from("KMG"))


@pytest.mark.parametrize(
    "spec", [*SHIPPED.platforms.values(), *SHIPPED.plans.values()], ids=lambda spec: spec.id
)
def test_plain_data_preserves_shipped_specs(spec: PlatformSpec | PlanSpec) -> None:
    assert type(spec).model_validate(json.loads(json.dumps(to_plain(spec)))) == spec


@pytest.mark.parametrize("guest", SHIPPED.guests.values(), ids=lambda spec: spec.id)
def test_plain_data_preserves_shipped_guests_without_their_passwords(guest: GuestSpec) -> None:
    restored = GuestSpec.model_validate(json.loads(json.dumps(to_plain(guest))))
    # A guest without a login has no password.
    assert (guest.login.password != "") == (guest.login != NO_LOGIN)
    assert restored == guest.model_copy(update={"login": guest.login.model_copy(update={"password": ""})})


@pytest.mark.parametrize(
    "image",
    [
        {"url": "https://a/b.xz", "checksum": f"SHA512:{'AB' * 64}", "mirrors": ["https://c/b.xz"]},
        {"url": "https://a/b", "checksum_file": "S", "signature": "S.gpg", "key": "k.asc", "drive": "cdrom"},
        {"url": "https://a/b", "checksum_file": "S", "packed": "tar.gz", "member": "*.raw", "format": "raw"},
    ],
)
def test_plain_data_preserves_a_published_image(image: dict[str, object]) -> None:
    spec = FetchedImage.model_validate(image)
    assert FetchedImage.model_validate(json.loads(json.dumps(to_plain(spec)))) == spec


@given(boot=DURATIONS, command=DURATIONS)
def test_plain_data_preserves_every_duration(boot: str, command: str) -> None:
    timeouts = Timeouts.model_validate({"boot": boot, "command": command})
    restored = Timeouts.model_validate(to_plain(timeouts))
    assert restored.boot == pytest.approx(timeouts.boot, rel=1e-9)
    assert restored.command == pytest.approx(timeouts.command, rel=1e-9)


@given(size=SIZES)
def test_plain_data_preserves_every_size(size: str) -> None:
    image = BuiltImage.model_validate({"build": "debian", "suite": "bookworm", "size": size})
    assert BuiltImage.model_validate(to_plain(image)) == image
