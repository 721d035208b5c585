"""From a burden to dollars, kilowatt-hours and kilograms, per draw and year, in log10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.hardware.equations import (
    BASE_YEAR,
    HEADROOM_YEAR,
    JOULE_PER_KWH,
    LOG10_2,
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    elapsed,
    saturating,
    trend,
)
from scaling_bayes.hardware.grid import coal_at_most, grid_of
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.scenario_draws import PERIODS, TrendDraws

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def trend_path(draws: TrendDraws, years: Floats, doubling_year: Floats | None = None) -> Floats:
    """Values of a trend at years that may differ between draws.

    Parameters
    ----------
    years : ndarray, shape (draw, year)
    doubling_year : ndarray, shape (draw,), optional
        Doubling time from `BASE_YEAR` on, in place of the fitted one and its pace.

    Returns
    -------
    ndarray, shape (draw, year)
        log10, in the unit of the trend.
    """
    progress = elapsed(years, draws.pace, PERIODS)
    fitted: Floats = trend(draws.level[:, None], draws.doubling_year[:, None], progress)
    if doubling_year is None:
        return fitted
    own = draws.level[:, None] + LOG10_2 / doubling_year[:, None] * (years - BASE_YEAR)
    return np.where(years > BASE_YEAR, own, fitted)


def conversions(scenario: Scenario, inputs: dict[str, Any], years: Floats) -> dict[str, Floats]:
    """What a dollar buys and a kilowatt-hour does and emits, per draw and year.

    Parameters
    ----------
    inputs : dict
        From `draw_inputs`, or with what `trend_paths` gives in place of the trends.
    years : ndarray, shape (year,)
        Decimal years.

    Returns
    -------
    dict of ndarray, shape (draw, year)
        ``log10_flop_per_usd``, with electricity as the floor of the price; ``log10_flop_per_kwh`` of the
        facility, server and PUE included; ``log10_kg_per_kwh`` of the grid.
    """
    if "energy" in inputs:
        inputs = inputs | trend_paths(scenario, inputs, years)
    per_kwh = _flop_per_joule(inputs) + np.log10(JOULE_PER_KWH)
    per_kwh = per_kwh - _log10(inputs["server_power_ratio"]) - _log10(inputs["pue"])
    capital = _flop_per_usd(scenario, inputs)
    electricity = per_kwh - _log10(inputs["electricity_usd_per_kwh"])
    return {
        "log10_flop_per_usd": saturating(capital, electricity),
        "log10_flop_per_kwh": per_kwh,
        "log10_kg_per_kwh": _kg_per_kwh(scenario, inputs, years),
    }


def trend_paths(scenario: Scenario, inputs: dict[str, Any], years: Floats) -> dict[str, Floats]:
    """Typical hardware of each year, all that conversions take of the trends: log10, shape (draw, year).

    ``energy_path`` is FLOP per joule, ``price_path`` FLOP per dollar of the board or of its hours;
    ``own_energy_path`` and ``own_price_path`` are those of the year of a device or price that is given.
    """
    doubling = inputs.get("energy_doubling_year")

    def energy(at: Floats) -> Floats:
        path = trend_path(inputs["energy"], _release(scenario, inputs, at), doubling)
        chips_of = np.full((len(path), 1), HEADROOM_YEAR)
        ceiling = trend_path(inputs["energy"], chips_of, doubling) + inputs["log10_headroom"][:, np.newaxis]
        saturated: Floats = saturating(path + _gain(scenario, inputs, at), ceiling)
        return saturated

    def price(at: Floats) -> Floats:
        path = trend_path(inputs["price"], _release(scenario, inputs, at), inputs.get("usd_doubling_year"))
        improved: Floats = path + _gain(scenario, inputs, at)
        return improved

    found = {"energy_path": energy(years), "price_path": price(years)}
    if "chip_watt" in inputs:
        found["own_energy_path"] = energy(_own_year(scenario))
    if "usd_per_chip_hour" in inputs:
        found["own_price_path"] = price(_own_year(scenario))
    return found


def _log10(values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        column: Floats = np.log10(values)[:, np.newaxis]
    return column


def _release(scenario: Scenario, inputs: dict[str, Any], years: Floats) -> Floats:
    """Release of the hardware in use in each year, shape (draw, year)."""
    until = scenario.improvement_year
    if until is not None and scenario.improvement == "none":
        years = np.full_like(years, until)
    elif until is not None and scenario.improvement == "stalled":
        years = np.minimum(years, until)
    age: Floats = inputs["hardware_age_year"]
    return years - age[:, np.newaxis]


def _gain(scenario: Scenario, inputs: dict[str, Any], years: Floats) -> Floats | float:
    if scenario.improvement != "accelerated" or scenario.improvement_year is None:
        return 0.0
    return np.where(years >= scenario.improvement_year, _log10(inputs["gain"]), 0.0)


def _flop_per_joule(inputs: dict[str, Any]) -> Floats:
    if "chip_watt" not in inputs:
        level: Floats = inputs["energy_residual"][:, np.newaxis]
    else:
        own = _log10(inputs["peak_flop_per_s"]) - _log10(inputs["chip_watt"])
        level = own - inputs["own_energy_path"]
    path: Floats = inputs["energy_path"]
    return path + level


def _flop_per_usd(scenario: Scenario, inputs: dict[str, Any]) -> Floats:
    """Before the floor of electricity."""
    path: Floats = inputs["price_path"]
    if "usd_per_chip_hour" in inputs:
        per_hour = _log10(inputs["peak_flop_per_s"]) + np.log10(SECONDS_PER_HOUR)
        own = per_hour - _log10(inputs["usd_per_chip_hour"])
        level: Floats = own - inputs["own_price_path"]
        return path + level
    level = inputs["price_residual"][:, np.newaxis]
    if scenario.price == "purchase":
        seconds = _log10(inputs["service_year"]) + np.log10(SECONDS_PER_YEAR)
        level = level + seconds - _log10(inputs["system_overhead"])
    else:
        offer = inputs["offer_residual"] + inputs["age_gain"] * inputs["hardware_age_year"]
        level = level + (offer + inputs.get("commitment", 0.0))[:, np.newaxis]
    return path + level


def _own_year(scenario: Scenario) -> Floats:
    return np.array([float(scenario.value("own_year"))])  # type: ignore[arg-type]


def _kg_per_kwh(scenario: Scenario, inputs: dict[str, Any], years: Floats) -> Floats:
    growth = inputs["grid_growth"]
    if "grid_kg_per_kwh" in inputs:
        own = _log10(inputs["grid_kg_per_kwh"])
        later = np.maximum(years - _own_year(scenario), 0.0)
        path = own + growth[:, np.newaxis] * later / np.log(10.0)
        return coal_at_most(path, own)
    grid = grid_of(scenario.region)
    site: Floats = inputs["site_residual"][:, np.newaxis]
    return grid.log10_kg_per_kwh(years, growth) + site


def add_costs(projection: xr.Dataset, converted: xr.Dataset) -> xr.Dataset:
    """Add cost, energy and carbon to a projection of compute.

    ``log10 USD = log10 FLOP - log10 FLOP/USD``; ``log10 kWh = log10 FLOP - log10 FLOP/kWh``; ``log10 kg =
    log10 kWh + log10 kg/kWh``. Where no compute suffices all three are ``inf``.

    Parameters
    ----------
    projection : Dataset
        With ``log10_training_compute_flop`` (chain, draw, target, year).
    converted : Dataset
        ``log10_flop_per_usd``, ``log10_flop_per_kwh`` and ``log10_kg_per_kwh`` (chain, draw, year).
    """
    compute = projection["log10_training_compute_flop"].variable
    found = log10_costs(compute, {str(name): values.variable for name, values in converted.items()})
    reached = np.isfinite(compute)
    if not reached.all():
        # Endless energy from a grid without carbon would be NaN.
        found["log10_carbon_kg"] = found["log10_carbon_kg"].where(reached, compute)
    return projection.assign(found)


def log10_costs(compute: Any, converted: Mapping[str, Any]) -> dict[str, Any]:
    """Cost, energy and carbon of a compute, as in `add_costs`, of arrays or of variables of xarray."""
    energy = compute - converted["log10_flop_per_kwh"]
    return {
        "log10_cost_usd": compute - converted["log10_flop_per_usd"],
        "log10_energy_kwh": energy,
        "log10_carbon_kg": energy + converted["log10_kg_per_kwh"],
    }
