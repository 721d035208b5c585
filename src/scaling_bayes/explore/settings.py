"""What the controls of the page say, as arguments of `project` and `affordability`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling_bayes.core.options import check_choice
from scaling_bayes.errors import OptionError, TargetError
from scaling_bayes.hardware.points import known_devices
from scaling_bayes.projection.requirement import KINDS
from scaling_bayes.projection.scenario import SCENARIOS, Scenario
from scaling_bayes.projection.targets import check_year
from scaling_bayes.systems.numbers import read_number

#: Name of no scenario, as on the command line: compute alone, without cost and carbon.
COMPUTE_ONLY = "none"
#: Choice of a price or grid that stands for a number of the user's own.
OWN = "own"
#: Characters of a field, and what JSON values are called.
_LONGEST = 300
_SORTS: Mapping[type, str] = {list: "list", str: "text"}
#: Words and letters after a number, and what they multiply it by.
_SCALES = {"": 1.0, "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9}
_SCALES |= {"billion": 1e9, "t": 1e12, "tn": 1e12, "trillion": 1e12}
#: Units that may stand before or after an amount, and what one of them is in the field's unit.
_MONEY = {"$": 1.0, "usd": 1.0, "us$": 1.0, "dollar": 1.0, "dollars": 1.0}
_MASS = {"kg": 1.0, "t": 1e3, "tonne": 1e3, "tonnes": 1e3, "ton": 1e3, "tons": 1e3}
_AMOUNT = re.compile(r"(us\$|usd|\$)?\s*([-+]?[\d.,'\s\u00a0\u202f]*\d(?:e[-+]?\d+)?)\s*(.*)", re.IGNORECASE)


class FieldError(OptionError):
    """A field of the page that cannot be read."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Settings:
    """One position of the controls."""

    task: str
    #: As a fraction; None where only a budget is asked about.
    error: float | None
    year: float
    #: One of `SCENARIOS`, or `COMPUTE_ONLY`.
    scenario_name: str = "trend"
    #: What differs from that scenario, as arguments of `Scenario.named`, in order.
    changes: tuple[tuple[str, Any], ...] = ()
    #: One of ``predictive``, ``mean``.
    kind: str = "predictive"
    budget_usd: float | None = None
    carbon_kg: float | None = None
    #: Name of the trace that is asked, another law's for one; empty for the one that is served.
    trace: str = ""

    @property
    def targets(self) -> dict[str, float]:
        """The target as `project` takes it."""
        return {} if self.error is None else {self.task: self.error}

    @property
    def budgets(self) -> dict[str, float]:
        """The budgets as `affordability` takes them; empty without costs to hold against them."""
        if self.scenario_name == COMPUTE_ONLY:
            return {}
        limits = {"budget_usd": self.budget_usd, "carbon_kg": self.carbon_kg}
        return {name: amount for name, amount in limits.items() if amount is not None}

    def scenario(self) -> Scenario | None:
        """The scenario, changed as asked; None for compute alone.

        Raises
        ------
        OptionError
            If the changes do not fit together.
        """
        if self.scenario_name == COMPUTE_ONLY:
            return None
        return Scenario.named(self.scenario_name, **dict(self.changes))


def check_fields(fields: Any) -> Mapping[str, str]:
    """Take a message for the fields of the page, if it is such.

    Raises
    ------
    OptionError
        If it is not a mapping of names to texts of a name's length; ``serial`` is not looked at.
    """
    if not isinstance(fields, Mapping):
        raise OptionError(f"Found {_sort(fields)}; expected the fields of the page by name.")
    texts = {str(name): value for name, value in fields.items() if name != "serial"}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise OptionError(f"Found {_sort(value)} in the field {name[:40]!r}; expected a text.")
        if len(value) > _LONGEST:
            raise OptionError(
                f"Found {len(value):,} characters in the field {name[:40]!r}; expected at most {_LONGEST}."
            )
    return texts


