"""Pareto-smoothed importance sampling in plain NumPy: what a posterior says without one of its systems.

Vehtari, Simpson, Gelman, Yao & Gabry 2024, *Pareto smoothed importance sampling*; the tail is fitted as Zhang
& Stephens 2009, *A new and efficient estimation method for the generalized Pareto distribution*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Importance sampling is trusted up to this Pareto k (Vehtari et al. 2024, for 4,000 draws).
GOOD_PARETO_K = 0.7
#: Fewer draws than this are no tail to fit.
_LEAST_TAIL = 5


def smoothed_weights(log_ratios: Floats) -> tuple[Floats, float]:
    """Importance weights with a smoothed upper tail, and the shape of that tail.

    Parameters
    ----------
    log_ratios : ndarray, shape (draw,)
        Natural log of the ratio of the wanted density to that of the draws, up to a constant.

    Returns
    -------
    weights : ndarray, shape (draw,)
        Summing to 1.
    pareto_k : float
        Estimates are reliable up to `GOOD_PARETO_K`. ``-inf`` where the ratios do not vary, ``inf`` where
        one of them is infinite or too few draws are in the tail.
    """
    if not np.isfinite(log_ratios).all():
        return np.full(log_ratios.size, 1.0 / log_ratios.size), math.inf
    log_weights = np.asarray(log_ratios, dtype=float) - log_ratios.max()
    if log_weights.min() == 0.0:
        return np.full(log_weights.size, 1.0 / log_weights.size), -math.inf
    size = int(min(0.2 * log_weights.size, 3.0 * math.sqrt(log_weights.size)))
    cutoff = max(np.sort(log_weights)[-size - 1], math.log(np.finfo(float).tiny))
    tail = np.flatnonzero(log_weights > cutoff)
    tail = tail[np.argsort(log_weights[tail])]
    if tail.size < _LEAST_TAIL:
        weights = np.exp(log_weights)
        return weights / weights.sum(), math.inf
    above = np.exp(log_weights[tail]) - math.exp(cutoff)
    shape, scale = _generalized_pareto(above)
    smoothed = _pareto_quantiles(tail.size, shape, scale)
    log_weights[tail] = np.minimum(np.log(smoothed + math.exp(cutoff)), 0.0)
    weights = np.exp(log_weights)
    return weights / weights.sum(), shape


def smoothed_tail(log_ratios: Floats, size: int) -> Floats:
    """Importance weights, summing to 1, whose largest are smoothed as far as they look like a Pareto tail.

    Parameters
    ----------
    log_ratios : ndarray, shape (draw,)
        Natural log of the ratio of the wanted density to that of the draws, up to a constant.
    size : int
        Weights in the tail.
    """
    weights: Floats = np.exp(log_ratios - log_ratios.max())
    order = np.argsort(weights)
    tail = order[-size:]
    above = weights[tail] - weights[order[-size - 1]]
    if above[_quartile(size)] > above[0]:
        quantiles = _pareto_quantiles(size, *_generalized_pareto(above))
        weights[tail] = np.minimum(quantiles + weights[order[-size - 1]], 1.0)
    return weights / weights.sum()


def _generalized_pareto(above: Floats) -> tuple[float, float]:
    """Shape and scale of the excesses over a threshold, in ascending order; shape drawn to 0.5 a little."""
    n = above.size
    grid = 30 + int(math.sqrt(n))
    b = (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3.0 * above[_quartile(n)])
    b += 1.0 / above[-1]
    k = np.log1p(-b[:, np.newaxis] * above).mean(axis=1)
    log_profile = n * (np.log(-b / k) - k - 1.0)
    weight = np.exp(log_profile - log_profile.max())
    at = float(weight @ b / weight.sum())
    shape = float(np.log1p(-at * above).mean())
    return (n * shape + 5.0) / (n + 10.0), -shape / at


def _quartile(n: int) -> int:
    """Position of the first quartile among n values in ascending order."""
    return int(n / 4 + 0.5) - 1


def _pareto_quantiles(n: int, shape: float, scale: float) -> Floats:
    """Excesses expected of n draws in ascending order."""
    middle = (np.arange(n) + 0.5) / n
    return scale * np.expm1(-shape * np.log1p(-middle)) / shape if shape else -scale * np.log1p(-middle)
