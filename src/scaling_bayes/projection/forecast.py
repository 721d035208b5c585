"""`forecast`: which error a compute or a budget reaches, year by year; `project` the other way round."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.options import check_seed
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.posterior import hardware_digest, read_hardware
from scaling_bayes.intervals import reported
from scaling_bayes.projection.affordability import read_budget
from scaling_bayes.projection.counted import counted, refuse_own_unit
from scaling_bayes.projection.extrapolation import (
    reach_of,
    reach_sentences,
    refuse_without_date,
    refuse_years,
    yearly,
)
from scaling_bayes.projection.project import YEARLY, convert
from scaling_bayes.projection.requirement import ask
from scaling_bayes.projection.runs.known import read_amount
from scaling_bayes.projection.runs.words import flop_in_words, interval_in_words
from scaling_bayes.projection.scenario import read_scenario
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.text import CARBON, COST, QUANTITIES
from scaling_bayes.trace.schema import annotate, group, manifest
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.projection.scenario import Scenario

#: What can be given; with both budgets, both hold in each draw.
GIVEN = ("flop", "budget_usd", "carbon_kg")
#: Names the tasks of a requirement of which only the lines are asked for.
_ANY_ERROR = 0.5


def forecast(
    idata: xr.DataTree | PosteriorView,
    tasks: str | Iterable[str] | None = None,
    years: float | Iterable[float] | str | None = None,
    kind: str = "predictive",
    *,
    flop: Any = None,
    budget_usd: Any = None,
    carbon_kg: Any = None,
    scenario: Scenario | str = "trend",
    hardware: xr.DataTree | None = None,
    random_seed: int | None = None,
) -> xr.DataTree:
    """Error that a compute or a budget reaches, year by year: `project` the other way round.

    Draw by draw the inverse of `project`: an error is reached with a budget in just the draws in which the
    cost of that error is within it. So shares and intervals of both agree.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    tasks : str or iterable of str, optional
        By default all of the fit.
    years : float, iterable of float or "yearly", optional
        As for `project`; by default the last year in the data.
    kind : {"predictive", "mean"}
        ``predictive``: the error of one new system, bought on one device, offer and site. ``mean``: that of
        the task's line, on typical ones.
    flop : number, text or iterable of them, optional
        Training compute in FLOP, counted as the fit counts it: operations done, where it says how its
        table's compute was counted. A text such as ``"1e23"`` or ``"314 ZFLOP"`` is read too.
    budget_usd, carbon_kg : number or iterable of numbers, optional
        Budget in USD of the year, and in kg CO2e; with both, every pair, and both hold in the same draw.
    scenario : Scenario or str
        Prices, electricity and algorithms after the data.
    hardware : DataTree, optional
        Posterior of the hardware trends, from `fit_hardware`; by default the shipped one.
    random_seed : int, optional
        By default the seed of the fit, so that a trace always gives the same numbers.

    Returns
    -------
    DataTree
        Group ``forecast``: ``error`` and ``log10_training_compute_flop`` (chain, draw, task, amount, year),
        and along ``amount`` what was given: ``flop``, ``budget_usd``, ``carbon_kg``. `summary` tabulates it,
        `plot_forecast` draws it.

    Raises
    ------
    OptionError
        If neither compute nor a budget is given, or both are, or an amount, `kind` or `scenario` is invalid.
    TargetError
        If a task is not of the fit, or a year is none, before the data, after 2100, or missing for a budget.
    TraceError
        If `idata` is not a fit, or `hardware` no posterior of the trends.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> found = sb.forecast(sb.open_trace("reference-2026.12"), "imagenet", 2030, budget_usd=1e6)
    >>> sb.summary(found)["budget_usd"].item()
    1000000.0
    """
    view = PosteriorView.of(idata)
    refuse_own_unit(view, "forecast")
    if random_seed is not None:
        check_seed(random_seed)
    seed = view.seed if random_seed is None else random_seed
    chosen, trends, reach = read_scenario(scenario), read_hardware(hardware), reach_of(view)
    given = _amounts(flop, budget_usd, carbon_kg)
    named = [tasks] if isinstance(tasks, str) else list(view.tasks if tasks is None else tasks)
    listed: Any = yearly(reach) if isinstance(years, str) and years == YEARLY else years
    asked = ask(
        view,
        [(task, _ANY_ERROR) for task in named],
        listed,
        kind,
        seed,
        progress=chosen.algorithmic_progress,
    )
    refuse_years(asked.year.values.tolist(), reach)
    along = ("chain", "draw", "year")
    if "flop" in given:
        compute = xr.DataArray(np.log10(given["flop"]), dims="amount")
    else:
        if chosen.depends_on_year:
            refuse_without_date(asked.year.values.tolist())
        sizes = {"chain": view.posterior["chain"], "draw": view.posterior["draw"], "year": asked.year}
        bought = convert(
            xr.Dataset(coords=sizes),
            chosen,
            trends,
            seed,
            kind=kind,
            of_operations=counted(view) == ARITHMETIC,
        )
        per = {
            "budget_usd": bought["log10_flop_per_usd"],
            "carbon_kg": bought["log10_flop_per_kwh"] - bought["log10_kg_per_kwh"],
        }
        limits = [xr.DataArray(np.log10(given[name]), dims="amount") + per[name] for name in given]
        compute = limits[0]
        for other in limits[1:]:
            compute = compute.where(compute <= other, other)
    found = xr.Dataset({"error": asked.error(compute)})
    found["log10_training_compute_flop"] = compute.broadcast_like(found["error"])
    found = found.assign_coords(target=[target.task for target in asked.targets])
    found = found.rename(target="task").transpose(*along[:2], "task", "amount", "year")
    found = found.reset_coords(drop=True).assign_coords(
        {name: ("amount", np.array(amounts)) for name, amounts in given.items()}
    )
    entry = {
        "kind": kind,
        "random_seed": seed,
        "scenario": chosen.to_dict(),
        "assumptions": chosen.describe().to_dict(orient="records"),
        "hardware_digest": hardware_digest(trends),
        "data": reach,
    }
    tree = xr.DataTree.from_dict({"/forecast": annotate(found)})
    tree.attrs["manifest"] = json.dumps(
        {**view.manifest, "forecast": entry}, sort_keys=True, ensure_ascii=False
    )
    return tree


def forecast_rows(answer: xr.DataTree) -> list[dict[str, Any]]:
    """One row per task, amount and year, for `summary`: quantiles of the error, and words."""
    rows = []
    for about, errors, _ in _cells(answer):
        ends = reported(errors)
        words = interval_in_words("error", ends)
        rows.append({**about, "quantity": "error", "unit": "1", **ends, "in_words": words})
    return rows


def amount_label(row: Mapping[str, Any]) -> str:
    """What a row of `forecast_rows` is given, in words: ``1 million USD and 10 tonnes CO2e``."""
    usd, carbon = QUANTITIES[COST].stated, QUANTITIES[CARBON].stated
    words = (("flop", flop_in_words), ("budget_usd", usd), ("carbon_kg", carbon))
    return " and ".join(write(math.log10(row[name])) for name, write in words if name in row)


def forecast_sentences(answer: xr.DataTree) -> list[str]:
    """How far a forecast goes beyond the data of its fit, in words."""
    import pandas as pd

    reach = manifest(answer)["forecast"]["data"]
    rows = []
    for about, errors, compute in _cells(answer):
        known, error = reach["tasks"][about["task"]], float(np.median(errors))
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = float(np.log10(known["lowest_error"]) - np.log10(error))
        largest = float(np.median(compute)) - known["largest_log10_compute"]
        rows.append({**about, "log10_error_beyond": beyond, "log10_compute_beyond": largest})
    return reach_sentences(pd.DataFrame(rows), reach)


def _cells(
    answer: xr.DataTree,
) -> Iterator[tuple[dict[str, Any], NDArray[np.float64], NDArray[np.float64]]]:
    """Each task, amount and year, with the draws of its error and of its log10 compute."""
    data = group(answer, "forecast")
    given = [name for name in GIVEN if name in data.coords]
    for task, amount, year in np.ndindex(*(data.sizes[dim] for dim in ("task", "amount", "year"))):
        cell = data.isel(task=task, amount=amount, year=year)
        about = {"task": str(cell["task"].item()), **{name: float(cell[name]) for name in given}}
        about["year"] = float(cell["year"])
        yield about, cell["error"].values, cell["log10_training_compute_flop"].values


def _amounts(flop: Any, budget_usd: Any, carbon_kg: Any) -> dict[str, list[float]]:
    """Amounts that are given, by name, those of two budgets in pairs."""
    budgets = budget_usd is not None or carbon_kg is not None
    if (flop is not None) == budgets:
        found = "both compute and a budget" if budgets else "neither compute nor a budget"
        raise OptionError(
            f"found {found}; expected flop (FLOP), or a budget: budget_usd (USD), "
            "carbon_kg (kg CO2e), or both of these."
        )
    if not budgets:
        return {"flop": [_number(each) for each in _listed(flop)]}
    pairs = [read_budget(usd, kg) for usd, kg in product(_listed(budget_usd), _listed(carbon_kg))]
    if not pairs:
        raise OptionError("no budget: expected at least one amount.")
    return {name: [pair[name] for pair in pairs] for name in pairs[0]}


def _number(flop: Any) -> float:
    amount = read_amount("flop", flop)
    if not isinstance(amount, (int, float)):
        raise OptionError(f"flop={flop!r} is uncertain; expected one number, or several in a list.")
    return float(amount)


def _listed(amounts: Any) -> list[Any]:
    several = isinstance(amounts, Iterable) and not isinstance(amounts, (str, bytes))
    return list(amounts) if several else [amounts]
