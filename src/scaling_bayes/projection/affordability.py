"""`affordability`: how likely a target fits a budget, year by year, and when it first does."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.errors import OptionError
from scaling_bayes.projection.conversion import log10_costs
from scaling_bayes.projection.project import YEARLY, project
from scaling_bayes.projection.projected import ProjectionView
from scaling_bayes.projection.requirement import ask
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.projection.scenario import Scenario

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


def affordability(
    projection: xr.DataTree, *, budget_usd: float | None = None, carbon_kg: float | None = None
) -> xr.DataTree:
    """Probability that a target fits the budget by year, and the distribution of the first year it does.

    Parameters
    ----------
    projection : DataTree
        From `project`, with a scenario and several ascending years, of which the last is the horizon: every
        year to 2100 with ``years="yearly"``.
    budget_usd, carbon_kg : float, optional
        Budget in USD of the year, and in kg CO2e; with both, both must hold in the same draw.

    Returns
    -------
    DataTree
        Group ``affordability``: ``probability_within_budget`` (target, year); ``first_year`` (chain, draw,
        target), a year of the projection, or ``inf`` where the target stays out of budget within the horizon.
        A draw within budget from the start has the first of the years, which then means "then or earlier".
        `summary` tabulates it.

    Raises
    ------
    OptionError
        If no budget is given, one is not a finite number above 0, or the projection has no scenario.
    TargetError
        If its years are not several, ascending.
    TraceError
        If it is not a projection.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> trace = sb.open_trace("reference-2026.12")
    >>> projection = sb.project(trace, {"imagenet": 0.05}, years="yearly", scenario="trend")
    >>> sb.summary(sb.affordability(projection, budget_usd=1e8))["horizon"].item()
    2100.0
    """
    budgets = read_budget(budget_usd, carbon_kg)
    view = ProjectionView.of(projection, "affordability")
    _ = view.scenario  # refused without one
    view.refuse_single_year()
    within = _within(view.data, budgets)
    found = xr.Dataset(
        {
            "probability_within_budget": within.mean(("chain", "draw")),
            "first_year": first_year(within),
        }
    )
    return view.answered("affordability", found, budgets=budgets)


def affordability_to_horizon(
    idata: xr.DataTree | PosteriorView,
    targets: Sequence[tuple[str, float]],
    kind: str,
    scenario: Scenario,
    budgets: Sequence[dict[str, float]],
) -> list[xr.DataTree]:
    """What `affordability` gives of a projection of every year to the horizon, for each of several budgets.

    It is computed target by target, so that memory holds the years of one of them only.

    Parameters
    ----------
    budgets : sequence of dict
        Arguments of `affordability`.
    """
    fit = PosteriorView.of(idata)
    first = ProjectionView.of(project(fit, targets[:1], YEARLY, kind, scenario=scenario), "affordability")
    years = first.data["year"].values
    hardware = {str(name): values.values for name, values in group(first.tree, "hardware").items()}
    asked = ask(
        fit, targets, years.tolist(), kind, first.seed, progress=str(first.asked["algorithmic_progress"])
    )
    limits = [read_budget(**{"budget_usd": None, "carbon_kg": None, **budget}) for budget in budgets]
    sizes = [first.data.sizes[dim] for dim in ("chain", "draw")]
    counts = np.zeros((len(limits), len(targets), years.size))
    found = np.empty((len(limits), *sizes, len(targets)))
    for position, compute in enumerate(asked.each_log10_compute()):
        for chain, of_chain in enumerate(compute):
            converted = {name: values[chain] for name, values in hardware.items()}
            costs = log10_costs(of_chain, converted)
            for number, limit in enumerate(limits):
                within = _within(costs, limit)
                counts[number, position] += np.count_nonzero(within, axis=0)
                place = within.argmax(axis=-1)
                holds = np.take_along_axis(within, place[:, np.newaxis], axis=-1)[:, 0]
                found[number, chain, :, position] = np.where(holds, years[place], NEVER)
    labels = {dim: first.data[dim] for dim in ("chain", "draw", "year")} | asked.coords
    return [
        first.answered(
            "affordability",
            xr.Dataset(
                {
                    "probability_within_budget": (("target", "year"), counts[number] / (sizes[0] * sizes[1])),
                    "first_year": (("chain", "draw", "target"), found[number]),
                },
                coords=labels | {"target": asked.performance["target"]},
            ),
            budgets=limit,
        )
        for number, limit in enumerate(limits)
    ]


def _within(projection: Mapping[Any, Any], budgets: dict[str, float]) -> Any:
    """Whether each draw stays within every budget, in the shape of the projection's costs."""
    each = [projection[BUDGETS[name]] <= math.log10(budget) for name, budget in budgets.items()]
    return functools.reduce(operator.and_, each)


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
        From `affordability`.

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
