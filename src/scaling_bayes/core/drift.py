"""How far each task's line has drifted: between the years of the data, and drawn after them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core import equations
from scaling_bayes.core.mixed_law import law_of
from scaling_bayes.core.observations import steps_taken

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Multiplications of a matrix product up to which BLAS takes one thread: others cost more than they save.
_ONE_THREAD = 2**18
#: Years whose steps are drawn together, so that memory is used again.
_YEARS_AT_ONCE = 8


def drift_at(
    parameters: xr.Dataset,
    tasks: Sequence[str] | NDArray[np.object_],
    year: Floats,
    reference_year: Floats,
) -> Floats:
    """How far lines have drifted since their tasks' reference years, in performance.

    Parameters
    ----------
    parameters : Dataset
        With ``drift_step`` (chain, draw, task, drift_year).
    tasks : sequence of str, shape (place,)
    year, reference_year : ndarray, shape (place,)
        Calendar years; none after the last step (`extend_drift`).

    Returns
    -------
    ndarray, shape (chain, draw, place)
    """
    step = parameters["drift_step"].transpose("chain", "draw", "task", "drift_year")
    starts = step["drift_year"].values
    assert year.max(initial=starts[0]) <= starts[-1] + 1.0, "drift must be extended to the years asked"
    taken = steps_taken(year, starts) - steps_taken(reference_year, starts)
    of_place = np.array(tasks, dtype=object)
    names, steps = step["task"].values.tolist(), step.values
    found = []
    for task in dict.fromkeys(of_place):
        rows = np.flatnonzero(of_place == task)
        found.append((rows, _weighted(steps[:, :, names.index(task)], taken[rows])))
    if len(found) == 1:
        return found[0][1]
    together = np.empty((*step.shape[:2], len(year)))
    for rows, drifted in found:
        together[..., rows] = drifted
    return together


def _weighted(step: Floats, weights: Floats) -> Floats:
    """Sums of steps (chain, draw, step) by weights (place, step), shape (chain, draw, place)."""
    pieces = math.ceil(step.shape[1] * weights.size / _ONE_THREAD)
    if pieces <= 1:
        return step @ weights.T
    return np.concatenate([each @ weights.T for each in np.array_split(step, pieces, axis=1)], axis=1)


def extend_drift(
    law: str, parameters: xr.Dataset, references: xr.Dataset, until: float, rng: np.random.Generator
) -> xr.Dataset:
    """Parameters with steps of drift drawn for the years after the last known, until a year.

    Parameters
    ----------
    parameters : Dataset
        Returned as they are where the model has no drift, or it is known until then.
    references : Dataset
        ``reference_error`` and, of a bounded law, ``chance_error`` (task).
    until : float
        Calendar year.
    """
    if "drift_step" not in parameters:
        return parameters
    known = parameters["drift_step"].transpose("chain", "draw", "task", "drift_year")
    years = np.arange(known["drift_year"].values[-1] + 1.0, np.ceil(until))
    if not years.size:
        return parameters
    gain = law_of(law, parameters).odds_gain(
        references["reference_error"],
        parameters.get("floor", 0.0),
        chance=references.get("chance_error", 1.0),
        bend=parameters.get("bend", 0.0),
    )
    like = known.isel(drift_year=0, drop=True)
    scale, gain = (
        each.broadcast_like(like).transpose(*like.dims).values for each in (parameters["drift_scale"], gain)
    )
    steps = np.empty((*known.shape[:-1], known.shape[-1] + years.size))
    steps[..., : known.shape[-1]] = known.values
    for start in range(known.shape[-1], steps.shape[-1], _YEARS_AT_ONCE):
        part = steps[..., start : start + _YEARS_AT_ONCE]
        standard = rng.standard_normal((part.shape[-1], *like.shape))
        part[...] = np.moveaxis(equations.drift_step(standard) * scale * gain, 0, -1)
    coords: dict[Any, Any] = {dim: known[dim] for dim in like.dims}
    coords["drift_year"] = np.concatenate([known["drift_year"].values, years])
    return parameters.drop_dims("drift_year").assign(drift_step=(known.dims, steps)).assign_coords(coords)
