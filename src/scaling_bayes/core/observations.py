"""From a table of systems to the arrays the model sees: one row per system, one reference per task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.core.options import ModelOptions
from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.cells import read_dates
from scaling_bayes.systems.counts import count_index
from scaling_bayes.systems.tasks import task_bounds

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Observations:
    """What the model is conditioned on."""

    #: Task labels, in order of first appearance.
    tasks: tuple[str, ...]
    #: Unique labels of the rows, ``"task: system"``.
    systems: tuple[str, ...]
    #: Position in `tasks` of each row's task. Shape (system,).
    task_index: NDArray[np.intp]
    #: Error, in (0, 1). Shape (system,).
    error: NDArray[np.float64]
    #: Observed log10 training compute, log10 FLOP. Shape (system,).
    log10_compute: NDArray[np.float64]
    #: Decimal calendar year of publication. Shape (system,).
    year: NDArray[np.float64]
    #: Whether the row's compute is in doubt. Shape (system,).
    flagged: NDArray[np.bool_]
    #: Standard deviation of the row's log10 compute, dex; NaN where the table gives none. Shape (system,).
    compute_sd: NDArray[np.float64]
    #: Position in `COUNTS` of how each row's compute was counted; its offset may be another than the one that
    #: was taken off. Shape (system,).
    count_index: NDArray[np.intp]
    #: Paper of each row; empty where none is given.
    paper: tuple[str, ...]
    #: Which systems are of one paper and task: the same number, counted from 0. A row without a paper is a
    #: paper of its own. Shape (system,).
    paper_index: NDArray[np.intp]
    #: Each task's mean of the two, to which the model is centred. Shape (task,).
    reference_log10_compute: NDArray[np.float64]
    reference_year: NDArray[np.float64]
    #: Each task's geometric mean error, at which the laws' slopes are compared. Shape (task,).
    reference_error: NDArray[np.float64]
    #: Error of an answer that knows nothing; 1 where none is known. Shape (task,).
    chance_error: NDArray[np.float64]
    #: What is known from outside of each task's irreducible error, on the natural log scale. Shape (task,).
    floor_log_median: NDArray[np.float64]
    floor_log_sd: NDArray[np.float64]

    @property
    def paper_sizes(self) -> NDArray[np.intp]:
        """Systems of each paper and task, shape (paper,)."""
        return np.bincount(self.paper_index)

    def applicable(self, options: ModelOptions) -> ModelOptions:
        """Return the options without what these rows cannot inform.

        No paper effect, and no curves, where no paper has two systems in a task; no wider error where nothing
        is flagged, or all that is has its own standard deviation of compute; no offsets of counts where all
        is counted in operations done.
        """
        related = bool((self.paper_sizes > 1).any())
        return replace(
            options,
            paper_effect=options.paper_effect and related,
            curves=options.curves and related,
            flagged_error=options.flagged_error
            and options.measurement_error
            and bool((self.flagged & np.isnan(self.compute_sd)).any()),
            count_offsets=options.count_offsets and bool(self.count_index.any()),
        )

    def subset(self, rows: NDArray[np.bool_]) -> Observations:
        """Return some of the rows, with the same tasks and references.

        Parameters
        ----------
        rows : ndarray of bool, shape (system,)
            Which rows to keep.
        """
        _, paper = np.unique(self.paper_index[rows], return_inverse=True)
        return replace(
            self,
            systems=tuple(np.array(self.systems, dtype=object)[rows]),
            paper=tuple(np.array(self.paper, dtype=object)[rows]),
            task_index=self.task_index[rows],
            error=self.error[rows],
            log10_compute=self.log10_compute[rows],
            year=self.year[rows],
            flagged=self.flagged[rows],
            compute_sd=self.compute_sd[rows],
            count_index=self.count_index[rows],
            paper_index=paper.astype(np.intp),
        )

    def joined(self, other: Observations) -> Observations:
        """Return these rows and others of the same tasks, as of other papers, with these references."""
        return replace(
            self,
            systems=(*self.systems, *(f"{label} (joined)" for label in other.systems)),
            paper=(*self.paper, *other.paper),
            task_index=np.concatenate([self.task_index, other.task_index]),
            error=np.concatenate([self.error, other.error]),
            log10_compute=np.concatenate([self.log10_compute, other.log10_compute]),
            year=np.concatenate([self.year, other.year]),
            flagged=np.concatenate([self.flagged, other.flagged]),
            compute_sd=np.concatenate([self.compute_sd, other.compute_sd]),
            count_index=np.concatenate([self.count_index, other.count_index]),
            paper_index=np.concatenate([self.paper_index, other.paper_index + len(self.paper_sizes)]),
        )

    @property
    def has_compute_sd(self) -> bool:
        """Whether any row states the standard deviation of its compute."""
        return not bool(np.isnan(self.compute_sd).all())

    @property
    def compute(self) -> NDArray[np.float64]:
        """Log10 compute relative to the task's reference, dex, shape (system,)."""
        return self.log10_compute - self.reference_log10_compute[self.task_index]

    def at_references_of(self, other: Observations) -> Observations:
        """Return these rows as of the tasks of `other`, which has all of them, at its references."""
        order = np.array([other.tasks.index(task) for task in self.tasks])
        return replace(
            self,
            tasks=other.tasks,
            task_index=order[self.task_index],
            reference_log10_compute=other.reference_log10_compute,
            reference_year=other.reference_year,
            reference_error=other.reference_error,
            chance_error=other.chance_error,
            floor_log_median=other.floor_log_median,
            floor_log_sd=other.floor_log_sd,
        )

    @property
    def drift_years(self) -> NDArray[np.float64]:
        """Calendar years in which a step of drift is taken: from the first system's to the last's."""
        return np.arange(np.floor(self.year.min()), np.floor(self.year.max()) + 1.0)

    @property
    def drift_weights(self) -> NDArray[np.float64]:
        """How much of each step a row has taken since its task's reference year, shape (system, step)."""
        taken = steps_taken(self.year, self.drift_years)
        return taken - steps_taken(self.reference_year, self.drift_years)[self.task_index]

    @property
    def years(self) -> NDArray[np.float64]:
        """Publication year relative to the task's reference, years, shape (system,)."""
        return self.year - self.reference_year[self.task_index]


