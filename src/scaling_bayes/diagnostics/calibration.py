"""What many fits say about a model: whether its intervals hold, and what its results hang on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.intervals import CI_PROB, INNER_CI_PROB, quantiles
from scaling_bayes.trace.schema import SBC, group
from scaling_bayes.trace.view import TraceView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Simulated uniform samples that a departure from uniformity is held against.
_NULL_SAMPLES: Final = 20_000
_BATCH: Final = 2_000
#: Distance of the quartiles of a normal distribution, in standard deviations.
_QUARTILES_APART: Final = 1.3489795003921634


def calibration_table(tree: xr.DataTree | TraceView) -> pd.DataFrame:
    """Summary of a calibration, a row for each quantity; columns as `summary` says.

    Raises
    ------
    TraceError
        If the tree is not a calibration.
    """
    summary = tree.group("summary") if isinstance(tree, TraceView) else group(tree, "summary")
    return summary.to_dataframe().reset_index()


def is_projection(quantity: str) -> bool:
    """Whether a quantity is a projection rather than a parameter."""
    return quantity.startswith("training_compute[")


def summarize(fits: xr.Dataset, experiment: str, ranked: int) -> xr.Dataset:
    """Compute the summary of the fits of a calibration; see `calibration_table`.

    Failed fits are left out. ``ranked`` is the number of draws among which true values were ranked.
    """
    made = fits.isel(fit=np.flatnonzero(np.isfinite(fits["rhat"].values)))
    return _of_ranks(made, ranked) if experiment in SBC else _of_shifts(made)


def _of_ranks(fits: xr.Dataset, ranked: int) -> xr.Dataset:
    import xarray as xr

    probability = fits["probability"].values
    error = (fits["mean"] - fits["truth"]) / fits["sd"]
    quartiles = np.array([quantiles(values, [0.25, 0.75]) for values in fits["truth"].values.T])
    with np.errstate(invalid="ignore"):
        prior_sd = (quartiles[:, 1] - quartiles[:, 0]) / _QUARTILES_APART
    columns = {
        "coverage_50": np.array([coverage_of_truth(column, INNER_CI_PROB) for column in probability.T]),
        "coverage_90": np.array([coverage_of_truth(column, CI_PROB) for column in probability.T]),
        "bias": np.median(error.values, axis=0),
        "contraction": 1.0 - (np.median(fits["sd"].values, axis=0) / prior_sd) ** 2,
        "p_value": uniformity(fits["rank"].values, ranked),
    }
    return xr.Dataset(
        {name: ("quantity", values.astype(float)) for name, values in columns.items()},
        coords={"quantity": fits["quantity"]},
    )


def _of_shifts(fits: xr.Dataset) -> xr.Dataset:
    import xarray as xr

    mean, sd = fits["mean"].values.astype(float), fits["sd"].values.astype(float)
    shift = (mean - mean[0]) / sd[0]
    known = np.where(np.isfinite(shift), np.abs(shift), -1.0)
    worst = known.argmax(axis=0)
    columns = np.arange(shift.shape[1])
    return xr.Dataset(
        {
            "largest_shift": ("quantity", shift[worst, columns]),
            "largest_shift_fit": ("quantity", fits["fit"].values[worst].astype(object)),
        },
        coords={"quantity": fits["quantity"]},
    )


def coverage_of_truth(probability: Floats, nominal: float) -> float:
    """Share of true values in an equal-tailed interval, from the share of posterior draws below each."""
    return float((np.abs(probability - 0.5) <= nominal / 2.0).mean())


def rank_ecdf(ranks: Floats, ranked: int) -> Floats:
    """Share of ranks below 1, ..., `ranked`, minus what is expected of uniform ranks.

    Parameters
    ----------
    ranks : ndarray, shape (fit, ...)
        Whole numbers from 0 to `ranked`.
    ranked : int
        Draws among which each true value was ranked.

    Returns
    -------
    ndarray, shape (ranked, ...)
    """
    counts = _counts_below(ranks, ranked)
    expected = np.arange(1, ranked + 1) / (ranked + 1)
    difference: Floats = counts / len(ranks) - expected.reshape(-1, *(1,) * (ranks.ndim - 1))
    return difference


def ecdf_band(count: int, ranked: int, probability: float = 0.95) -> tuple[Floats, Floats]:
    """Simultaneous band of `rank_ecdf`: uniform ranks stay inside everywhere with the given probability.

    Säilynoja, Bürkner & Vehtari 2022, *Graphical test for discrete uniformity and its applications in
    goodness-of-fit evaluation and multiple sample comparison*: pointwise binomial intervals, widened alike
    until they hold together, here by simulation.

    Returns
    -------
    tuple of ndarray, shape (ranked,)
        Lower and upper end.
    """
    from scipy.stats import binom

    level = float(np.quantile(_null(count, ranked), 1.0 - probability))
    expected = np.arange(1, ranked + 1) / (ranked + 1)
    lower: Floats = binom.ppf(level / 2.0, count, expected) / count - expected
    upper: Floats = binom.isf(level / 2.0, count, expected) / count - expected
    return lower, upper


def uniformity(ranks: Floats, ranked: int) -> Floats:
    """Probability that uniform ranks depart from uniformity as far as these, for each column.

    The departure is the smallest two-sided binomial probability over the points of the empirical
    distribution, as in `ecdf_band`; a value below 0.05 leaves that 95 % band.

    Parameters
    ----------
    ranks : ndarray, shape (fit, quantity)

    Returns
    -------
    ndarray, shape (quantity,)
    """
    null = _null(len(ranks), ranked)
    found = _departure(_counts_below(ranks, ranked).T, len(ranks), ranked)
    as_far = np.searchsorted(null, found * (1 + 1e-9), side="right")
    return np.asarray((1.0 + as_far) / (1.0 + null.size), dtype=float)


def _counts_below(ranks: Floats, ranked: int) -> Floats:
    levels = np.arange(1, ranked + 1)
    return np.array([(ranks < level).sum(axis=0) for level in levels], dtype=float)


def _departure(counts: NDArray[Any], count: int, ranked: int) -> Floats:
    """Smallest two-sided pointwise probability, of counts of shape (..., ranked)."""
    two_sided = _two_sided(count, ranked)
    smallest: Floats = two_sided[counts.astype(int), np.arange(ranked)].min(axis=-1)
    return smallest


@cache
def _two_sided(count: int, ranked: int) -> Floats:
    """Two-sided pointwise probability of each number of ranks below each level, (count + 1, ranked)."""
    from scipy.stats import binom

    expected = np.arange(1, ranked + 1) / (ranked + 1)
    possible = np.arange(count + 1)[:, np.newaxis]
    below, above = binom.cdf(possible, count, expected), binom.sf(possible - 1, count, expected)
    two_sided: Floats = np.minimum(2.0 * np.minimum(below, above), 1.0)
    return two_sided


@cache
def _null(count: int, ranked: int) -> Floats:
    """Departures of uniform ranks, in order."""
    rng = np.random.default_rng([count, ranked])
    levels = np.full(ranked + 1, 1.0 / (ranked + 1))
    found = [
        _departure(rng.multinomial(count, levels, _BATCH).cumsum(axis=1)[:, :-1], count, ranked)
        for _ in range(_NULL_SAMPLES // _BATCH)
    ]
    return np.sort(np.concatenate(found))
