"""`Scenario`: what is assumed about hardware, prices, electricity and algorithms, by name or composed."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.options import check_choice
from scaling_bayes.core.priors import Prior
from scaling_bayes.errors import OptionError, TargetError
from scaling_bayes.hardware.assumptions import (
    ASSUMPTIONS,
    TPU_SERVER_POWER,
    TPU_SERVER_POWER_SOURCE,
    Value,
    format_value,
    read_value,
)
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES
from scaling_bayes.hardware.grid import GROWTH_SD, Grid, grid_of
from scaling_bayes.hardware.points import class_of, known_devices
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.hardware.trends import trends_of
from scaling_bayes.projection.targets import check_year
from scaling_bayes.systems.conventions import same_names
from scaling_bayes.text import percent_text

if TYPE_CHECKING:
    import pandas as pd

IMPROVEMENTS = ("none", "trend", "stalled", "accelerated")
#: Orders of magnitude a year by which compute for a fixed error falls after the data, where it is not as the
#: fit has it: half in 16 months (ImageNet at AlexNet's error 2012 to 2019, Hernandez & Brown 2020, *Measuring
#: the Algorithmic Efficiency of Neural Networks*), or in 5 (lower end of the 95 % interval for language
#: models, Ho et al. 2024, *Algorithmic progress in language models*).
PROGRESS_RATES = {"slow": math.log10(2.0) * 12.0 / 16.0, "fast": math.log10(2.0) * 12.0 / 5.0}
#: How algorithmic progress goes on after the data: as the fit has it, at one of the rates, or not at all.
PROGRESS = ("continuing", *PROGRESS_RATES, "frozen")
_TRENDS = "posterior of the hardware trends"
#: Assumptions that a device gives, and their columns of its table.
_OF_DEVICE = {"peak_flop_per_s": "peak_flop_per_s", "chip_watt": "board_power_watt", "own_year": "year"}
_DEFAULT_YEAR = {"none": 2020.0, "stalled": 2030.0, "accelerated": 2030.0}


@dataclass(frozen=True)
class Scenario:
    """What turns a compute requirement into dollars, energy and carbon, and how that changes with the year.

    Parameters
    ----------
    name : str
        How it is called in tables.
    device_class : {"gpu_datacenter", "gpu_consumer", "gpu_workstation", "tpu"}
        GPUs count at FP32 peak, TPUs at bf16 peak, as hardware burdens do; the two are not on one scale. By
        default that of `device`, or ``gpu_datacenter``.
    price : {"cloud_on_demand", "cloud_1_year", "cloud_3_year", "purchase"}
        Rent, by commitment, or the purchase price spread over the service life, with electricity.
    region : str
        Grid: ``World``, a country or its three-letter code, or a cloud region such as ``us-east1``.
    improvement : {"none", "trend", "stalled", "accelerated"}
        ``none``: the hardware in use in `improvement_year`, in every year. ``trend``: as fitted, to the limit
        of energy efficiency. ``stalled``: the trend until `improvement_year`. ``accelerated``: the trend, and
        from `improvement_year` a one-off factor `gain`.
    improvement_year : float, optional
        By default 2020 for ``none``, 2030 for ``stalled`` and ``accelerated``.
    algorithmic_progress : {"continuing", "slow", "fast", "frozen"}
        Whether the compute a result needs goes on falling after the data as the fit has it, slowly or fast
        (half in 16 months or in 5: `PROGRESS_RATES`), or not at all.
    device : str, optional
        A device of the accelerators table, by name or part of it, in place of a typical one: its class, rate
        and board power. It stands for its successors: from its release on it improves as the trend does.
        ``improvement="none"`` keeps the hardware of one year; `estimate_run` takes the device itself.
    replacements : mapping, optional
        Own values by name of `ASSUMPTIONS`: a number, a ``(median, (lower, upper))`` pair with the ends of
        the 90 % interval, a `Prior`, or a PreliZ distribution. An own price or power needs the rate of the
        chip too, ``peak_flop_per_s`` or `device`.

    Raises
    ------
    OptionError
        If a choice, region, device or replacement is not valid, or `device_class` is not that of `device`.

    Examples
    --------
    >>> Scenario.named("trend").replace(region="FRA", pue=1.1).describe()["assumed"].iloc[0]
    'data-centre GPUs, rated at FP32 peak'
    """

    name: str = "trend"
    device_class: str = None  # type: ignore[assignment]  # a name once made
    price: str = "cloud_on_demand"
    region: str = "World"
    improvement: str = "trend"
    improvement_year: float | None = None
    algorithmic_progress: str = "continuing"
    device: str | None = None
    replacements: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every choice and read the replacements."""
        check_choice("price", self.price, PRICES)
        check_choice("improvement", self.improvement, IMPROVEMENTS)
        check_choice("algorithmic_progress", self.algorithmic_progress, PROGRESS)
        grid_of(self.region)
        if self.improvement_year is None:
            object.__setattr__(self, "improvement_year", _DEFAULT_YEAR.get(self.improvement))
        elif self.improvement == "trend":
            raise OptionError(
                "improvement_year belongs to improvement='none', 'stalled' or 'accelerated'; "
                f"found {self.improvement_year!r} with 'trend'."
            )
        else:
            try:
                object.__setattr__(self, "improvement_year", check_year(self.improvement_year))
            except TargetError as error:
                raise OptionError(str(error).replace("years:", "improvement_year:")) from None
        if not isinstance(self.replacements, Mapping):
            raise OptionError(
                f"replacements must map names to values; found {type(self.replacements).__name__}."
            )
        values = {str(name): read_value(str(name), value) for name, value in self.replacements.items()}
        object.__setattr__(self, "replacements", MappingProxyType(values))
        if self.device is not None:
            object.__setattr__(self, "device", _device_name(str(self.device)))
            object.__setattr__(self, "device_class", class_of(str(self.device), self.device_class))
        elif self.device_class is None:
            object.__setattr__(self, "device_class", "gpu_datacenter")
        classes = [trend.device_class for trend in trends_of(self.price_quantity)]
        own_price = self.value("usd_per_chip_hour") is not None
        if not own_price and self.device_class not in classes:
            reason = "has no such prices" if self.device_class in DEVICE_CLASSES else "is not known"
            raise OptionError(
                f"device_class={self.device_class!r} {reason} (price={self.price!r}); "
                f"expected one of {', '.join(classes)}."
            )
        check_choice("device_class", self.device_class, tuple(DEVICE_CLASSES))
        for name in ("usd_per_chip_hour", "chip_watt"):
            if self.value(name) is not None and self.value("peak_flop_per_s") is None:
                raise OptionError(
                    f"{name} needs the rate of the chip; give peak_flop_per_s (FLOP/s) or device too."
                )

    def __hash__(self) -> int:
        return hash(tuple(sorted((key, str(value)) for key, value in self.to_dict().items())))

    @classmethod
    def named(cls, name: str, /, **changes: Any) -> Scenario:
        """Return the scenario called `name`, one of `SCENARIOS`, with changes as in `replace`.

        Raises
        ------
        OptionError
            If there is no such scenario.
        """
        check_choice("scenario", name, tuple(SCENARIOS))
        base = _thompson2020() if name == "thompson2020" else cls(**SCENARIOS[name])
        return base.replace(**changes) if changes else base

    def replace(self, **changes: Any) -> Scenario:
        """Return a scenario with fields, or assumptions by name, changed.

        Raises
        ------
        OptionError
            For a name that is neither a field nor an assumption, or an invalid value.
        """
        fields = {each.name for each in dataclasses.fields(self)}
        unknown = [name for name in changes if name not in fields and name not in ASSUMPTIONS]
        if unknown:
            raise OptionError(
                f"{', '.join(map(repr, unknown))} not in a scenario; its fields are "
                f"{', '.join(sorted(fields))}; its assumptions are {', '.join(ASSUMPTIONS)}."
            )
        own = {name: value for name, value in changes.items() if name in fields}
        for one, other in (("improvement", "improvement_year"), ("device", "device_class")):
            if one in own and other not in own:
                own[other] = None
        assumed = {name: value for name, value in changes.items() if name not in fields}
        kept = own.pop("replacements", self.replacements)
        return dataclasses.replace(self, **own, replacements={**kept, **assumed})

    @property
    def depends_on_year(self) -> bool:
        """Whether a dollar, a joule or the grid is another in another year."""
        return self.improvement != "none" or self.value("grid_growth_per_year") != 0.0

    def sentences(self, years: Iterable[float]) -> list[str]:
        """Say which years have a device's successors, and which are still as the trend."""
        years = list(years)
        return self._successors(max(years, default=-math.inf)) + self._not_yet(years)

    def _successors(self, year: float) -> list[str]:
        release = self.value("own_year")
        if self.device is None or self.improvement == "none" or year < float(release) + 1.0:  # type: ignore[arg-type]
            return []
        sentence = (
            f"{self.device} stands for its successors: by {year:.0f} hardware has improved on it since "
            f"{release:.0f}. What the device itself costs in a year, `scaling-bayes run` says."
        )
        return [sentence]

    def _not_yet(self, years: list[float]) -> list[str]:
        changes = self.improvement_year
        if changes is None or self.improvement not in ("stalled", "accelerated"):
            return []
        stalled = self.improvement == "stalled"
        same = [year for year in years if year < changes or (stalled and year == changes)]
        if not same:
            return []
        what = "stops only after" if stalled else "gains only from"
        listed = ", ".join(f"{year:.0f}" for year in same)
        return [
            f"scenario {self.name}: hardware {what} {changes:g}; in {listed} it is the same as the trend."
        ]

    @property
    def price_quantity(self) -> str:
        """The trend behind the price: ``cloud`` or ``purchase``."""
        return "purchase" if self.price == "purchase" else "cloud"

    def value(self, name: str) -> Value | None:
        """The number or prior of an assumption; None where trends or the grid table give it."""
        if name in self.replacements:
            return self.replacements[name]
        if self.device is not None and name in _OF_DEVICE:
            return float(known_devices()[self.device][_OF_DEVICE[name]])
        if name == "server_power_ratio" and self.device_class == "tpu":
            return TPU_SERVER_POWER
        return ASSUMPTIONS[name].default

    def to_dict(self) -> dict[str, Any]:
        """Plain form, for manifests; ``Scenario(**...)`` reads it back."""
        plain = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        plain["replacements"] = {
            name: value.to_dict() if isinstance(value, Prior) else value
            for name, value in self.replacements.items()
        }
        return plain

    def describe(self) -> pd.DataFrame:
        """What the scenario assumes, to be printed wherever its numbers are.

        Returns
        -------
        pandas.DataFrame
            One row per assumption: ``assumption``, ``assumed`` (with unit; median and 90 % interval), and
            ``source``.
        """
        import pandas as pd

        return pd.DataFrame(_assumed(self), columns=["assumption", "assumed", "source"])


