"""`required_gain`: by what factor something must improve to fit a budget, beside what past routes gave."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.hardware.tables import load_routes
from scaling_bayes.intervals import reported
from scaling_bayes.projection.affordability import BUDGETS, read_budget
from scaling_bayes.projection.project import project
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.trace.schema import annotate, group, manifest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_routes", "required_gain", "required_gain_in", "summarize_gain"]

#: What must improve alone, and by what each budget then asks of it.
LEVERS = {
    "price": ("budget_usd",),
    "energy_efficiency": ("carbon_kg",),
    "algorithms": ("budget_usd", "carbon_kg"),
}
#: Which budgets a route helps with, by its column `improves`. A lower product of energy and delay is counted
#: as if all of it were energy, the most it can be.
_HELPS = {
    "compute": {"budget_usd", "carbon_kg"},
    "energy": {"carbon_kg"},
    "energy_delay": {"carbon_kg"},
}


def required_gain(
    idata: xr.DataTree,
    *,
    budget_usd: float | None = None,
    carbon_kg: float | None = None,
    targets: Any = None,
    year: float | None = None,
    scenario: Scenario | str = "trend",
    kind: str = "predictive",
    hardware: xr.DataTree | None = None,
    random_seed: int | None = None,
) -> xr.DataTree:
    """Factor by which price, energy efficiency or algorithms must improve for a target to fit the budget.

    Each lever is pulled alone. ``price``: dollars per FLOP, cost over budget. ``energy_efficiency``: FLOP per
    joule at an unchanged grid, carbon over its budget. ``algorithms``: compute for the same error, the
    larger of both. Improvement that the scenario already counts on until `year` is not part of the factor.

    Parameters
    ----------
    idata, targets, scenario, kind, hardware, random_seed
        As in `project`.
    budget_usd, carbon_kg : float, optional
        As in `affordable`.
    year : float, optional
        By default the last year in the data.

    Returns
    -------
    DataTree
        Group ``gain`` with ``log10_gain`` (chain, draw, target, lever); 0 or less where the target already
        fits, ``inf`` where no compute suffices. `summarize_gain` and `compare_routes` tabulate it.

    Raises
    ------
    OptionError, TargetError, TraceError
        As `affordable`.
    """
    budgets = read_budget(budget_usd, carbon_kg)
    tree = project(idata, targets, year, kind, scenario=scenario, hardware=hardware, random_seed=random_seed)
    return required_gain_in(tree, **budgets)


def required_gain_in(
    tree: xr.DataTree, *, budget_usd: float | None = None, carbon_kg: float | None = None
) -> xr.DataTree:
    """As `required_gain`, from a projection with a scenario; of several years, the last.

    Raises
    ------
    OptionError
        If no budget is given, or one is not a finite number above 0.
    """
    budgets = read_budget(budget_usd, carbon_kg)
    projection = group(tree, "projection").isel(year=-1)
    over = {name: projection[BUDGETS[name]] - math.log10(budget) for name, budget in budgets.items()}
    gains = {}
    for lever, names in LEVERS.items():
        asked = [over[name] for name in names if name in over]
        if asked:
            gains[lever] = xr.concat(asked, "budget").max("budget")
    found = xr.concat(list(gains.values()), dim=xr.Variable("lever", np.array(list(gains), dtype=object)))
    answer = xr.DataTree.from_dict(
        {"/gain": annotate(xr.Dataset({"log10_gain": found.transpose("chain", "draw", "target", "lever")}))}
    )
    content = manifest(tree)
    content["projection"]["budgets"] = budgets
    answer.attrs["manifest"] = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return answer


def summarize_gain(answer: xr.DataTree) -> pd.DataFrame:
    """Quantiles of the gain each lever would have to give.

    Parameters
    ----------
    answer : DataTree
        From `required_gain`.

    Returns
    -------
    pandas.DataFrame
        One row per target and lever: ``task``, ``error``, ``note``, ``year``, ``lever``, the quantiles of
        log10 of the factor, ``none_needed`` (share of draws that fit already) and ``unreachable``.
    """
    import pandas as pd

    data = group(answer, "gain")
    rows = []
    for target in range(data.sizes["target"]):
        for lever in range(data.sizes["lever"]):
            cell = data["log10_gain"].isel(target=target, lever=lever)
            rows.append(
                {
                    **_about(cell),
                    "lever": str(cell["lever"].item()),
                    **reported(cell.values),
                    "none_needed": float((cell.values <= 0).mean()),
                    "unreachable": float(np.isposinf(cell.values).mean()),
                }
            )
    return pd.DataFrame(rows)


def _about(cell: xr.DataArray) -> dict[str, Any]:
    return {
        "task": str(cell["target_task"].item()),
        "error": float(cell["target_error"]),
        "note": str(cell["target_note"].item()),
        "year": float(cell["year"]),
    }


def compare_routes(answer: xr.DataTree) -> pd.DataFrame:
    """Set published routes beside the gain needed: the probability that one is enough, alone.

    A route that lowers compute is set against both budgets, one that lowers energy against the carbon budget
    only: where a dollar budget must hold too, it can be enough only if that holds already. Its factor is
    taken as log-uniform between the published ends. Gains of inference, of early ports or over other
    baselines count as if they applied to training now: the most a route can claim, not what it would give.

    Parameters
    ----------
    answer : DataTree
        From `required_gain`.

    Returns
    -------
    pandas.DataFrame
        One row per target and route: ``task``, ``error``, ``note``, ``year``, ``route``, ``improves``,
        ``factor_low``, ``factor_high``, ``probability_enough``, ``probability_enough_without`` (with no gain
        at all), ``citation``, ``url``, ``route_note``.
    """
    import pandas as pd

    data = group(answer, "gain")
    budgets = set(manifest(answer)["projection"]["budgets"])
    gains = {str(lever): data["log10_gain"].sel(lever=lever) for lever in data["lever"].values}
    over = {}
    if "budget_usd" in budgets:
        over["budget_usd"] = gains["price"]
    if "carbon_kg" in budgets:
        over["carbon_kg"] = gains["energy_efficiency"]
    routes = load_routes().to_dict(orient="records")
    rows = []
    for target in range(data.sizes["target"]):
        needed = {name: gain.isel(target=target) for name, gain in over.items()}
        about = _about(next(iter(needed.values())))
        for route in routes:
            low, high = math.log10(route["factor_low"]), math.log10(route["factor_high"])
            helps = _HELPS[route["improves"]]
            rows.append(
                {
                    **about,
                    **{name: route[name] for name in ("route", "improves", "factor_low", "factor_high")},
                    "probability_enough": _enough(needed, helps, low, high),
                    "probability_enough_without": _enough(needed, set(), 0.0, 0.0),
                    "citation": route["citation"],
                    "url": route["url"],
                    "route_note": route["note"],
                }
            )
    return pd.DataFrame(rows)


def _enough(needed: dict[str, xr.DataArray], helps: set[str], low: float, high: float) -> float:
    """Mean over draws of the probability that a log-uniform factor covers every budget it must."""
    helped = [gain.values for name, gain in needed.items() if name in helps]
    unhelped = [gain.values <= 0 for name, gain in needed.items() if name not in helps]
    shape = next(iter(needed.values())).shape
    enough = np.ones(shape)
    if helped:
        most = np.maximum(np.max(helped, axis=0), -1e300)
        width = high - low
        enough = np.clip((high - most) / width, 0.0, 1.0) if width > 0 else (most <= low).astype(float)
    return float((enough * np.all(unhelped, axis=0)).mean() if unhelped else enough.mean())
