"""Everything a report states, read once from a fit, as plain tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.citing.works import Work, works_of
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.diagnostics.checks import checks
from scaling_bayes.diagnostics.criticism import data_checks
from scaling_bayes.diagnostics.scores import SCORED_EDITION, load_scorecard
from scaling_bayes.errors import DataError
from scaling_bayes.intervals import CI_PROB, INNER_CI_PROB, reported
from scaling_bayes.projection.extrapolation import extrapolation, extrapolation_sentences
from scaling_bayes.projection.progress import progress_table
from scaling_bayes.projection.reached import next_targets, reached
from scaling_bayes.projection.summarize import summary
from scaling_bayes.projection.today import project_today, time_fitted
from scaling_bayes.report.asked import (
    by_progress,
    with_other_years,
)
from scaling_bayes.report.cost_facts import DEFAULT_BUDGETS, Budget, Costs, read_costs
from scaling_bayes.systems.flags import FLAGS, split_flags
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.text import MACHINE_LOG10_FLOP_PER_SECOND, UNIVERSE_LOG10_SECONDS, records
from scaling_bayes.trace.digest import data_digest
from scaling_bayes.trace.io import open_trace, released_manifest
from scaling_bayes.trace.releases import read_index
from scaling_bayes.trace.schema import CALIBRATION_KIND, SBC, manifest
from scaling_bayes.trace.view import PosteriorView, TraceView, coverage, draws_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario

#: Quantities each task has its own of, and those all tasks have in common.
_OF_TASKS = ("slope", "exponent", "noise", "progress", "floor")
_COMMON = (
    "compute_error",
    "flagged_error_factor",
    "paper_correlation",
    "correlation_length",
    "degrees_of_freedom",
)


@dataclass(frozen=True)
class Facts:
    """What a report states."""

    #: What the report is on.
    fit: PosteriorView
    #: ``predictive`` or ``mean``.
    kind: str
    #: Years the projection is for.
    years: list[float]
    #: Whether algorithmic progress is assumed until then.
    progress_continues: bool
    #: The year that the finding is about; 0 for a fit without years.
    year: float
    #: When the fit was made.
    fitted: float
    #: From `summary` of the projection.
    projection: pd.DataFrame
    #: The same, and of the years beside it, the end of the data and 2030, what the finding is about.
    shown: pd.DataFrame
    #: From `reached`.
    reached: pd.DataFrame
    #: Of `load_tasks`, the tasks of the fit.
    bounds: pd.DataFrame
    #: From `by_progress`.
    by_progress: dict[str, float] | None
    #: From `next_targets`: of each task the target that is told first, and first of all the title's.
    next_targets: list[tuple[str, float]]
    #: One row per stage (prior, posterior), task and quantity: quantiles. Task "" is all tasks: their common
    #: prior, and what no task has of its own. Slope and noise are in orders of magnitude of error, at the
    #: task's reference error; floor is that of the draws whose law has one.
    parameters: pd.DataFrame
    #: From `summary` of the fit.
    progress: pd.DataFrame
    #: Of a stack: ``fit``, ``law``, ``weight``, and where the weights come from a comparison ``elpd``,
    #: ``difference``, their standard errors, ``worst_pareto_k`` and ``refits``.
    laws: pd.DataFrame | None
    #: One row per quantity, one column per component, where the fit has them.
    sensitivity: pd.DataFrame | None
    #: Every prediction of the shipped scorecard, in the report on a fit of the reference systems.
    scorecard: pd.DataFrame | None
    #: Released simulation-based calibration of the same model, priors and data.
    simulated: TraceView | None
    #: From `scaling_bayes.checks`.
    checks: pd.DataFrame
    #: From `scaling_bayes.data_checks`.
    data_checks: pd.DataFrame | None
    #: One row per observed system; columns the fit did not keep are absent.
    systems: pd.DataFrame
    #: Counts, ranges and coverage per task.
    by_task: pd.DataFrame
    #: ``flag``, ``systems``, ``meaning``; no rows where the fit kept no flags.
    flags: pd.DataFrame
    #: Label to log10 FLOP.
    yardsticks: dict[str, float]
    #: From `extrapolation`.
    beyond_data: pd.DataFrame
    #: From `extrapolation_sentences`.
    extrapolated: tuple[str, ...]
    #: What to cite, from `works_of`.
    works: list[Work]
    #: Cost and carbon, where the report has a scenario.
    costs: Costs | None = None
    #: Name of each optional part that could not be read, and why.
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def years_shown(self) -> list[float]:
        """Years side by side, ascending."""
        return sorted(float(year) for year in self.shown["year"].unique())

    @cached_property
    def quantiles_of(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Row of `parameters` of each stage, task and quantity."""
        rows = self.parameters.to_dict("records")
        return {(row["stage"], row["task"], row["quantity"]): row for row in rows}  # type: ignore[misc]

    @cached_property
    def rows_shown(self) -> dict[tuple[str, float], list[dict[str, Any]]]:
        """Rows of `shown` of each quantity and year, in the order of the targets."""
        found: dict[tuple[str, float], list[dict[str, Any]]] = {}
        for row in records(self.shown):
            found.setdefault((row["quantity"], row["year"]), []).append(row)
        return found

    @cached_property
    def reached_of(self) -> dict[tuple[str, float], dict[str, Any]]:
        """Row of `reached` of each target that has one."""
        return {(row["task"], row["error"]): row for row in records(self.reached)}

    @cached_property
    def floors(self) -> dict[str, tuple[float, float, float]]:
        """Of each known task the error below which its labels are believed to be wrong, and its interval."""
        columns = [self.bounds[name].tolist() for name in ("floor", "floor_lower", "floor_upper")]
        return dict(zip(map(str, self.bounds.index), zip(*columns, strict=True), strict=True))

    @property
    def last_year(self) -> float | None:
        """The end of the data; None where systems have no years."""
        last = float(self.systems["publication_year"].max())
        return last or None