def _sort(value: Any) -> str:
    """What a JSON value is, in a word."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "a number" if isinstance(value, (int, float)) else f"a {_SORTS.get(type(value), 'mapping')}"


def read_settings(fields: Mapping[str, str]) -> Settings:
    """Read the fields of the page; those that are empty or absent keep what the scenario has.

    Parameters
    ----------
    fields : mapping of str
        ``task``, ``error`` (``5``, ``5 %`` or ``0.05``), ``year``, ``scenario``, ``trace``, ``price`` (a name
        or `OWN`, then with ``usd_per_chip_hour`` and ``own_year``), ``hardware`` (``class:NAME`` or
        ``device:NAME``), ``grid`` (a region or `OWN`, then with ``grid_kg_per_kwh``),
        ``algorithmic_progress``, ``kind``, ``budget_usd`` (``1e7``, ``10 million``, ``$10,000,000``),
        ``carbon_kg``. Error or budget may be empty, not both.

    Raises
    ------
    FieldError
        If a field is not a number or choice of its kind.
    """
    scenario = _choice(fields, "scenario", (*SCENARIOS, COMPUTE_ONLY), COMPUTE_ONLY)
    kind = _choice(fields, "kind", KINDS, KINDS[0])
    error = read_error(fields.get("error", ""))
    budget = _amount(fields, "budget_usd", "a budget in USD, such as 1e7, 10 million or $10,000,000", _MONEY)
    carbon = _amount(fields, "carbon_kg", "a mass in kg CO2e, such as 1e5 or 100 tonnes", _MASS)
    if scenario == COMPUTE_ONLY:
        budget = carbon = None
    if error is None and budget is None and carbon is None:
        more = " A budget needs prices: choose a scenario." if scenario == COMPUTE_ONLY else " Or a budget."
        raise FieldError("error", f"Enter a target error, such as 5 %.{more}")
    return Settings(
        task=fields.get("task", ""),
        error=error,
        year=_year(fields, "year"),
        scenario_name=scenario,
        changes=() if scenario == COMPUTE_ONLY else tuple(_changes(fields, scenario).items()),
        kind=kind,
        budget_usd=budget,
        carbon_kg=carbon,
        trace=fields.get("trace", ""),
    )


def read_error(text: str) -> float | None:
    """Read an error as a fraction: ``5``, ``5 %``, ``0.05``; None where it is empty.

    A number below 1 without a percent sign is a fraction, one from 1 on is in percent.

    Raises
    ------
    FieldError
        If it is no number above 0 and below 100 %.
    """
    shown = text.strip()
    if not shown:
        return None
    percent = re.fullmatch(r"(.*?)\s*(?:%|percent|per cent)", shown, re.IGNORECASE)
    number = read_number(percent[1] if percent else shown, ".")
    if not isinstance(number, float) or not math.isfinite(number):
        raise FieldError("error", f"Found {shown[:40]!r} for the target error; expected such as 5 % or 0.05.")
    error = number if 0 < number < 1 and not percent else float(f"{number / 100:.15g}")
    if not 0 < error < 1:
        raise FieldError(
            "error", f"Found a target error of {shown[:40]}; it must lie between 0 and 100 %, both excluded."
        )
    return error


def _choice(fields: Mapping[str, str], name: str, choices: tuple[str, ...], otherwise: str) -> str:
    value = fields.get(name) or otherwise
    try:
        check_choice(name, value, choices)
    except OptionError as error:
        raise FieldError(name, str(error)) from None
    return value


def _year(fields: Mapping[str, str], name: str) -> float:
    text = fields.get(name, "").strip()
    try:
        return check_year(float(text))
    except ValueError:
        raise FieldError(name, f"Found {text[:40]!r} for the year; expected such as 2030.") from None
    except TargetError as error:
        raise FieldError(name, str(error).replace("years:", "The year", 1)) from None


def _changes(fields: Mapping[str, str], scenario: str) -> dict[str, Any]:
    """What the fields change in a scenario, in the order of the command line's options."""
    found: dict[str, Any] = {}
    region, price = fields.get("grid", ""), fields.get("price", "")
    if region and region != OWN:
        found["region"] = region
    found |= _hardware(fields.get("hardware", ""))
    if price and price != OWN:
        found["price"] = price
    if progress := fields.get("algorithmic_progress"):
        found["algorithmic_progress"] = progress
    if price == OWN:
        found["usd_per_chip_hour"] = _wanted(
            fields, "usd_per_chip_hour", "a price in USD per chip-hour", _MONEY
        )
        if fields.get("own_year", "").strip():
            found["own_year"] = _year(fields, "own_year")
        if "device" not in found and Scenario.named(scenario).value("peak_flop_per_s") is None:
            raise FieldError("hardware", "An own price per chip-hour needs a chip: choose one here.")
    if region == OWN:
        found["grid_kg_per_kwh"] = _wanted(
            fields, "grid_kg_per_kwh", "a carbon intensity in kg CO2e per kWh", {}
        )
    return found


def _hardware(choice: str) -> dict[str, Any]:
    sort, _, name = choice.partition(":")
    if sort == "class":
        return {"device_class": name}
    if sort == "device":
        row = known_devices().get(name)
        return {"device": name} if row is None else {"device_class": row["device_class"], "device": name}
    return {}


def _wanted(fields: Mapping[str, str], name: str, what: str, units: Mapping[str, float]) -> float:
    value = _amount(fields, name, what, units)
    if value is None:
        raise FieldError(name, f"Enter {what}.")
    return value


def _amount(fields: Mapping[str, str], name: str, what: str, units: Mapping[str, float]) -> float | None:
    """Read an amount with its words and units: ``10 million USD``; None where it is empty."""
    text = fields.get(name, "").strip()
    if not text:
        return None
    match = _AMOUNT.fullmatch(text)
    number = read_number(match[2], ".") if match else None
    factor = None if match is None or (match[1] and "$" not in units) else _factor(match[3].lower(), units)
    if not isinstance(number, float) or not math.isfinite(number) or factor is None:
        raise FieldError(name, f"Found {text[:40]!r}; expected {what}.")
    return float(f"{number * factor:.15g}")


def _factor(words: str, units: Mapping[str, float]) -> float | None:
    """What the words after a number multiply it by; None where they are unknown."""
    factor = 1.0
    *scale, unit = words.removesuffix("co2e").split() or [""]
    for word, known in (*((each, _SCALES) for each in scale), (unit, _SCALES | dict(units))):
        if word not in known:
            return None
        factor *= known[word]
    return factor
