"""What a scenario assumes beside the fitted trends: each a number or a prior, with its unit and source."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.priors import Prior, as_prior
from scaling_bayes.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A known number, or a belief.
Value = float | Prior


@dataclass(frozen=True)
class Assumption:
    """One replaceable quantity of a scenario."""

    #: As printed wherever a scenario's numbers are.
    unit: str
    meaning: str
    source: str
    #: None where the fitted trends or the tables give it.
    default: Value | None = None
    #: Smallest value that makes sense; draws below are raised to it.
    least: float = 0.0
    #: Whether it may be negative; a pair then becomes normal.
    signed: bool = False


def _read(default: float | list[float] | None = None, **about: Any) -> Assumption:
    believed = Prior.from_interval(*default) if isinstance(default, list) else default
    return Assumption(default=believed, **about)


_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
#: By name, from ``assumptions.toml``.
ASSUMPTIONS: Mapping[str, Assumption] = MappingProxyType(
    {name: _read(**about) for name, about in _TABLE.items()}
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
