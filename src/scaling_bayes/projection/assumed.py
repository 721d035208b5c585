"""What a scenario assumes, row by row, as it is printed wherever its numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.hardware.assumptions import ASSUMPTIONS, TPU_SERVER_POWER_SOURCE, format_value
from scaling_bayes.hardware.grid import GROWTH_SD, Grid, grid_of

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.projection.scenario import Scenario

__all__ = ["scenario_rows"]

_TRENDS = "posterior of the hardware trends"


def scenario_rows(scenario: Scenario) -> pd.DataFrame:
    """One row per assumption of a scenario: ``assumption``, ``assumed``, ``source``."""
    import pandas as pd

    grid = grid_of(scenario.region)
    peak = "bf16" if scenario.device_class == "tpu" else "FP32"
    rows = [
        (
            "hardware",
            scenario.device or f"{scenario.device_class}, counted at {peak} peak",
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
        elif name == "server_power_ratio" and scenario.device_class == "tpu":
            source = TPU_SERVER_POWER_SOURCE
        rows.append((ASSUMPTIONS[name].meaning, format_value(name, value), source))
    return pd.DataFrame(rows, columns=["assumption", "assumed", "source"])


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
    return name != "utilisation"


def _price_text(scenario: Scenario) -> str:
    if not _uses_price_trend(scenario):
        return "own price per chip-hour"
    return f"{scenario.price}, of the day, typical provider"


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
    growth = f"{grid.growth_per_year:+.1%} ± {1.645 * GROWTH_SD:.1%} (90 %) a year"
    if own is not None:
        growth = format_value("grid_growth_per_year", own)
    last = int(grid.years[-1])
    return f"{grid.name}: {grid.kg_per_kwh[-1]:.3g} kg CO2e/kWh in {last}, then {growth}"
