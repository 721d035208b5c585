"""A typed view of a fit, opened once, and what is read from it: curves, quantiles and ranks of draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.observations import Observations, observations_of
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.predictive import departure_scale, error_scale, performance_distribution
from scaling_bayes.core.priors import Prior
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.intervals import QUANTILES, quantiles
from scaling_bayes.systems.flags import RULE_FLAGS, split_flags
from scaling_bayes.trace.digest import cited_digest
from scaling_bayes.trace.schema import group, manifest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Curve",
    "Points",
    "PosteriorView",
    "coverage",
    "curve",
    "draws_of",
    "options_of",
    "parameters_of",
    "pit",
    "points",
    "predictive_draws",
    "records",
    "split_check",
    "tasks_of",
]


@dataclass(frozen=True, eq=False)
class PosteriorView:
    """A fit or a stack, opened once: its manifest parsed, its groups at hand.

    The public value stays a plain `xarray.DataTree`; functions open a view of it once and hand it on.

    Attributes
    ----------
    tree : DataTree
        The fit itself.
    manifest : dict
        Its manifest, parsed.
    options : ModelOptions
        Which model it is of.
    seed : int
        Random seed of the sampler, from which everything drawn later derives.
    posterior, constant, observed : Dataset
        Groups ``posterior``, ``constant_data`` and ``observed_data``.
    """

    tree: xr.DataTree
    manifest: dict[str, Any]
    options: ModelOptions
    seed: int
    posterior: xr.Dataset
    constant: xr.Dataset
    observed: xr.Dataset

    @classmethod
    def of(cls, fit: xr.DataTree | PosteriorView) -> PosteriorView:
        """Open a view of a fit; a view is given back as it is.

        Raises
        ------
        TraceError
            If it is not a fit.
        """
        if isinstance(fit, PosteriorView):
            return fit
        content = manifest(fit)
        return cls(
            tree=fit,
            manifest=content,
            options=ModelOptions(**content["model"]),
            seed=int(content["sampler"]["random_seed"]),
            posterior=group(fit, "posterior"),
            constant=group(fit, "constant_data"),
            observed=group(fit, "observed_data"),
        )

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """Prior of each parameter."""
        return {name: Prior(**stored) for name, stored in self.manifest["priors"].items()}

    @cached_property
    def observations(self) -> Observations:
        """What the model was conditioned on, with its references."""
        return observations_of(self.constant, self.observed)

    @cached_property
    def digest(self) -> str:
        """Digest by which the fit is cited."""
        return cited_digest(self.tree)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks, in their order."""
        return tuple(map(str, self.posterior["task"].values))


@dataclass(frozen=True)
class Points:
    """The observed systems of one task.

    Attributes
    ----------
    error : ndarray, shape (system,)
        Observed error.
    log10_compute : ndarray, shape (system,)
        Reported log10 training compute, log10 FLOP.
    year : ndarray, shape (system,)
        Decimal year of publication.
    flagged : ndarray of bool, shape (system,)
        Whether the row carries a flag that casts doubt on its figures.
    """

    error: Floats
    log10_compute: Floats
    year: Floats
    flagged: NDArray[np.bool_]


@dataclass(frozen=True)
class Curve:
    """Error over compute for one task at its reference year.

    Attributes
    ----------
    log10_compute : ndarray, shape (point,)
        True log10 training compute, log10 FLOP.
    line : ndarray, shape (point,)
        Posterior median of the task's line, as error.
    bands : dict
        For each name of `QUANTILES` the quantile of the error of a new system, shape (point,).
    """

    log10_compute: Floats
    line: Floats
    bands: dict[str, Floats]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict(orient="records")]


def options_of(idata: xr.DataTree) -> ModelOptions:
    """Return the model's options, from the manifest."""
    return ModelOptions(**manifest(idata)["model"])


def tasks_of(idata: xr.DataTree) -> list[str]:
    """Return the tasks of a fit, in their order."""
    return [str(task) for task in group(idata, "posterior")["task"].values]


def parameters_of(idata: xr.DataTree, stage: str) -> xr.Dataset:
    """Draws of a stage, slope and noise in orders of magnitude of error, where laws compare.

    Parameters
    ----------
    idata : DataTree
        A fit or a stack.
    stage : {"prior", "posterior"}
        Which draws.

    Returns
    -------
    Dataset
        The stage's variables; ``slope`` and ``noise`` as `error_scale` gives them at each task's reference
        error.
    """
    drawn = group(idata, stage)
    reference = group(idata, "constant_data")["reference_error"]
    return drawn.assign(error_scale(manifest(idata)["model"]["law"], drawn, reference).data_vars)


