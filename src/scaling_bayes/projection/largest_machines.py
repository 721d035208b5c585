"""A requirement against the record machine of a year and the largest runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scaling_bayes.hardware.assumptions import Value, draw_value
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.affordability import first_year
from scaling_bayes.projection.conversion import trend_path
from scaling_bayes.projection.projected import ProjectionView
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.scenario_draws import draw_trend, own_stream
from scaling_bayes.systems.counts import ARITHMETIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SECONDS_PER_DAY = 86400.0
_COMPUTE = "log10_training_compute_flop"
_MACHINE, _RUN, _UTILISATION = 37, 38, 39


def record_machine_rate(
    hardware: xr.DataTree, years: Floats, n: int, seed: int, *, until: float = np.inf
) -> Floats:
    """log10 Rmax of the record machine: as listed by TOP500 for past years, by the trend after.

    Parameters
    ----------
    years : ndarray, shape (year,)
        Years before the first list (1993) follow the trend too.
    n : int
        Number of draws.
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


def largest_run(
    hardware: xr.DataTree, years: Floats, n: int, seed: int, *, utilisation: Value | None = None
) -> Floats:
    """log10 of the FLOP of the largest training run by the trend, shape (draw, year).

    Parameters
    ----------
    years : ndarray, shape (year,)
    n : int
        Number of draws.
    utilisation : number or Prior, optional
        With one the FLOP are a burden; by default, the arithmetic done.
    """
    draws = draw_trend(hardware, "largest_run", n, seed)
    spread = draws.device_sd * own_stream(seed, _RUN).standard_normal(n)
    share = draw_value(
        "utilisation", 1.0 if utilisation is None else utilisation, n, own_stream(seed, _UTILISATION)
    )
    expected = trend_path(draws, np.broadcast_to(years, (n, len(years))))
    return expected + (spread - np.log10(np.minimum(share, 1.0)))[:, np.newaxis]


def record_machine_time(projection: xr.DataTree, *, hardware: xr.DataTree | None = None) -> xr.DataTree:
    """Days that the record machine of the year would take: requirement over Linpack Rmax.

    Rmax is FP64 and sustained, a burden FP32 or bf16 at peak, so this is the length of a run at Rmax FLOP/s,
    not a claim that the machine would train the system.

    Parameters
    ----------
    projection : DataTree
        From `project`, with a scenario, which says whether algorithms and machines go on improving.
    hardware : DataTree, optional
        The posterior of the hardware trends that the projection was made with; by default the shipped one.

    Returns
    -------
    DataTree
        Group ``record_machine`` with ``log10_days`` (chain, draw, target, year) and ``log10_rmax_flop_per_s``
        (chain, draw, year). `summary` tabulates it.

    Raises
    ------
    OptionError
        If the projection has no scenario.
    TargetError
        If a median requirement of a horizon is below one operation.
    TraceError
        If it is not a projection, or `hardware` not what it was made with.
    """
    view = ProjectionView.of(projection, "record_machine_time")
    until = _end_of_improvement(view.scenario)
    trends = view.hardware(hardware)
    view.refuse_impossible(view.data)
    compute = view.data[_COMPUTE]
    n = compute.sizes["chain"] * compute.sizes["draw"]
    rate = _along(compute, record_machine_rate(trends, compute["year"].values, n, view.seed, until=until))
    found = xr.Dataset(
        {"log10_days": compute - rate - np.log10(SECONDS_PER_DAY), "log10_rmax_flop_per_s": rate}
    )
    return view.answered("record_machine", found)


def largest_run_year(projection: xr.DataTree, *, hardware: xr.DataTree | None = None) -> xr.DataTree:
    """First year in which the extrapolated growth of the largest training runs reaches the requirement.

    Where the requirement is a burden, the largest run's FLOP are divided by a utilisation. The growth is
    extrapolated as it was since 2009, without regard to what it would cost: ``log10_cost_usd_then`` says.

    Parameters
    ----------
    projection : DataTree
        From `project`, with several ascending years, as for `affordability`, and a scenario: whether
        algorithms go on improving, and what the run would cost.
    hardware : DataTree, optional
        The posterior of the hardware trends that the projection was made with; by default the shipped one.

    Returns
    -------
    DataTree
        Group ``largest_run`` with ``first_year`` (chain, draw, target; ``inf`` for not within the horizon),
        ``log10_cost_usd_then`` (the same dims; ``inf`` likewise) and ``log10_largest_run_flop`` (chain, draw,
        year), counted as the requirement is. `summary` tabulates it.

    Raises
    ------
    OptionError
        If the projection has no scenario.
    TargetError
        If its years are not several, ascending.
    TraceError
        If it is not a projection, or `hardware` not what it was made with.
    """
    view = ProjectionView.of(projection, "largest_run_year")
    share = None if view.asked.get("count") == ARITHMETIC else view.scenario.value("utilisation")
    view.refuse_single_year()
    trends = view.hardware(hardware)
    compute, seed = view.data[_COMPUTE], view.seed
    n = compute.sizes["chain"] * compute.sizes["draw"]
    burden = largest_run(trends, compute["year"].values, n, seed, utilisation=share)
    largest = _along(compute, burden)
    holds = largest >= compute
    cost = view.data["log10_cost_usd"].isel(year=holds.argmax("year")).drop_vars("year")
    found = xr.Dataset(
        {
            "first_year": first_year(holds),
            "log10_cost_usd_then": cost.where(holds.any("year"), np.inf),
            "log10_largest_run_flop": largest,
        }
    )
    return view.answered("largest_run", found)


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
