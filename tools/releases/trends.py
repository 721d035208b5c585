"""The trends of a hardware posterior: draws between two years, and their doubling times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.equations import LOG10_2, period_overlap, trend
from scaling_bayes.hardware.trends import FITTED_PERIODS, TRENDS
from scaling_bayes.intervals import reported
from scaling_bayes.trace.schema import group

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

__all__ = ["doubling_times", "trend_draws"]


def trend_draws(hardware: xr.DataTree, label: str, years: ArrayLike) -> NDArray[np.float64]:
    """Draws of one trend before saturation, at decimal years within the fitted periods (1990 to 2026).

    Returns
    -------
    ndarray, shape (sample, year)
        In the unit of the trend's quantity.

    Raises
    ------
    OptionError
        If there is no such trend.
    """
    known = {trend.label: trend for trend in TRENDS}
    if label not in known:
        raise OptionError(f"trend={label!r} is not known; expected one of {', '.join(known)}.")
    posterior = group(hardware, "posterior").stack(sample=("chain", "draw")).transpose("sample", ...)
    of_trend = posterior[["level", "doubling_year"]].sel(trend=label)
    pace = posterior["pace"].sel(pace_group=known[label].pace_group).values.astype(float)
    progress = pace @ period_overlap(years, FITTED_PERIODS).T
    level, doubling = (of_trend[name].values.astype(float)[:, None] for name in ("level", "doubling_year"))
    draws: NDArray[np.float64] = trend(level, doubling, progress)
    return draws


def doubling_times(hardware: xr.DataTree, start: float, end: float) -> pd.DataFrame:
    """Average doubling time of every trend between two years, and in the long run.

    Parameters
    ----------
    hardware : DataTree
        From `open_hardware` or `fit_hardware`.
    start, end : float
        Decimal years within the fitted periods.

    Returns
    -------
    pandas.DataFrame
        One row per trend: ``trend``, ``start``, ``end``, the quantiles of the doubling time in years over
        that span, and ``long_run_median`` with ``long_run_lower_90`` and ``long_run_upper_90``, the doubling
        time that the pace of a period varies around.
    """
    import pandas as pd

    long_run = group(hardware, "posterior")["doubling_year"]
    rows = []
    for each in TRENDS:
        ends = trend_draws(hardware, each.label, [start, end])
        span = (end - start) * LOG10_2 / (ends[:, 1] - ends[:, 0])
        of_trend = reported(long_run.sel(trend=each.label).values)
        rows.append(
            {
                "trend": each.label,
                "start": start,
                "end": end,
                **reported(span),
                **{f"long_run_{name}": of_trend[name] for name in ("median", "lower_90", "upper_90")},
            }
        )
    return pd.DataFrame(rows)
