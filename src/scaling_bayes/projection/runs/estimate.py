"""`estimate_run`: what one training run costs, emits and reaches, from whatever is known of it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.options import check_seed
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.posterior import hardware_digest, read_hardware
from scaling_bayes.projection.counted import counted, refuse_own_unit
from scaling_bayes.projection.devices import boards_per, find_device
from scaling_bayes.projection.extrapolation import extrapolation_sentences, reach_of
from scaling_bayes.projection.predict import error_reached
from scaling_bayes.projection.project import project
from scaling_bayes.projection.reached import reached_sentences
from scaling_bayes.projection.runs.assumed import read_assumed
from scaling_bayes.projection.runs.known import Known, read_amount, read_known
from scaling_bayes.projection.runs.rates import (
    AMOUNT_STREAM,
    GIVEN,
    SOURCES,
    added,
    draw,
    rate_of,
    run_rates,
    total,
)
from scaling_bayes.projection.targets import check_year
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.text import error_text, task_label
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Variables of an answer: the rate that each is, times the device-hours, its unit and meaning.
QUANTITIES: Mapping[str, tuple[str, str, str]] = {
    "log10_flop": ("flop", "log10(FLOP)", "log10 of the arithmetic done in training"),
    "log10_device_hours": ("hours", "log10(device h)", "log10 of devices times hours"),
    "log10_energy_kwh": ("kwh", "log10(kWh)", "log10 of the energy drawn by the facility, PUE included"),
    "log10_cost_usd": ("usd", "log10(USD)", "log10 of the price of the computation"),
    "log10_carbon_kg": ("kg", "log10(kg CO2e)", "log10 of the emission from generating that energy"),
    "log10_embodied_kg": ("making", "log10(kg CO2e)", "log10 of the run's share in making the devices"),
}
_CHAINS, _DRAWS = 4, 1000


def estimate_run(
    flop: Any = None,
    *,
    parameters: Any = None,
    tokens: Any = None,
    active_parameters: Any = None,
    device_hours: Any = None,
    devices: Any = None,
    days: Any = None,
    budget_usd: Any = None,
    energy_kwh: Any = None,
    carbon_kg: Any = None,
    trace: xr.DataTree | None = None,
    target: Any = None,
    task: str | Iterable[str] | None = None,
    year: float | None = None,
    device: str | None = None,
    precision: str | None = None,
    counted: str = "boards",
    embodied: Any = False,
    hardware: xr.DataTree | None = None,
    random_seed: int = 0,
    without: Collection[str] = (),
    **assumed: Any,
) -> xr.DataTree:
    """What one training run takes: arithmetic, device-hours, energy, money and carbon, one value per draw.

    Give exactly one of what is known of its size: `flop`; `parameters` and `tokens`; `device_hours`;
    `devices` and `days`; a budget (`budget_usd`, `energy_kwh` or `carbon_kg`: what does it buy?); or a
    `target` of a `trace`. Each amount is a number, a text such as ``"70B"``, a ``(median, (lower, upper))``
    pair with the 90 % interval, or a `Prior`.

    Per draw, with P the dense peak rate of the device and u its utilisation, an hour of a device does
    ``3600 P u`` FLOP, draws ``board power x server_power_ratio x PUE``, costs the price of the day and emits
    what the grid does for that energy; hours times each is the answer.

    Parameters
    ----------
    flop : optional
        Arithmetic of the run, in FLOP, or a text with a unit: ``"3640 PFLOP/s-days"``.
    parameters, tokens, active_parameters : optional
        FLOP are 6 x parameters x tokens (Kaplan et al. 2020); of a mixture of experts with
        `active_parameters`, those a token passes through, in place of all.
    device_hours, devices, days : optional
        Boards of the accelerators table, or what `counted` says. Beside another form, `devices` gives the
        length of the run.
    budget_usd, energy_kwh, carbon_kg : optional
        Budget in USD of the day, in energy of the facility (PUE included), or in kg CO2e, of making the
        devices too with `embodied`.
    trace : DataTree, optional
        A fit, for `target` or `task`.
    target : optional
        One target of `trace`, as for `project`: ``{"imagenet": 0.05}``.
    task : str, optional
        A task of `trace`, or several: adds the error that the run reaches, of one new system in that year.
    year : float, optional
        Year of the run; by default this one.
    device : str, optional
        Device by its name in the accelerators table or a clear part of it. By default each draw has one of
        the devices of `device_class` in use in that year.
    precision : {"bf16", "fp16", "tf32", "fp32", "int8"}, optional
        Whose dense peak rate the utilisation is a share of; by default 16-bit matrix rates, FP32 of devices
        without.
    counted : {"boards", "chips", "cores"}
        What `devices` and `device_hours` count. Cores are those of TPUs.
    embodied : bool, number, pair or Prior
        Whether emissions of making the device and its share of the server are told too, spread over its
        service life; or kg CO2e per device.
    hardware : DataTree, optional
        Posterior of the hardware trends, from `fit_hardware`; by default the shipped one.
    random_seed : int
        Seed of everything that is drawn beside the trace.
    without : collection of str
        Systems of the tables whose device is left out of those in use, for checks.
    **assumed
        ``device_class``, ``price`` and ``region`` as for `Scenario`, and its assumptions by name, such as
        ``utilisation``, ``pue``, ``grid_kg_per_kwh``, ``usd_per_chip_hour`` (what is paid, electricity
        included), ``chip_watt``: a number, pair or `Prior`. What is left out comes from the posterior or the
        table of assumptions. Without `region` or ``grid_kg_per_kwh`` the place is not known: the grid is that
        of any cloud region.

    Returns
    -------
    DataTree
        Group ``run``, dims (chain, draw): the variables of `QUANTITIES`, all log10; ``log10_days`` where
        `devices` are given; ``error`` (chain, draw, task) with `task`. Group ``sources``: each quantity as
        the sum of the parts of ``source``. `summary` tabulates the first, `decompose` the second. The
        manifest records what was given and assumed.

    Raises
    ------
    OptionError
        If the run's size is not given in exactly one form, a name or value is not valid, or a value looks
        like one in another unit: cores for devices, FLOP/s for FLOP, a sparse rate for a dense one.
    TargetError
        If the year is none, or the target invalid.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> run = sb.estimate_run(parameters="7B", tokens="2T", year=2024, device="H100 SXM5", utilisation=0.4)
    >>> hours = 6 * 7e9 * 2e12 / (989.4e12 * 0.4 * 3600)
    >>> round(10 ** float(run["run/log10_device_hours"].median()) / hours, 6)
    1.0
    """
    when = check_year(datetime.datetime.now(tz=datetime.UTC).year if year is None else year)
    check_seed(random_seed)
    name = None if device is None else find_device(str(device))
    boards = boards_per(counted, name)
    sizes = {"flop": flop, "parameters": parameters, "tokens": tokens, "active_parameters": active_parameters}
    sizes |= {"device_hours": device_hours, "devices": devices, "days": days, "target": target}
    sizes |= {"budget_usd": budget_usd, "energy_kwh": energy_kwh, "carbon_kg": carbon_kg}
    known = read_known(sizes, boards, counted)
    chosen = read_assumed(assumed, name, precision, when, embodied)
    view = _fit(trace, target, task)
    sizes_of = {"chain": _CHAINS, "draw": _DRAWS} if view is None else view.posterior.sizes
    shape = (sizes_of["chain"], sizes_of["draw"])
    n, trends = shape[0] * shape[1], read_hardware(hardware)
    label, rates = run_rates(chosen, trends, n, random_seed, without)
    notes: list[str] = []
    if known.quantity == "target" and view is not None:
        known, given, notes = _target(view, target, when)
    else:
        given = _amount(known, n, random_seed)
    hours = added({GIVEN: given}, {s: -part for s, part in rate_of(known.quantity, rates).items()})
    if np.isposinf(total(hours, n)).all() and np.isfinite(given).any():
        raise OptionError(f"{known.text} buys without end: a device takes none of it. Give another budget.")

    coords = {"chain": range(shape[0]), "draw": range(shape[1])}

    def labelled(values: Floats) -> xr.DataArray:
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw"), coords=coords)

    variables, of_sources = {}, {}
    for variable, (quantity, units, meaning) in QUANTITIES.items():
        if quantity in rates:
            parts = added(hours, rates[quantity])
            about_it = {"units": units, "long_name": meaning}
            variables[variable] = (("chain", "draw"), total(parts, n).reshape(shape), about_it)
            each = np.stack([parts.get(source, np.zeros(n)) for source in SOURCES]).astype(np.float32)
            of_sources[variable] = (("source", "chain", "draw"), each.reshape(-1, *shape), about_it)
    run = xr.Dataset(variables, coords)
    sources = xr.Dataset(of_sources, {"source": list(SOURCES), **coords})
    count = None if devices is None else draw(read_amount("devices", devices), n, random_seed, AMOUNT_STREAM)
    if count is not None and known.quantity != "hours":
        run["log10_days"] = labelled(total(hours, n) - np.log10(24.0 * boards * count))
        run["log10_days"].attrs = {"units": "log10(day)", "long_name": "log10 of the length of the run"}
    if view is not None and task is not None:
        burden = labelled(total(added(hours, rates["burden"]), n))
        run["error"] = _errors(view, task, run["log10_flop"], burden, when)
    tree = xr.DataTree.from_dict({"/run": run, "/sources": sources})
    about = {
        "known": known.text,
        "rule": known.rule,
        "year": when,
        "device": label,
        "devices": None if count is None else float(np.median(count) * boards),
        "region": chosen.place,
        "notes": notes + ([] if view is None or task is None else _notes(view, run, when)),
        "assumptions": chosen.described(label),
        "random_seed": random_seed,
        "hardware_digest": hardware_digest(trends),
    }
    tree.attrs["manifest"] = json.dumps({"kind": "run", "run": about}, sort_keys=True, ensure_ascii=False)
    return tree


def _fit(trace: Any, target: Any, task: Any) -> PosteriorView | None:
    """The fit that a target or task is of."""
    if trace is None:
        if target is not None or task is not None:
            raise OptionError(
                "target and task are of a fit; give trace, such as open_trace('reference-2026.12')."
            )
        return None
    if target is None and task is None:
        raise OptionError("trace is for a target or a task; give one of them.")
    return PosteriorView.of(trace)


def _amount(known: Known, n: int, seed: int) -> Floats:
    """log10 of the amount that is known, shape (draw,)."""
    factors = enumerate(known.factors.values(), start=AMOUNT_STREAM)
    found: Floats = np.log10(known.scale) + sum(
        np.log10(draw(value, n, seed, number)) for number, value in factors
    )
    return found


def _target(view: PosteriorView, target: Any, year: float) -> tuple[Known, Floats, list[str]]:
    """What a target is, counted as its fit counts, log10 of how much of it, shape (draw,), and notes."""
    refuse_own_unit(view, "a run")
    answer = project(view, target, year)
    projected = group(answer, "projection")
    if projected.sizes["target"] != 1:
        raise OptionError(
            f"found {projected.sizes['target']} targets; a run has one, such as {{'imagenet': 0.05}}."
        )
    task, error = str(projected["target_task"].values[0]), float(projected["target_error"].values[0])
    compute = projected["log10_training_compute_flop"].isel(target=0, year=0)
    known = Known(
        "flop" if counted(view) == ARITHMETIC else "burden",
        {},
        1.0,
        f"{task_label(task)} at {error_text(error)}",
    )
    notes = reached_sentences(answer) + extrapolation_sentences(answer)
    return known, compute.transpose("chain", "draw").values.ravel(), notes


def _notes(view: PosteriorView, run: xr.Dataset, year: float) -> list[str]:
    """How far beyond the data of its fit an error is told."""
    reach = reach_of(view)
    notes = []
    if reach["last_year"] is not None and year - reach["last_year"] > 1:
        notes.append(
            f"{year:g} is {year - reach['last_year']:.0f} years after the last system of the fit; "
            "algorithmic progress is extrapolated until then."
        )
    for name in run["task"].values:
        lowest = reach["tasks"][str(name)]["lowest_error"]
        error = float(run["error"].sel(task=name).median())
        if error < lowest:
            found, known = error_text(error), error_text(lowest)
            notes.append(f"{task_label(str(name))}: {found} is below the lowest error in the data, {known}.")
    return notes


def _errors(
    view: PosteriorView, task: Any, flop: xr.DataArray, burden: xr.DataArray, year: float
) -> xr.DataArray:
    """Error that a run reaches in each task, dims (chain, draw, task)."""
    tasks = [task] if isinstance(task, str) else list(task)
    compute = flop if counted(view) == ARITHMETIC else burden
    each = [
        error_reached(view, name, compute, year).drop_vars(["task", "system"], errors="ignore")
        for name in tasks
    ]
    found: xr.DataArray = xr.concat(each, "task").assign_coords(task=tasks)
    found = found.transpose("chain", "draw", "task")
    found.attrs = {"units": "1", "long_name": "error of one new system trained so"}
    return found
