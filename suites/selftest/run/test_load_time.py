"""The option ``--soak``: how long checks keep a load up."""

from __future__ import annotations

import argparse

import pytest

from fixtures.run.options import add_options, load_seconds


class Parser(argparse.ArgumentParser):
    """A parser that takes options as pytest's does."""

    addoption = argparse.ArgumentParser.add_argument


def option(*arguments: str) -> argparse.Namespace:
    parser = Parser(exit_on_error=False)
    add_options(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "seconds"), [((), 10.0), (("--soak=10s",), 10.0), (("--soak", "10min"), 600.0)]
)
def test_a_load_takes_the_given_time_or_ten_seconds(arguments: tuple[str, ...], seconds: float) -> None:
    assert load_seconds(option(*arguments)) == seconds


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("9s", "expected at least 10s, not 9s"),
        ("600", "expected a duration with its unit"),
        ("forever", "expected a duration with its unit"),
    ],
)
def test_a_time_that_would_narrow_a_plan_or_is_none_is_refused(value: str, words: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=words):
        option("--soak", value)
