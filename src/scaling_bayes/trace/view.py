"""A typed view of a trace, opened once, and what is read from a fit: curves, quantiles and ranks of draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr

from scaling_bayes.core.drift import extend_drift
from scaling_bayes.core.observations import Observations, observations_of, task_constants
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.performance import error_scale, performance_distribution
from scaling_bayes.core.predictive import departure_scale
from scaling_bayes.core.priors import Prior
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import TraceError
from scaling_bayes.intervals import QUANTILES, quantiles
from scaling_bayes.systems.flags import RULE_FLAGS, split_flags
from scaling_bayes.trace.digest import cited_digest
from scaling_bayes.trace.schema import FIT_KIND, group, manifest, unit_of
from scaling_bayes.trace.without_dask import without_dask

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

without_dask()


@dataclass(frozen=True, eq=False)
class TraceView:
    """A trace of any kind, opened once: its manifest parsed, its groups at hand.

    The public value stays a plain `xarray.DataTree`; functions open a view of it once and hand it on.
    """

    #: The trace itself.
    tree: xr.DataTree
    #: Its manifest, parsed.
    manifest: dict[str, Any]
    _groups: dict[str, xr.Dataset] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, trace: xr.DataTree | TraceView) -> Self:
        """Open a view of a trace; a view is given back as it is.

        Raises
        ------
        TraceError
            If it is no trace of this package, or, opened as a `PosteriorView`, is not a fit.
        """
        if isinstance(trace, TraceView):
            view = trace
        else:
            content = manifest(trace)
            is_fit = content.get("kind", FIT_KIND) == FIT_KIND
            view = (PosteriorView if is_fit else TraceView)(trace, content)
        if not isinstance(view, cls):
            raise TraceError(
                f"found a trace of kind {view.kind!r}; expected a fit, from fit() or open_trace()."
            )
        return view

    @property
    def kind(self) -> str:
        """What the trace is: a fit, a hardware posterior or a calibration."""
        return str(self.manifest.get("kind", FIT_KIND))

    @cached_property
    def digest(self) -> str:
        """Digest by which the trace is cited."""
        return cited_digest(self.tree)

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """Prior of each parameter."""
        return {name: Prior(**stored) for name, stored in self.manifest["priors"].items()}

    def __contains__(self, name: str) -> bool:
        """Whether the trace has a group of that name."""
        return name in self.tree.children

    def group(self, name: str) -> xr.Dataset:
        """One group, the same dataset at each call: copy it before changing it.

        Raises
        ------
        TraceError
            If the trace has no such group; the message lists those it has.
        """
        if name not in self._groups:
            self._groups[name] = group(self.tree, name)
        return self._groups[name]


class PosteriorView(TraceView):
    """A fit or a stack, opened once."""

    @cached_property
    def options(self) -> ModelOptions:
        """Which model it is of."""
        return ModelOptions(**self.manifest["model"])

    @property
    def law(self) -> str:
        """Name of the law, or of a stack of them."""
        return str(self.manifest["model"]["law"])

    @property
    def unit(self) -> str:
        """What compute is counted in: FLOP, or a unit of the user's own."""
        return unit_of(self.manifest)

    @property
    def seed(self) -> int:
        """Random seed of the sampler, from which everything drawn later derives."""
        return int(self.manifest["sampler"]["random_seed"])

    @property
    def posterior(self) -> xr.Dataset:
        """Draws of the parameters."""
        return self.group("posterior")

    @property
    def constant(self) -> xr.Dataset:
        """Systems and references of the tasks: the group ``constant_data``."""
        return self.group("constant_data")

    @property
    def observed(self) -> xr.Dataset:
        """Errors of the systems: the group ``observed_data``."""
        return self.group("observed_data")

    @cached_property
    def observations(self) -> Observations:
        """What the model was conditioned on, with its references."""
        return observations_of(self.constant, self.observed)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Tasks, in their order."""
        return tuple(map(str, self.posterior["task"].values))

    def parameters(self, stage: str) -> xr.Dataset:
        """Draws of a stage, slope and noise in orders of magnitude of error, where laws compare.

        Returns
        -------
        Dataset
            The stage's variables; ``slope`` and ``noise`` as `error_scale` gives them at each task's
            reference error.
        """
        if stage not in self._parameters:
            drawn = self.group(stage)
            self._parameters[stage] = drawn.assign(error_scale(self.law, drawn, self.constant).data_vars)
        return self._parameters[stage].copy()

    @cached_property
    def _parameters(self) -> dict[str, xr.Dataset]:
        """Those asked for so far, by stage."""
        return {}

    def drifted(self, until: float, seed: int) -> xr.Dataset:
        """Draws of the parameters, with steps of drift until a year after the data.

        They are drawn once: those of early years are the same however many are asked.
        """
        if "drift_step" not in self.posterior:
            return self.posterior
        known = self._drifted.get(seed, self.posterior)
        if known["drift_year"].values[-1] + 1.0 < until:
            rng = generator(seed, Stream.DRIFT)
            known = self._drifted[seed] = extend_drift(self.law, self.posterior, self.constant, until, rng)
        steps = max(self.posterior.sizes["drift_year"], np.count_nonzero(known["drift_year"] < until))
        return known.isel(drift_year=slice(steps))

    @cached_property
    def _drifted(self) -> dict[int, xr.Dataset]:
        """Those drawn furthest, by seed."""
        return {}

    def systems_of(self, task: str) -> NDArray[np.bool_]:
        """Which of the observed systems are of a task, shape (system,)."""
        rows: NDArray[np.bool_] = self._task_of_system == task
        return rows

    @cached_property
    def _task_of_system(self) -> NDArray[np.str_]:
        names: NDArray[np.str_] = self.constant["system_task"].values.astype(str)
        return names

    def systems(self) -> pd.DataFrame:
        """Every column that the fit keeps of its systems, and the labels of these."""
        names = [name for name, values in self.constant.data_vars.items() if values.dims == ("system",)]
        return self.constant[names].to_dataframe().reset_index()

    def points(self, task: str) -> Points:
        """Return the observed systems of a task."""
        rows = self.systems_of(task)
        doubtful = np.zeros(rows.sum(), dtype=bool)
        if "flags" in self.constant:
            cells = self.constant["flags"].values[rows]
            doubtful = np.array([_is_doubtful(str(cell)) for cell in cells], dtype=bool)
        return Points(
            error=self.observed["error"].values[rows],
            log10_compute=self.constant["log10_training_compute_flop"].values[rows],
            year=self.constant["publication_year"].values[rows],
            flagged=doubtful,
        )

    def predictive_draws(self, stage: str, task: str | None = None) -> Floats:
        """Predicted errors of the observed systems, of one task or all, shape (draw, system)."""
        drawn = self._drawn(stage)
        return np.asarray(drawn if task is None else drawn[:, self.systems_of(task)], dtype=float)

    def _drawn(self, stage: str) -> NDArray[np.floating]:
        """Predictive draws as they are stored, shape (draw, system)."""
        if stage not in self._predicted:
            error = self.group(f"{stage}_predictive")["error"].transpose("chain", "draw", "system").values
            self._predicted[stage] = error.reshape(-1, error.shape[-1])
        return self._predicted[stage]

    @cached_property
    def _predicted(self) -> dict[str, NDArray[np.floating]]:
        """Those asked for so far, by stage."""
        return {}

    def pit(self, task: str | None = None) -> Floats:
        """Share of posterior predictive draws at or below each observed error, shape (system,)."""
        return self._ranks if task is None else self._ranks[self.systems_of(task)]

    @cached_property
    def _ranks(self) -> Floats:
        shares: Floats = (self._drawn("posterior") <= self.observed["error"].values).mean(axis=0)
        return shares

    @cached_property
    def _curves(self) -> dict[tuple[str, bytes], Curve]:
        """Those drawn so far: a report draws each in two widths."""
        return {}

    def curve(self, task: str, log10_compute: Floats) -> Curve:
        """Error over true compute at the task's reference year, per draw, reduced to quantiles.

        Each draw keeps one standard deviate along the curve, so bands are smooth.
        """
        place = (task, log10_compute.tobytes())
        if place not in self._curves:
            self._curves[place] = self._curve(task, log10_compute)
        return self._curves[place]

    def _curve(self, task: str, log10_compute: Floats) -> Curve:
        coords = {"system": [str(i) for i in range(log10_compute.size)]}
        compute = log10_compute - float(self.constant["reference_log10_compute"].sel(task=task))
        performance = performance_distribution(
            self.law,
            self.posterior,
            xr.DataArray(task),
            xr.DataArray(compute, dims="system", coords=coords),
            xr.DataArray(np.zeros(compute.size), dims="system", coords=coords),
            compute_is_exact=True,
            chance=float(task_constants(self.constant)["chance_error"][self.tasks.index(task)]),
        )
        rng = generator(self.seed, Stream.CURVE)
        deviates = rng.standard_normal((self.posterior.sizes["chain"], self.posterior.sizes["draw"], 1))
        if performance.degrees_of_freedom is not None:
            deviates = deviates * departure_scale(performance.degrees_of_freedom.values, 1, rng)
        line, new = (
            np.asarray(performance.error(at).transpose("chain", "draw", "system").values).reshape(
                -1, compute.size
            )
            for at in (performance.mean, performance.mean + performance.sd * deviates)
        )
        probabilities = list(QUANTILES.values())
        by_point = np.array([quantiles(new[:, i], probabilities) for i in range(compute.size)])
        return Curve(
            log10_compute,
            np.array([quantiles(line[:, i], [0.5])[0] for i in range(compute.size)]),
            {name: by_point[:, i] for i, name in enumerate(QUANTILES)},
        )


@dataclass(frozen=True)
class Points:
    """The observed systems of one task."""

    #: Observed error. Shape (system,).
    error: Floats
    #: Reported log10 training compute, log10 FLOP. Shape (system,).
    log10_compute: Floats
    #: Decimal year of publication. Shape (system,).
    year: Floats
    #: Whether the row carries a flag that casts doubt on its figures. Shape (system,).
    flagged: NDArray[np.bool_]


@dataclass(frozen=True)
class Curve:
    """Error over compute for one task at its reference year."""

    #: True log10 training compute, log10 FLOP. Shape (point,).
    log10_compute: Floats
    #: Posterior median of the task's line, as error. Shape (point,).
    line: Floats
    #: For each name of `QUANTILES` the quantile of the error of a new system, shape (point,).
    bands: dict[str, Floats]


#: Judged flags that leave error and compute as they are.
_HARMLESS_FLAGS = frozenset(
    {"extra_data", "missing_address", "time_range_midpoint", "wrong_address", "wrong_name", "wrong_paper"}
)


def _is_doubtful(flags: str) -> bool:
    """Whether someone judged the row's error or compute to be off, and no correction mends it."""
    words = set(split_flags(flags))
    return "corrected_compute" not in words and bool(words - RULE_FLAGS - _HARMLESS_FLAGS)


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


def coverage(ranks: Floats, probability: float) -> float:
    """Share of systems whose rank lies in the equal-tailed interval of that probability."""
    tail = (1.0 - probability) / 2.0
    return float(((ranks >= tail) & (ranks <= 1.0 - tail)).mean())
