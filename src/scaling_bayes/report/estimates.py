"""Estimates as text: median and interval of a quantity, short enough for a cell."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaling_bayes.report.facts import Facts

__all__ = ["CONVENTION", "estimate", "interval_text", "percent", "quantile", "short"]

CONVENTION = "median [90 % equal-tailed interval]"


def short(value: float) -> str:
    """Write a number with two digits, more where it is large."""
    if not math.isfinite(value):
        return str(value)
    return (
        f"{value:#.2g}"
        if 1e-4 <= abs(value) < 9.95
        else f"{value:,.0f}"
        if 9.95 <= abs(value) < 1e6
        else f"{value:.2g}"
    )


def percent(value: float) -> str:
    """Write a share in percent, without the sign."""
    return short(100.0 * value)


def interval_text(median: float, lower: float, upper: float, write: Callable[[float], str] = short) -> str:
    """Write a median and interval as ``0.31 [0.20, 0.45]``."""
    return f"{write(median)} [{write(lower)}, {write(upper)}]"


def quantile(facts: Facts, stage: str, task: str, quantity: str, name: str) -> float:
    """One quantile of ``facts.parameters``."""
    frame = facts.parameters
    rows = frame[(frame["stage"] == stage) & (frame["task"] == task) & (frame["quantity"] == quantity)]
    return float(rows[name].iloc[0])


def estimate(
    facts: Facts,
    stage: str,
    task: str,
    quantity: str,
    write: Callable[[float], str] = short,
) -> str:
    """Median and interval of a parameter before or after the data."""
    median, lower, upper = (
        quantile(facts, stage, task, quantity, name) for name in ("median", "lower_90", "upper_90")
    )
    return interval_text(median, lower, upper, write)
