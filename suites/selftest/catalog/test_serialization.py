"""Specs as plain data: whatever YAML can say comes back, without the password."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.serialization import from_plain, to_plain
from fixtures.catalog.specs import NOBODY, GuestSpec, PlanSpec, PlatformSpec, Timeouts
from fixtures.core.errors import CatalogError
from suites.selftest.support.paths import ROOT

SHIPPED = Catalog.load([ROOT / "guests"])
DURATIONS = st.builds(
    lambda number, unit: f"{Decimal(number):f}{unit}",
    st.decimals(min_value="0.000000001", max_value=999_999_999, places=9) | st.integers(1, 999_999_999),
    st.sampled_from(["ms", "s", "min"]),
)
SIZES = st.builds(lambda number, unit: f"{number}{unit}", st.integers(1, 999_999_999), st.sampled_from("KMG"))


@pytest.mark.parametrize(
    "spec", [*SHIPPED.platforms.values(), *SHIPPED.plans.values()], ids=lambda each: each.id
)
def test_shipped_specs_come_back(spec: PlatformSpec | PlanSpec) -> None:
    assert from_plain(type(spec), json.loads(json.dumps(to_plain(spec)))) == spec


@pytest.mark.parametrize("guest", SHIPPED.guests.values(), ids=lambda each: each.id)
def test_shipped_guests_come_back_without_their_passwords(guest: GuestSpec) -> None:
    back = from_plain(GuestSpec, json.loads(json.dumps(to_plain(guest))))
    # Where nobody logs in there is none.
    assert (guest.login.password != "") == (guest.login != NOBODY)
    assert back == guest.model_copy(update={"login": guest.login.model_copy(update={"password": ""})})


@given(boot=DURATIONS, command=DURATIONS)
def test_every_duration_comes_back(boot: str, command: str) -> None:
    timeouts = Timeouts.model_validate({"boot": boot, "command": command})
    back = from_plain(Timeouts, to_plain(timeouts))
    assert back.boot == pytest.approx(timeouts.boot, rel=1e-9)
    assert back.command == pytest.approx(timeouts.command, rel=1e-9)


@given(size=SIZES)
def test_every_size_comes_back(size: str) -> None:
    image = BuiltImage.model_validate({"build": "debian", "suite": "bookworm", "size": size})
    assert from_plain(BuiltImage, to_plain(image)) == image


@pytest.mark.parametrize("data", [None, [], {}, {"build": "debian"}, {"build": "debian", "suite": 1}])
def test_anything_else_is_an_error(data: object) -> None:
    with pytest.raises(CatalogError, match="not a BuiltImage"):
        from_plain(BuiltImage, data)
