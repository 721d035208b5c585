"""`score`: a frozen forecast against systems it did not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.core.observations import Observations, decimal_year
from scaling_bayes.core.options import check_seed
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.forecasts import (
    LEAST_SQUARES,
    Forecast,
    at_references_of,
    forecast,
    least_squares,
    naive,
    prediction_rows,
)
from scaling_bayes.diagnostics.scores import COVERAGES, inside
from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.intervals import QUANTILES
from scaling_bayes.systems.compute_column import asked_unit
from scaling_bayes.systems.counts import ARITHMETIC, OFFSETS, in_arithmetic
from scaling_bayes.systems.fit_rows import FitRows, combine_estimates
from scaling_bayes.systems.load import load_systems
from scaling_bayes.systems.read_table import shown
from scaling_bayes.systems.schema import check_systems
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

#: Systems predicted at a time: some hundred megabytes for each array of draws would be too many.
_BLOCK = 1000
#: How the reason begins for which a row that the trace was fitted to is not scored.
_FITTED = "fitted"
#: How far log10 compute, dex, and log10 error of two rows may be apart to be the same figure.
_SAME_COMPUTE, _SAME_ERROR = 0.005, 0.0005


def score(
    trace: xr.DataTree | PosteriorView,
    systems: pd.DataFrame | str | PathLike[str],
    *,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    tasks: str | Sequence[str] | None = None,
    drop_fitted: bool = False,
    random_seed: int | None = None,
) -> pd.DataFrame:
    """Score a forecast, as it was frozen, on systems it did not see.

    Nothing is fitted again. The error of each system is predicted as `predict` does it from task, compute and
    year, with the measurement error of the compute, and as one of a paper not seen (in a fit of learning
    curves, given the points of its own curve). Baselines predict the same systems, from the trace's own data
    alone.

    Parameters
    ----------
    trace : DataTree
        A fit or stack, from `fit`, `stack` or `open_trace`.
    systems : DataFrame or path
        A table as `validate_systems` takes it. Several estimates of one system's compute are combined, as in
        `fit`.
    unit : str, optional
        Unit of the systems' compute, as in `fit`.
    columns : mapping, optional
        Our names of columns to those of the table, as in `fit`.
    tasks : str or sequence of str, optional
        Tasks to score; by default all of the trace.
    drop_fitted : bool
        Whether to leave out rows that the trace was fitted to; by default they are refused. A row counts as
        one of these if a fitted row of its task has the same system name, or the same paper and compute, or
        the same error and compute. Names and papers are compared without case and repeated spaces; computes
        are the same within 0.005 dex, errors within 0.0005 dex.
    random_seed : int, optional
        For the drawn errors; by default the seed of the fit.

    Returns
    -------
    DataFrame
        One row per forecaster and system.

        - ``forecaster``: the law of the trace (or ``stack``); ``least_squares_power`` and
          ``least_squares_exponential``, the 2020 paper's method on the trace's data;
          ``thompson2020_power`` and ``thompson2020_exponential``, the paper's own lines, of its own points;
          ``naive`` and ``persistence``, the best error of the trace's data so far, with and without its
          yearly gain. Forecasters that predict none of the systems are left out.
        - ``task``, ``system``, ``paper``, ``year`` (decimal), ``error``.
        - ``log_score``: natural log of the predictive density of the error, nats; higher is better.
        - ``crps``: continuous ranked probability score of log10 error, orders of magnitude; lower is better.
        - ``pit``: predictive probability of an error at most the observed; uniform if calibrated.
        - ``inside_50``, ``inside_80``, ``inside_90``: whether the error lies in that equal-tailed interval.
        - ``lower_90``, ``lower_50``, ``median``, ``upper_50``, ``upper_90``: of the predicted error.

        ``attrs["left_out"]`` lists rows of the table that are not scored: ``row``, ``task``, ``system`` and
        ``reason``. ``attrs["warnings"]`` says what was converted, guessed or combined. `summary` gives mean
        scores and coverage, by forecaster, task or year.

    Raises
    ------
    DataError
        If the table is not sound, rows were fitted and `drop_fitted` is false, or no row can be scored;
        rows are listed.
    OptionError
        If a task is not of the trace, or the seed is invalid.
    TraceError
        If `trace` is not a fit.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> later = sb.reference_systems(edition="2026.12").query("publication_date > '2020-06-30'")
    >>> scores = sb.score(sb.open_trace("reference-2026.11"), later)
    >>> sb.summary(scores, by="forecaster")["forecaster"].iloc[0]
    'power'
    """
    view = PosteriorView.of(trace)
    asked_in = asked_unit(unit)
    counted_in = asked_in.name if asked_in is not None and asked_in.is_own else "FLOP"
    if counted_in != view.unit:
        raise OptionError(
            f"unit={unit!r}: the trace has compute in {view.unit!r}; expected systems in the same unit."
        )
    if random_seed is not None:
        check_seed(random_seed)
    seed = view.seed if random_seed is None else random_seed
    asked = _asked(view, tasks)
    given = isinstance(systems, str) or hasattr(systems, "__fspath__")
    source = shown(str(systems)) if given else "the data frame"
    checked = check_systems(systems, unit=unit, columns=columns)
    of_operations = view.options.count == ARITHMETIC
    table = in_arithmetic(checked.systems) if of_operations else checked.systems
    if tasks is not None:
        table = table[table["task"].astype(str).isin(asked)]
    reasons = _reasons(view, table)
    if not drop_fitted:
        _refuse_fitted(table, reasons, source)
    usable, estimates = combine_estimates(table[[not reason for reason in reasons]])
    if usable.empty:
        counts = [f"{reasons.count(reason)} {reason}" for reason in dict.fromkeys(reasons)]
        raise DataError(
            f"{source}: none of {len(table)} rows can be scored"
            f"{': ' if counts else ''}{', '.join(counts)}; expected rows with a task of the trace "
            f"({', '.join(asked)}), training compute, a year and an error between 0 and 1."
        )
    after = at_references_of(view.observations, usable, needs_year=view.options.needs_year)
    scores = score_observations(view, after, seed)
    scores["year"] = np.tile(decimal_year(usable), len(scores) // len(usable))
    scores.attrs["warnings"] = [*checked.warnings, *FitRows(usable, 0, estimates=estimates).sentences()]
    scores.attrs["left_out"] = [
        {"row": row, "task": task, "system": name, "reason": reason}
        for row, task, name, reason in _named_rows(table, reasons)
        if reason
    ]
    return scores


def score_observations(view: PosteriorView, after: Observations, seed: int) -> pd.DataFrame:
    """Score a fit and the baselines on systems at the references of the fit; rows and columns as of `score`.

    Parameters
    ----------
    view : PosteriorView
        The fit.
    after : Observations
        From `at_references_of` its ``observations``.
    seed : int
        For the drawn errors.
    """
    import pandas as pd

    number = np.arange(after.error.size) // _BLOCK
    parts = [
        part
        for block in range(number.max() + 1)
        for part in _scored(view, after.subset(number == block), seed, block)
    ]
    every = pd.concat(parts)
    by_forecaster = [rows for _, rows in every.groupby("forecaster", sort=False)]
    return pd.concat([rows for rows in by_forecaster if rows["log_score"].notna().any()], ignore_index=True)


def _scored(view: PosteriorView, after: Observations, seed: int, block: int) -> Iterator[pd.DataFrame]:
    """Scores of each forecaster; the first block has the drawn errors of `predict`."""
    import pandas as pd

    before = view.observations
    rng = generator(seed, Stream.PREDICTED_ERROR, *([block] if block else []))
    forecasts = {
        view.law: forecast(view.law, view.posterior, after, rng, before),
        **{name: least_squares(before, after, law) for name, law in LEAST_SQUARES.items()},
    }
    if view.unit == "FLOP":
        forecasts |= _lines_of_2020(after, of_operations=view.options.count == ARITHMETIC)
    if view.options.needs_year:
        forecasts |= {"naive": naive(before, after), "persistence": naive(before, after, gain=False)}
    for name, predicted in forecasts.items():
        rows = pd.DataFrame(prediction_rows(name, after, predicted))
        for probability in COVERAGES:
            within = inside(rows["pit"], probability).astype("boolean").mask(rows["pit"].isna())
            rows[f"inside_{round(100 * probability)}"] = within
        quantiles = np.quantile(predicted.draws, list(QUANTILES.values()), axis=0)
        yield rows.assign(**dict(zip(QUANTILES, quantiles, strict=True)))


def _lines_of_2020(after: Observations, *, of_operations: bool) -> dict[str, Forecast]:
    """The lines of the 2020 paper, fitted to its own points, burdens, in the tasks that it has."""
    if of_operations:
        after = replace(after, log10_compute=after.log10_compute + OFFSETS["burden_fp32"][0])
    points = load_systems()
    points = points[points["in_thompson2020"] & points["task"].isin(after.tasks)]
    if points.empty:
        return {}
    before = at_references_of(after, points, needs_year=False)
    return {
        name.replace("least_squares", "thompson2020"): least_squares(before, after, law)
        for name, law in LEAST_SQUARES.items()
    }


def _asked(view: PosteriorView, tasks: str | Sequence[str] | None) -> list[str]:
    asked = list(view.tasks) if tasks is None else [tasks] if isinstance(tasks, str) else list(tasks)
    unknown = [task for task in asked if task not in view.tasks]
    if unknown or not asked:
        found = ", ".join(map(repr, unknown)) or "none"
        raise OptionError(f"tasks: found {found}; expected tasks of the trace: {', '.join(view.tasks)}.")
    return asked


def _reasons(view: PosteriorView, table: pd.DataFrame) -> list[str]:
    """Why each row is not scored; empty where it is."""
    year, error = decimal_year(table), table["error"].to_numpy(dtype=float)
    found = _fitted(view, table)
    for reason, applies in (
        ("no error between 0 and 1", ~((error > 0) & (error < 1))),
        ("no year", np.isnan(year) & view.options.needs_year),
        ("no training compute", table["training_compute_flop"].isna().to_numpy()),
        ("task not in the trace", ~table["task"].astype(str).isin(view.tasks).to_numpy()),
    ):
        found[applies] = reason
    return list(found)


def _fitted(view: PosteriorView, table: pd.DataFrame) -> NDArray[np.object_]:
    """For each row that the trace was fitted to, as `score` says, what it has in common; else empty."""
    known = view.observations
    names = _words(view.constant["system_name"].values) if "system_name" in view.constant else None
    papers, tasks = _words(known.paper), np.array(known.tasks)[known.task_index]
    with np.errstate(divide="ignore"):
        compute = np.log10(table["training_compute_flop"].to_numpy(dtype=float))
        error = np.log10(np.maximum(table["error"].to_numpy(dtype=float), 0.0))
    new_names = _words(table["system"]) if "system" in table else np.full(len(table), "")
    new_papers = _words(table["paper"]) if "paper" in table else np.full(len(table), "")
    found = np.full(len(table), "", dtype=object)
    for row, task in enumerate(table["task"].astype(str)):
        of_task = tasks == task
        same_compute = np.abs(known.log10_compute - compute[row]) <= _SAME_COMPUTE
        same = {
            "error and compute": same_compute & (np.abs(np.log10(known.error) - error[row]) <= _SAME_ERROR)
        }
        if new_papers[row]:
            same["paper and compute"] = same_compute & (papers == new_papers[row])
        if names is not None and new_names[row]:
            same["name"] = names == new_names[row]
        for what, rows in same.items():
            if (of_task & rows).any():
                found[row] = f"{_FITTED} (same {what})"
    return found


def _words(cells: Iterable[object]) -> NDArray[np.str_]:
    """Cells without case and repeated spaces; empty where nothing is given."""
    return np.array([" ".join(name.casefold().split()) for name in _texts(cells)])


def _texts(cells: Iterable[object]) -> list[str]:
    import pandas as pd

    return ["" if pd.isna(cell) else str(cell) for cell in cells]  # type: ignore[call-overload]


def _refuse_fitted(table: pd.DataFrame, reasons: Sequence[str], source: str) -> None:
    problems = [
        Problem(label, None, f"{task}: {name}, {reason}", "a system that the trace was not fitted to")
        for label, task, name, reason in _named_rows(table, reasons)
        if reason.startswith(_FITTED)
    ]
    if problems:
        raise DataError(
            f"{source}: the trace was fitted to {len(problems)} of {len(table)} rows; "
            "a forecast is scored on others. Leave them out with drop_fitted=True (--drop-fitted).",
            problems,
        )


def _named_rows(table: pd.DataFrame, reasons: Sequence[str]) -> Iterator[tuple[int | str, str, str, str]]:
    names = _texts(table["system"]) if "system" in table else [""] * len(table)
    for label, task, name, reason in zip(table.index, table["task"], names, reasons, strict=True):
        row = int(label) if isinstance(label, (int, np.integer)) else shown(str(label), 80)
        yield row, str(task), shown(name, 80), reason
