"""Performance of each model at each sample size: means over simulations, with Monte Carlo intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.intervals import CI_PROB

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

#: What is meant by performance, ``-log10`` of a mean squared error.
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "excess": "-log10(|b_hat - b|² / |b|²), squared distance to the optimal prediction over its variance",
        "prediction": "-log10((sd² + |b_hat - b|²) / sd²), squared error over that of the optimal prediction",
    }
)


def performance(results: xr.Dataset, measure: str = "excess") -> xr.DataArray:
    """Performance of every fit, (simulation, model, observations).

    Parameters
    ----------
    measure : {"excess", "prediction"}
        ``excess`` grows without bound as the fit nears the truth, and 0 is the performance of predicting the
        mean. ``prediction`` counts the noise of a new observation, so its best value is 0. It differs by a
        constant from -log10 of the mean squared error over the variance of y (1 - R² of new data) as long as
        ``|b|²`` is the same in all simulations.

    Raises
    ------
    OptionError
        If `measure` is unknown.
    """
    import xarray as xr

    if measure not in MEASURES:
        raise OptionError(f"measure={measure!r} is not known; expected one of {', '.join(MEASURES)}.")
    risk = results["excess_risk"]
    if measure == "excess":
        return xr.DataArray(-np.log10(risk / results["signal"]))
    noise = json.loads(results.attrs["settings"])["noise_sd"] ** 2
    return xr.DataArray(-np.log10((noise + risk) / noise))


def mean_and_interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, and the ends of its 90 % Monte Carlo interval (Student t); NaN ends for a single value."""
    from scipy.stats import t as student

    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, float("nan"), float("nan")
    half = float(student.ppf((1 + CI_PROB) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return mean, mean - half, mean + half


def summarize_experiment(results: xr.Dataset, measure: str = "excess") -> pd.DataFrame:
    """Mean performance and cost of each model at each sample size.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``observations``, ``performance`` (mean over simulations), ``lower_90`` and ``upper_90``
        (its Monte Carlo interval), ``sd`` (between simulations), ``operations`` (mean), and for the
        regularised model ``sweeps`` and ``nonzero`` (means; else NaN).
    """
    import pandas as pd

    values = performance(results, measure)
    rows = []
    for model in results["model"].values:
        for n in results["observations"].values:
            cell = values.sel(model=model, observations=n).values
            mean, lower, upper = mean_and_interval(cell)
            lasso = model == "regularised"
            at_n = results.sel(observations=n)
            rows.append(
                {
                    "model": str(model),
                    "observations": int(n),
                    "performance": mean,
                    "lower_90": lower,
                    "upper_90": upper,
                    "sd": float(cell.std(ddof=1)) if len(cell) > 1 else float("nan"),
                    "operations": float(at_n["operations"].sel(model=model).mean()),
                    "sweeps": float(at_n["sweeps"].mean()) if lasso else float("nan"),
                    "nonzero": float(at_n["nonzero"].mean()) if lasso else float("nan"),
                }
            )
    return pd.DataFrame(rows)


def compare(
    results: xr.Dataset, one: tuple[str, int], other: tuple[str, int], measure: str = "excess"
) -> tuple[float, float, float]:
    """Mean difference in performance of two (model, observations), and its 90 % Monte Carlo interval.

    Paired: the two share a simulation's truth and data.

    Raises
    ------
    OptionError
        If a model or sample size is not in the results.
    """
    values = performance(results, measure)
    for model, n in (one, other):
        if model not in values["model"].values or n not in values["observations"].values:
            raise OptionError(f"{model} at n = {n} is not in the results.")
    first, second = (values.sel(model=model, observations=n).values for model, n in (one, other))
    return mean_and_interval(first - second)


def reaching(summary: pd.DataFrame, model: str, level: float) -> float:
    """Observations at which a model's mean performance last rises through a level, interpolated on log n.

    ``inf`` where it is below the level at the largest sample, NaN where it is above at the smallest and ever
    after.
    """
    rows = summary[summary["model"] == model].sort_values("observations")
    n, height = rows["observations"].to_numpy(float), rows["performance"].to_numpy(float)
    below = np.flatnonzero(height < level)
    if below.size == 0:
        return float("nan")
    last = int(below[-1])
    if last == len(n) - 1:
        return float("inf")
    share = (level - height[last]) / (height[last + 1] - height[last])
    return float(np.exp(np.log(n[last]) + share * np.log(n[last + 1] / n[last])))
