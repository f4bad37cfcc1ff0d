"""The key ``clock`` of a platform."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fixtures.catalog.clock_bounds import ClockBounds
from fixtures.catalog.serialization import to_plain

DEFAULTS = {"rate": "1%", "slack": "100ms", "resolution": "1ms", "alarm": "5s"}


def test_bounds_have_defaults_that_fit_emulation() -> None:
    assert ClockBounds.model_validate({}) == ClockBounds.model_validate(DEFAULTS)


def test_bounds_are_percentages_and_durations() -> None:
    bounds = ClockBounds.model_validate({"rate": "0.05%", "resolution": "0.004ms"})
    assert [bounds.rate, bounds.resolution] == pytest.approx([0.0005, 4e-6])
    assert to_plain(bounds) == {**DEFAULTS, "rate": "0.05%", "resolution": "0.004ms"}
    assert ClockBounds.model_validate(to_plain(bounds)) == bounds


@pytest.mark.parametrize("rate", ["0%", "1", 1, 0.01, "1 %", "100%", "-1%", "0.0000001%"])
def test_another_rate_is_refused(rate: object) -> None:
    with pytest.raises(ValidationError, match="expected a percentage below 100"):
        ClockBounds.model_validate({"rate": rate})
