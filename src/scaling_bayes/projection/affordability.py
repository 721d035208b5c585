"""`affordable`: how likely a target fits a budget, year by year, and when it first does."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.options import check_choice
from scaling_bayes.errors import OptionError, TargetError
from scaling_bayes.intervals import reported
from scaling_bayes.projection.extrapolation import HORIZON, first_calendar_year, reach_of
from scaling_bayes.projection.project import project_over
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.trace.schema import annotate, group, manifest

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "affordable",
    "affordable_in",
    "default_years",
    "first_year",
    "probability_by_year",
    "read_budget",
    "share_within_budget",
    "summarize_first_year",
]

#: First year asked by default, unless the data begin later.
_FIRST_YEAR = 2020
NEVER = math.inf
#: Variable of a projection that each budget limits.
BUDGETS = {"budget_usd": "log10_cost_usd", "carbon_kg": "log10_carbon_kg"}


def read_budget(budget_usd: Any, carbon_kg: Any) -> dict[str, float]:
    """The budgets given, by name.

    Raises
    ------
    OptionError
        If neither is given, or one is not a finite number above 0.
    """
    budgets = {}
    for name, value, unit in (("budget_usd", budget_usd, "USD"), ("carbon_kg", carbon_kg, "kg CO2e")):
        if value is None:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise OptionError(f"{name}={value!r} is not a number; expected {unit}.") from None
        if not 0 < number < math.inf:
            raise OptionError(f"{name}={number:g} must be a finite number of {unit} above 0.")
        budgets[name] = number
    if not budgets:
        raise OptionError("no budget: expected budget_usd (USD), carbon_kg (kg CO2e), or both.")
    return budgets


def first_year(holds: xr.DataArray) -> xr.DataArray:
    """First year in which a condition holds; ``inf`` where it never does.

    Parameters
    ----------
    holds : DataArray of bool
        With dimension ``year``, ascending.
    """
    year = holds["year"].isel(year=holds.argmax("year")).drop_vars("year")
    found: xr.DataArray = year.where(holds.any("year"), NEVER)
    return found


def default_years(idata: xr.DataTree) -> tuple[float, ...]:
    """Years of the horizon: 2020 to 2100, or from the year of the first system where that is later."""
    first = int(max(_FIRST_YEAR, first_calendar_year(reach_of(idata))))
    return tuple(float(year) for year in range(first, int(HORIZON) + 1))


def ascending(years: float | Iterable[float] | None, idata: xr.DataTree) -> list[float]:
    """Years of a horizon, by default `default_years`.

    Raises
    ------
    TargetError
        If they are not numbers in ascending order.
    """
    if years is None:
        return list(default_years(idata))
    several = isinstance(years, Iterable) and not isinstance(years, (str, bytes))
    listed = list(years) if several else [years]  # type: ignore[arg-type]
    try:
        ordered = [float(year) for year in listed]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TargetError(f"years: found {listed!r}; expected calendar years such as 2030.") from None
    if ordered != sorted(ordered):
        raise TargetError("years: expected ascending years, as the first within budget is looked for.")
    return ordered


def affordable(
    idata: xr.DataTree,
    *,
    budget_usd: float | None = None,
    carbon_kg: float | None = None,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    scenario: Scenario | str = "trend",
    kind: str = "predictive",
    hardware: xr.DataTree | None = None,
    random_seed: int | None = None,
) -> xr.DataTree:
    """Probability that a target fits the budget by year, and the distribution of the first year it does.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`.
    budget_usd, carbon_kg : float, optional
        Budget in USD of the year, and in kg CO2e; with both, both must hold in the same draw.
    targets, scenario, kind, hardware, random_seed
        As in `project`.
    years : iterable of float, optional
        Ascending; by default every year from 2020 (or that of the first system, if later) to 2100. The last
        is the horizon.

    Returns
    -------
    DataTree
        Group ``affordability``: ``probability_within_budget`` (target, year); ``first_year`` (chain, draw,
        target), a year of `years`, or ``inf`` where the target stays out of budget within the horizon. A draw
        within budget from the start has the first of `years`, which then means "then or earlier".

    Raises
    ------
    OptionError
        If no budget is given or an option is invalid.
    TargetError
        If a target or year is invalid.
    TraceError
        If `idata` is not a fit.
    """
    budgets = read_budget(budget_usd, carbon_kg)
    tree = project_over(
        idata,
        targets,
        ascending(years, idata),
        kind,
        scenario=scenario,
        hardware=hardware,
        random_seed=random_seed,
    )
    return affordable_in(tree, **budgets)


def affordable_in(
    tree: xr.DataTree, *, budget_usd: float | None = None, carbon_kg: float | None = None
) -> xr.DataTree:
    """As `affordable`, from a projection with a scenario and ascending years.

    Raises
    ------
    OptionError
        If no budget is given, or one is not a finite number above 0.
    """
    budgets = read_budget(budget_usd, carbon_kg)
    within = _within(group(tree, "projection"), budgets)
    found = xr.Dataset(
        {
            "probability_within_budget": within.mean(("chain", "draw")),
            "first_year": first_year(within),
        }
    )
    answer = xr.DataTree.from_dict({"/affordability": annotate(found)})
    content = manifest(tree)
    content["projection"]["budgets"] = budgets
    answer.attrs["manifest"] = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return answer


def _within(projection: xr.Dataset, budgets: dict[str, float]) -> xr.DataArray:
    """Whether each draw stays within every budget, dims (chain, draw, target, year)."""
    within = xr.ones_like(projection["log10_cost_usd"], dtype=bool)
    for name, budget in budgets.items():
        within &= projection[BUDGETS[name]] <= math.log10(budget)
    return within


def share_within_budget(tree: xr.DataTree, budget_usd: float | None, carbon_kg: float | None) -> pd.DataFrame:
    """Share of the draws of a projection within the budgets, by target and year.

    Returns
    -------
    pandas.DataFrame
        ``task``, ``error``, ``year``, ``within_budget``.

    Raises
    ------
    OptionError
        If no budget is given, or one is not a finite number above 0.
    """
    share = _within(group(tree, "projection"), read_budget(budget_usd, carbon_kg)).mean(("chain", "draw"))
    frame = share.to_dataframe("within_budget").reset_index()
    frame = frame.rename(columns={"target_task": "task", "target_error": "error"})
    return frame[["task", "error", "year", "within_budget"]]


def probability_by_year(answer: xr.DataTree) -> pd.DataFrame:
    """Probability that each target fits the budget, year by year.

    Parameters
    ----------
    answer : DataTree
        From `affordable`.

    Returns
    -------
    pandas.DataFrame
        One row per target and year: ``task``, ``error``, ``note``, ``year``, ``within_budget`` (share of
        draws within it in that year) and ``never`` (share that stays out in every year asked).

    Raises
    ------
    TraceError
        If there is no such group.
    """
    data = group(answer, "affordability")
    never = (data["first_year"] == NEVER).mean(("chain", "draw"))
    shares = data[["probability_within_budget"]].assign(never=never)
    frame = shares.to_dataframe(dim_order=["target", "year"]).reset_index()
    names = {"probability_within_budget": "within_budget"}
    frame = frame.rename(columns=lambda name: names.get(name, name.removeprefix("target_")))
    return frame[["task", "error", "note", "year", "within_budget", "never"]]


def summarize_first_year(answer: xr.DataTree, name: str = "affordability") -> pd.DataFrame:
    """First year of each target: its quantiles, and the shares outside the years asked.

    Parameters
    ----------
    answer : DataTree
        From `affordable` or `meets_largest_run`.
    name : {"affordability", "largest_run"}
        Its group.

    Returns
    -------
    pandas.DataFrame
        One row per target: ``task``, ``error``, ``note``, the quantiles of the first year with "never" as
        ``inf``, ``at_start`` (share of draws in the first year asked, or earlier), ``never`` (share that
        stays out within the horizon), ``start``, ``horizon``.

    Raises
    ------
    TraceError
        If there is no such group.
    """
    import pandas as pd

    check_choice("name", name, ("affordability", "largest_run"))
    data = group(answer, name)
    start, horizon = float(data["year"].min()), float(data["year"].max())
    rows = []
    for position in range(data.sizes["target"]):
        cell = data.isel(target=position)
        years = cell["first_year"].values
        rows.append(
            {
                "task": str(cell["target_task"].item()),
                "error": float(cell["target_error"]),
                "note": str(cell["target_note"].item()),
                **reported(years),
                "at_start": float(np.mean(years <= start)),
                "never": float(np.isposinf(years).mean()),
                "start": start,
                "horizon": horizon,
            }
        )
    return pd.DataFrame(rows)
