"""Estimates as text: median and interval of a quantity, short enough for a cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scaling_bayes.text import interval_text, short

if TYPE_CHECKING:
    from scaling_bayes.report.facts import Facts


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
