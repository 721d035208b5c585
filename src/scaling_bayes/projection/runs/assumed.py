"""What is assumed of a run's device, price and place, and what is refused because its unit is another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling_bayes.core.options import check_choice
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.assumptions import ASSUMPTIONS, Value, format_value, read_value
from scaling_bayes.hardware.grid import grid_of
from scaling_bayes.hardware.points import class_of, known_devices
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.devices import PRECISIONS
from scaling_bayes.projection.runs.known import middle, refuse_sparse
from scaling_bayes.projection.scenario import Scenario

#: Fields of a scenario that a run has too; hardware is that of the run's year.
FIELDS = ("device_class", "price", "region")
#: Assumptions about one device, which a run takes to the letter.
OWN = ("usd_per_chip_hour", "chip_watt", "peak_flop_per_s")
#: Assumptions about trends over years, which a run does not follow.
_OF_TRENDS = ("own_year", "usd_doubling_year", "energy_doubling_year", "energy_headroom", "gain")
#: Assumptions a run takes.
ASSUMED = tuple(name for name in ASSUMPTIONS if name not in (*_OF_TRENDS, "hardware_age_year"))
#: Largest median that is believed of an assumption, and what it would be if it were larger.
_MOST: Mapping[str, tuple[float, str]] = {
    "utilisation": (1.0, "a share of the peak rate: 0.4, not 40 %"),
    "pue": (3.0, "facility energy over computing energy: 1.1 to 1.6 as a rule, not per cent"),
    "grid_kg_per_kwh": (2.0, "kg CO2e per kWh: 400 g are 0.4"),
    "usd_per_chip_hour": (40.0, "the price of one device for an hour, not of a node of eight"),
    "chip_watt": (3000.0, "the power of one device, not of a node or rack"),
    "server_power_ratio": (5.0, "power with a share of the server over that of the board"),
    "electricity_usd_per_kwh": (2.0, "USD per kWh, not cents or per MWh"),
    "service_year": (20.0, "years"),
}
#: A price this many times the highest offer is of several devices.
_ABOVE_OFFERS = 3.0
#: Smallest median that is believed of an assumption above 0.
_LEAST: Mapping[str, tuple[float, str]] = {
    "grid_kg_per_kwh": (0.001, "kg CO2e per kWh, not tonnes"),
    "chip_watt": (5.0, "W, not kW"),
    "utilisation": (0.001, "a share of the peak rate, not per mille of it"),
}
#: A board that draws this much more than rated is measured with its server or its hall.
_ABOVE_RATED = 1.25


@dataclass(frozen=True)
class Assumed:
    """What a run is on, and what is assumed of it."""

    #: Price, place and trends, of hardware as it is in the run's year.
    scenario: Scenario
    #: Own price (USD an hour), power (W) and rate (FLOP/s) of the device, by name of `OWN`.
    own: Mapping[str, Value]
    #: Name in the accelerators table; None for whichever of the class is in use.
    device: str | None
    precision: str | None
    year: float
    utilisation: Value
    #: Whether nothing says where the run is.
    anywhere: bool
    #: kg CO2e of making one device; None where that is left out.
    embodied: Value | None

    @property
    def service_year(self) -> Value:
        """Years of use that the making of a device is spread over."""
        return _value(self.scenario, "service_year")

    @property
    def place(self) -> str:
        """Where the electricity is from."""
        if self.anywhere:
            return "place not given"
        own = self.scenario.value("grid_kg_per_kwh") is not None
        return "own grid" if own else grid_of(self.scenario.region).name

    def described(self, label: str) -> list[dict[str, str]]:
        """Rows of ``assumption``, ``assumed`` and ``source``, with the device in words."""
        shares = {"utilisation": self.utilisation}
        if self.embodied is not None:
            shares |= {"embodied_kg_per_device": self.embodied, "service_year": self.service_year}
        rows = [{"assumption": "hardware", "assumed": label, "source": "accelerators table"}]
        said = {ASSUMPTIONS[name].meaning: (name, value) for name, value in (shares | dict(self.own)).items()}
        left = {"hardware", "improvement of hardware", "algorithmic progress"} | set(said)
        left |= {ASSUMPTIONS[name].meaning for name in ("hardware_age_year", "own_year")}
        if self.anywhere:
            left |= {"grid"}
            where = "that of any cloud region, as the place is not given"
            rows.append({"assumption": "grid", "assumed": where, "source": "cloud_regions"})
        left |= {"price"} if "usd_per_chip_hour" in self.own else set()
        for meaning, (name, value) in said.items():
            default = value == ASSUMPTIONS[name].default
            source = ASSUMPTIONS[name].source if default else "given"
            rows.append({"assumption": meaning, "assumed": format_value(name, value), "source": source})
        others = self.scenario.describe().astype(str).to_dict(orient="records")
        return rows + [row for row in others if row["assumption"] not in left]  # type: ignore[misc]


def _value(scenario: Scenario, name: str) -> Value:
    """An assumption that has a default."""
    value = scenario.value(name)
    if value is None:
        raise OptionError(f"{name} has no default.")
    return value


def read_assumed(
    given: Mapping[str, Any], device: str | None, precision: str | None, year: float, embodied: Any
) -> Assumed:
    """Read what is assumed of a run.

    Parameters
    ----------
    given : mapping
        Fields and assumptions by name; None for those left out.
    device : str, optional
        Name of the run's device in the accelerators table.
    embodied : bool, number, pair or Prior

    Raises
    ------
    OptionError
        For a name that is neither field nor assumption, a value that is none or of another unit, or two
        that count the same twice.
    """
    if precision is not None:
        check_choice("precision", precision, tuple(PRECISIONS))
    values = {name: value for name, value in given.items() if value is not None}
    unknown = [name for name in values if name not in FIELDS and name not in ASSUMED]
    if unknown:
        raise OptionError(
            f"{', '.join(map(repr, unknown))} not in a run; it takes {', '.join(FIELDS)}, and the "
            f"assumptions {', '.join(ASSUMED)}."
        )
    fields = {name: values.pop(name) for name in FIELDS if name in values}
    assumed = {name: _read(name, value) for name, value in values.items()}
    if device is not None:
        fields["device_class"] = class_of(device, fields.get("device_class"))
    _refuse_twice(assumed, device)
    if device is not None and "usd_per_chip_hour" in assumed:
        _refuse_price_of_a_node(middle(assumed["usd_per_chip_hour"]), device)
    own = {name: assumed.pop(name) for name in OWN if name in assumed}
    if "peak_flop_per_s" in own:
        refuse_sparse(middle(own["peak_flop_per_s"]), device, precision)
        if device is None and len(own) < len(OWN):
            raise OptionError(
                "peak_flop_per_s alone says nothing of a device's price and power; give device, or "
                "usd_per_chip_hour (USD) and chip_watt (W) too."
            )
    if "usd_per_chip_hour" in own:
        # What is paid for a device has its electricity in it.
        assumed.setdefault("electricity_usd_per_kwh", 0.0)
        fields.pop("price", None)
    assumed["own_year"] = year
    scenario = Scenario(name="run", improvement="none", improvement_year=year, **fields, replacements=assumed)
    name = "embodied_kg_per_device"
    making: Value | None = None
    if embodied is True or (name in values and not embodied):
        making = _value(scenario, name)
    elif embodied is not None and embodied is not False:
        making = _read(name, embodied)
    anywhere = "region" not in fields and "grid_kg_per_kwh" not in assumed
    utilisation = _value(scenario, "utilisation")
    return Assumed(scenario, own, device, precision, year, utilisation, anywhere, making)


def _read(name: str, value: Any) -> Value:
    """Read an assumption, a text such as ``0.4:0.3:0.5`` too, and refuse one in another unit."""
    if isinstance(value, str):
        try:
            first, *ends = map(float, value.split(":"))
        except ValueError:
            raise OptionError(f"{name}={value!r}: expected a number, or MEDIAN:LOWER:UPPER.") from None
        value = (first, tuple(ends)) if ends else first
    found = read_value(name, value)
    most, what = _MOST.get(name, (float("inf"), ""))
    if middle(found) > most:
        raise OptionError(f"{name}={middle(found):g} is above {most:g}; expected {what}.")
    least, what = _LEAST.get(name, (0.0, ""))
    if 0 < middle(found) < least:
        raise OptionError(f"{name}={middle(found):g} is below {least:g}; expected {what}.")
    return found


def _refuse_price_of_a_node(usd: float, device: str) -> None:
    """Refuse a price far above every offer of the device."""
    prices = load_table("prices", usable=True)
    offers = prices[(prices["per"] == "chip_hour") & (prices["device"] == device)]["usd"]
    if len(offers) and usd > _ABOVE_OFFERS * offers.max():
        raise OptionError(
            f"usd_per_chip_hour={usd:g} is far above every offer of one {device} (at most {offers.max():g}); "
            "expected the price of one device for an hour, not of a node: divide by its devices."
        )


def _refuse_twice(assumed: Mapping[str, Value], device: str | None) -> None:
    """Refuse a measured power that has server or cooling in it while both are added again."""
    if "chip_watt" not in assumed or device is None:
        return
    watt, rated = middle(assumed["chip_watt"]), float(known_devices()[device]["board_power_watt"])
    left = [name for name in ("server_power_ratio", "pue") if name not in assumed]
    if watt > _ABOVE_RATED * rated and left:
        raise OptionError(
            f"chip_watt={watt:g} is above the {rated:g} W of {device}, so it holds the power of the server "
            f"or the hall, which {' and '.join(left)} would count again. Give "
            f"{' and '.join(f'{name}=1' for name in left)} where it is in the measured power, or its value."
        )
