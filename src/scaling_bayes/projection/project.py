"""`project`: from the posterior to what a target error needs, in compute, money and carbon."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.options import check_seed
from scaling_bayes.hardware.posterior import hardware_digest, open_hardware, read_hardware
from scaling_bayes.projection.conversion import add_costs, conversions
from scaling_bayes.projection.counted import counted, offset, per_operation, read_count, refuse_own_unit
from scaling_bayes.projection.extrapolation import (
    reach_of,
    refuse_impossible,
    refuse_without_date,
    refuse_years,
    yearly,
)
from scaling_bayes.projection.requirement import Requirement, ask
from scaling_bayes.projection.scenario import Scenario, read_scenario
from scaling_bayes.projection.scenario_draws import draw_inputs
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.trace.schema import annotate
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPUTE = "log10_training_compute_flop"
#: Asks for every year of the horizon.
YEARLY = "yearly"


def project(
    idata: xr.DataTree | PosteriorView,
    targets: Any = None,
    years: float | Iterable[float] | str | None = None,
    kind: str = "predictive",
    *,
    scenario: Scenario | str | None = None,
    count: str | None = None,
    hardware: xr.DataTree | None = None,
    random_seed: int | None = None,
) -> xr.DataTree:
    """Training compute each target error needs, and its cost, energy and carbon, one value per draw.

    Per draw, ``x = reference + (g(error) - intercept - residual) / slope - progress * (year - reference
    year)``, the model's equation solved for compute; all in log10 FLOP. It is at least one pass over the
    training data, where the table of tasks has one (`scaling_bayes.systems.tasks.load_tasks`).

    `affordability`, `required_gain`, `record_machine_time`, `largest_run_year` and `decompose` take what this
    gives; `summary` tabulates it.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    targets : mapping, DataFrame or iterable of pairs, optional
        ``{task: error or errors}``, a table with columns ``task`` and ``error``, or (task, error) pairs.
        By default the targets of the 2020 paper's table; for other tasks the best error in the data, half
        of it and a tenth of it.
    years : float, iterable of float, range or "yearly", optional
        Years in which the target is to be reached; algorithmic progress, where it is in the model, goes on
        until then. By default the last year in the data, with no progress after it. ``"yearly"`` is every
        year from 2020 (or that of the first system, if later) to 2100. It and a `range` are a horizon, in
        which the first year that something holds is looked for: by its end the requirement may have fallen
        below one operation, which is refused where single years are named.
    kind : {"predictive", "mean"}
        ``predictive``: the compute of one new system, with the noise between systems; with a scenario, on one
        device, offer and site. ``mean``: where the task's line itself reaches the target, on typical ones.
    scenario : Scenario or str, optional
        Adds cost, energy and carbon: a `Scenario`, or ``thompson2020``, ``trend``, ``stalled`` or
        ``accelerated``.
    count : {"arithmetic", "burden"}, optional
        Whether compute is told in operations done, or in hardware burdens (time of the devices x FP32 peak
        rate), of which a run uses a share. By default as the fit counts. Cost and carbon are those of the
        same run either way.
    hardware : DataTree, optional
        Posterior of the hardware trends, from `fit_hardware`; by default the shipped one.
    random_seed : int, optional
        Seed of the noise of ``predictive`` and of what a scenario assumes; by default the seed of the fit, so
        that a trace always gives the same numbers.

    Returns
    -------
    DataTree
        Group ``projection`` with ``log10_training_compute_flop`` (chain, draw, target, year), and
        ``target_task``, ``target_error``, ``target_note`` along ``target``; with a scenario also
        ``log10_cost_usd``, ``log10_energy_kwh`` (facility, PUE included) and ``log10_carbon_kg``, and group
        ``hardware`` with the draws of the conversions (chain, draw, year) they were made with. A draw in
        which no compute reaches the target is ``inf`` in all. The same noise serves all targets and years of
        a task in a draw, so that they compare. The manifest records the scenario, the digest of the
        hardware posterior and how far the data reach; `extrapolation` sets the answers beside that. Groups
        ``posterior``, ``constant_data`` and ``observed_data`` are those of `idata`, not copied.

    Raises
    ------
    TargetError
        If a target or year is invalid; all invalid targets are listed. A year before the first system of the
        fit or after 2100 is, and one (not of a horizon) in which the median requirement is below one
        operation.
    OptionError
        If `kind` or `scenario` is unknown or the seed invalid, or a scenario is given though the fit has
        compute in a unit of the user's own.
    TraceError
        If `idata` is not a fit, or `hardware` no posterior of the trends.
    """
    view = PosteriorView.of(idata)
    if random_seed is not None:
        check_seed(random_seed)
    chosen = None if scenario is None else read_scenario(scenario)
    seed = view.seed if random_seed is None else random_seed
    progress = "continuing" if chosen is None else chosen.algorithmic_progress
    for given, what in ((chosen, "a scenario"), (count, "count")):
        if given is not None:
            refuse_own_unit(view, what)
    reach, told_in = reach_of(view), read_count(count, view)
    every_year = isinstance(years, str) and years == YEARLY
    horizon = every_year or isinstance(years, range)
    listed: Any = yearly(reach) if every_year else years
    asked = ask(view, targets, listed, kind, seed, progress=progress)
    if chosen is not None and chosen.depends_on_year:
        refuse_without_date(asked.year.values.tolist())
    refuse_years(asked.year.values.tolist(), reach)
    projection = _dataset(asked)
    of_operations = counted(view) == ARITHMETIC
    entry: dict[str, Any] = {
        "kind": kind,
        "years": asked.year.values.tolist(),
        "horizon": horizon,
        "progress_continues": years is not None and progress != "frozen",
        "algorithmic_progress": progress,
        "count": told_in,
        "random_seed": seed,
        "data": reach,
    }
    groups = {}
    if chosen is not None:
        trends = read_hardware(hardware)
        groups["/hardware"] = convert(
            projection, chosen, trends, seed, kind=kind, of_operations=of_operations
        )
        projection = add_costs(projection, groups["/hardware"])
        entry |= {
            "scenario": chosen.to_dict(),
            "assumptions": chosen.describe().to_dict(orient="records"),
            "hardware_digest": hardware_digest(trends),
        }
    told = offset(view, told_in, seed)
    if np.any(told):
        away = xr.DataArray(told, dims=("chain", "draw"))
        projection = projection.assign({_COMPUTE: projection[_COMPUTE] + away})
        for name in ("log10_flop_per_usd", "log10_flop_per_kwh"):
            if "/hardware" in groups:
                groups["/hardware"][name] = groups["/hardware"][name] + away
    groups["/projection"] = projection
    if not horizon:
        refuse_impossible(projection, reach)
    made = {name: annotate(dataset, view.unit) for name, dataset in groups.items()}
    shared = {"/posterior": view.posterior, "/constant_data": view.constant, "/observed_data": view.observed}
    tree = xr.DataTree.from_dict(made | shared)
    content = {**view.manifest, "projection": entry}
    tree.attrs["manifest"] = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return tree


def convert(
    draws: xr.Dataset,
    scenario: Scenario,
    hardware: xr.DataTree,
    seed: int,
    *,
    kind: str,
    of_operations: bool,
) -> xr.Dataset:
    """Conversions of a scenario for the draws and years of a projection, dims (chain, draw, year)."""
    sizes = [draws.sizes[dim] for dim in ("chain", "draw", "year")]
    n, years = sizes[0] * sizes[1], tuple(draws["year"].values.tolist())
    if hardware is open_hardware():
        converted = _shipped_conversions(scenario, n, years, seed, kind, of_operations)
    else:
        converted = _conversions(scenario, hardware, n, np.array(years), seed, kind, of_operations)
    dims = ("chain", "draw", "year")
    return xr.Dataset(
        {name: (dims, values.reshape(sizes).copy()) for name, values in converted.items()},
        coords={dim: draws[dim] for dim in dims},
    )


@lru_cache(maxsize=4)
def _shipped_conversions(
    scenario: Scenario, n: int, years: tuple[float, ...], seed: int, kind: str, of_operations: bool
) -> dict[str, NDArray[np.float64]]:
    """Conversions by the shipped posterior, which never changes; 8 MB for 4000 draws and 81 years.

    Another target, task or budget needs the same ones.
    """
    return _conversions(scenario, open_hardware(), n, np.array(years), seed, kind, of_operations)


def _conversions(
    scenario: Scenario, hardware: xr.DataTree, n: int, years: Any, seed: int, kind: str, of_operations: bool
) -> dict[str, NDArray[np.float64]]:
    inputs = draw_inputs(scenario, hardware, n, seed, kind=kind, of_operations=of_operations)
    return per_operation(conversions(scenario, inputs, years), scenario, inputs, years)


def _dataset(asked: Requirement) -> xr.Dataset:
    return xr.Dataset({_COMPUTE: asked.log10_compute()}).assign_coords(asked.coords)
