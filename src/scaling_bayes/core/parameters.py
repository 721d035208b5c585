"""Which parameters a model has, and how they are distributed before any data are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.core.streams import Stream, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["POOLED", "draw_prior", "log_prior", "parameter_names"]

#: Task-level parameters that pooling shares on the log scale.
POOLED = ("slope", "noise", "progress")
_POOLABLE = (*POOLED, "floor_logit")
#: Parameters each task has its own of, whatever the pooling.
_OF_EACH_TASK = ("intercept", "bend", "compute_mean", "compute_growth", "compute_spread")


def parameter_names(options: ModelOptions, priors: Mapping[str, Prior]) -> list[str]:
    """Names of the posterior variables, task-level parameters first."""
    names = ["intercept", *(name for name in POOLED if name != "progress" or options.algorithmic_progress)]
    names += ["floor"] if options.has_floor else []
    names += ["drift_step"] if options.drift else []
    return [*names, *(name for name in priors if name not in {*names, "floor_logit", "floor_offset"})]


#: Parameters believed in orders of magnitude of odds; `Law.odds_gain` brings them to the law's scale.
_IN_ODDS = ("slope", "noise", "intercept")


def draw_prior(
    options: ModelOptions,
    priors: Mapping[str, Prior],
    tasks: Sequence[str],
    reference_error: NDArray[np.float64],
    *,
    draws: int,
    random_seed: int,
) -> xr.Dataset:
    """Independent draws of every parameter from the prior, as one chain.

    Parameters
    ----------
    options : ModelOptions
    priors : mapping
        Prior of each parameter, as `default_priors` names them.
    tasks : sequence of str
    reference_error : ndarray, shape (task,)
        Error at which each task's slope is believed.
    draws : int
    random_seed : int

    Returns
    -------
    Dataset
        The variables of `parameter_names`, dims (chain, draw[, task]).
    """
    rng = generator(random_seed, Stream.PRIOR)
    n_tasks = len(tasks)
    drawn: dict[str, NDArray[np.float64]] = {}
    for name, prior in priors.items():
        own = name in _OF_EACH_TASK or (name in _POOLABLE and options.pooling_of(name) == "none")
        drawn[name] = prior.draw(rng, (draws, n_tasks if own else 1))
    for name in _POOLABLE:
        stem = name if name == "floor_logit" else f"{name}_log"
        if f"{stem}_mean" in drawn:
            offset = rng.standard_normal((draws, n_tasks))
            drawn[name] = drawn[f"{stem}_mean"] + drawn[f"{stem}_sd"] * offset
            if name != "floor_logit":
                drawn[name] = np.exp(drawn[name])
    if "floor_logit" in drawn:
        drawn["floor"] = reference_error / (1.0 + np.exp(-drawn["floor_logit"]))
    law, floor = get_law(options.law), drawn.get("floor", 0.0)
    for name in _IN_ODDS:
        drawn[name] = drawn[name] * law.odds_gain(reference_error, floor)
    drawn["intercept"] = drawn["intercept"] + law.performance(reference_error, floor)
    data: dict[str, tuple[tuple[str, ...], NDArray[np.float64]]] = {}
    for name in parameter_names(options, priors):
        if name in ("floor", *POOLED, *_OF_EACH_TASK):
            values = np.broadcast_to(drawn[name], (draws, n_tasks)).copy()
            data[name] = (("chain", "draw", "task"), values[np.newaxis])
        else:
            data[name] = (("chain", "draw"), drawn[name][np.newaxis, :, 0])
    return xr.Dataset(data, coords={"chain": [0], "draw": np.arange(draws), "task": list(tasks)})


def log_prior(
    options: ModelOptions,
    priors: Mapping[str, Prior],
    parameters: xr.Dataset,
    reference_error: NDArray[np.float64],
) -> xr.Dataset:
    """Log density of each prior at parameter draws, dims (chain, draw), by the name of the prior.

    Only what `priors` names: the distribution of task-level parameters around their mean is part of the
    model, not a prior to be weakened or strengthened (Kallioinen et al. 2024, section on hierarchical
    models).
    """
    law, floor = get_law(options.law), parameters.get("floor", 0.0)
    reference = xr.DataArray(reference_error, dims="task", coords={"task": parameters["task"]})
    found = {}
    for name, prior in priors.items():
        values: Any = np.log(floor / (reference - floor)) if name == "floor_logit" else parameters[name]
        if name == "intercept":
            values = values - law.performance(reference, floor)
        if name in _IN_ODDS:
            values = values / law.odds_gain(reference, floor)
        if options.pooling_of(name) == "complete" and name in _POOLABLE:
            values = values.isel(task=0)
        density = xr.apply_ufunc(prior.log_density, values)
        found[name] = density.sum("task") if "task" in density.dims else density
    return xr.Dataset(found).reset_coords(drop=True)