def read_facts(
    fit: PosteriorView,
    targets: Any,
    years: Any,
    kind: str,
    scenario: Scenario | None = None,
    budgets: tuple[Budget, ...] = DEFAULT_BUDGETS,
) -> Facts:
    """Read a fit, project it and reduce its draws to tables.

    Raises
    ------
    ScalingBayesError
        As `project`, `summary` and `checks`.
    """
    projected = project_today(fit, targets, years, kind, scenario)
    leading = [(target.task, target.error) for target in next_targets(projected)]
    costs = None if scenario is None else read_costs(fit, projected, scenario, budgets, leading)
    yardsticks = {} if costs is None else costs.yardsticks["log10_training_compute_flop"]
    asked = manifest(projected)["projection"]
    listed = [float(year) for year in asked["years"]]
    systems, table = _systems(fit), summary(projected)
    unread: dict[str, str] = {}

    def optional(name: str, read: Callable[[PosteriorView], Any]) -> Any:
        try:
            return read(fit)
        except Exception as error:  # noqa: BLE001  whatever stops an optional part, the report goes on
            unread[name] = f"{type(error).__name__}: {error}"
            return None

    return Facts(
        fit=fit,
        kind=str(asked["kind"]),
        years=listed,
        year=listed[-1],
        fitted=time_fitted(fit),
        progress_continues=bool(asked["progress_continues"]),
        projection=table,
        shown=with_other_years(fit, projected, table, kind, scenario),
        reached=reached(projected),
        bounds=load_tasks().filter(items=list(fit.tasks), axis=0),
        by_progress=by_progress(fit, projected, leading[0]),
        next_targets=leading,
        parameters=_parameters(fit),
        progress=progress_table(fit),
        laws=_laws(fit),
        sensitivity=_sensitivity(fit),
        scorecard=optional("scorecard", _scorecard),
        simulated=optional("simulated", _simulated),
        checks=checks(fit),
        data_checks=optional("data_checks", data_checks),
        systems=systems,
        by_task=_by_task(fit, systems),
        flags=_flags(systems),
        yardsticks=_yardsticks(float(systems["publication_year"].max())) | yardsticks
        if fit.unit == "FLOP"
        else {},
        costs=costs,
        beyond_data=extrapolation(projected),
        works=works_of(fit, with_hardware=scenario is not None),
        extrapolated=tuple(extrapolation_sentences(projected, scenario)),
        unread=unread,
    )


def _parameters(fit: PosteriorView) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for stage in ("prior", "posterior"):
        dataset = fit.parameters(stage)
        dataset["exponent"] = 1.0 / dataset["slope"]
        if "floor" in dataset:
            floor = dataset["floor"]
            dataset = dataset.drop_vars("floor")
            if (floor > 0).any():
                dataset["floor"] = floor.where(floor > 0)
        for task in ("", *fit.tasks) if stage == "prior" else fit.tasks:
            rows += [_row(stage, task, name, dataset) for name in _OF_TASKS if name in dataset]
        rows += [_row(stage, "", name, dataset) for name in _COMMON if name in dataset]
    return pd.DataFrame(rows)


def _row(stage: str, task: str, quantity: str, dataset: xr.Dataset) -> dict[str, Any]:
    draws = draws_of(dataset, quantity, task or None)
    return {"stage": stage, "task": task, "quantity": quantity, **reported(draws[~np.isnan(draws)])}