#: Scenarios by name: their fields.
SCENARIOS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "thompson2020": {},
        "trend": {"name": "trend"},
        "stalled": {"name": "stalled", "improvement": "stalled"},
        "accelerated": {"name": "accelerated", "improvement": "accelerated"},
    }
)


def _device_name(device: str) -> str:
    known = known_devices()
    found = same_names(device, known)
    if len(found) == 1:
        return found[0]
    near = ", ".join(found[:4] or difflib.get_close_matches(device, known, 3, 0.4))
    problem = (
        f"may be {len(found)} accelerators"
        if found
        else "is not an accelerator with known date, rate and power"
    )
    raise OptionError(
        f"device={device!r} {problem}{f'; nearest are {near}' if near else ''}. "
        "`scaling-bayes list devices` lists them."
    )


@cache
def _thompson2020() -> Scenario:
    """The conversions that give back the 2020 paper's cost and carbon: one P100, no improvement.

    Power per chip is what the published emission implies: 26 lb over 8 chips x 12 h x PUE 1.58 x 0.954
    lb/kWh, 180 W. From Strubell, Ganesh & McCallum 2019, in ``thompson2020_conversions``.
    """
    known = load_table("thompson2020_conversions").set_index("name")["value"]
    hours = known["transformer_base_gpus"] * known["transformer_base_hours"]
    kwh = known["transformer_base_co2"] / (known["pue"] * known["grid_intensity_us"])
    return Scenario(
        name="thompson2020",
        region="United States",
        improvement="none",
        algorithmic_progress="frozen",
        replacements={
            "usd_per_chip_hour": float(known["p100_price"]),
            "peak_flop_per_s": float(known["p100_peak"]),
            "chip_watt": float(1000 * kwh / hours),
            "server_power_ratio": 1.0,
            "pue": float(known["pue"]),
            "grid_kg_per_kwh": float(known["grid_intensity_us"] * known["kg_per_lb"]),
            "grid_growth_per_year": 0.0,
            "electricity_usd_per_kwh": 0.0,
        },
    )


