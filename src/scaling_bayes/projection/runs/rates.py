"""What an hour of a device does, draws, costs and emits, per draw, as sums over the sources of spread."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.priors import Prior
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.assumptions import Value
from scaling_bayes.hardware.equations import SECONDS_PER_HOUR, SECONDS_PER_YEAR
from scaling_bayes.hardware.grid import anywhere
from scaling_bayes.projection.conversion import conversions
from scaling_bayes.projection.devices import Devices, devices_in_use, named_device
from scaling_bayes.projection.runs.assumed import Assumed
from scaling_bayes.projection.runs.price import price_residual
from scaling_bayes.projection.scenario_draws import draw_inputs, own_stream

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: log10 of a quantity by the source of its spread; the parts add up. Each of shape (draw,).
type Rate = dict[str, Floats]

GIVEN, UTILISATION, DEVICE, PRICE, SITE, GRID, MAKING = (
    "size of the run",
    "utilisation",
    "device",
    "price",
    "server and PUE",
    "grid",
    "making of the device",
)
#: Sources of the spread of a run's quantities, in order.
SOURCES = (GIVEN, UTILISATION, DEVICE, PRICE, SITE, GRID, MAKING)
#: Parts of a scenario's stream of random numbers; from the last on those of the amounts given.
_UTILISATION, _MAKING, _DEVICE, _OWN, _PLACE, _PRICE, AMOUNT_STREAM = 80, 81, 82, 83, 88, 89, 90


def draw(value: Value, n: int, seed: int, number: int) -> Floats:
    """Draws of a number or belief, shape (n,)."""
    return value.draw(own_stream(seed, number), n) if isinstance(value, Prior) else np.full(n, float(value))


def run_rates(
    chosen: Assumed, hardware: xr.DataTree, n: int, seed: int, without: Collection[str]
) -> tuple[str, dict[str, Rate]]:
    """The device in words, and log10 of what an hour of it is.

    Returns
    -------
    str
    dict of Rate
        ``flop`` (arithmetic), ``burden`` (at peak as burdens count it), ``hours`` (1), ``kwh`` (of the
        facility), ``usd``, ``kg`` (CO2e of the grid) and, where asked for, ``making`` (kg CO2e).
    """
    inputs = draw_inputs(chosen.scenario, hardware, n, seed, kind="predictive")
    owned = {
        name: draw(value, n, seed, number)
        for number, (name, value) in enumerate(chosen.own.items(), start=_OWN)
    }
    on = _device(chosen, inputs, owned, n, seed, without)
    label = f"{chosen.scenario.price_quantity} {on.device_class}"
    if "usd_per_chip_hour" not in owned:
        of_price = own_stream(seed, _PRICE)
        inputs["price_residual"] = price_residual(on.names, label, hardware, inputs, of_price)
    inputs |= {
        **owned,
        "peak_flop_per_s": 10**on.log10_burden_peak,
        "chip_watt": owned.get("chip_watt", on.board_watt),
        # Hardware that came out within the year of the run is new.
        "hardware_age_year": np.maximum(chosen.year - on.release, 0.01),
    }
    found = {
        name: values[:, 0]
        for name, values in conversions(chosen.scenario, inputs, np.array([chosen.year])).items()
    }
    utilisation = np.minimum(draw(chosen.utilisation, n, seed, _UTILISATION), 1.0)
    an_hour = np.log10(SECONDS_PER_HOUR)
    burden, board = on.log10_burden_peak + an_hour, np.log10(inputs["chip_watt"] / 1000)
    grid = found["log10_kg_per_kwh"]
    if chosen.anywhere:
        grid = anywhere(chosen.year, n, own_stream(seed, _PLACE))
    kwh = {DEVICE: board, SITE: burden - found["log10_flop_per_kwh"] - board}
    rates: dict[str, Rate] = {
        "flop": {DEVICE: on.log10_peak + an_hour, UTILISATION: np.log10(utilisation)},
        "burden": {DEVICE: burden},
        "hours": {},
        "kwh": kwh,
        "usd": {PRICE: burden - found["log10_flop_per_usd"]},
        "kg": {**kwh, GRID: grid},
    }
    if chosen.embodied is not None:
        hours = inputs["service_year"] * SECONDS_PER_YEAR / SECONDS_PER_HOUR
        rates["making"] = {MAKING: np.log10(draw(chosen.embodied, n, seed, _MAKING) / hours)}
    return on.label, rates


def _device(
    chosen: Assumed,
    inputs: dict[str, Any],
    owned: dict[str, Floats],
    n: int,
    seed: int,
    without: Collection[str],
) -> Devices:
    """The device of each draw."""
    peak = np.log10(owned["peak_flop_per_s"]) if "peak_flop_per_s" in owned else None
    if chosen.device is not None:
        on = named_device(chosen.device, chosen.precision, n)
        if on.release[0] >= np.floor(chosen.year) + 1:
            raise OptionError(
                f"{chosen.device} was released in {on.release[0]:.1f}; a run in {chosen.year:g} "
                "could not use it."
            )
        return on if peak is None else dataclasses.replace(on, log10_peak=peak)
    device_class = chosen.scenario.device_class
    if peak is not None:
        release = np.full(n, chosen.year)
        names = np.full(n, "", dtype=object)
        return Devices("own device", device_class, names, peak, peak, owned["chip_watt"], release)
    return devices_in_use(
        device_class,
        chosen.precision,
        chosen.year,
        n,
        own_stream(seed, _DEVICE),
        inputs["energy"],
        inputs["log10_headroom"],
        without,
    )


def rate_of(quantity: str, rates: dict[str, Rate]) -> Rate:
    """Rate of a quantity; a budget of carbon pays for the making of the devices too."""
    if quantity != "kg" or "making" not in rates:
        return rates[quantity]
    both = {**rates["kg"], MAKING: np.zeros_like(rates["making"][MAKING])}
    share = rates["making"][MAKING] - total(rates["kg"], len(both[MAKING]))
    return {**both, MAKING: np.logaddexp(0.0, share * np.log(10.0)) / np.log(10.0)}


def added(one: Rate, other: Rate) -> Rate:
    """Sum of two quantities in log10, source by source."""
    return {source: np.asarray(one.get(source, 0.0) + other.get(source, 0.0)) for source in {**one, **other}}


def total(parts: Rate, n: int) -> Floats:
    """Sum over the sources, shape (n,)."""
    return sum(parts.values(), np.zeros(n))
