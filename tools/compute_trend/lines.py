"""Piecewise linear growth, in plain arithmetic for NumPy arrays and PyTensor variables alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["LOG10_2", "average_growth", "doubling_year", "rise"]

LOG10_2 = math.log10(2.0)


def rise(year: Any, origin: float, growth: Sequence[Any], change_points: Sequence[Any]) -> Any:
    """Rise of a continuous piecewise linear trend since `origin`, before which the first growth holds.

    Parameters
    ----------
    year : array
        Decimal years.
    origin : float
        Decimal year at which the rise is 0, if no change point precedes it.
    growth : sequence of array, length K + 1
        Growth in each era, log10 a year.
    change_points : sequence of array, length K
        Decimal years in increasing order.

    Returns
    -------
    array
        log10, of the broadcast shape.

    Examples
    --------
    >>> rise(2020.0, 2000.0, [0.1, 0.5], [2010.0])
    6.0
    """
    total = growth[0] * (year - origin)
    for before, after, change in zip(growth, growth[1:], change_points, strict=False):
        since = year - change
        total = total + (after - before) * 0.5 * (since + abs(since))
    return total


def average_growth(start: float, end: float, growth: Sequence[Any], change_points: Sequence[Any]) -> Any:
    """Mean growth between two years, log10 a year, per draw.

    Examples
    --------
    >>> average_growth(2005.0, 2015.0, [0.1, 0.5], [2010.0])
    0.3
    """
    gained = rise(end, start, growth, change_points) - rise(start, start, growth, change_points)
    return gained / (end - start)


def doubling_year(growth: float) -> float:
    """Years to double at a growth in log10 a year; infinite where nothing grows."""
    return LOG10_2 / growth if growth > 0 else math.inf
