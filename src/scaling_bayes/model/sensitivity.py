"""How much slopes and projections would change with stronger or weaker priors, or with more or fewer data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from scaling_bayes.core.predictive import log_likelihood_total
from scaling_bayes.diagnostics.log_prior import log_prior_of
from scaling_bayes.projection.project import project
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Powers to which a component is raised, for the derivative.
ALPHAS = (0.99, 1.01)
_SAMPLE = ["chain", "draw"]


def power_scaling(idata: xr.DataTree | PosteriorView) -> xr.Dataset:
    """Power-scaling sensitivity of slopes, progress and projections, to each prior and the likelihood.

    Kallioinen, Paananen, Bürkner & Vehtari 2024, *Detecting and diagnosing prior and likelihood sensitivity
    with power-scaling*, by ArviZ: rate of change of the posterior (cumulative Jensen-Shannon distance per
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
    draws = np.stack(list(quantities.values()))
    found = np.full((len(quantities), len(components)), np.nan)
    constant_in_draws = draws.min((-2, -1)) == draws.max((-2, -1))  # a target no draw reaches
    for column, density in enumerate(components.values()):
        lower, upper = (
            np.broadcast_to(_weights(density.transpose(*_SAMPLE).values, alpha), draws.shape)
            for alpha in ALPHAS
        )
        with np.errstate(invalid="ignore"):
            sense = array_stats.power_scale_sense(draws, lower, upper, *ALPHAS)
        found[:, column] = np.where(constant_in_draws, 0.0, sense)
    return xr.Dataset(
        {"power_scaling": (("quantity", "component"), found)},
        coords={
            "quantity": np.array(list(quantities), dtype=object),
            "component": np.array(list(components), dtype=object),
        },
    )


def _weights(log_density: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    log_weights = array_stats.power_scale_lw(log_density, alpha=alpha, axis=(-2, -1))
    weights: NDArray[np.float64] = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def _quantities(view: PosteriorView) -> dict[str, NDArray[np.float64]]:
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


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    if np.isfinite(values).all():
        return values
    ranks: NDArray[np.float64] = rankdata(values.ravel(), method="average") / values.size
    return ranks
