"""Draws of everything a scenario is uncertain about, paired with the draws of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.hardware.assumptions import draw_value
from scaling_bayes.hardware.grid import GROWTH_SD, grid_of
from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.hardware.trends import COMMITMENTS, FITTED_PERIODS, TRENDS, period_edges
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.trace.schema import group

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Edges of the periods of every year that can be asked for, and of the age of its hardware.
PERIODS = period_edges(1840.0, 2302.0)

#: What each drawn input belongs to when a projection's spread is decomposed.
DRAWN_GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "energy": "hardware trend",
        "price": "hardware trend",
        "log10_headroom": "hardware trend",
        "usd_doubling_year": "hardware trend",
        "energy_doubling_year": "hardware trend",
        "gain": "hardware trend",
        "hardware_age_year": "hardware trend",
        "age_gain": "hardware trend",
        "energy_residual": "device",
        "price_residual": "device",
        "chip_watt": "device",
        "peak_flop_per_s": "device",
        "server_power_ratio": "device",
        "offer_residual": "price level",
        "commitment": "price level",
        "usd_per_chip_hour": "price level",
        "electricity_usd_per_kwh": "price level",
        "service_year": "price level",
        "system_overhead": "price level",
        "site_residual": "grid and PUE",
        "grid_growth": "grid and PUE",
        "grid_kg_per_kwh": "grid and PUE",
        "pue": "grid and PUE",
        "utilisation": "device",
        "device_rank": "device",
    }
)
#: Correlation of the residuals of price and energy of one device: 0.51 over 59 devices with a purchase price,
#: 0.61 over 37 rented ones, in the tables. A chip with a high rate has it in both.
RESIDUAL_CORRELATION = 0.55


@dataclass(frozen=True)
class TrendDraws:
    """One trend, one value per draw."""

    #: Shape (draw,).
    level: Floats
    doubling_year: Floats
    device_sd: Floats
    #: Of every period of `PERIODS`: fitted where there are data, drawn from ``pace_sd`` elsewhere. Shape
    #: (draw, period).
    pace: Floats


def own_stream(seed: int, number: int) -> np.random.Generator:
    """Random numbers of one input, the same whatever other inputs are drawn."""
    return generator(seed, Stream.SCENARIO, number)


def draw_trend(hardware: xr.DataTree, label: str, n: int, seed: int) -> TrendDraws:
    """Draws of a trend for `n` draws of a fit: draw i of the fit takes draw i modulo N of the trends.

    Both are flattened chain by chain. The two posteriors are independent, so any pairing is as good; this one
    is fixed, so that a trace gives the same numbers every time.
    """
    if hardware is open_hardware():
        return _shipped_trend(label, n, seed)
    return _draw_trend(hardware, label, n, seed)


@lru_cache(maxsize=8)
def _shipped_trend(label: str, n: int, seed: int) -> TrendDraws:
    """Draws of a trend of the shipped posterior, which never changes; 3 MB for 4000 draws."""
    return _draw_trend(open_hardware(), label, n, seed)


def _draw_trend(hardware: xr.DataTree, label: str, n: int, seed: int) -> TrendDraws:
    posterior = paired(hardware, n)
    position = [trend.label for trend in TRENDS].index(label)
    fitted = posterior["pace"].sel(pace_group=TRENDS[position].pace_group).values.astype(float)
    pace_sd = posterior["pace_sd"].values.astype(float)
    pace = np.exp(pace_sd[:, None] * own_stream(seed, position).standard_normal((n, len(PERIODS) - 1)))
    first = int(np.searchsorted(PERIODS, FITTED_PERIODS[0]))
    pace[:, first : first + fitted.shape[1]] = fitted
    values = posterior.sel(trend=label)
    level, doubling, device_sd = (
        values[name].values.astype(float) for name in ("level", "doubling_year", "device_sd")
    )
    return TrendDraws(level, doubling, device_sd, pace)


def paired(hardware: xr.DataTree, n: int) -> xr.Dataset:
    """The posterior of the trends with `n` draws along ``sample``, first dimension, repeated as needed."""
    posterior = group(hardware, "posterior").stack(sample=("chain", "draw"), create_index=False)
    posterior = posterior.transpose("sample", ...)
    return posterior.isel(sample=np.arange(n) % posterior.sizes["sample"])


def draw_inputs(
    scenario: Scenario, hardware: xr.DataTree, n: int, seed: int, *, kind: str, of_operations: bool = False
) -> dict[str, Any]:
    """Everything `scenario` is uncertain about, `n` draws each.

    Parameters
    ----------
    hardware : DataTree
        From `open_hardware` or `fit_hardware`.
    n : int
        Number of draws, those of the fit.
    seed : int
        Of everything that is not in the posterior of the trends.
    kind : {"predictive", "mean"}
        Whether a given device, offer and site differ from the typical one.
    of_operations : bool
        Whether compute is counted in operations done, which takes how far a run uses its devices.

    Returns
    -------
    dict
        By name of `DRAWN_GROUPS`; `TrendDraws` for ``energy`` and ``price``, else arrays of shape (draw,).
        Inputs that the scenario does not use are absent.
    """
    price = f"{scenario.price_quantity} {scenario.device_class}"
    if price not in {trend.label for trend in TRENDS}:
        price = f"cloud {scenario.device_class}"
    posterior = paired(hardware, n)
    inputs: dict[str, Any] = {
        "energy": draw_trend(hardware, f"energy {scenario.device_class}", n, seed),
        "price": draw_trend(hardware, price, n, seed),
        "log10_headroom": posterior["log10_headroom"].values.astype(float),
    }
    spread = 1.0 if kind == "predictive" else 0.0

    def normal(number: int) -> Floats:
        return spread * own_stream(seed, number).standard_normal(n)

    shared, rest = normal(30), np.sqrt(1 - RESIDUAL_CORRELATION**2)
    inputs["energy_residual"] = inputs["energy"].device_sd * shared
    of_price = RESIDUAL_CORRELATION * shared + rest * normal(31)
    inputs["price_residual"] = inputs["price"].device_sd * of_price
    if scenario.price_quantity == "cloud":
        offer = posterior["provider_sd"].values * normal(32) + posterior["offer_sd"].values * normal(33)
        inputs["offer_residual"] = offer
        inputs["age_gain"] = posterior["age_gain"].values.astype(float)
        if scenario.price in COMMITMENTS:
            gain = posterior["commitment_gain"].sel(commitment=scenario.price)
            inputs["commitment"] = gain.values.astype(float)
    grid = grid_of(scenario.region)
    inputs["site_residual"] = grid.log_sd / np.log(10.0) * normal(34)
    growth = scenario.value("grid_growth_per_year")
    inputs["grid_growth"] = (
        grid.growth_per_year + GROWTH_SD * own_stream(seed, 35).standard_normal(n)
        if growth is None
        else draw_value("grid_growth_per_year", growth, n, own_stream(seed, 35))
    )
    for number, name in enumerate(DRAWN_GROUPS, start=40):
        used = name in _ASSUMED or (of_operations and name == "utilisation")
        value = scenario.value(name) if used else None
        if value is not None:
            inputs[name] = draw_value(name, value, n, own_stream(seed, number))
    if of_operations:
        inputs["device_rank"] = own_stream(seed, 37).random(n) if kind == "predictive" else np.full(n, 0.5)
    headroom = scenario.value("energy_headroom")
    if headroom is not None:
        inputs["log10_headroom"] = np.log10(draw_value("energy_headroom", headroom, n, own_stream(seed, 36)))
    return inputs


_ASSUMED = frozenset(
    {
        "usd_doubling_year",
        "energy_doubling_year",
        "gain",
        "hardware_age_year",
        "chip_watt",
        "peak_flop_per_s",
        "server_power_ratio",
        "usd_per_chip_hour",
        "electricity_usd_per_kwh",
        "service_year",
        "system_overhead",
        "grid_kg_per_kwh",
        "pue",
    }
)
