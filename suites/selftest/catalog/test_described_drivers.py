"""The drivers in a guest's YAML: a driver by name, no driver by design, and a device model without an entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.catalog import yaml_source
from fixtures.catalog.specs import Cell, GuestSpec, NoDriver, PlatformSpec
from fixtures.catalog.validation import validate
from suites.selftest.catalog.test_validation import GUEST, PLATFORM


@pytest.fixture
def described_cell() -> Cell:
    guest = GUEST.replace("{e1000: e1000}", "{e1000: e1000, ib700: none, nvme: nvme}")
    platform = PLATFORM.replace("nic: e1000", "nic: e1000, watchdog: ib700, rng: virtio-rng-pci")
    return Cell.of(
        validate(yaml_source.parse(guest.encode(), Path("guest.yaml")), GuestSpec),
        validate(yaml_source.parse(platform.encode(), Path("platform.yaml")), PlatformSpec),
    )


@pytest.mark.parametrize(
    ("model", "driver"),
    [("e1000", "e1000"), ("ib700", NoDriver.BY_DESIGN), ("virtio-rng-pci", NoDriver.NOT_DESCRIBED)],
)
def test_the_driver_of_a_device_model(described_cell: Cell, model: str, driver: str | NoDriver) -> None:
    assert described_cell.guest.driver_of(model) == driver
    assert described_cell.guest.has_driver_for(model) is isinstance(driver, str)


def test_only_models_with_a_named_driver_on_the_platform_are_driven(described_cell: Cell) -> None:
    assert described_cell.driven_models == ("e1000",)


def test_a_device_without_driver_by_design_does_not_count(described_cell: Cell) -> None:
    assert described_cell.has_device("e1000*")
    assert described_cell.has_device("virtio-rng-*")
    assert described_cell.has_device("nothing", "e1000")
    assert not described_cell.has_device("ib700")
    assert not described_cell.has_device("nvme")


def test_a_reason_has_a_text_for_reports() -> None:
    assert str(NoDriver.BY_DESIGN) == "none"
    assert str(NoDriver.NOT_DESCRIBED) == "not named in the guest's YAML"