def steps_taken(year: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each yearly step before a time: 0 before its year, 1 after it, shape (year, step)."""
    return np.clip(year[..., np.newaxis] - steps, 0.0, 1.0)


def decimal_year(systems: pd.DataFrame) -> NDArray[np.float64]:
    """Publication time as a decimal year: from ``publication_date`` where given, else from ``year``.

    A whole year, and a date that is only a year, stand for the middle of the year; a year with decimals
    stands as it is, and a year and month for the 15th of the month.

    Returns
    -------
    ndarray, shape (row,)
        NaN where a row has neither.
    """
    import pandas as pd

    when = np.full(len(systems), np.nan)
    if "year" in systems:
        when = _placed(pd.to_numeric(systems["year"], errors="coerce").to_numpy(dtype=float, na_value=np.nan))
    if "publication_date" in systems:
        dates, years, _ = read_dates(list(systems["publication_date"].astype(object)))
        date = pd.to_datetime(pd.Series(dates, dtype=object))
        days = np.where(date.dt.is_leap_year, 366.0, 365.0)
        dated = (date.dt.year + (date.dt.day_of_year - 1) / days).to_numpy(dtype=float, na_value=np.nan)
        dated = np.where(np.isnan(dated), _placed(np.array(years, dtype=float)), dated)
        when = np.where(np.isnan(dated), when, dated)
    return when


def _placed(years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole years in their middle; others as they are."""
    return np.where(years == np.floor(years), years + 0.5, years)


def unique_labels(systems: pd.DataFrame) -> tuple[str, ...]:
    """Label each row ``"task: system"``, numbering repeats so that labels are unique."""
    names = (
        systems["system"].astype(str) if "system" in systems else [f"row {i}" for i in range(len(systems))]
    )
    seen: dict[str, int] = {}
    labels = []
    for task, name in zip(systems["task"].astype(str), names, strict=True):
        label = f"{task}: {name}"
        seen[label] = seen.get(label, 0) + 1
        labels.append(label if seen[label] == 1 else f"{label} [{seen[label]}]")
    return tuple(labels)


def without_undated_drift(options: ModelOptions, systems: pd.DataFrame) -> ModelOptions:
    """Return the options without drift, where only that would use time and no row says when it is of."""
    timeless = replace(options, drift=False)
    undated = bool(np.isnan(decimal_year(systems)).all())
    return timeless if undated and not timeless.needs_year else options


def observe(systems: pd.DataFrame, *, needs_year: bool) -> Observations:
    """Arrays for the model from a validated table in which every row has compute, as `rows_for_fit` gives.

    Parameters
    ----------
    systems : DataFrame
        With ``task``, ``error``, ``training_compute_flop`` and, when `needs_year`, ``year`` or
        ``publication_date`` in every row. ``paper``, ``compute_in_doubt`` and ``compute_sd_dex`` are used
        where given.
    needs_year : bool
        Whether the model uses time. Without it, missing years are set to the task's reference.

    Raises
    ------
    DataError
        If the model uses time and a year is missing; every such row is listed.
    """
    year = decimal_year(systems)
    if needs_year and np.isnan(year).any():
        off = "algorithmic_progress=False with measurement_error=False and drift=False"
        expected = f"a publication year; {off} needs none"
        raise DataError(
            "the systems cannot be fitted over time.",
            [Problem(label, "year", "no year", expected) for label in systems.index[np.isnan(year)]],
        )
    task = systems["task"].astype(str).to_numpy()
    tasks = tuple(dict.fromkeys(task))
    log10_compute = np.log10(systems["training_compute_flop"].to_numpy(dtype=float))
    index = np.array([tasks.index(t) for t in task], dtype=np.intp)
    by_task = [index == i for i in range(len(tasks))]
    reference_year = np.array(
        [np.nanmean(year[rows]) if not np.isnan(year[rows]).all() else 0.0 for rows in by_task]
    )
    error = systems["error"].to_numpy(dtype=float)
    papers = stated_papers(systems)
    reference_error = np.array([np.exp(np.log(error[rows]).mean()) for rows in by_task])
    bounds = task_bounds(systems, tasks, reference_error)
    return Observations(
        tasks=tasks,
        systems=unique_labels(systems),
        task_index=index,
        error=error,
        log10_compute=log10_compute,
        year=np.where(np.isnan(year), reference_year[index], year),
        flagged=in_doubt(systems),
        compute_sd=stated_sd(systems),
        count_index=count_index(systems),
        paper=papers,
        paper_index=_number_papers(task, papers),
        reference_log10_compute=np.array([log10_compute[rows].mean() for rows in by_task]),
        reference_year=reference_year,
        reference_error=reference_error,
        **bounds,
    )


def observations_of(constant: xr.Dataset, observed: xr.Dataset) -> Observations:
    """Return the observations a fit was made of, from its groups ``constant_data`` and ``observed_data``."""
    tasks = [str(task) for task in constant["task"].values]
    return Observations(
        tasks=tuple(tasks),
        systems=tuple(str(label) for label in constant["system"].values),
        task_index=np.array(
            [tasks.index(str(task)) for task in constant["system_task"].values], dtype=np.intp
        ),
        error=observed["error"].values.astype(float),
        log10_compute=constant["log10_training_compute_flop"].values,
        year=constant["publication_year"].values,
        flagged=constant["compute_in_doubt"].values.astype(bool),
        compute_sd=constant["compute_sd"].values.astype(float)
        if "compute_sd" in constant
        else np.full(constant.sizes["system"], np.nan),
        count_index=constant["count_index"].values.astype(np.intp)
        if "count_index" in constant
        else np.zeros(constant.sizes["system"], dtype=np.intp),
        paper=tuple(map(str, constant["paper"].values))
        if "paper" in constant
        else ("",) * constant.sizes["system"],
        paper_index=constant["paper_index"].values.astype(np.intp),
        reference_log10_compute=constant["reference_log10_compute"].values,
        reference_year=constant["reference_year"].values,
        reference_error=constant["reference_error"].values,
        **task_constants(constant),
    )


def task_constants(constant: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """What bounds each task's errors, from a fit's ``constant_data``, which has what its model uses."""
    absent = {"chance_error": 1.0, "floor_log_median": np.nan, "floor_log_sd": np.nan}
    return {
        name: constant[name].values if name in constant else np.full(constant.sizes["task"], value)
        for name, value in absent.items()
    }


def in_doubt(systems: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each row's compute is in doubt: its ``compute_in_doubt``, False where there is none."""
    if "compute_in_doubt" not in systems:
        return np.zeros(len(systems), dtype=bool)
    return systems["compute_in_doubt"].astype("boolean").fillna(False).to_numpy(dtype=bool)


def stated_sd(systems: pd.DataFrame) -> NDArray[np.float64]:
    """Standard deviation of each row's log10 compute, dex: its ``compute_sd_dex``, NaN where it has none.

    A cell that is not a number becomes minus infinity, which no check lets pass.
    """
    import pandas as pd

    if "compute_sd_dex" not in systems:
        return np.full(len(systems), np.nan)
    stated = systems["compute_sd_dex"]
    sd = pd.to_numeric(stated, errors="coerce")
    return sd.mask(stated.notna() & sd.isna(), -np.inf).to_numpy(dtype=float, na_value=np.nan)


def stated_papers(systems: pd.DataFrame) -> tuple[str, ...]:
    """Each row's ``paper``, empty where it has none."""
    if "paper" not in systems:
        return ("",) * len(systems)
    return tuple(systems["paper"].fillna("").astype(str))


def _number_papers(tasks: NDArray[np.object_], papers: tuple[str, ...]) -> NDArray[np.intp]:
    """Number the papers within each task, in order of first appearance; a row without one has its own."""
    keys = [(task, paper or row) for row, (task, paper) in enumerate(zip(tasks, papers, strict=True))]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.intp)