def split_check(name: str) -> tuple[str, str]:
    """Fit, empty where there is one only, and check: ``power: rhat`` in a stack, ``rhat`` in a fit."""
    fit, _, check = name.rpartition(": ")
    return fit, check


def draws_of(dataset: xr.Dataset, name: str, task: str | None = None) -> Floats:
    """All draws of one parameter, of one task where it has tasks, shape (draw,)."""
    values = dataset[name]
    if task is not None and "task" in values.dims:
        values = values.sel(task=task)
    return np.asarray(values.values, dtype=float).ravel()


def points(idata: xr.DataTree, task: str) -> Points:
    """Return the observed systems of a task."""
    constant = group(idata, "constant_data")
    rows = constant["system_task"].values.astype(str) == task
    doubtful = np.zeros(rows.sum(), dtype=bool)
    if "flags" in constant:
        doubtful = np.array([_is_doubtful(str(cell)) for cell in constant["flags"].values[rows]], dtype=bool)
    return Points(
        error=group(idata, "observed_data")["error"].values[rows],
        log10_compute=constant["log10_training_compute_flop"].values[rows],
        year=constant["publication_year"].values[rows],
        flagged=doubtful,
    )


#: Judged flags that leave error and compute as they are.
_HARMLESS_FLAGS = frozenset(
    {"extra_data", "missing_address", "time_range_midpoint", "wrong_address", "wrong_name", "wrong_paper"}
)


def _is_doubtful(flags: str) -> bool:
    """Whether someone judged the row's error or compute to be off, and no correction mends it."""
    words = set(split_flags(flags))
    return "corrected_compute" not in words and bool(words - RULE_FLAGS - _HARMLESS_FLAGS)


def curve(idata: xr.DataTree, task: str, log10_compute: Floats) -> Curve:
    """Error over true compute at the task's reference year, per draw, reduced to quantiles.

    Each draw keeps one standard deviate along the curve, so bands are smooth.
    """
    posterior, constant = group(idata, "posterior"), group(idata, "constant_data")
    labels = [str(i) for i in range(log10_compute.size)]
    coords = {"system": labels}
    compute = log10_compute - float(constant["reference_log10_compute"].sel(task=task))
    performance = performance_distribution(
        manifest(idata)["model"]["law"],
        posterior,
        xr.DataArray(np.full(compute.size, task, dtype=object), dims="system", coords=coords),
        xr.DataArray(compute, dims="system", coords=coords),
        xr.DataArray(np.zeros(compute.size), dims="system", coords=coords),
        compute_is_exact=True,
    )
    seed = int(manifest(idata)["sampler"]["random_seed"])
    rng = generator(seed, Stream.CURVE)
    deviates = rng.standard_normal((posterior.sizes["chain"], posterior.sizes["draw"], 1))
    if performance.degrees_of_freedom is not None:
        deviates = deviates * departure_scale(performance.degrees_of_freedom.values, 1, rng)
    line, new = (
        np.asarray(
            performance.law.error(at, performance.floor).transpose("chain", "draw", "system").values
        ).reshape(-1, compute.size)
        for at in (performance.mean, performance.mean + performance.sd * deviates)
    )
    probabilities = list(QUANTILES.values())
    by_point = np.array([quantiles(new[:, i], probabilities) for i in range(compute.size)])
    return Curve(
        log10_compute,
        np.array([quantiles(line[:, i], [0.5])[0] for i in range(compute.size)]),
        {name: by_point[:, i] for i, name in enumerate(QUANTILES)},
    )


def predictive_draws(idata: xr.DataTree, stage: str, task: str | None = None) -> Floats:
    """Predicted errors of the observed systems, of one task or all, shape (draw, system).

    Parameters
    ----------
    idata : DataTree
        A fit.
    stage : {"prior", "posterior"}
        Which predictive distribution.
    task : str, optional
        The task whose systems are wanted.
    """
    error = group(idata, f"{stage}_predictive")["error"].transpose("chain", "draw", "system").values
    drawn = np.asarray(error, dtype=float).reshape(-1, error.shape[-1])
    if task is None:
        return drawn
    return drawn[:, group(idata, "constant_data")["system_task"].values.astype(str) == task]


def pit(idata: xr.DataTree, task: str | None = None) -> Floats:
    """Share of posterior predictive draws at or below each observed error, shape (system,)."""
    drawn = predictive_draws(idata, "posterior", task)
    observed = group(idata, "observed_data")["error"].values
    if task is not None:
        observed = points(idata, task).error
    shares: Floats = (drawn <= observed).mean(axis=0)
    return shares


def coverage(ranks: Floats, probability: float) -> float:
    """Share of systems whose rank lies in the equal-tailed interval of that probability."""
    tail = (1.0 - probability) / 2.0
    return float(((ranks >= tail) & (ranks <= 1.0 - tail)).mean())
