"""What the controls of the page say, as arguments of `project` and `affordability`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from scaling_bayes.core.options import check_choice
from scaling_bayes.errors import OptionError
from scaling_bayes.projection.requirement import KINDS
from scaling_bayes.projection.scenario import SCENARIOS, Scenario, known_devices
from scaling_bayes.projection.targets import check_year

#: Name of no scenario, as on the command line: compute alone, without cost and carbon.
COMPUTE_ONLY = "none"
#: Choice of a price or grid that stands for a number of the user's own.
OWN = "own"
#: Characters of a field, and what JSON values are called.
_LONGEST = 300
_SORTS: Mapping[type, str] = {list: "list", str: "text"}


@dataclass(frozen=True)
class Settings:
    """One position of the controls."""

    task: str
    #: As a fraction.
    error: float
    year: float
    #: One of `SCENARIOS`, or `COMPUTE_ONLY`.
    scenario_name: str = "trend"
    #: What differs from that scenario, as arguments of `Scenario.named`, in order.
    changes: tuple[tuple[str, Any], ...] = ()
    #: One of ``predictive``, ``mean``.
    kind: str = "predictive"
    budget_usd: float | None = None
    carbon_kg: float | None = None

    @property
    def targets(self) -> dict[str, float]:
        """The target as `project` takes it."""
        return {self.task: self.error}

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
        ``task``, ``error`` (in percent), ``year``, ``scenario``, ``price`` (a name or `OWN`, then with
        ``usd_per_chip_hour`` and ``own_year``), ``hardware`` (``class:NAME`` or ``device:NAME``), ``grid`` (a
        region or `OWN`, then with ``grid_kg_per_kwh``), ``algorithmic_progress``, ``kind``, ``budget_usd``,
        ``carbon_kg``.

    Raises
    ------
    OptionError
        If a field is not a number or choice of its kind.
    TargetError
        If the year is none.
    """
    scenario = fields.get("scenario") or COMPUTE_ONLY
    check_choice("scenario", scenario, (*SCENARIOS, COMPUTE_ONLY))
    kind = fields.get("kind") or KINDS[0]
    check_choice("kind", kind, KINDS)
    year = _number(fields, "year", "the year")
    error = _number(fields, "error", "the target error, in %")
    if year is None or error is None:
        raise OptionError("Enter a target error in % and a year.")
    if not 0 < error < 100:
        raise OptionError(
            f"Found a target error of {error} %; it must lie between 0 and 100 %, both excluded."
        )
    return Settings(
        task=fields.get("task", ""),
        error=float(error / 100),
        year=check_year(year),
        scenario_name=scenario,
        changes=() if scenario == COMPUTE_ONLY else tuple(_changes(fields, scenario).items()),
        kind=kind,
        budget_usd=_amount(fields, "budget_usd", "the budget in USD"),
        carbon_kg=_amount(fields, "carbon_kg", "the budget in kg CO2e"),
    )


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
        found["usd_per_chip_hour"] = _wanted(fields, "usd_per_chip_hour", "a price in USD per chip-hour")
        own_year = _amount(fields, "own_year", "the year of the price")
        if own_year is not None:
            found["own_year"] = check_year(own_year)
        if "device" not in found and Scenario.named(scenario).value("peak_flop_per_s") is None:
            raise OptionError("An own price per chip-hour needs a chip: choose one under Hardware.")
    if region == OWN:
        found["grid_kg_per_kwh"] = _wanted(fields, "grid_kg_per_kwh", "a carbon intensity in kg CO2e per kWh")
    return found


def _hardware(choice: str) -> dict[str, Any]:
    sort, _, name = choice.partition(":")
    if sort == "class":
        return {"device_class": name}
    if sort == "device":
        row = known_devices().get(name)
        return {"device": name} if row is None else {"device_class": row["device_class"], "device": name}
    return {}


def _wanted(fields: Mapping[str, str], name: str, what: str) -> float:
    value = _amount(fields, name, what)
    if value is None:
        raise OptionError(f"Enter {what}.")
    return value


def _amount(fields: Mapping[str, str], name: str, what: str) -> float | None:
    value = _number(fields, name, what)
    return None if value is None else float(value)


def _number(fields: Mapping[str, str], name: str, what: str) -> Decimal | None:
    """Read a number as it is written, so that 11.5 % is 0.115 exactly as `project` would be given it."""
    text = str(fields.get(name, "")).strip()
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise OptionError(f"Found {text[:40]!r} for {what}; expected a number.")
    return value
