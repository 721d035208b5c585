"""What a report states about cost and carbon, read once from a fit and a scenario, as plain tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.affordability import affordability_to_horizon, probability_by_year, read_budget
from scaling_bayes.projection.decompose import decompose
from scaling_bayes.projection.largest_machines import record_machine_time
from scaling_bayes.projection.required_gain import compare_routes, required_gain
from scaling_bayes.projection.summarize import summary
from scaling_bayes.text import CARBON, COMPUTE, COST, QUANTITIES, records
from scaling_bayes.trace.schema import group, manifest

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.trace.view import PosteriorView

#: Tasks beyond these have no decomposition, route or curve in the page, lest it grow without bound.
MOST_TASKS = 6


@dataclass(frozen=True)
class Budget:
    """A limit on money or carbon."""

    #: As the argument of `affordability` is called. One of ``budget_usd``, ``carbon_kg``.
    limits: str
    #: USD or kg CO2e.
    amount: float

    @property
    def label(self) -> str:
        """The budget in words: ``10 million USD``, ``10 thousand tonnes CO2e``."""
        about = QUANTITIES[COST if self.limits == "budget_usd" else CARBON]
        if self.amount < 0.01 or float(f"{self.amount:.2g}") != self.amount:
            return f"{self.amount:,.15g} {about.unit}"
        return about.stated(math.log10(self.amount))

    @property
    def asked(self) -> dict[str, float]:
        """The budget as arguments of `affordability`."""
        return {self.limits: self.amount}


#: Asked where no budget is given: a large project, the largest training runs of today, and a carbon budget.
DEFAULT_BUDGETS = (Budget("budget_usd", 1e7), Budget("budget_usd", 1e9), Budget("carbon_kg", 1e7))


@dataclass(frozen=True)
class Costs:
    """What a report states about cost and carbon. Tables have ``task`` and ``error``, one row per target."""

    #: What was assumed.
    scenario: Scenario
    #: From `Scenario.describe`.
    assumptions: pd.DataFrame
    #: Of the posterior of the hardware trends.
    hardware_digest: str
    #: Each holds alone.
    budgets: tuple[Budget, ...]
    #: For each budget, from `probability_by_year`.
    affordability: list[pd.DataFrame]
    #: For each budget, from `summary`.
    first_years: list[pd.DataFrame]
    #: For each budget, from `summary`, in the last year asked.
    gains: list[pd.DataFrame]
    #: For each budget, from `compare_routes`.
    routes: list[pd.DataFrame]
    #: The target of each of the first tasks that is set against routes, and decomposed if every draw reaches
    #: it.
    shown: list[tuple[str, float]]
    #: From `decompose`, of cost in the last year asked.
    decomposition: pd.DataFrame
    #: Task to the reason why its target has no decomposition.
    not_decomposed: dict[str, str]
    #: Quantiles of log10 days on the record machine: ``year``, ``unreachable`` too.
    record_machine: pd.DataFrame
    #: Quantity to its yardsticks, label to log10.
    yardsticks: dict[str, dict[str, float]]
    #: Compute and carbon, and the median log10 of their units for a dollar in the last year asked.
    scales: dict[str, float]

    @cached_property
    def first_year_of(self) -> dict[tuple[Budget | None, str, float], dict[str, Any]]:
        """Row of `first_years` of each budget and target."""
        return {
            (budget, row["task"], row["error"]): row
            for budget, frame in zip(self.budgets, self.first_years, strict=True)
            for row in records(frame)
        }

    @cached_property
    def within_budget(self) -> dict[tuple[Budget, str, float], list[tuple[float, float]]]:
        """Years and shares of draws within each budget, by target."""
        found: dict[tuple[Budget, str, float], list[tuple[float, float]]] = {}
        for budget, frame in zip(self.budgets, self.affordability, strict=True):
            columns = (frame[name].tolist() for name in ("task", "error", "year", "within_budget"))
            for task, error, year, share in zip(*columns, strict=True):
                found.setdefault((budget, task, error), []).append((year, share))
        return found

    @property
    def start(self) -> float:
        """First year asked whether a budget is enough."""
        return float(self.affordability[0]["year"].min())

    @property
    def horizon(self) -> float:
        """Last year asked whether a budget is enough."""
        return float(self.affordability[0]["year"].max())


def read_budgets(budget_usd: Any, carbon_kg: Any) -> tuple[Budget, ...]:
    """Budgets from one or several amounts of either kind; `DEFAULT_BUDGETS` where none is given.

    Raises
    ------
    OptionError
        If one is not a finite number above 0, or is given twice.
    """
    budgets = []
    for limits, amounts in (("budget_usd", budget_usd), ("carbon_kg", carbon_kg)):
        several = isinstance(amounts, Iterable) and not isinstance(amounts, (str, bytes))
        for amount in amounts if several else [amounts]:
            if amount is not None:
                given: dict[str, Any] = {"budget_usd": None, "carbon_kg": None, limits: amount}
                budgets.append(Budget(limits, read_budget(**given)[limits]))
    if len(set(budgets)) < len(budgets):
        raise OptionError("the same budget is given twice.")
    return tuple(budgets) or DEFAULT_BUDGETS


def read_costs(
    fit: PosteriorView,
    projected: xr.DataTree,
    scenario: Scenario,
    budgets: tuple[Budget, ...],
    leading: list[tuple[str, float]],
) -> Costs:
    """Ask a fit everything the report says about cost and carbon; `leading` has a target of each task."""
    asked = manifest(projected)["projection"]
    data = group(projected, "projection")
    targets = [
        (str(task), float(error))
        for task, error in zip(data["target_task"].values, data["target_error"].values, strict=True)
    ]
    answers = affordability_to_horizon(
        fit, targets, str(asked["kind"]), scenario, [budget.asked for budget in budgets]
    )
    gains = [required_gain(projected, **budget.asked) for budget in budgets]
    first = list(dict.fromkeys(task for task, _ in targets))[:MOST_TASKS]
    shown = sorted((one for one in leading if one[0] in first), key=lambda one: first.index(one[0]))
    decomposition, not_decomposed = _decomposed(projected, shown, targets)
    return Costs(
        scenario=scenario,
        assumptions=scenario.describe(),
        hardware_digest=str(asked["hardware_digest"]),
        budgets=budgets,
        affordability=[probability_by_year(answer) for answer in answers],
        first_years=[summary(answer) for answer in answers],
        gains=[summary(gain) for gain in gains],
        routes=[compare_routes(gain) for gain in gains],
        shown=shown,
        decomposition=decomposition,
        not_decomposed=not_decomposed,
        record_machine=summary(record_machine_time(projected)),
        yardsticks=cost_yardsticks(),
        scales=_per_dollar(data.isel(year=-1)),
    )


def _per_dollar(data: xr.Dataset) -> dict[str, float]:
    known = np.isfinite(data[COST].values)
    per_draw = {name: data[name].values[known] - data[COST].values[known] for name in (COMPUTE, CARBON)}
    return {name: float(np.median(x)) for name, x in per_draw.items() if x.size and np.isfinite(x).all()}


def _decomposed(
    projected: xr.DataTree, chosen: list[tuple[str, float]], targets: list[tuple[str, float]]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Decompose each target, or the hardest easier one of its task that every draw reaches."""
    cost = group(projected, "projection")[COST].isel(year=-1).transpose("target", "chain", "draw")
    sure = np.isfinite(cost.values).all(axis=(1, 2))
    reached = [target for target, always in zip(targets, sure, strict=True) if always]
    hardest = [
        min((each for each in reached if each[0] == task and each[1] >= error), default=(task, error))
        for task, error in chosen
    ]
    try:
        return decompose(projected, targets=hardest), {}
    except OptionError:
        frames: list[pd.DataFrame] = []
        refused: dict[str, str] = {}
    for target in hardest:
        try:
            frames.append(decompose(projected, targets=[target]))
        except OptionError as reason:
            refused[target[0]] = str(reason)
    empty = pd.DataFrame(columns=["task", "error", "source", "share", "share_alone", "sd"])
    return (pd.concat(frames, ignore_index=True) if frames else empty), refused


def cost_yardsticks() -> dict[str, dict[str, float]]:
    """The world's yearly economy and emissions, and what the latest record machine does in a year."""
    latest = load_table("yardsticks").sort_values("year").groupby("name").last().to_dict(orient="index")

    def one(name: str, label: str) -> dict[str, float]:
        return {label.format(int(latest[name]["year"])): math.log10(float(latest[name]["value"]))}

    return {
        "log10_training_compute_flop": one("record_machine_year", "record machine of {}, one year"),
        "log10_cost_usd": one("world_gdp", "world GDP of {}"),
        "log10_carbon_kg": one("world_co2", "world CO2 emissions of {}"),
    }
