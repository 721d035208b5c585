"""From a table of systems to the arrays the model sees: one row per system, one reference per task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Observations", "decimal_year", "observe", "unique_labels"]


@dataclass(frozen=True)
class Observations:
    """What the model is conditioned on.

    Attributes
    ----------
    tasks : tuple of str
        Task labels, in order of first appearance.
    systems : tuple of str
        Unique labels of the rows, ``"task: system"``.
    task_index : ndarray of int, shape (system,)
        Position in `tasks` of each row's task.
    error : ndarray, shape (system,)
        Error, in (0, 1).
    log10_compute : ndarray, shape (system,)
        Observed log10 training compute, log10 FLOP.
    year : ndarray, shape (system,)
        Decimal calendar year of publication.
    reference_log10_compute, reference_year : ndarray, shape (task,)
        Each task's mean of the two, to which the model is centred.
    """

    tasks: tuple[str, ...]
    systems: tuple[str, ...]
    task_index: NDArray[np.intp]
    error: NDArray[np.float64]
    log10_compute: NDArray[np.float64]
    year: NDArray[np.float64]
    reference_log10_compute: NDArray[np.float64]
    reference_year: NDArray[np.float64]

    @property
    def compute(self) -> NDArray[np.float64]:
        """Log10 compute relative to the task's reference, dex, shape (system,)."""
        return self.log10_compute - self.reference_log10_compute[self.task_index]

    @property
    def years(self) -> NDArray[np.float64]:
        """Publication year relative to the task's reference, years, shape (system,)."""
        return self.year - self.reference_year[self.task_index]


def decimal_year(systems: pd.DataFrame) -> NDArray[np.float64]:
    """Publication time as a decimal year: from ``publication_date`` where given, else mid-``year``.

    Returns
    -------
    ndarray, shape (row,)
        NaN where a row has neither.
    """
    import pandas as pd

    when = np.full(len(systems), np.nan)
    if "year" in systems:
        when = pd.to_numeric(systems["year"], errors="coerce").to_numpy(dtype=float, na_value=np.nan) + 0.5
    if "publication_date" in systems:
        date = pd.to_datetime(systems["publication_date"], errors="coerce")
        days = np.where(date.dt.is_leap_year, 366.0, 365.0)
        dated = (date.dt.year + (date.dt.day_of_year - 1) / days).to_numpy(dtype=float, na_value=np.nan)
        when = np.where(np.isnan(dated), when, dated)
    return when


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


def observe(systems: pd.DataFrame, *, needs_year: bool) -> Observations:
    """Arrays for the model from a validated table in which every row has compute, as `rows_for_fit` gives.

    Parameters
    ----------
    systems : DataFrame
        With ``task``, ``error``, ``training_compute_flop`` and, when `needs_year`, ``year`` or
        ``publication_date`` in every row.
    needs_year : bool
        Whether the model uses time. Without it, missing years are set to the task's reference.

    Raises
    ------
    DataError
        If the model uses time and a year is missing; every such row is listed.
    """
    year = decimal_year(systems)
    if needs_year and np.isnan(year).any():
        expected = "a publication year; algorithmic_progress=False with measurement_error=False needs none"
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
    return Observations(
        tasks=tasks,
        systems=unique_labels(systems),
        task_index=index,
        error=systems["error"].to_numpy(dtype=float),
        log10_compute=log10_compute,
        year=np.where(np.isnan(year), reference_year[index], year),
        reference_log10_compute=np.array([log10_compute[rows].mean() for rows in by_task]),
        reference_year=reference_year,
    )
