"""`required_gain`: by what factor something must improve to fit a budget, beside what past routes gave."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scaling_bayes.hardware.tables import load_routes
from scaling_bayes.projection.affordability import BUDGETS, read_budget
from scaling_bayes.projection.projected import ProjectionView
from scaling_bayes.trace.schema import group, manifest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: What must improve alone, and by what each budget then asks of it.
LEVERS = {
    "price": ("budget_usd",),
    "energy_efficiency": ("carbon_kg",),
    "algorithms": ("budget_usd", "carbon_kg"),
}
#: The lever whose gain says how far each budget is exceeded.
_LIMITED = {"budget_usd": "price", "carbon_kg": "energy_efficiency"}
#: Which budgets a route helps with, by its column `improves`. A lower product of energy and delay is counted
#: as if all of it were energy, the most it can be.
_HELPS = {
    "compute": {"budget_usd", "carbon_kg"},
    "energy": {"carbon_kg"},
    "energy_delay": {"carbon_kg"},
}


def required_gain(
    projection: xr.DataTree, *, budget_usd: float | None = None, carbon_kg: float | None = None
) -> xr.DataTree:
    """Factor by which price, energy efficiency or algorithms must improve for a target to fit the budget.

    Each lever is pulled alone. ``price``: dollars per FLOP, cost over budget. ``energy_efficiency``: FLOP per
    joule at an unchanged grid, carbon over its budget. ``algorithms``: compute for the same error, the
    larger of both. Improvement that the scenario already counts on until then is not part of the factor.

    Parameters
    ----------
    projection : DataTree
        From `project`, with a scenario; of several years, the last.
    budget_usd, carbon_kg : float, optional
        As in `affordability`.

    Returns
    -------
    DataTree
        Group ``gain`` with ``log10_gain`` (chain, draw, target, lever); 0 or less where the target already
        fits, ``inf`` where no compute suffices. `summary` and `compare_routes` tabulate it.

    Raises
    ------
    OptionError
        If no budget is given, one is not a finite number above 0, or the projection has no scenario.
    TargetError
        If the median requirement of the last year of a horizon is below one operation.
    TraceError
        If it is not a projection.
    """
    budgets = read_budget(budget_usd, carbon_kg)
    view = ProjectionView.of(projection, "required_gain")
    _ = view.scenario  # refused without one
    view.refuse_impossible(view.data.isel(year=[-1]))
    asked = view.data.isel(year=-1)
    over = {name: asked[BUDGETS[name]] - math.log10(budget) for name, budget in budgets.items()}
    gains = {}
    for lever, names in LEVERS.items():
        limits = [over[name] for name in names if name in over]
        if limits:
            gains[lever] = xr.concat(limits, "budget").max("budget")
    found = xr.concat(list(gains.values()), dim=xr.Variable("lever", np.array(list(gains), dtype=object)))
    gain = xr.Dataset({"log10_gain": found.transpose("chain", "draw", "target", "lever")})
    return view.answered("gain", gain, budgets=budgets)


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
    gains = data["log10_gain"].transpose("lever", "target", ...).values
    of_lever = dict(zip(map(str, data["lever"].values), gains.reshape(*gains.shape[:2], -1), strict=True))
    over = {name: of_lever[lever] for name, lever in _LIMITED.items() if name in budgets}
    year, routes = float(data["year"]), load_routes().to_dict(orient="records")
    columns = (data[f"target_{name}"].values.tolist() for name in ("task", "error", "note"))
    rows = []
    for target, (task, error, note) in enumerate(zip(*columns, strict=True)):
        needed = {name: gain[target] for name, gain in over.items()}
        within = {improves: _needed(needed, helps) for improves, helps in _HELPS.items()}
        without = _enough(*_needed(needed, set()), 0.0, 0.0)
        for route in routes:
            low, high = math.log10(route["factor_low"]), math.log10(route["factor_high"])
            rows.append(
                {
                    "task": task,
                    "error": error,
                    "note": note,
                    "year": year,
                    **{name: route[name] for name in ("route", "improves", "factor_low", "factor_high")},
                    "probability_enough": _enough(*within[route["improves"]], low, high),
                    "probability_enough_without": without,
                    "citation": route["citation"],
                    "url": route["url"],
                    "route_note": route["note"],
                }
            )
    return pd.DataFrame(rows)


def _needed(needed: dict[str, Floats], helps: set[str]) -> tuple[Floats | None, NDArray[np.bool_] | None]:
    """What a gain must cover of the budgets it helps with, and whether the others hold; None for none."""
    helped = [gain for name, gain in needed.items() if name in helps]
    unhelped = [gain <= 0 for name, gain in needed.items() if name not in helps]
    most = np.maximum(np.max(helped, axis=0), -1e300) if helped else None
    return most, np.all(unhelped, axis=0) if unhelped else None


def _enough(most: Floats | None, others: NDArray[np.bool_] | None, low: float, high: float) -> float:
    """Mean over draws of the probability that a log-uniform factor covers every budget it must."""
    if most is None:
        return 1.0 if others is None else float(others.mean())
    width = high - low
    enough = np.clip((high - most) / width, 0.0, 1.0) if width > 0 else (most <= low).astype(float)
    return float(enough.mean() if others is None else (enough * others).mean())
