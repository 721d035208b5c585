"""Which rows of a sound table a fit can use, and whether they can inform a slope."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.cells import shown_cell
from scaling_bayes.systems.read_table import shown
from scaling_bayes.systems.rules import MOST_LISTED
from scaling_bayes.systems.tasks import chance_errors

if TYPE_CHECKING:
    import pandas as pd

#: Rows that agree in these are estimates of one system's compute.
_SAME_SYSTEM = ("task", "system", "error", "year", "publication_date", "paper")

#: Standard deviation of log10 of an estimate of compute, dex, where nothing else is known of it: the median
#: of the default prior of ``compute_error``.
ERROR_OF_AN_ESTIMATE = 0.35

#: Columns that a slope is learned from, and what they hold.
_MUST_VARY = {"training_compute_flop": "compute", "error": "error"}

#: Two points always lie on a line; three are the least that can disagree with one.
MIN_ROWS_PER_TASK = 3


@dataclass(frozen=True, slots=True)
class FitRows:
    """Rows a fit can use, and how many it cannot."""

    #: The rows with compute and an error between 0 and 1, one for each system: several estimates of one
    #: system's compute are one row.
    systems: pd.DataFrame
    #: Number of rows left out for want of compute.
    without_compute: int
    #: Number of rows with compute left out for an error of exactly 1, and of exactly 0.
    without_error: int = 0
    perfect: int = 0
    #: Number of rows with compute left out for an error of chance or more.
    beyond_chance: int = 0
    #: Number of estimates combined into one row, by the system's label.
    estimates: dict[str, int] = field(default_factory=dict)
    #: Tasks that say nothing of a slope of their own: fewer than 3 rows, or the same
    #: compute or the same error in all.
    pooled_only: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """What a user must know of the rows, as sentences."""
        said = []
        fitted = f"{len(self.systems)} are fitted."
        if self.without_compute:
            number = self.without_compute
            said.append(f"{_systems(number)} no training compute and {_are(number)} left out; {fitted}")
        for number, error, easier in ((self.without_error, 1, "easier"), (self.perfect, 0, "harder")):
            if number:
                said.append(
                    f"{_systems(number)} an error of exactly {error} and {_are(number)} left out; {fitted} "
                    f"The model has no place for {error}. Without them the task may look {easier} than it is."
                )
        if self.beyond_chance:
            number = self.beyond_chance
            said.append(
                f"{_systems(number)} an error of chance or more and {_are(number)} left out; {fitted} "
                "The bounded law has no place for them; other laws have."
            )
        for system, number in self.estimates.items():
            said.append(
                f"{system}: {number} estimates of compute are combined into one system. Its compute is their "
                f"geometric mean; its uncertainty is their spread if above {ERROR_OF_AN_ESTIMATE} dex."
            )
        if self.pooled_only:
            listed = ", ".join(self.pooled_only[:MOST_LISTED])
            more = len(self.pooled_only) - MOST_LISTED
            said.append(
                "tasks with too few systems, or all of one compute or one error, for a slope of their own: "
                f"{listed}{f' and {more} more' if more > 0 else ''}. Pooling lends them the others' slope."
            )
        return said


def _systems(number: int) -> str:
    return "1 system has" if number == 1 else f"{number} systems have"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def rows_for_fit(
    systems: pd.DataFrame,
    source: str = "the systems",
    *,
    pooling: str | None = None,
    below_chance: bool = False,
) -> FitRows:
    """Keep the rows that a fit can use and check that they can inform a slope.

    Parameters
    ----------
    pooling : {"partial", "none", "complete"}, optional
        With ``"none"``, and in a table of one task, each task must inform a slope of its own: 3 rows, not all
        of the same compute or the same error. Else the tasks together must: at least 2 rows beyond the first
        of each task in which both vary.
    below_chance : bool
        Whether to leave out rows whose error is that of chance or more.

    Raises
    ------
    DataError
        If no row is left, or those left cannot inform a slope.
    """
    with_compute = systems[systems["training_compute_flop"].notna()]
    error = with_compute["error"]
    inside = (error > 0) & (error < 1)
    beyond_chance = inside & below_chance & (error >= chance_errors(with_compute))
    usable = with_compute[inside & ~beyond_chance]
    if usable.empty:
        missing = (
            "training compute" if with_compute.empty else "an error between 0 and 1 and training compute"
        )
        raise DataError(f"{source}: no row has {missing}; expected at least 3 rows with it")
    usable, estimates = combine_estimates(usable)
    problems = []
    alone: list[str] = []
    beyond = 0
    for task, rows in usable.groupby("task", sort=False, observed=True):
        same = [column for column in _MUST_VARY if rows[column].nunique() == 1]
        beyond += 0 if same else len(rows) - 1
        if len(rows) < MIN_ROWS_PER_TASK:
            found = f"{len(rows)} row(s) with compute for task {shown_cell(task)}"
            expected = f"at least {MIN_ROWS_PER_TASK} to fit a slope; add systems or drop the task"
            problems.append(Problem(None, "task", found, expected))
        elif same:
            what = _MUST_VARY[same[0]]
            found = f"the same {what} in all {len(rows)} rows of task {shown_cell(task)}"
            expected = f"{what} that varies within the task; no slope can be learned from one"
            problems.append(Problem(None, same[0], found, expected))
        else:
            continue
        alone.append(shown_cell(task))
    several = usable["task"].nunique() > 1
    if problems and (pooling == "none" or not several or beyond < MIN_ROWS_PER_TASK - 1):
        helps = "; with pooling, other tasks lend it their slope" if several and pooling == "none" else ""
        raise DataError(f"{source} does not have enough data to fit{helps}", problems)
    return FitRows(
        usable,
        without_compute=len(systems) - len(with_compute),
        without_error=int((error >= 1).sum()),
        perfect=int((error <= 0).sum()),
        beyond_chance=int(beyond_chance.sum()),
        estimates=estimates,
        pooled_only=tuple(alone),
    )


def combine_estimates(systems: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of one system that differ in compute only as one row, and how many each of them stands for.

    Compute is the geometric mean. The standard deviation of its log10 is that of the estimates (n - 1), and
    their own where given: the law of total variance. It is not divided by the root of n, for estimates of
    one system rest on the same facts and err together. For the same reason, estimates that agree prove
    little: unless each states its own, a standard deviation below `ERROR_OF_AN_ESTIMATE` is not stated, and
    the row has the measurement error of the others.
    """
    import numpy as np

    if "system" not in systems:
        return systems, {}
    same = [name for name in _SAME_SYSTEM if name in systems]
    named = systems["system"].notna() & (systems["system"].astype(str) != "")
    repeated = named & systems.duplicated(same, keep=False)
    if not repeated.any():
        return systems, {}
    compute = systems["training_compute_flop"].to_numpy(dtype=float, copy=True)
    sd = (
        systems["compute_sd_dex"].to_numpy(dtype=float, copy=True)
        if "compute_sd_dex" in systems
        else np.full(len(systems), math.nan)
    )
    doubt = (
        systems["compute_in_doubt"].to_numpy(dtype=bool, copy=True) if "compute_in_doubt" in systems else None
    )
    kept = np.ones(len(systems), dtype=bool)
    estimates: dict[str, int] = {}
    places = np.flatnonzero(repeated.to_numpy(dtype=bool))
    groups = systems[repeated].groupby(same, sort=False, dropna=False, observed=True).indices
    for positions in groups.values():
        rows = places[positions]
        first = int(rows[0])
        logs = np.log10(compute[rows])
        own = sd[rows][~np.isnan(sd[rows])]
        spread = math.sqrt(logs.var(ddof=1) + (np.mean(own**2) if own.size else 0.0))
        known = own.size == rows.size or spread > ERROR_OF_AN_ESTIMATE
        sd[first] = spread if known else math.nan
        compute[first] = 10 ** logs.mean()
        if doubt is not None:
            doubt[first] = doubt[rows].any()
        kept[rows[1:]] = False
        label = f"{systems['task'].iloc[first]}: {systems['system'].iloc[first]}"
        estimates[shown(label)] = len(rows)
    combined = systems.assign(training_compute_flop=compute, compute_sd_dex=sd)
    if doubt is not None:
        combined["compute_in_doubt"] = doubt
    return combined[kept], estimates