def _laws(fit: PosteriorView) -> pd.DataFrame | None:
    if "comparison" not in fit:
        return None
    frame = fit.group("comparison").to_dataframe().reset_index()
    laws = fit.manifest["stack"]["laws"]
    frame.insert(1, "law", [laws[fit] for fit in frame["fit"].astype(str)])
    by = "difference" if "difference" in frame else "weight"
    return frame.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)


def _sensitivity(fit: PosteriorView) -> pd.DataFrame | None:
    if "sensitivity" not in fit:
        return None
    import pandas as pd

    values = fit.group("sensitivity")["power_scaling"].transpose("quantity", "component")
    frame = pd.DataFrame(values.values, columns=values["component"].values.astype(str))
    frame.insert(0, "quantity", values["quantity"].values.astype(str))
    return frame


def _scorecard(fit: PosteriorView) -> pd.DataFrame | None:
    if fit.manifest["data"]["sha256"] != data_digest(reference_systems(edition=SCORED_EDITION)):
        return None
    try:
        return load_scorecard()
    except DataError:
        return None


def _simulated(fit: PosteriorView) -> TraceView | None:
    """Released calibration of the same model, priors and data by simulation."""
    asked = fit.manifest
    for release in read_index():
        law = str(asked["model"]["law"])
        if release.kind != CALIBRATION_KIND or not release.at_hand or law not in release.name.split("-"):
            continue
        found = released_manifest(release)
        # An option that came later is absent from an earlier manifest, and has its default there.
        same = fit.options == ModelOptions(**found["model"]) and found["priors"] == asked["priors"]
        if same and found["experiment"] in SBC and found["data"]["sha256"] == asked["data"]["sha256"]:
            return _released(release.name)
    return None


@cache
def _released(name: str) -> TraceView:
    """A released trace, opened once for all reports of a process."""
    return TraceView.of(open_trace(name))


def _systems(fit: PosteriorView) -> pd.DataFrame:
    frame = fit.systems().rename(columns={"system": "label", "system_task": "task"})
    frame["error"] = fit.observed["error"].values
    return frame


def _by_task(fit: PosteriorView, systems: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for task in fit.tasks:
        one = systems[systems["task"].astype(str) == task]
        ranks = fit.pit(task)
        row = {
            "task": task,
            "systems": len(one),
            "lowest_error": float(one["error"].min()),
            "highest_error": float(one["error"].max()),
            "lowest_log10_compute": float(one["log10_training_compute_flop"].min()),
            "highest_log10_compute": float(one["log10_training_compute_flop"].max()),
            "first_year": float(one["publication_year"].min()),
            "last_year": float(one["publication_year"].max()),
            "in_doubt": int(fit.points(task).flagged.sum()),
            "coverage_50": coverage(ranks, INNER_CI_PROB),
            "coverage_90": coverage(ranks, CI_PROB),
        }
        if "flags" in one:
            row["flagged"] = int((one["flags"].astype(str) != "").sum())
        if "correction_reason" in one:
            row["corrected"] = int((one["correction_reason"].astype(str) != "").sum())
        if "in_thompson2020" in one:
            row["in_thompson2020"] = int(one["in_thompson2020"].astype(bool).sum())
        rows.append(row)
    return pd.DataFrame(rows)


def _flags(systems: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    meanings = {flag.name: flag.meaning for flag in FLAGS}
    counts: dict[str, int] = {}
    for cell in systems["flags"].astype(str) if "flags" in systems else ():
        for word in split_flags(cell):
            counts[word] = counts.get(word, 0) + 1
    rows = [
        (word, counts[word], meanings.get(word, "")) for word in sorted(counts, key=lambda w: (-counts[w], w))
    ]
    return pd.DataFrame(rows, columns=["flag", "systems", "meaning"])


def _yardsticks(last_year: float) -> dict[str, float]:
    """Largest known training runs, at the end of the data and now, and the machine since the Big Bang."""
    from scaling_bayes.hardware.tables import load_table

    found: dict[str, float] = {}
    try:
        table = load_table("yardsticks")
        runs = table[table["name"] == "largest_training_run"].sort_values("year")
    except (DataError, KeyError):
        runs = None
    if runs is not None and len(runs):
        until = runs[runs["year"] <= math.ceil(last_year)]
        chosen = {
            int(row["year"]): float(row["value"])
            for part in (until.tail(1), runs.tail(1))
            for _, row in part.iterrows()
        }
        found = {f"largest known training run of {year}": math.log10(value) for year, value in chosen.items()}
    found["1 exaFLOP/s since the Big Bang"] = float(
        np.round(MACHINE_LOG10_FLOP_PER_SECOND + UNIVERSE_LOG10_SECONDS, 1)
    )
    return found
