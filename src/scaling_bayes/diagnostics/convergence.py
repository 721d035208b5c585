"""How well chains mixed: R-hat, effective sample size and E-BFMI in plain NumPy, from draws alone.

A fit stores them, and they are computed again wherever a file is held to its own draws. They are what ArviZ
finds, of all scalars at a time. Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, *Rank-normalization,
folding, and localization: an improved R-hat*; Geyer 1992, *Practical Markov chain Monte Carlo*, for the
truncated sum; Betancourt 2016, *Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo*,
for E-BFMI.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TAILS = (0.05, 0.95)
#: Statistics of scalars, and which of many is the worst.
_WORST: dict[str, Callable[..., np.floating]] = {"rhat": np.max, "ess_bulk": np.min, "ess_tail": np.min}
#: Draws of a chain below which nothing is told of it.
_LEAST_DRAWS = 4
#: Draws judged together, so that memory is used again.
_AT_ONCE = 2**16


def rhat(draws: Floats) -> Floats:
    """Rank-normalised split R-hat: of the draws or of their distance from the median, the larger.

    Parameters
    ----------
    draws : ndarray, shape (..., chain, draw)
        Draws of scalars.

    Returns
    -------
    ndarray, shape (...)
        NaN for one chain or fewer than four draws, and where a draw is not finite or the draws do not vary.
    """
    return _statistics(draws)["rhat"]


def ess_bulk(draws: Floats) -> Floats:
    """Effective sample size of the rank-normalised draws, shape (..., chain, draw) to (...)."""
    return _statistics(draws)["ess_bulk"]


def ess_tail(draws: Floats) -> Floats:
    """Effective sample size of the 5 % or 95 % quantile, the smaller; (..., chain, draw) to (...)."""
    return _statistics(draws)["ess_tail"]


def ebfmi(energy: Floats) -> Floats:
    """Energy's fraction of missing information, per chain; energy of shape (chain, draw)."""
    steps: Floats = np.mean(np.diff(energy, axis=1) ** 2, axis=1)
    return steps / np.var(energy, axis=1, ddof=1)


def mixing(posterior: xr.Dataset) -> dict[str, dict[str, Floats]]:
    """R-hat and effective sample sizes of every scalar.

    Parameters
    ----------
    posterior : Dataset
        Draws, dims (chain, draw, ...).

    Returns
    -------
    dict
        ``rhat``, ``ess_bulk`` and ``ess_tail``, each by variable, of its shape without chains and draws.
    """
    found: dict[str, dict[str, Floats]] = {name: {} for name in _WORST}
    for variable, values in posterior.data_vars.items():
        draws = np.moveaxis(values.transpose("chain", "draw", ...).values, (0, 1), (-2, -1))
        for name, statistic in _statistics(draws).items():
            found[name][str(variable)] = statistic
    return found


def worst_statistics(posterior: xr.Dataset, stats: xr.Dataset) -> Iterator[tuple[str, float]]:
    """Each check of a sample and its value: the worst of all scalars, chains or draws."""
    for name, by_variable in mixing(posterior).items():
        yield name, float(_WORST[name](np.concatenate([np.ravel(each) for each in by_variable.values()])))
    yield "divergences", float(stats["diverging"].sum())
    yield "ebfmi", float(ebfmi(stats["energy"].values.astype(float)).min())
    yield "max_treedepth_share", float(stats["reached_max_treedepth"].mean())


def _statistics(draws: Floats) -> dict[str, Floats]:
    """R-hat and both effective sample sizes; draws of shape (..., chain, draw)."""
    shape, chains_draws = draws.shape[:-2], draws.shape[-2:]
    scalars = draws.reshape(-1, *chains_draws)
    found = {name: np.full(len(scalars), np.nan) for name in _WORST}
    blocks = math.ceil(draws.size / _AT_ONCE) if chains_draws[1] >= _LEAST_DRAWS else 0
    for part in np.array_split(np.arange(len(scalars)), max(blocks, 1)) if blocks else ():
        block = np.ascontiguousarray(scalars[part], dtype=float)
        finite = np.isfinite(block).all(axis=(1, 2))
        part, block = part[finite], block[finite]
        if not part.size:
            continue
        split = _split(block)
        order = _sorted(split)
        scores = _normal_scores(split, order)
        found["ess_bulk"][part] = _ess(scores)
        below = block[np.newaxis] <= np.quantile(block, _TAILS, axis=(1, 2), keepdims=True)
        found["ess_tail"][part] = _ess(_split(below.astype(float))).min(axis=0)
        if chains_draws[0] > 1:
            folded = np.abs(split - np.median(split, axis=(1, 2), keepdims=True))
            of_folded = _normal_scores(folded, _sorted(folded, nearly=order))
            found["rhat"][part] = np.maximum(_rhat(scores), _rhat(of_folded))
    return {name: values.reshape(shape)[()] for name, values in found.items()}


