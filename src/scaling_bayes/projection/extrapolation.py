"""How far a projection goes beyond the data of its fit, and which answers are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.errors import TargetError
from scaling_bayes.intervals import quantiles
from scaling_bayes.projection.counted import offset
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.text import (
    amount_in_words,
    compute_in_words,
    format_error,
    format_power_of_ten,
    format_year,
    share_text,
    task_label,
    times_in_words,
)
from scaling_bayes.trace.schema import group, manifest
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from scaling_bayes.projection.scenario import Scenario

    Floats = NDArray[np.float64]

#: Last year that can be asked for, and the horizon of years="yearly".
HORIZON: Final = 2100.0
#: First year of years="yearly", unless the data begin later.
_FIRST_YEAR: Final = 2020
_COMPUTE: Final = "log10_training_compute_flop"
#: log10 USD of the smallest amount of money.
_CENT: Final = -2.0
#: Powers of ten from which no factor means anything.
_UNTOLD: Final = 15.0
#: Powers of ten, and years, that are not worth a sentence.
_NEAR: Final = 0.05
_NEAR_YEARS: Final = 0.5
#: Share of draws outside a 90 % interval at either end.
_TAIL: Final = 0.05
#: Share of draws beyond which the median is at a bound.
_MEDIAN: Final = 0.5
#: Powers of ten that adding and subtracting a count may be off.
_ROUNDED: Final = 1e-9
#: Impossible requirements named one by one.
_LISTED: Final = 3


def reach_of(fit: PosteriorView) -> dict[str, Any]:
    """How far the data of a fit reach.

    Returns
    -------
    dict
        ``first_year`` and ``last_year`` of all systems, None for a fit without years; ``tasks``: for each
        its ``lowest_error``, the ``largest_log10_compute`` of its systems in log10 FLOP, and
        ``one_pass_log10_compute``, one pass over its training data (`load_tasks`): no system needs less. None
        where it is not known, and where a system of the fit took less, as it then counts something else.
        ``unit`` where compute is in one of the user's own.
    """
    one_pass = load_tasks()["one_pass_flop"].to_dict()
    constant, error = fit.constant, fit.observed["error"].values
    of_task = constant["system_task"].values.astype(str)
    compute, year = constant[_COMPUTE].values, constant["publication_year"].values.astype(float)
    dated = bool(np.all(year > 0))

    def reached(task: str) -> dict[str, float | None]:
        own = of_task == task
        bound = float(np.log10(one_pass.get(task, np.nan))) if fit.unit == "FLOP" else np.nan
        return {
            "lowest_error": float(error[own].min()),
            "largest_log10_compute": float(compute[own].max()),
            "one_pass_log10_compute": bound if compute[own].min() >= bound else None,
        }

    unit = {} if fit.unit == "FLOP" else {"unit": fit.unit}
    return {
        **unit,
        "first_year": float(year.min()) if dated else None,
        "last_year": float(year.max()) if dated else None,
        "tasks": {task: reached(task) for task in map(str, dict.fromkeys(of_task))},
    }


def yearly(reach: dict[str, Any]) -> list[float]:
    """Every year of the horizon: 2020 to 2100, or from the year of the first system where that is later."""
    first = int(max(_FIRST_YEAR, _first_calendar_year(reach)))
    return [float(year) for year in range(first, int(HORIZON) + 1)]


def _first_calendar_year(reach: dict[str, Any]) -> float:
    """Calendar year of the first system; ``-inf`` for a fit without years."""
    first = reach["first_year"]
    return float(-np.inf if first is None else np.floor(first))


def refuse_years(years: Sequence[float], reach: dict[str, Any]) -> None:
    """Refuse years of which neither data nor trends say anything."""
    first = _first_calendar_year(reach)
    early = [year for year in years if year != 0 and year < first]
    if early:
        raise TargetError(
            f"years: {min(early):g} is before the first system of the fit ({first:.0f}); "
            f"expected {first:.0f} to {HORIZON:.0f}."
        )
    late = [year for year in years if year > HORIZON]
    if late:
        raise TargetError(
            f"years: {max(late):g} is beyond the horizon, {HORIZON:.0f}; trends of past years say nothing of "
            "later ones. Ask for an earlier year."
        )


def refuse_without_date(years: Sequence[float]) -> None:
    """Refuse to price what has no date: a fit without years, and no year asked."""
    if not all(years):
        raise TargetError(
            "years: this fit knows none, so a scenario has no date for its prices; expected a year to price "
            "at (years=2026, --year 2026), or no scenario (scenario=None, --scenario none)."
        )


def refuse_impossible(data: xr.Dataset, reach: dict[str, Any]) -> None:
    """Refuse a projection whose median requirement is less than one operation.

    Parameters
    ----------
    data : Dataset
        Group ``projection``, or some of its years.
    reach : dict
        From `reach_of`.
    """
    if "unit" in reach:
        return
    rows = _rows(data, reach)
    wrong = rows[rows["log10_compute"] < 0]
    if wrong.empty:
        return
    found = [
        f"{row['task']} {format_error(row['error'])} in {format_year(row['year'])} would take "
        f"{format_power_of_ten(row['log10_compute'])} FLOP"
        for row in wrong.head(_LISTED).to_dict(orient="records")
    ]
    more = f" (and {len(wrong) - _LISTED} more)" if len(wrong) > _LISTED else ""
    raise TargetError(
        f"{'; '.join(found)}{more}. No training takes less than one operation: past progress cannot go on "
        "until then. Ask for an earlier year or a lower error, or, for the first year in which something "
        'holds, for a horizon (years="yearly", or a range).'
    )


def extrapolation(projection: xr.DataTree) -> pd.DataFrame:
    """How far each answer of a projection lies beyond the data of its fit.

    Parameters
    ----------
    projection : DataTree
        From `project`.

    Returns
    -------
    pandas.DataFrame
        One row per target and year: ``task``, ``error``, ``year``; ``years_beyond`` the last system (NaN for
        a fit without years); ``log10_error_beyond``, powers of ten below the lowest error of the task;
        ``log10_compute``, the median requirement in log10 FLOP, and ``log10_compute_beyond``, powers of ten
        above the largest run of the task, both in the count of the projection; ``at_one_pass``,
        ``below_one_flop`` and, with a scenario, ``below_one_cent``, the shares of the draws. What is within
        the data is 0 or less.
    """
    return _rows(group(projection, "projection"), *_told(projection))


def _told(projection: xr.DataTree) -> tuple[dict[str, Any], Floats | float]:
    """`reach_of` in the count of a projection, and how far each draw is from the median of the counts."""
    asked, view = manifest(projection)["projection"], PosteriorView.of(projection)
    away = offset(view, asked["count"], asked["random_seed"])
    middle = float(np.median(away))
    names = ("largest_log10_compute", "one_pass_log10_compute")
    tasks = {
        task: known | {name: known[name] + middle for name in names if known.get(name) is not None}
        for task, known in asked["data"]["tasks"].items()
    }
    return {**asked["data"], "tasks": tasks}, away - middle


def _rows(data: xr.Dataset, reach: dict[str, Any], away: Floats | float = 0.0) -> pd.DataFrame:
    import pandas as pd

    last = reach["last_year"]
    rows = []
    compute, *cost = (
        data[name].transpose("target", "year", "chain", "draw").values
        for name in (_COMPUTE, "log10_cost_usd")
        if name in data
    )
    asked = zip(data["target_task"].values.tolist(), data["target_error"].values.tolist(), strict=True)
    for target, (task, error) in enumerate(asked):
        known = reach["tasks"][task]
        for year, at in enumerate(map(float, data["year"].values)):
            draws = compute[target, year]
            median = float(quantiles(draws, [0.5])[0])
            row = {
                "task": task,
                "error": error,
                "year": at,
                "years_beyond": np.nan if last is None else at - last,
                "log10_error_beyond": float(np.log10(known["lowest_error"] / error))
                if known["lowest_error"] > 0
                else -np.inf,
                "log10_compute": median,
                "log10_compute_beyond": median - known["largest_log10_compute"],
                "at_one_pass": float((draws - away <= one_pass(known) + _ROUNDED).mean()),
                "below_one_flop": float((draws < 0).mean()) if "unit" not in reach else 0.0,
            }
            if cost:
                row["below_one_cent"] = float((cost[0][target, year] < _CENT).mean())
            rows.append(row)
    return pd.DataFrame(rows)


def one_pass(known: dict[str, Any]) -> float:
    """Least log10 FLOP of any system of a task, of ``tasks`` of `reach_of`; ``-inf`` where none is known."""
    bound = known.get("one_pass_log10_compute")
    return -np.inf if bound is None else float(bound)


def extrapolation_sentences(projection: xr.DataTree, scenario: Scenario | None = None) -> list[str]:
    """What `extrapolation` finds, in words: years, then each task, then what cannot be taken literally.

    Parameters
    ----------
    projection : DataTree
        From `project`.
    scenario : Scenario, optional
        The one that was asked for; that it does not yet differ from the trend is said too.

    Returns
    -------
    list of str
        Sentences without a heading; none where everything is within the data.
    """
    reach, away = _told(projection)
    table = _rows(group(projection, "projection"), reach, away)
    found = reach_sentences(table, reach)
    for task, of_task in table.groupby("task", sort=False):
        known = reach["tasks"][str(task)]
        found += _one_pass_sentence(of_task.iloc[of_task["at_one_pass"].argmax()], known)
    rows: list[dict[Any, Any]] = table.to_dict(orient="records")
    for column, verb, what in (
        ("below_one_flop", "take", "less than one FLOP, which no training can"),
        ("below_one_cent", "cost", "less than one cent, for which nothing is sold"),
    ):
        worst = max(rows, key=lambda row: row.get(column, 0.0))
        if worst.get(column, 0.0) >= _TAIL:
            about = f"{task_label(worst['task'])} at {format_error(worst['error'])}"
            found.append(
                f"{about} in {format_year(worst['year'])}: {share_text(worst[column])} of the draws {verb} "
                f"{what}. Past trends cannot all continue until then."
            )
    if scenario is not None:
        found += scenario.sentences(dict.fromkeys(float(row["year"]) for row in rows))
    return found


def reach_sentences(table: pd.DataFrame, reach: dict[str, Any]) -> list[str]:
    """How far a table like that of `extrapolation` goes: its years, then errors and compute of each task."""
    found = _years_sentence(table, reach)
    for task, of_task in table.groupby("task", sort=False):
        found += _task_sentence(str(task), of_task, reach["tasks"][str(task)], reach.get("unit", "FLOP"))
    return found


def _one_pass_sentence(row: pd.Series[Any], known: dict[str, Any]) -> list[str]:
    """What is said of the target of a task that most draws would reach with less than one pass."""
    share, bound = row["at_one_pass"], amount_in_words(one_pass(known), "FLOP")
    if share < _TAIL:
        return []
    about = f"{task_label(row['task'])} at {format_error(row['error'])} in {format_year(row['year'])}"
    found = f"at most {bound}" if share > _MEDIAN else f"the lower end is {bound}"
    return [
        f"{about}: {found}. {share_text(share)} of the draws say less than one pass over the training data."
    ]


def _years_sentence(table: pd.DataFrame, reach: dict[str, Any]) -> list[str]:
    last, latest = reach["last_year"], float(table["year"].max())
    if last is None or latest - last < _NEAR_YEARS:
        return []
    after = f"{format_year(latest)} is {latest - last:.0f} years after the last system of the fit"
    return [f"{after} ({format_year(last)}); trends are extrapolated until then."]


def _task_sentence(task: str, rows: pd.DataFrame, known: dict[str, float], unit: str) -> list[str]:
    error, compute = float(rows["log10_error_beyond"].max()), float(rows["log10_compute_beyond"].max())
    parts = []
    if error > _NEAR:
        lowest = format_error(float(f"{known['lowest_error']:.3g}"))
        parts.append(f"errors up to {10**error:.2g} times below the lowest in the data ({lowest})")
    if compute > _NEAR:
        beyond = f"up to {times_in_words(compute)} times" if compute < _UNTOLD else "far above"
        largest = compute_in_words(known["largest_log10_compute"], unit)
        parts.append(f"compute {beyond} the largest run in the data ({largest})")
    return [f"{task_label(task)}: {' and '.join(parts)}."] if parts else []
