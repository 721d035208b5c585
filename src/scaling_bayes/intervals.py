"""The interval convention of the package: median, and equal-tailed intervals of 90 % and 50 %.

Equal tails, because quantiles commute with the change between log10 and natural scale; highest-density
intervals do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CI_PROB = 0.90
INNER_CI_PROB = 0.50

#: Column name and probability of each quantile in a summary, in order.
QUANTILES: dict[str, float] = {
    "lower_90": (1 - CI_PROB) / 2,
    "lower_50": (1 - INNER_CI_PROB) / 2,
    "median": 0.5,
    "upper_50": (1 + INNER_CI_PROB) / 2,
    "upper_90": (1 + CI_PROB) / 2,
}


def quantiles(draws: ArrayLike, probs: ArrayLike) -> NDArray[np.float64]:
    """Quantiles of draws that may be infinite, by linear interpolation between order statistics.

    Where one of the two neighbours is infinite the quantile is the infinite one, never NaN.

    Parameters
    ----------
    draws : array_like, shape (n,)
        At least one value, none NaN.
    probs : array_like, shape (k,)
        Probabilities in [0, 1].

    Returns
    -------
    ndarray, shape (k,)
    """
    ordered = np.sort(np.asarray(draws, dtype=float), axis=None)
    position = np.asarray(probs, dtype=float) * (ordered.size - 1)
    below, above = np.floor(position).astype(int), np.ceil(position).astype(int)
    low, high = ordered[below], ordered[above]
    weight = position - below
    finite = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore"):
        between = low + weight * (high - low)
    infinite = np.where(np.isfinite(low) & (weight > 0), high, low)
    result: NDArray[np.float64] = np.where(finite, between, infinite)
    return result


def reported(draws: ArrayLike) -> dict[str, float]:
    """Every quantile of `QUANTILES`, by name, of draws that may be infinite but not NaN."""
    values = quantiles(draws, list(QUANTILES.values()))
    return dict(zip(QUANTILES, map(float, values), strict=True))
