"""The compute a target needs as a function of parameter draws and noise, year by year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core import equations
from scaling_bayes.core.drift import drift_at, extend_drift
from scaling_bayes.core.mixed_law import law_of
from scaling_bayes.core.options import check_choice
from scaling_bayes.core.predictive import departure_scale
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import TargetError
from scaling_bayes.projection.extrapolation import one_pass, reach_of
from scaling_bayes.projection.scenario import PROGRESS_RATES
from scaling_bayes.projection.targets import Target, check_year, default_targets, read_targets
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KINDS = ("predictive", "mean")


#: Variables of a fit that a requirement takes of each task.
_OF_TASKS = (
    "intercept",
    "slope",
    "noise",
    "progress",
    "floor",
    "bend",
    "reference_log10_compute",
    "reference_year",
)
_ALONG = ("chain", "draw", "year")


@dataclass(frozen=True)
class Drift:
    """How far the lines of tasks drift until each year, in performance."""

    #: By the steps that the fit knows. Shape (chain, draw, task, year).
    known: xr.DataArray
    #: By the steps after them, in units of their scale. Shape (chain, draw, task, year).
    ahead: xr.DataArray
    #: Scale of a step. Shape (chain, draw, task).
    scale: xr.DataArray
    #: Position of each target's task. Shape (target,).
    task: xr.DataArray

    @property
    def total(self) -> xr.DataArray:
        """All of it, shape (chain, draw, target, year)."""
        found: xr.DataArray = (self.known + self.ahead * self.scale).isel(task=self.task)
        return found

    def of_target(self, position: int) -> tuple[Floats, Floats, Floats]:
        """Known, ahead and scale of a target, shape (chain, draw, year)."""
        at = int(self.task[position])
        known, ahead, scale = (each.isel(task=at) for each in (self.known, self.ahead, self.scale))
        return values_along(known), values_along(ahead), values_along(scale)


@dataclass(frozen=True)
class Requirement:
    """Targets, years and the draws that answer them."""

    targets: tuple[Target, ...]
    #: Years asked for. Shape (year,).
    year: xr.DataArray
    #: Year until which algorithmic progress goes on as the fit has it, for each of them. Shape (year,).
    progress_year: xr.DataArray
    #: What it gains after that, orders of magnitude of compute. Shape (year,).
    later_progress: xr.DataArray
    #: The targets on the law's scale; ``inf`` below an irreducible error. Shape (target,), or by draw.
    performance: xr.DataArray
    #: Of the targets' lines; None where the model has none.
    drift: Drift | None
    #: Task-level parameters and references, (chain, draw, target) or (target).
    parameters: Mapping[str, xr.DataArray]
    #: Draws of a new system's departure in units of its noise, standard normal or Student t; None for the
    #: line itself. Shape (chain, draw, target).
    noise: xr.DataArray | None
    #: log10 FLOP below which no system of the task can be; ``-inf`` where nothing is known. Shape (target,).
    least: xr.DataArray
    #: Error of a performance, same shape.
    error_of: Callable[[xr.DataArray], xr.DataArray]

    def error(self, log10_compute: xr.DataArray) -> xr.DataArray:
        """Error that a compute in log10 FLOP comes to, whatever the targets; it inverts `log10_compute`.

        It is 1 where no system can be of so little.
        """
        at = self.parameters
        performance: xr.DataArray = equations.expected_performance(
            log10_compute + self.later_progress - at["reference_log10_compute"],
            self.progress_year - at["reference_year"],
            intercept=at["intercept"],
            slope=at["slope"],
            progress=at.get("progress", 0.0),
        )
        if self.drift is not None:
            performance = performance + self.drift.total
        if self.noise is not None:
            performance = performance + at["noise"] * self.noise
        return self.error_of(performance).where(log10_compute >= self.least, 1.0)

    def log10_compute(self) -> xr.DataArray:
        """log10 FLOP, dims (chain, draw, target, year); ``inf`` where no compute suffices.

        Target by target, so that a processor has at hand what it works on.
        """
        labels = {dim: self.parameters["slope"][dim] for dim in ("chain", "draw")}
        labels |= {"target": self.performance["target"], "year": self.year["year"]}
        found = np.empty([labels[dim].size for dim in ("target", *_ALONG)])
        for position, of_target in enumerate(found):
            of_target[...] = self._log10_compute(position)
        compute = xr.DataArray(found, dims=("target", *_ALONG), coords=labels)
        return compute.transpose("chain", "draw", "target", "year")

    def _log10_compute(self, position: int) -> Floats:
        """log10 FLOP of one target, shape (chain, draw, year), or 1 along any of them."""

        def of_target(values: xr.DataArray) -> Floats:
            return values_along(values.isel(target=position) if "target" in values.dims else values)

        at = {name: of_target(values) for name, values in self.parameters.items()}
        performance = of_target(self.performance)
        if self.drift is not None:
            known, ahead, scale = self.drift.of_target(position)
            performance = performance - (known + ahead * scale)
        if self.noise is not None:
            performance = performance - at["noise"] * of_target(self.noise)
        compute: Floats = at["reference_log10_compute"] + equations.required_compute(
            performance,
            of_target(self.progress_year) - at["reference_year"],
            intercept=at["intercept"],
            slope=at["slope"],
            progress=at.get("progress", 0.0),
        )
        return np.maximum(compute - of_target(self.later_progress), of_target(self.least))


def values_along(values: xr.DataArray) -> Floats:
    """Values of one target, shape (chain, draw, year), with 1 in place of what they do not depend on."""
    along = [dim for dim in _ALONG if dim in values.dims]
    missing = tuple(slice(None) if dim in along else np.newaxis for dim in _ALONG)
    found: Floats = values.variable.transpose(*along).values[missing]
    return found


def ask(
    fit: xr.DataTree | PosteriorView,
    targets: Any,
    years: float | Iterable[float] | None,
    kind: str,
    seed: int,
    *,
    progress: str = "continuing",
) -> Requirement:
    """Read targets and years, and set the draws of a fit beside them.

    Raises
    ------
    TargetError
        If a target or year is invalid; all invalid targets are listed.
    OptionError
        If `kind` is unknown.
    TraceError
        If `fit` is not a fit.
    """
    view = PosteriorView.of(fit)
    check_choice("kind", kind, KINDS)
    tasks = list(view.tasks)
    chosen = (
        default_targets(
            tasks,
            best_errors(view.tree, tasks),
            last_year=float(view.constant["publication_year"].max()),
        )
        if targets is None
        else read_targets(targets, tasks)
    )
    return require_of(view, chosen, years, kind, seed, progress=progress)


def require_of(view: PosteriorView, targets: Sequence[Target], *asked: Any, progress: str) -> Requirement:
    """`require` of the draws of a fit, nowhere below one pass over the training data of a known task."""
    found = require(
        view.law, view.posterior, view.constant, targets, *asked, progress=progress, drifted=view.drifted
    )
    known = reach_of(view)["tasks"]
    return replace(found, least=found.least.copy(data=[one_pass(known[target.task]) for target in targets]))


def require(
    law: str,
    draws: xr.Dataset,
    references: xr.Dataset,
    targets: Sequence[Target],
    years: float | Iterable[float] | None,
    kind: str,
    seed: int,
    *,
    progress: str = "continuing",
    drifted: Callable[[float, int], xr.Dataset] | None = None,
) -> Requirement:
    """Set draws of the parameters beside targets and years.

    Parameters
    ----------
    law : str
        Name of the law, or of a stack of them.
    draws : Dataset
        The parameters, dims (chain, draw[, task]).
    references : Dataset
        ``reference_log10_compute`` and ``reference_year`` (task), and ``publication_year`` (system).
    years : float or iterable of float, optional
        By default the last year of the systems.
    kind : {"predictive", "mean"}
    seed : int
        Of the departures of new systems.
    progress : str
        One of `scenario.PROGRESS`. Frozen, drift ends with the systems too.
    drifted : callable, optional
        ``drifted(year, seed)``: the draws with steps of drift until a year, where they are kept.

    Raises
    ------
    TargetError
        If a year is invalid, or two targets have one label.
    """
    year = _years(years, references)
    labels = _unique([target.label for target in targets])
    task = xr.DataArray([target.task for target in targets], dims="target", coords={"target": labels})
    error = xr.DataArray([target.error for target in targets], dims="target", coords={"target": labels})
    parameters = {
        name: source[name].sel(task=task).drop_vars("task")
        for name in _OF_TASKS
        for source in (draws, references)
        if name in source
    }
    noise = None
    if kind == "predictive":
        noise = _departures(draws, seed).sel(task=task).drop_vars("task")
    last = xr.full_like(year, float(references["publication_year"].max()))
    until = last if progress == "frozen" else year
    chance = (
        references["chance_error"].sel(task=task).drop_vars("task") if "chance_error" in references else 1.0
    )
    known_law, floor = law_of(law, draws), parameters.get("floor", 0.0)
    ends = {"chance": chance, "bend": parameters.get("bend", 0.0)}
    drift = None
    if "drift_step" in draws:
        latest = float(until.max())
        if drifted is None:
            stepped = extend_drift(law, draws, references, latest, generator(seed, Stream.DRIFT))
        else:
            stepped = drifted(latest, seed)
        drift = _drift(law, draws, stepped, references, task, until)
    rate = PROGRESS_RATES.get(progress)
    fitted = until if rate is None else year.where(year < last, last)
    later = (rate or 0.0) * (until - fitted)
    return Requirement(
        tuple(targets),
        year,
        fitted,
        later,
        known_law.performance(error, floor, **ends),
        drift,
        parameters,
        noise,
        xr.full_like(error, -np.inf),
        lambda reached: known_law.error(reached, floor, **ends),
    )


def _drift(
    law: str,
    draws: xr.Dataset,
    stepped: xr.Dataset,
    references: xr.Dataset,
    task: xr.DataArray,
    year: xr.DataArray,
) -> Drift:
    """How far the lines of the targets' tasks drift until each year.

    Parameters
    ----------
    draws, stepped : Dataset
        The draws as the fit has them, and with steps drawn for the years after the data: the same for all
        targets of a task, so that they compare.
    """
    tasks = list(dict.fromkeys(task.values))
    of_tasks = {name: draws[name].sel(task=tasks) for name in ("floor", "bend") if name in draws}
    at = references.sel(task=tasks)
    scale: xr.DataArray = draws["drift_scale"] * law_of(law, draws).odds_gain(
        at["reference_error"],
        of_tasks.get("floor", 0.0),
        chance=at.get("chance_error", 1.0),
        bend=of_tasks.get("bend", 0.0),
    )
    coords = {
        "chain": draws["chain"].values,
        "draw": draws["draw"].values,
        "task": np.array(tasks, dtype=object),
        "year": year["year"].values,
    }
    # BLAS rounds a product of one column otherwise than of several, as targets of one task would be.
    alone = year.size == 1 and len(tasks) < task.size
    years = year.values.repeat(2) if alone else year.values

    def until(latest: float, steps: xr.Dataset) -> xr.DataArray:
        drifted = drift_at(
            steps,
            np.repeat(coords["task"], years.size),
            np.tile(np.minimum(years, latest), len(tasks)),
            at["reference_year"].values.repeat(years.size),
        ).reshape((*scale.shape[:2], len(tasks), years.size))
        return xr.DataArray(drifted[..., : year.size], dims=tuple(coords), coords=coords)

    past, total = until(float(draws["drift_year"].values[-1]) + 1.0, draws), until(np.inf, stepped)
    places = xr.DataArray([tasks.index(each) for each in task.values], dims="target")
    return Drift(past, (total - past) / scale, scale, places.assign_coords(target=task["target"]))


def _years(years: float | Iterable[float] | None, constant: xr.Dataset) -> xr.DataArray:
    if years is None:
        values = [float(constant["publication_year"].max())]
    else:
        several = isinstance(years, Iterable) and not isinstance(years, (str, bytes))
        values = [check_year(year) for year in (years if several else [years])]  # type: ignore[union-attr]
    if not values:
        raise TargetError("years: none given; expected at least one calendar year.")
    if len(set(values)) < len(values):
        raise TargetError("years: the same year is asked twice.")
    return xr.DataArray(values, dims="year", coords={"year": values})


def best_errors(idata: xr.DataTree, tasks: list[str]) -> dict[str, float]:
    """Lowest error among the systems of each task."""
    error = group(idata, "observed_data")["error"].values
    system_task = group(idata, "constant_data")["system_task"].values.astype(str)
    return {task: float(error[system_task == task].min()) for task in tasks}


def _departures(posterior: xr.Dataset, seed: int) -> xr.DataArray:
    """Departures of new systems in units of noise (chain, draw, task), a stream of their own."""
    rng = generator(seed, Stream.DEPARTURE)
    shape = [posterior.sizes[dim] for dim in ("chain", "draw", "task")]
    noise = rng.standard_normal(shape)
    if "degrees_of_freedom" in posterior:
        noise = noise * departure_scale(posterior["degrees_of_freedom"].values, shape[-1], rng)
    return xr.DataArray(
        noise,
        dims=("chain", "draw", "task"),
        coords={dim: posterior[dim] for dim in ("chain", "draw", "task")},
    )


def _unique(labels: list[str]) -> list[str]:
    if len(set(labels)) < len(labels):
        raise TargetError("targets: two targets have the same label; errors must differ by more than 1e-8.")
    return labels
