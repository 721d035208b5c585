"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from scaling_bayes.text import QUANTITIES, format_power_of_ten, format_year


@pytest.mark.parametrize(
    ("value", "text"),
    [(23.44, "10^23.4"), (-0.06, "10^-0.1"), (-0.04, "10^0.0"), (math.inf, "unreachable"), (-math.inf, "0")],
)
def test_powers_of_ten(value: float, text: str) -> None:
    assert format_power_of_ten(value) == text


def test_a_year_that_is_not_known() -> None:
    assert [format_year(year) for year in (2020.0, 2020.46, 0.0)] == ["2020", "2020.5", "none"]


def test_an_interval_cannot_be_read_as_of_another_size() -> None:
    interval = QUANTITIES["log10_cost_usd"].interval
    assert interval(5.72, 1.08, 11.43) == "520 thousand USD (12 USD to 270 billion)"
    assert interval(5.72, 4.08, 11.43) == "520 thousand USD (12 thousand to 270 billion)"
    assert interval(2.0, 1.08, 3.0) == "100 USD (12 to 1,000)"
