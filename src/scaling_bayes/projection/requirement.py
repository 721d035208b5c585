"""The compute a target needs as a function of parameter draws and noise, year by year."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core import equations
from scaling_bayes.core.drift import drift_at, extend_drift
from scaling_bayes.core.mixed_law import law_of
from scaling_bayes.core.options import check_choice
from scaling_bayes.core.places import at_places, places_of
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
_BY_TARGET = ("target", "chain", "draw", "year")


@dataclass(frozen=True)
class Drift:
    """How far the lines of tasks drift until each year, in performance."""

    #: Drift of a task, by its position: by the steps that the fit knows, and by those after them in units of
    #: their scale. Shape (chain, draw, year).
    of_task: Callable[[int], tuple[Floats, Floats]]
    #: Scale of a step. Shape (chain, draw, task, 1).
    scale: Floats
    #: Position of each target's task. Shape (target,).
    task: NDArray[np.intp]
    #: Whether a year is after the steps that the fit knows.
    goes_on: bool

    @property
    def total(self) -> xr.DataArray:
        """All of it, shape (chain, draw, target, year)."""
        each = [known + ahead * scale for known, ahead, scale in map(self.of_target, range(self.task.size))]
        return xr.DataArray(np.stack(each, axis=2), dims=("chain", "draw", "target", "year"))

    def of_target(self, position: int) -> tuple[Floats, Floats, Floats]:
        """Known, ahead and scale of a target, shape (chain, draw, year)."""
        at = int(self.task[position])
        return *self.of_task(at), self.scale[:, :, at]


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
        """log10 FLOP, dims (chain, draw, target, year); ``inf`` where no compute suffices."""
        labels = {dim: self.parameters["slope"][dim] for dim in ("chain", "draw")}
        labels |= {"target": self.performance["target"], "year": self.year["year"]}
        found = np.empty([labels[dim].size for dim in _BY_TARGET])
        for of_target, compute in zip(found, self.each_log10_compute(), strict=True):
            of_target[...] = compute
        by_target: xr.DataArray = xr.DataArray(found, dims=_BY_TARGET, coords=labels)
        return by_target.transpose("chain", "draw", "target", "year")

    def each_log10_compute(self) -> Iterator[Floats]:
        """`log10_compute` of one target after another, shape (chain, draw, year).

        Chain by chain, so that a processor has at hand what it works on.
        """
        drawn = {name: _by_target(values) for name, values in self._drawn.items()}
        shape = [self.parameters["slope"].sizes[dim] for dim in ("chain", "draw")]
        for position in range(len(self.targets)):
            at = {name: values[position % len(values)] for name, values in drawn.items()}
            if self.drift is not None:
                parts = zip(("known", "ahead", "scale"), self.drift.of_target(position), strict=True)
                at |= {f"drift_{name}": values for name, values in parts}
            found = np.empty((*shape, self.year.size))
            for chain, into in enumerate(found):
                into[...] = _log10_compute({name: values[chain % len(values)] for name, values in at.items()})
            yield found

    @property
    def coords(self) -> dict[str, Any]:
        """What a dataset says of the targets."""
        return {
            "target_task": ("target", np.array([target.task for target in self.targets], dtype=object)),
            "target_error": ("target", np.array([target.error for target in self.targets])),
            "target_note": ("target", np.array([target.note for target in self.targets], dtype=object)),
        }

    @property
    def _drawn(self) -> dict[str, xr.DataArray]:
        found = {**self.parameters, "performance": self.performance, "progress_year": self.progress_year}
        if self.noise is not None:
            found["departure"] = self.noise
        if self.later_progress.any():
            found["later_progress"] = self.later_progress
        if np.isfinite(self.least).any():
            found["least"] = self.least
        return found


def _log10_compute(at: Mapping[str, Floats]) -> Floats:
    """log10 FLOP of one target, whose parameters, by name, are broadcast against each other."""
    performance = at["performance"]
    if "drift_scale" in at:
        performance = performance - (at["drift_known"] + at["drift_ahead"] * at["drift_scale"])
    if "departure" in at:
        performance = performance - at["noise"] * at["departure"]
    compute: Floats = at["reference_log10_compute"] + equations.required_compute(
        performance,
        at["progress_year"] - at["reference_year"],
        intercept=at["intercept"],
        slope=at["slope"],
        progress=at.get("progress", 0.0),
    )
    if "later_progress" in at:
        compute = compute - at["later_progress"]
    return np.maximum(compute, at["least"]) if "least" in at else compute


def _by_target(values: xr.DataArray) -> Floats:
    """Values of shape (target, chain, draw, year), with 1 in place of what they do not depend on."""
    along = [dim for dim in _BY_TARGET if dim in values.dims]
    missing = tuple(slice(None) if dim in along else np.newaxis for dim in _BY_TARGET)
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
    if not np.array_equal(references["task"].values, draws["task"].values):
        references = references.sel(task=draws["task"].values)
    error = xr.DataArray([target.error for target in targets], dims="target", coords={"target": labels})
    task = places_of(np.array([target.task for target in targets], dtype=object), draws["task"])

    def of_target(values: xr.DataArray) -> xr.DataArray:
        return at_places(values, task, error)

    parameters = {
        name: of_target(source[name])
        for name in _OF_TASKS
        for source in (draws, references)
        if name in source
    }
    noise = of_target(_departures(draws, seed)) if kind == "predictive" else None
    last = xr.full_like(year, float(references["publication_year"].max()))
    until = last if progress == "frozen" else year
    chance = of_target(references["chance_error"]) if "chance_error" in references else 1.0
    known_law, floor = law_of(law, draws), parameters.get("floor", 0.0)
    ends = {"chance": chance, "bend": parameters.get("bend", 0.0)}
    drift = None
    if "drift_step" in draws:
        latest = float(until.max())
        if drifted is None:
            stepped = extend_drift(law, draws, references, latest, generator(seed, Stream.DRIFT))
        else:
            stepped = drifted(latest, seed)
        drift = _drift(law, draws, stepped, references, task, until.values)
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
    task: NDArray[np.intp],
    year: Floats,
) -> Drift:
    """How far the lines of the targets' tasks drift until each year.

    Parameters
    ----------
    draws, stepped : Dataset
        The draws as the fit has them, and with steps drawn for the years after the data: the same for all
        targets of a task, so that they compare.
    task : ndarray of int, shape (target,)
        Position of each target's task.
    year : ndarray, shape (year,)
    """
    gain = law_of(law, draws).odds_gain(
        references["reference_error"],
        draws.get("floor", 0.0),
        chance=references.get("chance_error", 1.0),
        bend=draws.get("bend", 0.0),
    )
    scale = (draws["drift_scale"] * gain).transpose("chain", "draw", "task").values[..., np.newaxis]
    end = float(draws["drift_year"].values[-1]) + 1.0
    # BLAS rounds a product of one column otherwise than of several, as targets of one task would be.
    years = year.repeat(2) if year.size == 1 and np.unique(task).size < task.size else year
    names, since = draws["task"].values, references["reference_year"].values

    @functools.lru_cache(maxsize=1)
    def of_task(number: int) -> tuple[Floats, Floats]:
        at = names[[number]].repeat(years.size), since[[number]].repeat(years.size)
        past, total = (
            drift_at(steps, at[0], np.minimum(years, latest), at[1])[..., : year.size]
            for steps, latest in ((draws, end), (stepped, np.inf))
        )
        return past, (total - past) / scale[:, :, number]

    return Drift(of_task, scale, task, bool(year.max() > end))


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
