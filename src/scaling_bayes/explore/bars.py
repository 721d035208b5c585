"""Intervals as bars on log axes and shares as a curve: positions only, in percent of the width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaling_bayes.text import decades, power_of_ten

if TYPE_CHECKING:
    import pandas as pd

#: Ends of an axis are multiples of this many powers of ten, so that it keeps still under small moves.
_STEP = 5.0
#: A mark further from the bar than this many powers of ten is left out.
_FAR = 40.0


@dataclass(frozen=True)
class Mark:
    """Something at one place of an axis, with its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """One quantity's intervals."""

    #: Left end and width of the 90 % and 50 % intervals; None where it lies beyond every amount.
    outer: tuple[float, float] | None
    inner: tuple[float, float] | None
    median: float | None
    #: Whether the 90 % interval reaches beyond every amount.
    open_ended: bool
    #: Powers of ten along the axis; yardsticks and budgets.
    ticks: tuple[Mark, ...]
    marks: tuple[Mark, ...]


def interval_bar(quantiles: Mapping[str, float], marks: Mapping[str, float] | None = None) -> Bar:
    """Lay out the quantiles of a log10 quantity, with marks (label to log10) that are near enough.

    Infinite ends run to the right edge.
    """
    ends = [quantiles[name] for name in ("lower_90", "lower_50", "median", "upper_50", "upper_90")]
    finite = [end for end in ends if math.isfinite(end)]
    places = finite or [0.0]
    shown = {
        label: at
        for label, at in (marks or {}).items()
        if min(places) - _FAR < at < max(places) + _FAR or not finite
    }
    places = [*places, *shown.values()]
    low = _STEP * math.floor(min(places) / _STEP)
    high = _STEP * math.ceil((max(places) + (_STEP if math.inf in ends else 0.0)) / _STEP)
    high = max(high, low + 2 * _STEP)

    def at(value: float) -> float:
        return 100.0 * (min(value, high) - low) / (high - low)

    def span(left: float, right: float) -> tuple[float, float] | None:
        return (at(left), at(right) - at(left)) if math.isfinite(left) else None

    return Bar(
        outer=span(ends[0], ends[4]),
        inner=span(ends[1], ends[3]),
        median=at(ends[2]) if math.isfinite(ends[2]) else None,
        open_ended=ends[4] == math.inf,
        ticks=tuple(Mark(at(tick), power_of_ten(tick)) for tick in decades(low, high, 6)),
        marks=tuple(Mark(at(value), label) for label, value in shown.items()),
    )


@dataclass(frozen=True)
class Curve:
    """Shares by year: an SVG path in a square of 100 by 100, ticks of the years, and the year asked."""

    path: str
    ticks: tuple[Mark, ...]
    asked: float | None


def curve_of(by_year: pd.DataFrame, year: float, ticks: Iterable[int]) -> Curve:
    """Lay out the probabilities of `probability_by_year` of one target."""
    years = by_year["year"].to_numpy(float)
    shares = by_year["within_budget"].to_numpy(float)
    first, span = float(years[0]), float(years[-1] - years[0])

    def at(value: float) -> float:
        return 100.0 * (value - first) / span

    points = (f"{at(x):.2f},{100 * (1 - y):.2f}" for x, y in zip(years, shares, strict=True))
    return Curve(
        "M" + " L".join(points),
        tuple(Mark(at(tick), str(tick)) for tick in ticks),
        at(year) if first <= year <= years[-1] else None,
    )
