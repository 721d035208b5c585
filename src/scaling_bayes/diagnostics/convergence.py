"""How well chains mixed: R-hat, effective sample size and E-BFMI in plain NumPy, from draws alone.

A fit stores these as ArviZ found them. Here they are computed a second time, so that a file can be held to
its own draws wherever it is read. Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, *Rank-normalization,
folding, and localization: an improved R-hat*; Geyer 1992, *Practical Markov chain Monte Carlo*, for the
truncated sum; Betancourt 2016, *Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo*,
for E-BFMI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TAILS = (0.05, 0.95)


def rhat(draws: Floats) -> float:
    """Rank-normalised split R-hat: of the draws or of their distance from the median, the larger.

    Parameters
    ----------
    draws : ndarray, shape (chain, draw)
        Draws of one scalar.

    Returns
    -------
    float
        NaN for one chain, and where a draw is not finite or the draws do not vary.
    """
    if len(draws) < 2:
        return float("nan")
    split = _split(draws)
    folded = np.abs(split - np.median(split))
    return max(_rhat(_normal_scores(split)), _rhat(_normal_scores(folded)))


def ess_bulk(draws: Floats) -> float:
    """Effective sample size of the rank-normalised draws, shape (chain, draw)."""
    return _ess(_normal_scores(_split(draws)))


def ess_tail(draws: Floats) -> float:
    """Effective sample size of the 5 % or 95 % quantile, the smaller; draws of shape (chain, draw)."""
    return min(_ess(_split((draws <= np.quantile(draws, tail)).astype(float))) for tail in _TAILS)


def ebfmi(energy: Floats) -> Floats:
    """Energy's fraction of missing information, per chain; energy of shape (chain, draw)."""
    steps: Floats = np.mean(np.diff(energy, axis=1) ** 2, axis=1)
    return steps / np.var(energy, axis=1, ddof=1)


def worst_statistics(posterior: xr.Dataset, stats: xr.Dataset) -> Iterator[tuple[str, float]]:
    """Each check of a sample and its value: the worst of all scalars, chains or draws."""
    functions: tuple[tuple[str, Callable[[Floats], float], Callable[..., float]], ...] = (
        ("rhat", rhat, np.max),
        ("ess_bulk", ess_bulk, np.min),
        ("ess_tail", ess_tail, np.min),
    )
    scalars = [
        draws[..., position]
        for values in posterior.data_vars.values()
        for draws in [values.values.astype(float).reshape(*values.shape[:2], -1)]
        for position in range(draws.shape[2])
    ]
    for name, function, worst in functions:
        yield name, float(worst([function(draws) for draws in scalars]))
    yield "divergences", float(stats["diverging"].sum())
    yield "ebfmi", float(ebfmi(stats["energy"].values.astype(float)).min())
    yield "max_treedepth_share", float(stats["reached_max_treedepth"].mean())


def _split(draws: Floats) -> Floats:
    """Each chain as two, leaving out the middle draw of an odd number."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _normal_scores(draws: Floats) -> Floats:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    if not np.isfinite(draws).all():
        return np.full_like(draws, np.nan)
    scores: Floats = ndtri((rankdata(draws, axis=None).reshape(draws.shape) - 0.375) / (draws.size + 0.25))
    return scores


def _rhat(draws: Floats) -> float:
    length = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean()
    between = length * draws.mean(axis=1).var(ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.sqrt((between / within + length - 1) / length))


def _ess(draws: Floats) -> float:
    length = draws.shape[1]
    if not np.isfinite(draws).all():
        return float("nan")
    if np.ptp(draws) < np.finfo(float).resolution:
        return float(draws.size)
    autocovariance = _autocovariance(draws).mean(axis=0)
    within = autocovariance[0] * length / (length - 1)
    variance = within * (length - 1) / length + draws.mean(axis=1).var(ddof=1)
    autocorrelation = 1.0 - (within - autocovariance) / variance
    autocorrelation[0] = 1.0
    most = (length - 3) // 2
    pairs = autocorrelation[: 2 * (most + 1)].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs[1:] < 0)
    kept = int(negative[0]) + 1 if len(negative) else most
    time = -1.0 + 2.0 * np.minimum.accumulate(pairs[:kept]).sum() + max(autocorrelation[2 * kept], 0.0)
    return float(draws.size / max(time, 1.0 / np.log10(draws.size)))


def _autocovariance(draws: Floats) -> Floats:
    """Per chain and lag, divided by the length of the chain."""
    length = draws.shape[1]
    centred = draws - draws.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, n=2 * length, axis=1)
    products: Floats = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * length, axis=1)[:, :length] / length
    return products