def read_scenario(scenario: Any) -> Scenario:
    """Read a `Scenario`, or the name of one.

    Raises
    ------
    OptionError
        If it is neither.
    """
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, str):
        return Scenario.named(scenario)
    raise OptionError(
        f"scenario={scenario!r} is not valid; expected a Scenario or one of {', '.join(SCENARIOS)}."
    )


def _assumed(scenario: Scenario) -> list[tuple[str, str, str]]:
    """Each assumption of a scenario, what is assumed and the source."""
    grid = grid_of(scenario.region)
    devices = DEVICE_CLASSES[scenario.device_class]
    rows = [
        (
            "hardware",
            _device_text(scenario) if scenario.device else f"{devices.label}, rated at {devices.peak} peak",
            "the convention of burdens",
        ),
        (
            "price",
            _price_text(scenario),
            _TRENDS if _uses_price_trend(scenario) else "own",
        ),
        ("improvement of hardware", _improvement_text(scenario), _improvement_source(scenario)),
        ("algorithmic progress", scenario.algorithmic_progress, "posterior of the fit"),
    ]
    if scenario.value("grid_kg_per_kwh") is None:
        rows.append(
            (
                "grid",
                _grid_text(scenario, grid),
                "Our World in Data, from Ember and the Energy Institute; mlco2/impact for cloud regions",
            )
        )
    for name in ASSUMPTIONS:
        value = scenario.value(name)
        if value is None or not _matters(scenario, name):
            continue
        source = ASSUMPTIONS[name].source
        if name in scenario.replacements:
            source = (
                "replaced" if scenario.name != "thompson2020" else "Strubell et al. 2019, as in that paper"
            )
        elif scenario.device is not None and name in _OF_DEVICE:
            source = "accelerators table"
        elif name == "server_power_ratio" and scenario.device_class == "tpu":
            source = TPU_SERVER_POWER_SOURCE
        rows.append((ASSUMPTIONS[name].meaning, format_value(name, value), source))
    return rows


