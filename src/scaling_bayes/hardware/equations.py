"""The arithmetic of hardware over time, in log10, shared by the sampler and by every projection.

A burden counts the peak rate of the devices for as long as they are held, so a FLOP of burden costs the
same whether the device is busy or not: no utilisation enters. GPUs count at FP32 peak, TPUs at bf16 peak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Decimal year in which the level of every trend holds.
BASE_YEAR = 2020.0
#: Decimal year whose chips the headroom of energy efficiency is counted from (Ho, Erdil & Besiroglu 2023).
HEADROOM_YEAR = 2023.0
#: Length of the periods within which a trend keeps one pace.
PERIOD_YEARS = 6.0
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_YEAR = 365.25 * 24 * SECONDS_PER_HOUR
JOULE_PER_KWH = 3.6e6
LOG10_2 = float(np.log10(2.0))
_LN10 = float(np.log(10.0))


def saturating(trend: Any, ceiling: Any, xp: Any = np) -> Any:
    """Approach a ceiling smoothly: ``log10(1 / (10^-trend + 10^-ceiling))``.

    The sum of what a FLOP takes by the trend and what it takes at the limit; a tenth of the ceiling loses
    4 %, the ceiling itself half. The same sum adds the price of a FLOP and the price of its electricity.

    Parameters
    ----------
    trend, ceiling : array_like
        log10 of a FLOP per something. ``inf`` is no ceiling.
    xp : module
        `numpy` or `pytensor.tensor`.
    """
    return -xp.logaddexp(-_LN10 * trend, -_LN10 * ceiling) / _LN10


def trend(level: Any, doubling_year: Any, years_of_progress: Any) -> Any:
    """log10 of a quantity: ``level + log10(2) / doubling_year * years_of_progress``.

    `years_of_progress` since `BASE_YEAR` counts calendar years times the pace of their period.
    """
    return level + LOG10_2 / doubling_year * years_of_progress


def period_overlap(years: ArrayLike, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Years that lie in each period between `BASE_YEAR` and a year; negative before `BASE_YEAR`.

    Parameters
    ----------
    years : array_like, shape (n,)
        Decimal years.
    edges : ndarray, shape (period + 1,)
        Edges of the periods, ascending, with `BASE_YEAR` between the first and the last.

    Returns
    -------
    ndarray, shape (n, period)
        Times the pace of each period and summed: the years of progress.
    """
    year = np.asarray(years, dtype=float)[:, np.newaxis]

    def passed(until: Any) -> NDArray[np.float64]:
        within: NDArray[np.float64] = np.clip(until - edges[:-1], 0.0, np.diff(edges))
        return within

    overlap: NDArray[np.float64] = passed(year) - passed(BASE_YEAR)
    return overlap


def elapsed(
    years: NDArray[np.float64], pace: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Years of progress between `BASE_YEAR` and years that differ from draw to draw.

    ``(period_overlap(years, edges) * pace).sum(-1)``, without the array of all periods.

    Parameters
    ----------
    years : ndarray, shape (draw, year)
        Decimal years, within the edges.
    pace : ndarray, shape (draw, period)
    edges : ndarray, shape (period + 1,)
        Evenly spaced.

    Returns
    -------
    ndarray, shape (draw, year)
    """
    length = edges[1] - edges[0]
    reached = max(float(np.max(years, initial=BASE_YEAR)), BASE_YEAR)
    pace = pace[:, : max(int((reached - edges[0]) // length) + 1, 1)]
    at_edge = np.concatenate([np.zeros((len(pace), 1)), np.cumsum(pace * length, axis=1)], axis=1)

    def since_first(when: NDArray[np.float64]) -> NDArray[np.float64]:
        period = np.clip((when - edges[0]) // length, 0, pace.shape[1] - 1).astype(int)
        done = np.take_along_axis(at_edge, period, axis=1)
        progress: NDArray[np.float64] = done + np.take_along_axis(pace, period, axis=1) * (
            when - edges[period]
        )
        return progress

    return since_first(years) - since_first(np.full((len(pace), 1), BASE_YEAR))
