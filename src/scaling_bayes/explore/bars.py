"""Intervals as bars and as bands over the years: positions only, in percent of width and height."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaling_bayes.text import QUANTITIES, Quantity, error_text

if TYPE_CHECKING:
    import pandas as pd

#: Ends of an axis are multiples of this many powers of ten, so that it keeps still under small moves.
_STEP = 3.0
#: A mark further from the bar than this many powers of ten is left out.
_FAR = 20.0
#: log10 below which no amount is drawn: one of its unit, and of compute a millionth of a second.
_LEAST = {"training compute": 12.0}
#: Labels closer than this, in percent of the width, would stand on each other on a phone.
_CLOSE = 22.0
#: How far beyond its ends an axis of bands is drawn, in its lengths: what is there is cut off.
_OUTSIDE = 2.0
#: Smallest error that is drawn.
_LEAST_ERROR = 1e-5
#: Errors at which an axis may be marked.
_ERRORS = tuple(m * 10.0**k for k in range(-5, 1) for m in (1, 2, 5) if m * 10.0**k <= 1)


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
    #: Whether the 90 % interval reaches beyond what a number means anything of.
    open_ended: bool
    #: Amounts along the axis, in words; yardsticks and budgets.
    ticks: tuple[Mark, ...]
    marks: tuple[Mark, ...]
    #: log10 at the ends of the axis.
    ends: tuple[float, float]


def interval_bar(
    quantiles: Mapping[str, float], about: Quantity, marks: Mapping[str, float] | None = None
) -> Bar:
    """Lay out the quantiles of a log10 quantity, with marks (label to log10) that are near enough.

    Ends beyond what the world has run to the right edge.
    """
    most = math.ceil(about.most)
    ends = [quantiles[name] for name in ("lower_90", "lower_50", "median", "upper_50", "upper_90")]
    finite = [min(end, most) for end in ends if math.isfinite(end)]
    places = finite or [0.0]
    shown = {
        label: at
        for label, at in (marks or {}).items()
        if at <= most and (min(places) - _FAR < at < max(places) + _FAR or not finite)
    }
    places = [*places, *shown.values()]
    beyond = max(ends) > most
    low = max(_STEP * math.floor(min(places) / _STEP), _LEAST.get(about.name, 0.0))
    high = _STEP * math.ceil((max(places) + (1.0 if beyond else 0.0)) / _STEP)
    high = max(high, low + 2 * _STEP)

    def at(value: float) -> float:
        return 100.0 * (min(max(value, low), high) - low) / (high - low)

    def span(left: float, right: float) -> tuple[float, float] | None:
        return (at(left), at(right) - at(left)) if math.isfinite(left) else None

    taken = [at(value) for label, value in shown.items() if label == "budget"]
    return Bar(
        outer=span(ends[0], ends[4]),
        inner=span(ends[1], ends[3]),
        median=at(ends[2]) if -math.inf < ends[2] <= most else None,
        open_ended=beyond,
        ticks=_apart([Mark(at(tick), _amount(about, tick)) for tick in _ticks(low, high, about)], taken),
        marks=tuple(Mark(at(value), label) for label, value in shown.items()),
        ends=(low, high),
    )


def _apart(ticks: Sequence[Mark], taken: Sequence[float]) -> tuple[Mark, ...]:
    """Ticks whose labels stand on no other's, nor where something else stands."""
    kept: list[Mark] = []
    for tick in ticks:
        if all(abs(tick.at - at) >= _CLOSE for at in (*taken, *(each.at for each in kept))):
            kept.append(tick)
    return tuple(kept)


def _ticks(low: float, high: float, about: Quantity) -> list[float]:
    """Amounts with a name of their own: thousands, millions, or a minute, an hour, a day."""
    named = [float(tick) for tick in range(0, 31, 3)]
    if len(about.units) > 2:
        named = [size for size, *_ in about.units] + [about.units[-1][0] + power for power in range(3, 13, 3)]
    return [tick for tick in named if low - 1e-9 <= tick <= min(high, about.most) + 1e-9]


