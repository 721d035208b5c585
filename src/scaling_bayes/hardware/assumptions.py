"""What a scenario assumes beside the fitted trends: each a number or a prior, with its unit and source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.priors import Prior, as_prior
from scaling_bayes.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ASSUMPTIONS", "Assumption", "Value", "draw_value", "format_value", "read_value"]

#: A known number, or a belief.
Value = float | Prior


@dataclass(frozen=True)
class Assumption:
    """One replaceable quantity of a scenario.

    Attributes
    ----------
    unit, meaning, source : str
        As printed wherever a scenario's numbers are.
    default : float, Prior or None
        None where the fitted trends or the tables give it.
    least : float
        Smallest value that makes sense; draws below are raised to it.
    signed : bool
        Whether it may be negative; a pair then becomes normal.
    """

    unit: str
    meaning: str
    source: str
    default: Value | None = None
    least: float = 0.0
    signed: bool = False


_OWN = "the fitted trends"

ASSUMPTIONS: Mapping[str, Assumption] = MappingProxyType(
    {
        "usd_per_chip_hour": Assumption("USD", "price of one chip for an hour", _OWN),
        "peak_flop_per_s": Assumption("FLOP/s", "peak rate of one chip, as burdens count it", _OWN),
        "chip_watt": Assumption("W", "power of one chip's board", _OWN),
        "own_year": Assumption("year", "year in which own price, rate and power hold", "the user", 2020.0),
        "usd_doubling_year": Assumption("year", "doubling time of FLOP per USD from 2020", _OWN),
        "energy_doubling_year": Assumption("year", "doubling time of FLOP per joule from 2020", _OWN),
        "energy_headroom": Assumption(
            "1", "limit of energy efficiency over chips of 2023", "Ho, Erdil & Besiroglu 2023"
        ),
        "gain": Assumption(
            "1",
            "one-off factor in FLOP per USD and per joule",
            "3x to 30x: a tenfold step, as tensor units gave in 2017 (8x) and 2020 (16x), Epoch AI",
            Prior.from_interval(10.0, 3.0, 30.0),
        ),
        "hardware_age_year": Assumption(
            "year",
            "age of the hardware in use",
            "publication minus release of 568 dated systems: 2.6, 90 % 0.9 to 5.1 (ml_systems)",
            Prior.from_interval(2.5, 1.1, 5.5),
        ),
        "server_power_ratio": Assumption(
            "1",
            "power of a chip with its share of the server over its board power",
            "Patterson et al. 2021, measured: P100 271 W of 250, V100 325 W of 300; with the host of large "
            "servers up to 1.6 (BLOOM: 1.0 without, 1.6 with the cluster's idle power, Luccioni et al. 2023)",
            Prior.from_interval(1.1, 0.8, 1.5),
        ),
        "pue": Assumption(
            "1",
            "facility energy over computing energy",
            "1.10 (hyperscale, Google 2021) to 1.58 (industry average, Uptime Institute)",
            Prior.from_interval(1.25, 1.05, 1.5),
            least=1.0,
        ),
        "grid_kg_per_kwh": Assumption("kg CO2e/kWh", "carbon intensity in the own year", "the region's grid"),
        "grid_growth_per_year": Assumption(
            "1/year",
            "growth of the natural log of grid intensity after the last record",
            "the region's grid",
            signed=True,
        ),
        "electricity_usd_per_kwh": Assumption(
            "USD/kWh",
            "price of electricity, the floor of the price of computing",
            "US industrial average 0.067 (2020) to 0.080 (2023), EIA; other places half to twice",
            Prior.from_interval(0.075, 0.04, 0.15),
        ),
        "service_year": Assumption(
            "year",
            "years of full use a bought chip gives",
            "depreciation over 4 to 6 years, less idle time; wide on purpose",
            Prior.from_interval(3.5, 2.0, 6.0),
        ),
        "system_overhead": Assumption(
            "1",
            "price of chips with server and network over price of chips",
            "Cottier et al. 2024: hardware 47-67 % of cost, of which servers 15-22, network 9-13",
            Prior.from_interval(2.0, 1.5, 2.8),
        ),
        "utilisation": Assumption(
            "1",
            "model FLOP over burden of the largest runs",
            "58 runs that report it: 0.38, 90 % 0.20 to 0.58 (utilisation)",
            Prior.from_interval(0.38, 0.22, 0.6),
        ),
    }
)

#: TPU hosts and cooling are inside the rated power that is published for TPUs.
TPU_SERVER_POWER = Prior.from_interval(0.75, 0.5, 1.1)
TPU_SERVER_POWER_SOURCE = "Patterson et al. 2021, measured: TPU v2 221 W of 280, v3 283 W of 450"


def read_value(name: str, value: Any) -> Value:
    """Read a user's number, pair, `Prior` or PreliZ distribution for an assumption.

    Raises
    ------
    OptionError
        If there is no such assumption or the value makes no sense for it.
    """
    if name not in ASSUMPTIONS:
        raise OptionError(f"{name!r} is not an assumption of a scenario; there are {', '.join(ASSUMPTIONS)}.")
    about = ASSUMPTIONS[name]
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        number = float(value)
        if not math.isfinite(number) or (number < about.least and not about.signed):
            raise OptionError(f"{name}={number:g} {about.unit}: expected at least {about.least:g}, finite.")
        zero_ok = about.signed or name in ("electricity_usd_per_kwh", "grid_kg_per_kwh")
        if number == 0 and not zero_ok:
            raise OptionError(f"{name}=0 {about.unit}: expected a number above 0.")
        return number
    return as_prior(name, value, positive=not about.signed)


def draw_value(name: str, value: Value, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw an assumption, shape (n,); a number is the same in every draw and takes no random numbers."""
    if not isinstance(value, Prior):
        return np.full(n, value)
    about = ASSUMPTIONS[name]
    drawn = value.draw(rng, n)
    return drawn if about.signed else np.maximum(drawn, about.least)


def format_value(name: str, value: Value) -> str:
    """Write an assumption with its unit: ``0.43 USD`` or ``2.5 [1.1, 5.5] year`` (median, 90 %)."""
    about = ASSUMPTIONS[name]
    unit = "" if about.unit == "1" else f" {about.unit}"
    if not isinstance(value, Prior):
        return f"{value:.4g}{unit}"
    if value.family == "LogNormal":
        median, spread = math.exp(value.parameters["mu"]), math.exp(1.6448536 * value.parameters["sigma"])
        low, mid, high = (max(about.least, each) for each in (median / spread, median, median * spread))
        return f"{mid:.3g} [{low:.3g}, {high:.3g}]{unit}"
    return f"{value}{unit}"
