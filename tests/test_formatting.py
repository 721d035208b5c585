"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from scaling_bayes.formatting import format_power_of_ten


@pytest.mark.parametrize(
    ("value", "text"),
    [(23.44, "10^23.4"), (-0.06, "10^-0.1"), (-0.04, "10^0.0"), (math.inf, "unreachable"), (-math.inf, "0")],
)
def test_powers_of_ten(value: float, text: str) -> None:
    assert format_power_of_ten(value) == text
