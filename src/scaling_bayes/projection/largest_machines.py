"""A requirement against the record machine of a year and the largest runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.hardware.assumptions import draw_value
from scaling_bayes.hardware.posterior import read_hardware
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.affordability import ascending, first_year
from scaling_bayes.projection.conversion import trend_path
from scaling_bayes.projection.project import project, project_over
from scaling_bayes.projection.requirement import fit_seed
from scaling_bayes.projection.scenario import Scenario, read_scenario
from scaling_bayes.projection.scenario_draws import draw_trend, own_stream
from scaling_bayes.trace.schema import annotate, group, manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["meets_largest_run", "record_machine_days", "record_machine_rate"]

SECONDS_PER_DAY = 86400.0
_COMPUTE = "log10_training_compute_flop"
_MACHINE, _RUN, _UTILISATION = 37, 38, 39


def record_machine_rate(
    hardware: xr.DataTree, years: Floats, n: int, seed: int, *, until: float = np.inf
) -> Floats:
    """log10 Rmax of the record machine: as listed by TOP500 for past years, by the trend after.

    Parameters
    ----------
    hardware : DataTree
    years : ndarray, shape (year,)
        Years before the first list (1993) follow the trend too.
    n : int
        Number of draws.
    seed : int
    until : float
        Year in which improvement ends.

    Returns
    -------
    ndarray, shape (draw, year)
        log10 FLOP/s, Linpack in FP64.
    """
    table = load_table("record_machines")
    known, rate = table["year"].to_numpy(float), np.log10(table["rmax_flop_per_s"].to_numpy(float))
    years = np.minimum(years, until)
    draws = draw_trend(hardware, "record_machine", n, seed)
    at = np.broadcast_to(years, (n, len(years)))
    residual = draws.device_sd * own_stream(seed, _MACHINE).standard_normal(n)
    expected = trend_path(draws, at) + residual[:, np.newaxis]
    listed = rate[np.clip(np.searchsorted(known, np.floor(years), side="right") - 1, 0, len(rate) - 1)]
    later = np.maximum(expected, rate[-1])
    return np.where(years < known[0], expected, np.where(years < known[-1] + 1, listed, later))


def record_machine_days(
    idata: xr.DataTree,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    kind: str = "predictive",
    *,
    scenario: Scenario | str = "trend",
    hardware: xr.DataTree | None = None,
    random_seed: int | None = None,
) -> xr.DataTree:
    """Days that the record machine of the year would take: requirement over Linpack Rmax.

    Rmax is FP64 and sustained, a burden FP32 or bf16 at peak, so this is the length of a run at Rmax FLOP/s,
    not a claim that the machine would train the system.

    Parameters
    ----------
    idata, targets, years, kind, hardware, random_seed
        As in `project`.
    scenario : Scenario or str
        Whether algorithms and machines go on improving.

    Returns
    -------
    DataTree
        Group ``record_machine`` with ``log10_days`` (chain, draw, target, year) and ``log10_rmax_flop_per_s``
        (chain, draw, year).

    Raises
    ------
    OptionError, TargetError, TraceError
        As `project`.
    """
    chosen = read_scenario(scenario)
    trends = read_hardware(hardware)
    tree = project(idata, targets, years, kind, scenario=chosen, hardware=trends, random_seed=random_seed)
    compute = group(tree, "projection")[_COMPUTE]
    rate = _along(
        compute,
        record_machine_rate(
            trends,
            compute["year"].values,
            compute.sizes["chain"] * compute.sizes["draw"],
            fit_seed(idata, random_seed),
            until=_end_of_improvement(chosen),
        ),
    )
    found = xr.Dataset(
        {"log10_days": compute - rate - np.log10(SECONDS_PER_DAY), "log10_rmax_flop_per_s": rate}
    )
    return _answer("record_machine", found, tree)


def meets_largest_run(
    idata: xr.DataTree,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    kind: str = "predictive",
    *,
    scenario: Scenario | str = "trend",
    hardware: xr.DataTree | None = None,
    random_seed: int | None = None,
) -> xr.DataTree:
    """First year in which the extrapolated growth of the largest training runs reaches the requirement.

    The largest run's FLOP are divided by a utilisation to be a burden like the requirement. The growth is
    extrapolated as it was since 2009, without regard to what it would cost: ``log10_cost_usd_then`` says.

    Parameters
    ----------
    idata, targets, kind, hardware, random_seed
        As in `project`.
    years : iterable of float, optional
        Ascending; by default as in `affordable`.
    scenario : Scenario or str
        Whether algorithms go on improving, and what the run would cost.

    Returns
    -------
    DataTree
        Group ``largest_run`` with ``first_year`` (chain, draw, target; ``inf`` for not within the horizon),
        ``log10_cost_usd_then`` (the same dims; ``inf`` likewise) and ``log10_largest_run_flop`` (chain, draw,
        year), a burden. `summarize_first_year` tabulates it.

    Raises
    ------
    OptionError, TargetError, TraceError
        As `project`.
    """
    trends = read_hardware(hardware)
    chosen = read_scenario(scenario)
    tree = project_over(
        idata,
        targets,
        ascending(years, idata),
        kind,
        scenario=chosen,
        hardware=trends,
        random_seed=random_seed,
    )
    projection = group(tree, "projection")
    compute, seed = projection[_COMPUTE], fit_seed(idata, random_seed)
    n = compute.sizes["chain"] * compute.sizes["draw"]
    draws = draw_trend(trends, "largest_run", n, seed)
    at = np.broadcast_to(compute["year"].values, (n, compute.sizes["year"]))
    spread = draws.device_sd * own_stream(seed, _RUN).standard_normal(n)
    share = chosen.value("utilisation")
    utilisation = draw_value(
        "utilisation", 1.0 if share is None else share, n, own_stream(seed, _UTILISATION)
    )
    burden = trend_path(draws, at) + (spread - np.log10(np.minimum(utilisation, 1.0)))[:, np.newaxis]
    largest = _along(compute, burden)
    holds = largest >= compute
    year = first_year(holds)
    cost = projection["log10_cost_usd"].isel(year=holds.argmax("year")).drop_vars("year")
    found = xr.Dataset(
        {
            "first_year": year,
            "log10_cost_usd_then": cost.where(holds.any("year"), np.inf),
            "log10_largest_run_flop": largest,
        }
    )
    return _answer("largest_run", found, tree)


def _end_of_improvement(scenario: Scenario) -> float:
    ends = scenario.improvement in ("none", "stalled") and scenario.improvement_year is not None
    return float(scenario.improvement_year) if ends else np.inf  # type: ignore[arg-type]


def _along(compute: xr.DataArray, values: Floats) -> xr.DataArray:
    """Draws (draw, year) as an array with the chains, draws and years of a projection."""
    dims = ("chain", "draw", "year")
    return xr.DataArray(
        values.reshape([compute.sizes[dim] for dim in dims]),
        dims=dims,
        coords={dim: compute[dim] for dim in dims},
    )


def _answer(name: str, found: xr.Dataset, tree: xr.DataTree) -> xr.DataTree:
    answer = xr.DataTree.from_dict({f"/{name}": annotate(found)})
    answer.attrs["manifest"] = json.dumps(manifest(tree), sort_keys=True, ensure_ascii=False)
    return answer
