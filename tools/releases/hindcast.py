"""Score hardware that came after a hindcast's last year: coverage of predictive intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.points import cloud_offers, trend_points
from scaling_bayes.hardware.trends import COMMITMENTS
from scaling_bayes.intervals import CI_PROB, INNER_CI_PROB, quantiles
from scaling_bayes.trace.schema import group, manifest
from tools.releases.trends import trend_draws

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["predicted", "score"]


def predicted(hardware: xr.DataTree, later: pd.DataFrame, random_seed: int = 0) -> NDArray[np.float64]:
    """Predictive draws of points or offers: trend, and the residuals of new devices and providers.

    Parameters
    ----------
    hardware : DataTree
        From `fit_hardware`.
    later : DataFrame
        Rows of `trend_points` or `cloud_offers`. Rows of one device share its residual, rows of one
        provider the provider's.
    random_seed : int
        Seed of the residuals.

    Returns
    -------
    ndarray, shape (sample, row)
    """
    posterior = group(hardware, "posterior").stack(sample=("chain", "draw")).transpose("sample", ...)
    rng = generator(random_seed, Stream.PRIOR)
    n = posterior.sizes["sample"]

    def effect(names: pd.Series[str]) -> NDArray[np.float64]:
        known = {name: position for position, name in enumerate(names.unique())}
        drawn = rng.standard_normal((n, len(known)))
        return drawn[:, [known[name] for name in names]]

    draws = np.empty((n, len(later)))
    for label, rows in later.groupby("trend").indices.items():
        draws[:, rows] = trend_draws(hardware, str(label), later["year"].to_numpy()[rows])
    sd = posterior["device_sd"].sel(trend=later["trend"].to_list()).values
    draws += sd * effect(later["trend"] + later["device"])
    if "provider" in later:
        scalar = {name: posterior[name].values[:, None] for name in ("provider_sd", "offer_sd", "age_gain")}
        committed = np.stack([(later["kind"] == kind).to_numpy(float) for kind in COMMITMENTS])
        draws += posterior["commitment_gain"].values @ committed
        draws += scalar["age_gain"] * later["age"].to_numpy()
        draws += scalar["provider_sd"] * effect(later["provider"])
        draws += scalar["offer_sd"] * rng.standard_normal(draws.shape)
    return draws


def score(hardware: xr.DataTree) -> pd.DataFrame:
    """Coverage of what came at or after a hindcast's year.

    Returns
    -------
    pandas.DataFrame
        One row per trend with later points: ``trend``, ``n``, ``coverage_50``, ``coverage_90`` of the
        predictive intervals (equal tails), and ``median_miss``, the median of observed minus predicted
        median in orders of magnitude; last ``all hardware`` and ``all``. Offers of one device are not
        independent.

    Raises
    ------
    OptionError
        If the fit used all years.
    """
    import pandas as pd

    before = manifest(hardware).get("before")
    if before is None:
        raise OptionError("this hardware fit used every year; expected one of fit_hardware(before=...).")
    rows = []
    for frame in (trend_points(), cloud_offers()):
        later = frame[frame["year"] >= before].reset_index(drop=True)
        probs = [(1 + sign * width) / 2 for width in (CI_PROB, INNER_CI_PROB) for sign in (-1, 1)] + [0.5]
        ends = np.stack([quantiles(draws, probs) for draws in predicted(hardware, later).T])
        value = later["log10_value"].to_numpy()
        for position, label in enumerate(later["trend"]):
            low_90, high_90, low_50, high_50, median = ends[position]
            rows.append(
                {
                    "trend": label,
                    "in_50": low_50 <= value[position] <= high_50,
                    "in_90": low_90 <= value[position] <= high_90,
                    "miss": value[position] - median,
                }
            )
    scored = pd.DataFrame(rows)
    hardware_rows = scored["trend"].str.contains(" ")
    summaries = [(str(label), part) for label, part in scored.groupby("trend", sort=False)]
    summaries += [("all hardware", scored[hardware_rows]), ("all", scored)]
    return pd.DataFrame(
        [
            {
                "trend": label,
                "n": len(part),
                "coverage_50": float(part["in_50"].mean()),
                "coverage_90": float(part["in_90"].mean()),
                "median_miss": float(part["miss"].median()),
            }
            for label, part in summaries
        ]
    )