def _split(draws: Floats) -> Floats:
    """Each chain as two, leaving out the middle draw of an odd number."""
    half = draws.shape[-1] // 2
    return np.concatenate([draws[..., :half], draws[..., -half:]], axis=-2)


def _sorted(draws: Floats, nearly: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Order of all draws of each scalar, from one in which they fall and then rise where there is one."""
    flat = draws.reshape(len(draws), -1)
    if nearly is None:
        return np.argsort(flat, axis=1)
    in_runs = np.argsort(np.take_along_axis(flat, nearly, axis=1), axis=1, kind="stable")
    order: NDArray[np.intp] = np.take_along_axis(nearly, in_runs, axis=1)
    return order


def _normal_scores(draws: Floats, order: NDArray[np.intp]) -> Floats:
    """Normal quantiles of the ranks of each scalar's draws; equal draws have their mean rank."""
    flat = draws.reshape(len(draws), -1)
    scores: Floats = _scores_of_ranks(flat.shape[1])[doubled_ranks(flat, order) - 2]
    return scores.reshape(draws.shape)


def doubled_ranks(values: Floats, order: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Twice the rank, from 1, of each value in its row, shape (row, value); equal ones have their mean."""
    if order is None:
        order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    place = np.arange(values.shape[1])
    apart = ordered[:, 1:] != ordered[:, :-1]
    first, last = np.zeros(values.shape, dtype=np.intp), np.full(values.shape, place[-1])
    first[:, 1:] = np.where(apart, place[1:], 0)
    last[:, :-1] = np.where(apart, place[:-1], place[-1])
    np.maximum.accumulate(first, axis=1, out=first)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty_like(first)
    np.put_along_axis(ranks, order, first + last + 2, axis=1)
    return ranks


@lru_cache(maxsize=4)
def _scores_of_ranks(size: int) -> Floats:
    """Normal quantiles of the ranks 1, 1.5, 2, ... to `size`."""
    from scipy.special import ndtri

    scores: Floats = ndtri((np.arange(2 * size - 1) / 2.0 + 0.625) / (size + 0.25))
    return scores


def _rhat(draws: Floats) -> Floats:
    length = draws.shape[-1]
    within = draws.var(axis=-1, ddof=1).mean(axis=-1)
    between = length * draws.mean(axis=-1).var(axis=-1, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.sqrt((between / within + length - 1) / length)
    return found


def _ess(draws: Floats) -> Floats:
    """Effective sample size of draws, shape (..., chain, draw)."""
    length, size = draws.shape[-1], draws.shape[-2] * draws.shape[-1]
    most = (length - 3) // 2
    varies = np.ptp(draws, axis=(-2, -1)) >= np.finfo(float).resolution
    if most < 1:
        shortest: Floats = np.where(varies, size * np.log10(size), size)
        return shortest
    autocovariance = _autocovariance(draws)
    within = autocovariance[..., :1] * length / (length - 1)
    variance = within * (length - 1) / length + draws.mean(axis=-1).var(axis=-1, ddof=1)[..., np.newaxis]
    with np.errstate(invalid="ignore", divide="ignore"):
        autocorrelation = 1.0 - (within - autocovariance) / variance
    autocorrelation[..., 0] = 1.0
    pairs = autocorrelation[..., : 2 * most].reshape(*draws.shape[:-2], most, 2).sum(axis=-1)
    later = autocorrelation[..., 2 : 2 * most + 2].reshape(*draws.shape[:-2], most, 2).sum(axis=-1)
    kept = np.where((later < 0).any(axis=-1), (later < 0).argmax(axis=-1) + 1, most)[..., np.newaxis]
    summed = np.minimum.accumulate(pairs, axis=-1).cumsum(axis=-1)
    time = -1.0 + 2.0 * np.take_along_axis(summed, kept - 1, axis=-1)
    time += np.maximum(np.take_along_axis(autocorrelation, 2 * kept, axis=-1), 0.0)
    found: Floats = np.where(varies, size / np.maximum(time[..., 0], 1.0 / np.log10(size)), size)
    return found


def _autocovariance(draws: Floats) -> Floats:
    """Mean over chains, by lag, of the autocovariance times its share of the chain that has a pair."""
    length = draws.shape[-1]
    centred = draws - draws.mean(axis=-1, keepdims=True)
    spectrum = np.fft.rfft(centred, n=2 * length, axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=-2)
    products: Floats = np.fft.irfft(power, n=2 * length, axis=-1)[..., :length] / length
    return products