def _amount(about: Quantity, log10_value: float) -> str:
    """An amount at a tick, without its unit where that is in the heading."""
    return about.in_words(log10_value).removesuffix(" USD").removesuffix(" kWh").removesuffix(" CO2e")


@dataclass(frozen=True)
class Band:
    """Quantiles by year: SVG paths in a square of 100 by 100, ticks, and the year asked."""

    outer: str
    inner: str
    median: str
    years: tuple[Mark, ...]
    values: tuple[Mark, ...]
    asked: float | None
    #: A level to compare with.
    level: float | None


def band_of(by_year: pd.DataFrame, year: float, *, quantity: str = "", level: float | None = None) -> Band:
    """Lay out quantiles by year: of a log10 quantity, or without one of an error.

    Parameters
    ----------
    by_year : DataFrame
        ``year`` and the quantiles.
    level : float, optional
        A budget, or a target error, in the unit of the quantiles.
    """
    years: list[float] = by_year["year"].to_numpy(float).tolist()
    about = QUANTITIES[quantity] if quantity else None
    least = math.log10(_LEAST_ERROR) if about is None else _LEAST.get(about.name, 0.0)
    most = 0.0 if about is None else about.most

    def scaled(value: float) -> float:
        exponent = value if about is not None else math.log10(max(value, _LEAST_ERROR))
        return float(min(max(exponent, least - _FAR), most + _FAR))

    quantiles = {
        name: [scaled(value) for value in by_year[name]]
        for name in ("lower_90", "lower_50", "median", "upper_50", "upper_90")
    }
    step = 1.0 if about is not None else 0.25
    low = max(step * math.floor(min(quantiles["lower_90"]) / step), least)
    high = max(min(step * math.ceil(max(quantiles["upper_90"]) / step), most), low + step)

    def x(value: float) -> float:
        return 100.0 * (value - years[0]) / max(years[-1] - years[0], 1.0)

    def y(value: float) -> float:
        return float(100.0 * min(max((high - value) / (high - low), -_OUTSIDE), 1.0 + _OUTSIDE))

    def line(name: str) -> list[str]:
        return [f"{x(at):.2f},{y(value):.2f}" for at, value in zip(years, quantiles[name], strict=True)]

    def area(lower: str, upper: str) -> str:
        return f"M{' L'.join([*line(upper), *reversed(line(lower))])}Z"

    label: Callable[[float], str]
    if about is None:
        ticks = _thinned([math.log10(e) for e in _ERRORS if low - 1e-9 <= math.log10(e) <= high + 1e-9], 5)
        label = _error
    else:
        ticks, named = _thinned(_ticks(low, high, about), 7), about
        label = lambda tick: _amount(named, tick)  # noqa: E731
    return Band(
        area("lower_90", "upper_90"),
        area("lower_50", "upper_50"),
        f"M{' L'.join(line('median'))}",
        tuple(Mark(x(tick), f"{tick:.0f}") for tick in years if tick % 5 == 0),
        tuple(Mark(y(tick), label(tick)) for tick in ticks),
        x(year) if years[0] <= year <= years[-1] else None,
        None if level is None or not low <= scaled(level) <= high else y(scaled(level)),
    )


def _error(exponent: float) -> str:
    return error_text(float(f"{10**exponent:.2g}"))


def _thinned(ticks: Sequence[float], most: int) -> list[float]:
    return list(ticks[:: -(-len(ticks) // most) or 1])


@dataclass(frozen=True)
class Curve:
    """Shares by year: an SVG path in a square of 100 by 100, ticks of the years, and the year asked."""

    path: str
    ticks: tuple[Mark, ...]
    asked: float | None


def curve_of(by_year: pd.DataFrame, year: float, ticks: Sequence[int]) -> Curve:
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
