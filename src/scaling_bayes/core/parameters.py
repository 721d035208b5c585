"""Which parameters a model has, and how they are distributed before any data are seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core import equations
from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Times that floors above the errors are drawn again, at most.
_MOST_REDRAWS = 1000
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
    observations: Observations,
    *,
    draws: int,
    random_seed: int,
) -> xr.Dataset:
    """Independent draws of every parameter from the prior, as one chain.

    Parameters
    ----------
    priors : mapping
        Prior of each parameter, as `default_priors` names them.
    observations : Observations
        Its tasks, their references and bounds, and the years of its systems; not its errors.

    Returns
    -------
    Dataset
        The variables of `parameter_names`, dims (chain, draw[, task[, drift_year]]).
    """
    rng = generator(random_seed, Stream.PRIOR)
    tasks, reference_error = observations.tasks, observations.reference_error
    n_tasks = len(tasks)
    drawn = _draw_levels(options, priors, n_tasks, draws, rng)
    if "floor_logit" in drawn:
        drawn["floor"] = reference_error / (1.0 + np.exp(-drawn["floor_logit"]))
    if "floor_offset" in drawn:
        drawn["floor"] = _draw_floors(priors["floor_offset"], observations, drawn["floor_offset"], rng)
    law, floor = get_law(options.law), drawn.get("floor", 0.0)
    ends = {"chance": observations.chance_error, "bend": drawn.get("bend", 0.0)}
    gain = law.odds_gain(reference_error, floor, **ends)
    for name in _IN_ODDS:
        drawn[name] = drawn[name] * gain
    drawn["intercept"] = drawn["intercept"] + law.performance(reference_error, floor, **ends)
    if options.drift:
        shape = (draws, n_tasks, observations.drift_years.size)
        step = equations.drift_step(rng.standard_normal(shape))
        step *= (
            drawn["drift_scale"][..., np.newaxis] * np.broadcast_to(gain, (draws, n_tasks))[..., np.newaxis]
        )
        drawn["drift_step"] = step
    data: dict[str, tuple[tuple[str, ...], NDArray[np.float64]]] = {}
    for name in parameter_names(options, priors):
        if name == "drift_step":
            data[name] = (("chain", "draw", "task", "drift_year"), drawn[name][np.newaxis])
        elif name in ("floor", *POOLED, *_OF_EACH_TASK):
            values = np.broadcast_to(drawn[name], (draws, n_tasks)).copy()
            data[name] = (("chain", "draw", "task"), values[np.newaxis])
        else:
            data[name] = (("chain", "draw"), drawn[name][np.newaxis, :, 0])
    coords: dict[str, Any] = {"chain": [0], "draw": np.arange(draws), "task": list(tasks)}
    if options.drift:
        coords["drift_year"] = observations.drift_years
    return xr.Dataset(data, coords=coords)


def _draw_levels(
    options: ModelOptions, priors: Mapping[str, Prior], n_tasks: int, draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Draws of all that has a prior, and of what tasks have around a common mean, (draw, task or 1)."""
    drawn: dict[str, NDArray[np.float64]] = {}
    for name, prior in priors.items():
        own = name in (*_OF_EACH_TASK, "floor_offset") or (
            name in _POOLABLE and options.pooling_of(name) == "none"
        )
        drawn[name] = prior.draw(rng, (draws, n_tasks if own else 1))
    for name in _POOLABLE:
        stem = name if name == "floor_logit" else f"{name}_log"
        if f"{stem}_mean" in drawn:
            offset = rng.standard_normal((draws, n_tasks))
            drawn[name] = drawn[f"{stem}_mean"] + drawn[f"{stem}_sd"] * offset
            if name != "floor_logit":
                drawn[name] = np.exp(drawn[name])
    return drawn


def _draw_floors(
    prior: Prior, observations: Observations, offset: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Irreducible errors at drawn offsets; those at or above the reference error are drawn again."""
    for _ in range(_MOST_REDRAWS):
        floor = np.exp(observations.floor_log_median + observations.floor_log_sd * offset)
        above = floor >= observations.reference_error
        if not above.any():
            return floor
        offset = np.where(above, prior.draw(rng, offset.shape), offset)
    raise OptionError(
        f"the prior of the floors lies above the errors: not once below {observations.reference_error} in "
        f"{_MOST_REDRAWS} draws; expected floors below the errors of the systems."
    )


def log_prior(
    options: ModelOptions,
    priors: Mapping[str, Prior],
    parameters: xr.Dataset,
    observations: Observations,
) -> xr.Dataset:
    """Log density of each prior at parameter draws, dims (chain, draw), by the name of the prior.

    Only what `priors` names: the distribution of task-level parameters around their mean is part of the
    model, not a prior to be weakened or strengthened (Kallioinen et al. 2024, section on hierarchical
    models).
    """
    law, floor = get_law(options.law), parameters.get("floor", 0.0)

    def of_task(values: NDArray[np.float64]) -> xr.DataArray:
        return xr.DataArray(values, dims="task", coords={"task": parameters["task"]})

    reference = of_task(observations.reference_error)
    ends = {"chance": of_task(observations.chance_error), "bend": parameters.get("bend", 0.0)}
    found = {}
    for name, prior in priors.items():
        if name == "floor_logit":
            values: Any = np.log(floor / (reference - floor))
        elif name == "floor_offset":
            values = (np.log(floor) - of_task(observations.floor_log_median)) / of_task(
                observations.floor_log_sd
            )
        else:
            values = parameters[name]
        if name == "intercept":
            values = values - law.performance(reference, floor, **ends)
        if name in _IN_ODDS:
            values = values / law.odds_gain(reference, floor, **ends)
        if options.pooling_of(name) == "complete" and name in _POOLABLE:
            values = values.isel(task=0)
        density = xr.apply_ufunc(prior.log_density, values)
        found[name] = density.sum("task") if "task" in density.dims else density
    return xr.Dataset(found).reset_coords(drop=True)
