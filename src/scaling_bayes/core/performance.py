"""How performance is distributed, for given systems and parameter draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core import equations
from scaling_bayes.core.drift import drift_at, extend_drift
from scaling_bayes.core.laws import Law
from scaling_bayes.core.mixed_law import MixedLaw, law_of
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.places import at_places, places_of
from scaling_bayes.systems.counts import OFFSETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Performance:
    """How performance is distributed, per draw and system."""

    #: The scale; its functions take `floor`.
    law: Law | MixedLaw
    #: Location and scale, for a system of a paper not seen. Shape (..., system).
    mean: xr.DataArray
    sd: xr.DataArray
    #: The part of `sd` that systems of one paper have in common. Shape (..., system).
    shared_sd: xr.DataArray
    #: Of the Student t, shape (...); normal when None.
    degrees_of_freedom: xr.DataArray | None
    #: Irreducible error, error of chance and bend of the law, shape (..., system).
    floor: Any
    chance: Any = 1.0
    bend: Any = 0.0
    #: How far along `compute` (log10 FLOP, shape (system,) or (..., system)) what a paper's systems share
    #: keeps, dex, shape (...); everywhere when None.
    correlation_length: xr.DataArray | None = None
    compute: Any = None

    @property
    def _ends(self) -> dict[str, Any]:
        return {"chance": self.chance, "bend": self.bend}

    def error(self, performance: xr.DataArray) -> xr.DataArray:
        """Error of a performance, same shape."""
        found: xr.DataArray = self.law.error(performance, self.floor, **self._ends)
        return found

    def residual(self, error: Floats) -> xr.DataArray:
        """Performance of observed errors, shape (system,), minus its mean; ``inf`` below the floor."""
        observed = xr.DataArray(error, dims="system")
        residual: xr.DataArray = self.law.performance(observed, self.floor, **self._ends) - self.mean
        return residual

    def log_jacobian(self, error: Floats) -> xr.DataArray:
        """Log of the derivative of performance at observed errors."""
        observed = xr.DataArray(error, dims="system")
        jacobian: xr.DataArray = self.law.log_abs_derivative(observed, self.floor, **self._ends)
        return jacobian


#: Variables of a model that its distribution takes.
_OF_SYSTEMS = (
    "intercept",
    "slope",
    "progress",
    "noise",
    "paper_correlation",
    "degrees_of_freedom",
    "floor",
    "bend",
    "correlation_length",
    "compute_error",
    "flagged_error_factor",
    "compute_mean",
    "compute_growth",
    "compute_spread",
)


def performance_distribution(
    law: str,
    parameters: xr.Dataset,
    task: xr.DataArray,
    compute: xr.DataArray,
    year: xr.DataArray,
    *,
    flagged: xr.DataArray | None = None,
    compute_sd: xr.DataArray | None = None,
    compute_is_exact: bool = False,
    chance: xr.DataArray | float = 1.0,
    drift: xr.DataArray | float = 0.0,
    reported: Floats | None = None,
) -> Performance:
    """Distribution of performance, per draw and system.

    Parameters
    ----------
    law : str
        The model's ``law``.
    parameters : Dataset
        Draws of the model's parameters; the task-level ones along ``task``.
    task : DataArray of str, shape (system,)
        Task label of each system.
    compute, year : DataArray, shape (system,)
        Log10 FLOP and years, relative to the task's reference.
    flagged : DataArray of bool, shape (system,), optional
        Whether a row's compute is in doubt; False by default.
    compute_sd : DataArray, shape (system,), optional
        Measurement error of a row's log10 compute, dex, in place of the model's; NaN where none is stated.
    compute_is_exact : bool
        Whether `compute` is the true compute rather than a reported figure with measurement error.
    chance : DataArray or float
        Error of chance of each system's task.
    drift : DataArray or float
        How far each system's line has drifted, in performance (`drift_at`).
    reported : ndarray, shape (system,), optional
        Log10 compute along which curves wander; by default `compute`.
    """
    place = places_of(task.values, parameters["task"])
    by_system = {name: at_places(parameters[name], place, task) for name in _OF_SYSTEMS if name in parameters}
    compute_mean, compute_variance = compute, xr.zeros_like(compute)
    if "compute_error" in by_system and not compute_is_exact:
        error = measurement_error(by_system, flagged, compute_sd)
        compute_mean, compute_variance = equations.latent_compute(
            compute,
            year,
            mean=by_system["compute_mean"],
            growth=by_system["compute_growth"],
            spread=by_system["compute_spread"],
            error=error,
        )
    mean = equations.expected_performance(
        compute_mean,
        year,
        intercept=by_system["intercept"],
        slope=by_system["slope"],
        progress=by_system.get("progress", 0.0),
    )
    mean = mean + drift
    variance = equations.performance_variance(
        slope=by_system["slope"], noise=by_system["noise"], compute_variance=compute_variance
    )
    order = [dim for dim in mean.dims if dim != "system"] + ["system"]
    shared_sd = by_system["noise"] * np.sqrt(by_system.get("paper_correlation", xr.DataArray(0.0)))
    return Performance(
        law_of(law, parameters),
        mean.transpose(*order),
        np.sqrt(variance).transpose(*order),
        shared_sd.broadcast_like(mean).transpose(*order),
        by_system.get("degrees_of_freedom"),
        by_system.get("floor", 0.0),
        chance,
        by_system.get("bend", 0.0),
        by_system.get("correlation_length"),
        compute.transpose(..., "system").values if reported is None else reported,
    )


def departure(parameters: xr.Dataset | Mapping[str, Any], count_index: NDArray[np.intp]) -> Any:
    """How much too little was taken off each row's compute to convert its count, dex; 0.0 without offsets.

    Parameters
    ----------
    parameters : Dataset or mapping
        With the offsets, where the model has them.
    count_index : ndarray of int, shape (system,)
        As `Observations.count_index`.

    Returns
    -------
    DataArray, array or 0.0
        To be taken off log10 compute; dims of the offsets and ``system``.
    """
    found: Any = 0.0
    for number, (count, (median, _)) in enumerate(OFFSETS.items(), start=1):
        if f"offset_{count}" in parameters:
            rows: Any = (count_index == number).astype(float)
            if isinstance(parameters, xr.Dataset):
                rows = xr.DataArray(rows, dims="system")
            found = found + (parameters[f"offset_{count}"] - median) * rows
    return found


def measurement_error(
    parameters: Mapping[str, xr.DataArray] | xr.Dataset,
    flagged: xr.DataArray | None,
    compute_sd: xr.DataArray | None,
) -> xr.DataArray:
    """Standard deviation of reported log10 compute, dex: that of all, wider in doubt, or stated."""
    error: xr.DataArray = parameters["compute_error"]
    if flagged is not None and "flagged_error_factor" in parameters:
        error = error * xr.where(flagged, parameters["flagged_error_factor"], 1.0)  # type: ignore[no-untyped-call]
    if compute_sd is not None and bool(compute_sd.notnull().any()):
        error = xr.where(compute_sd.notnull(), compute_sd, error)  # type: ignore[no-untyped-call]
    return error


def observed_performance(
    law: str,
    parameters: xr.Dataset,
    observations: Observations,
    *,
    compute_is_exact: bool = False,
    rng: np.random.Generator | None = None,
    labelled: bool = True,
) -> Performance:
    """`performance_distribution` of given systems, at the references of their tasks.

    Systems may be later than those fitted where `rng` is given, for the drift until then. Without labels,
    which are compared at each step of arithmetic, it is found faster.
    """
    # One index for all: equal labels need not be compared again at each step.
    labels = xr.Dataset(coords={"system": list(observations.systems)} if labelled else {}).coords
    drift: xr.DataArray | float = 0.0
    if "drift_step" in parameters:
        if rng is not None:
            references = xr.Dataset(
                {name: ("task", getattr(observations, name)) for name in ("reference_error", "chance_error")},
                coords={"task": list(observations.tasks)},
            )
            until = float(observations.year.max())
            parameters = extend_drift(law, parameters, references, until, rng)
        at = observations.task_index
        drifted = drift_at(
            parameters,
            np.array(observations.tasks, dtype=object)[at],
            observations.year,
            observations.reference_year[at],
        )
        drift = xr.DataArray(drifted, dims=("chain", "draw", "system"), coords=labels)

    def by_system(values: Any) -> xr.DataArray:
        return xr.DataArray(values, dims="system", coords=labels)

    return performance_distribution(
        law,
        parameters,
        by_system(np.array(observations.tasks, dtype=object)[observations.task_index]),
        by_system(observations.compute) - departure(parameters, observations.count_index),
        by_system(observations.years),
        flagged=by_system(observations.flagged),
        compute_sd=by_system(observations.compute_sd),
        compute_is_exact=compute_is_exact,
        chance=by_system(observations.chance_error[observations.task_index]),
        drift=drift,
        reported=observations.compute,
    )


def error_scale(law: str, parameters: xr.Dataset, references: xr.Dataset) -> xr.Dataset:
    """Slope and noise of any law in orders of magnitude of error, where laws compare.

    ``slope / gain`` with the law's gain at the reference error: the drop of log10 error per tenfold compute
    there; ``noise`` likewise. For the power law they are slope and noise themselves.

    Parameters
    ----------
    law : str
        The model's ``law``.
    parameters : Dataset
        Draws with ``slope``, ``noise`` and, where the law has one, ``floor``.
    references : Dataset
        ``reference_error`` and, of a bounded law, ``chance_error`` (task).

    Returns
    -------
    Dataset
        ``slope`` and ``noise``.
    """
    gain = law_of(law, parameters).gain(
        references["reference_error"],
        parameters.get("floor", 0.0),
        chance=references.get("chance_error", 1.0),
        bend=parameters.get("bend", 0.0),
    )
    scaled: xr.Dataset = parameters[["slope", "noise"]] / gain
    return scaled