def _device_text(scenario: Scenario) -> str:
    return f"{scenario.device}{'' if scenario.improvement == 'none' else ', in later years its successors'}"


def _uses_price_trend(scenario: Scenario) -> bool:
    return scenario.value("usd_per_chip_hour") is None


def _matters(scenario: Scenario, name: str) -> bool:
    if name == "gain":
        return scenario.improvement == "accelerated"
    if name in ("service_year", "system_overhead"):
        return scenario.price == "purchase" and _uses_price_trend(scenario)
    if name == "own_year":
        own = ("usd_per_chip_hour", "chip_watt", "grid_kg_per_kwh")
        return any(scenario.value(each) is not None for each in own)
    if name == "hardware_age_year":
        return _uses_price_trend(scenario) or scenario.value("chip_watt") is None
    return name not in ("utilisation", "embodied_kg_per_device")


def _price_text(scenario: Scenario) -> str:
    if not _uses_price_trend(scenario):
        return "own price per chip-hour"
    return f"{scenario.price.replace('_', ' ')}, of the day, typical provider"


def _improvement_source(scenario: Scenario) -> str:
    own = all(scenario.value(name) is not None for name in ("usd_per_chip_hour", "chip_watt"))
    return "own" if own and scenario.improvement == "none" else _TRENDS


def _improvement_text(scenario: Scenario) -> str:
    year = f"{scenario.improvement_year:g}" if scenario.improvement_year is not None else ""
    return {
        "none": f"none: the hardware in use in {year} throughout",
        "trend": "as fitted, up to the limit of energy efficiency",
        "stalled": f"as fitted until {year}, none after",
        "accelerated": f"as fitted, and a one-off gain in {year}",
    }[scenario.improvement]


def _grid_text(scenario: Scenario, grid: Grid) -> str:
    own = scenario.value("grid_growth_per_year")
    growth = f"{100 * grid.growth_per_year:+.1f} ± {percent_text(1.645 * GROWTH_SD, 1)} (90 %) a year"
    if own is not None:
        growth = format_value("grid_growth_per_year", own)
    last = int(grid.years[-1])
    return f"{grid.name}: {grid.kg_per_kwh[-1]:.3g} kg CO2e/kWh in {last}, then {growth}"
