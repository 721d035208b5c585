"""Numbers as people read them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.text import QUANTITIES, format_power_of_ten, format_year, records


def test_records_are_rows_of_plain_values() -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None, ""],
            "number": [1.5, np.nan, np.inf],
            "count": [1, 2, 3],
            "sure": [True, False, True],
            "mixed": [np.float64(1.0), "b", np.int64(2)],
            5: pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"]),
        }
    )
    found = records(frame)
    expected = frame.to_dict(orient="records")
    assert [list(row) for row in found] == [["text", "number", "count", "sure", "mixed", "5"]] * 3
    assert repr([list(row.values()) for row in found]) == repr([list(row.values()) for row in expected])
    assert records(frame.iloc[:0]) == []


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
