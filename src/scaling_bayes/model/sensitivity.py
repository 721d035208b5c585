"""How much slopes and projections would change with stronger or weaker priors, or with more or fewer data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import xlog1py

from scaling_bayes.core.predictive import log_likelihood_total
from scaling_bayes.diagnostics.convergence import ess_tail
from scaling_bayes.diagnostics.log_prior import log_prior_of
from scaling_bayes.diagnostics.psis import smoothed_tail
from scaling_bayes.projection.project import project
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Powers to which a component is raised, for the derivative.
ALPHAS = (0.99, 1.01)
_SAMPLE = ["chain", "draw"]
#: Weightings of draws held against a quantity together, so that the processor's cache holds them.
_AT_ONCE = 12
#: Of (1 + d) log(1 + d) + (1 - d) log(1 - d), in d^2; exact to rounding up to `_FAR`.
_SERIES = tuple(1.0 / (k * (2 * k - 1)) for k in range(1, 6))
_FAR = 2e-3


def power_scaling(idata: xr.DataTree | PosteriorView) -> xr.Dataset:
    """Power-scaling sensitivity of slopes, progress and projections, to each prior and the likelihood.

    Kallioinen, Paananen, Bürkner & Vehtari 2024, *Detecting and diagnosing prior and likelihood sensitivity
    with power-scaling*, as in ArviZ: rate of change of the posterior (cumulative Jensen-Shannon distance per
    doubling) as a component of it is raised to powers around 1, by importance sampling. Values from 0.05
    count as sensitive; a prior sensitivity beside a likelihood sensitivity below that says that the prior
    decides. Quantities that are infinite in some draws (unreachable targets) are replaced by their ranks.

    Parameters
    ----------
    idata : DataTree
        With groups ``posterior``, ``constant_data`` and ``observed_data`` and the manifest of a fit of one
        law.

    Returns
    -------
    Dataset
        ``power_scaling`` (quantity, component); components are ``prior`` (all together), ``likelihood`` and
        each prior by name. Quantities are ``slope[task]`` (orders of magnitude of error per tenfold compute),
        ``progress[task]`` and ``compute[task error %]`` (predictive, the last year of the data).
    """
    view = PosteriorView.of(idata)
    densities = log_prior_of(view)
    components: dict[str, xr.DataArray] = {
        "prior": densities.to_dataarray().sum("variable"),
        "likelihood": log_likelihood_total(view.law, view.posterior, view.observations),
        **{str(name): density for name, density in densities.data_vars.items()},
    }
    quantities = _quantities(view)
    log_density = np.stack([density.transpose(*_SAMPLE).values.ravel() for density in components.values()])
    distance = _distances(
        np.stack([each.ravel() for each in quantities.values()]),
        np.concatenate([_weights(log_density, alpha) for alpha in ALPHAS]),
    )
    lower, upper = np.split(distance, 2, axis=1)
    found = (upper / np.log2(ALPHAS[1]) - lower / np.log2(ALPHAS[0])) / 2.0
    return xr.Dataset(
        {"power_scaling": (("quantity", "component"), found)},
        coords={
            "quantity": np.array(list(quantities), dtype=object),
            "component": np.array(list(components), dtype=object),
        },
    )


def _weights(log_density: Floats, alpha: float) -> Floats:
    """Importance weights of draws, (component, draw), as densities of that shape have a power."""
    draws = log_density.shape[1]
    efficiency = ess_tail(log_density[:, np.newaxis]) / draws  # as of one chain, which ArviZ takes
    return np.array(
        [
            smoothed_tail((alpha - 1.0) * density, _tail_size(draws, float(share)))
            for density, share in zip(log_density, efficiency, strict=True)
        ]
    )


def _tail_size(draws: int, efficiency: float) -> int:
    """Largest ratios that are smoothed (Vehtari et al. 2024, section 3.2.1), at most half of all."""
    size = 3.0 * math.sqrt(draws / efficiency) if draws * efficiency > 225 else draws / 5
    return max(int(min(size, draws // 2)), 5)


def _distances(quantities: Floats, weights: Floats) -> Floats:
    """Cumulative Jensen-Shannon distance of each quantity's draws, (quantity, draw), from weighted ones.

    Nguyen & Vreeken 2015, *Non-parametric Jensen-Shannon divergence*. With the shares P and Q of draws and
    weights below a value, M their mean and ``d = (Q - P) / (Q + P)``, what is integrated over values is
    ``M ((1 + d) log2(1 + d) + (1 - d) log2(1 - d))``. It is taken of the shares below and of those above,
    and the larger counts.

    Parameters
    ----------
    weights : ndarray, shape (weighting, draw)
        Each summing to 1.

    Returns
    -------
    ndarray, shape (quantity, weighting)
        0 for a quantity that does not vary.
    """
    draws = quantities.shape[1]
    found = np.zeros((len(quantities), len(weights)))
    below = np.arange(1, draws) / draws
    for row, order in enumerate(np.argsort(quantities, axis=1)):
        width = np.diff(quantities[row, order])
        if not width.any():
            continue
        for start in range(0, len(weights), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            weighted = np.cumsum(weights[part, order], axis=1)[:, :-1]
            apart = weighted - below
            total = weighted + below
            squares = (_divergence(apart, both) @ width / (both @ width) for both in (total, 2.0 - total))
            found[row, part] = np.sqrt(np.maximum(*squares))
    return found


def _divergence(apart: Floats, total: Floats) -> Floats:
    """``M ((1 + d) log2(1 + d) + (1 - d) log2(1 - d))`` with ``d = apart / total`` and ``M = total / 2``.

    By its series in d^2, or where d is large by the formula, which is inexact where d is small.
    """
    ratio = apart / total
    square = ratio * ratio
    series = np.full_like(square, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        series *= square
        series += coefficient
    series *= square
    far = np.flatnonzero(square > _FAR)
    if far.size:
        d = np.minimum(np.abs(ratio.flat[far]), 1.0)
        series.flat[far] = (1.0 + d) * np.log1p(d) + xlog1py(1.0 - d, -d)
    series *= total
    series /= 2.0 * np.log(2.0)
    return series


def _quantities(view: PosteriorView) -> dict[str, Floats]:
    """Draws (chain, draw) of each quantity, by its name."""
    posterior, slope = view.posterior, view.parameters("posterior")["slope"]
    parts = {f"slope[{task}]": slope.sel(task=task) for task in slope["task"].values}
    if "progress" in posterior:
        parts |= {f"progress[{task}]": posterior["progress"].sel(task=task) for task in slope["task"].values}
    projected = group(project(view), "projection").isel(year=0)
    compute = projected["log10_training_compute_flop"]
    for number, label in enumerate(projected["target"].values):
        parts[f"compute[{label}]"] = compute.isel(target=number)
    shape = [posterior.sizes[dim] for dim in _SAMPLE]
    return {name: _finite(part.transpose(*_SAMPLE).values).reshape(shape) for name, part in parts.items()}


def _finite(values: Floats) -> Floats:
    """The draws themselves, or where one is infinite their mean ranks."""
    if np.isfinite(values).all():
        return values
    _, places = np.unique(values, return_inverse=True)
    count = np.bincount(places.ravel())
    ranks: Floats = (np.cumsum(count) - (count - 1) / 2.0)[places] / values.size
    return ranks.reshape(values.shape)
