"""What is known of a run, in one of several forms, and what is refused because its unit is another."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.priors import Prior, as_prior
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.assumptions import Value
from scaling_bayes.projection.devices import dense_peaks
from scaling_bayes.projection.runs.words import between, flop_in_words, in_unit
from scaling_bayes.systems.rules import LARGEST_COMPUTE
from scaling_bayes.systems.units import find_unit

if TYPE_CHECKING:
    import pandas as pd

#: The forms: arguments that together say how large a run is, and the quantity they give.
FORMS: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("flop",): "flop",
        ("parameters", "tokens"): "flop",
        ("device_hours",): "hours",
        ("devices", "days"): "hours",
        ("budget_usd",): "usd",
        ("energy_kwh",): "kwh",
        ("carbon_kg",): "kg",
        ("target",): "target",
    }
)
#: FLOP per parameter and token of training: forward 2, backward 4. Kaplan et al. 2020 (arXiv:2001.08361,
#: section 2.1). A mixture of experts counts the parameters a token passes through (Fedus, Zoph & Shazeer
#: 2021, arXiv:2101.03961).
FLOP_PER_PARAMETER_TOKEN = 6.0
RULE = (
    "6 x parameters x tokens (Kaplan et al. 2020); of a mixture of experts, the parameters a token passes "
    "through. Attention over long contexts adds to it."
)
#: Unit of each amount, and the smallest that is believed.
_AMOUNTS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "flop": ("FLOP", 1e12),
        "parameters": ("parameters", 1e5),
        "active_parameters": ("parameters", 1e5),
        "tokens": ("tokens", 1e5),
        "device_hours": ("device-hours", 0.0),
        "devices": ("devices", 0.0),
        "days": ("days", 0.0),
        "budget_usd": ("USD", 0.0),
        "energy_kwh": ("kWh", 0.0),
        "carbon_kg": ("kg CO2e", 0.0),
    }
)
_WORDS = {
    "k": 1e3,
    "m": 1e6,
    "b": 1e9,
    "t": 1e12,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
}
#: A comma stands only before groups of three digits: elsewhere it would be a decimal comma.
#: A number below 0 is read, and then refused as one.
_NUMBER = r"(-?(?:\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*)(?:\.\d*)?(?:e[+-]?\d+)?)"
_COUNT = re.compile(rf"\s*\$?\s*{_NUMBER}\s*([a-z]*)\s*", re.IGNORECASE)
_QUANTITY = re.compile(rf"\s*{_NUMBER}\s*([a-z].*?)?\s*", re.IGNORECASE)
#: A peak this close to a rate of the table is that rate; the same of what should be a count of operations.
_SAME, _SURELY_SAME = 0.01, 0.001
#: FLOP/s that no device of the table reaches, however counted.
_LARGEST_RATE = 1e16


@dataclass(frozen=True)
class Known:
    """What is known of a run."""

    #: One of the values of `FORMS`.
    quantity: str
    #: Factors whose product it is; empty for a target.
    factors: Mapping[str, Value]
    #: FLOP per product, and boards per counted device.
    scale: float
    #: For readers.
    text: str
    #: By which rule FLOP follow; empty where they were given or do not matter.
    rule: str = ""


def read_known(given: Mapping[str, Any], boards: float, counted: str = "boards") -> Known:
    """Read what was given, which must be one form.

    Parameters
    ----------
    given : mapping
        Arguments of `estimate_run` that are amounts; None for those left out. ``target`` is any value.
    boards : float
        Boards in one of the devices counted.
    counted : {"boards", "chips", "cores"}
        What they are called.

    Raises
    ------
    OptionError
        If it is no form or more than one, or an amount that cannot be of its unit.
    """
    named = {name for name, value in given.items() if value is not None}
    forms = [form for form in FORMS if set(form) <= named]
    amounts = named - {"active_parameters"}
    if ("devices", "days") not in forms:
        amounts -= {"devices"}
    if len(forms) != 1 or amounts != set(forms[0]):
        wanted = "; ".join(" and ".join(form) for form in FORMS)
        found = ", ".join(sorted(named)) or "none"
        raise OptionError(f"how large is the run? Found {found}; expected exactly one of: {wanted}.")
    (form,) = forms
    if "active_parameters" in named and form != ("parameters", "tokens"):
        raise OptionError("active_parameters belongs to parameters and tokens.")
    if form == ("target",):
        return Known("target", {}, 1.0, "a target of a trace")
    factors = {name: read_amount(name, given[name]) for name in form}
    text = ", ".join(_text(name, value) for name, value in factors.items())
    if counted != "boards":
        text = text.replace("device", counted.removesuffix("s"))
    scale = {"device_hours": boards, "devices": 24.0 * boards, "parameters": FLOP_PER_PARAMETER_TOKEN}
    if given.get("active_parameters") is not None:
        active, whole = read_amount("active_parameters", given["active_parameters"]), factors["parameters"]
        if middle(active) > middle(whole):
            raise OptionError(
                f"active_parameters={middle(active):g} is above parameters={middle(whole):g}; expected those "
                "that one token passes through, a part of all."
            )
        factors["parameters"] = active
        text += f", {_text('active_parameters', active)} active for a token"
    rule, per_product = RULE if "tokens" in form else "", scale.get(form[0], 1.0)
    flop = per_product * math.prod(map(middle, factors.values()))
    if FORMS[form] == "flop" and flop > LARGEST_COMPUTE:
        raise OptionError(
            f"{text}: {flop:.3g} FLOP are above {LARGEST_COMPUTE:g}, a million times the largest run of "
            "2025; check the unit."
        )
    return Known(FORMS[form], factors, per_product, text, rule)


def middle(value: Value) -> float:
    """Median of a value."""
    if not isinstance(value, Prior):
        return float(value)
    if value.family == "LogNormal":
        return math.exp(value.parameters["mu"])
    return float(np.median(value.draw(np.random.default_rng(0), 2001)))


def _text(name: str, value: Value) -> str:
    """An amount in words: a number as it was given, else its median and 90 % interval."""
    unit = _AMOUNTS[name][0]
    if not isinstance(value, Prior) and not math.isclose(float(f"{value:.2g}"), value):
        return _as_given(value, unit)
    ends = [middle(value)] * 3
    if isinstance(value, Prior):
        ends[1:] = np.quantile(value.draw(np.random.default_rng(0), 20001), [0.05, 0.95])
    write = flop_in_words if name == "flop" else in_unit(unit)
    return between(write, *np.log10(ends))


def _as_given(number: float, unit: str) -> str:
    """A number with all its digits: ``14.8 trillion tokens``, ``3.14 x 10^23 FLOP``, ``512 devices``."""
    if number >= 1e15:
        digits, exponent = f"{number:.12e}".split("e")
        return f"{float(digits):.12g} x 10^{int(exponent)} {unit}"
    words = ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (0.0, ""))
    size, word = next(each for each in words if number >= each[0])
    return f"{number / (size or 1.0):,.12g}{word} {unit}"


def read_amount(name: str, value: Any) -> Value:
    """Read an amount: a number, a (median, interval) pair, a `Prior`, or a text such as ``70B``.

    Raises
    ------
    OptionError
        If it is none of these, not above 0, or looks like an amount in another unit.
    """
    unit, least = _AMOUNTS[name]
    if isinstance(value, str):
        parts = [_read_flop(part) if name == "flop" else _read_count(name, part) for part in value.split(":")]
        value = parts[0] if len(parts) == 1 else (parts[0], tuple(parts[1:]))
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        amount: Value = as_prior(name, value, positive=True)
    else:
        amount = float(value)
    number = middle(amount)
    if not 0 < number < math.inf:
        raise OptionError(f"{name}={number:g} must be a finite number of {unit} above 0.")
    if name == "flop":
        _refuse_rate(number)
    if number < least:
        raise OptionError(
            f"{name}={number:g} is too few; expected a count of {unit}, such as "
            f"{'3e23' if name == 'flop' else f'{name}=7e9, or 7B'}: units are not billions or thousands."
        )
    if name == "days" and number > 3653:
        raise OptionError(f"days={number:g} is above ten years; expected days, not hours or seconds.")
    return amount


def _refuse_rate(number: float) -> None:
    """Refuse a count of operations that is the peak rate of a device, dense or sparse, to three digits."""
    if number >= _LARGEST_RATE or float(f"{number:.2g}") == number:
        return
    rates = (number, number / 2)
    near = [device for rate in rates for device in _devices_at(dense_peaks(), rate, _SURELY_SAME)]
    if near:
        raise OptionError(
            f"flop={number:g} is a peak rate of {near[0]} in FLOP/s; flop counts operations: rate x "
            "utilisation x seconds. Give device_hours, or devices and days, with the device."
        )


def _devices_at(peaks: pd.DataFrame, rate: float, within: float = _SAME) -> list[str]:
    """Devices of which one of the peak rates is (nearly) this."""
    same = (peaks / rate - 1).abs() < within
    return [str(device) for device in peaks.index[same.any(axis=1)]]


def refuse_sparse(peak: float, device: str | None, precision: str | None) -> None:
    """Refuse a peak rate that is twice a dense one, as with structured sparsity, or no rate of one device.

    Parameters
    ----------
    peak : float
        FLOP/s of one board.
    device : str, optional
        Only rates of this device are compared.
    precision : str, optional
        With ``int8`` rates in 8 bits count as dense.
    """
    if not 1e9 <= peak <= 1e18:
        raise OptionError(
            f"peak_flop_per_s={peak:g}: expected FLOP/s of one device, such as 3.12e14 for 312 TFLOP/s."
        )
    peaks = dense_peaks() if device is None else dense_peaks().loc[[device]]
    rates = peaks if precision == "int8" else peaks.drop(columns="peak_op_per_s_int8")
    if _devices_at(rates, peak):
        return
    if twice := _devices_at(rates, peak / 2):
        raise OptionError(
            f"peak_flop_per_s={peak:g} is twice the dense rate of {twice[-1]}: the rate with structured "
            f"sparsity, which training does not reach. Give the dense one, {peak / 2:g}; where it is the "
            "dense rate in 8 bits, say precision='int8' too."
        )
    highest = float(np.nanmax(rates.to_numpy(float)))
    if device is not None and peak > 1.1 * highest:
        raise OptionError(
            f"peak_flop_per_s={peak:g} is above every dense rate of {device} ({highest:.4g} at most); "
            "expected the rate of one device, without sparsity."
        )


def _read_flop(text: str) -> float:
    match = _QUANTITY.fullmatch(text)
    unit = find_unit(match[2] or "FLOP") if match else None
    if match is None or unit is None:
        rate = re.search(r"(/|per )s(ec(ond)?)?$", text.strip(), re.IGNORECASE)
        why = (
            "is a rate; flop counts operations, rate x seconds" if rate else "is not an amount of computation"
        )
        raise OptionError(
            f"flop={text!r} {why}; expected such as '3e23', '314 ZFLOP' or '3640 PFLOP/s-days'."
        )
    return unit.to_flop(_number(match[1]))


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _read_count(name: str, text: str) -> float:
    match = _COUNT.fullmatch(text)
    factor = _WORDS.get(match[2].lower(), 1.0 if not match[2] else math.nan) if match else math.nan
    if match is None or math.isnan(factor):
        raise OptionError(f"{name}={text!r} is not a number; expected such as 7e9, 7B or '7 billion'.")
    return _number(match[1]) * factor
