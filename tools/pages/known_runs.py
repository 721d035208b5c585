"""The scenario's cost, power, energy and carbon of known training runs beside what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.hardware.equations import SECONDS_PER_HOUR
from scaling_bayes.hardware.points import decimal_year, devices
from scaling_bayes.hardware.posterior import read_hardware
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.intervals import reported
from scaling_bayes.projection.conversion import conversions
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.scenario_draws import draw_inputs

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["check_against_reality", "known_runs", "summarize_reality"]

DRAWS = 4000
#: Quantity, the column it is published in, and the price it is compared at.
_PRICED = (
    ("cost_usd, purchase", "training_cost_usd_2023", "purchase"),
    ("cost_usd, cloud_on_demand", "training_cost_usd_2023", "cloud_on_demand"),
)


def known_runs() -> pd.DataFrame:
    """Runs of one known kind of device, with its number and hours, and something published to compare with.

    Returns
    -------
    pandas.DataFrame
        ``system``, ``year``, ``device``, ``device_class``, ``region``, ``chip_hours``, ``log10_burden_flop``
        (chips x hours x 3600 x peak, FP32 for GPUs and bf16 for TPUs), and the published
        ``training_cost_usd_2023`` (an estimate: amortised hardware and energy), ``training_power_watt`` (from
        rated power), ``energy_mwh``, ``energy_kind`` and ``carbon_t``; NaN where nothing was published.
    """
    runs = load_table("ml_systems", usable=True).rename(columns={"training_hardware": "device"})
    runs = runs.merge(
        load_table("published_runs").drop(columns=["citation", "note", "edition", "verified"]),
        on="system",
        how="left",
    )
    runs = runs.merge(devices().drop(columns="year"), on="device")
    runs["year"] = decimal_year(runs["publication_date"])
    runs["chip_hours"] = runs["hardware_quantity"] * runs["training_time_hours"]
    runs["log10_burden_flop"] = np.log10(
        runs["chip_hours"].to_numpy(float) * SECONDS_PER_HOUR * runs["peak_flop_per_s"].to_numpy(float)
    )
    runs["region"] = runs["region"].where(runs["region"].notna(), "United States")
    published = ["training_cost_usd_2023", "training_power_watt", "energy_mwh", "carbon_t"]
    known = runs["chip_hours"].notna() & runs[published].notna().any(axis=1)
    columns = ["system", "year", "device", "device_class", "region", "hardware_quantity", "chip_hours"]
    known_columns = [*columns, "log10_burden_flop", *published, "energy_kind"]
    return runs.loc[known & runs["device_class"].isin(DEVICE_CLASSES), known_columns].reset_index(drop=True)


def check_against_reality(hardware: xr.DataTree | None = None, *, random_seed: int = 0) -> pd.DataFrame:
    """Predictive distributions of known runs, from their burden, class and date alone, beside the published.

    The scenario knows the class of the device and the date, not the device: a typical device of the class
    and its residual spread. Energy is of the facility; BLOOM's published energy has no PUE.

    Parameters
    ----------
    hardware : DataTree, optional
        By default the shipped posterior.
    random_seed : int
        Seed of what a scenario assumes.

    Returns
    -------
    pandas.DataFrame
        One row per run and quantity: ``system``, ``year``, ``device``, ``quantity``, ``unit``,
        ``log10_published``, the quantiles of the prediction in log10, ``ratio`` (published over predicted
        median) and ``in_90``.
    """
    import pandas as pd

    trends = read_hardware(hardware)
    runs = known_runs()
    rows = []
    for (device_class, region), part in runs.groupby(["device_class", "region"]):
        found = _predicted(trends, str(device_class), str(region), part, random_seed)
        for position, run in enumerate(part.to_dict(orient="records")):
            hours = np.log10(run["chip_hours"] / run["hardware_quantity"])
            published = {
                **{name: (run[column], "USD", 0.0) for name, column, _ in _PRICED},
                "power": (run["training_power_watt"], "W", 3.0 - hours),
                "energy": (run["energy_mwh"], "MWh", -3.0),
                "carbon": (run["carbon_t"], "t CO2e", -3.0),
            }
            for quantity, (value, unit, log10_scale) in published.items():
                if not np.isfinite(value):
                    continue
                source = "energy" if quantity == "power" else quantity
                quantiles = reported(found[source][:, position] + log10_scale)
                log10_published = float(np.log10(value))
                rows.append(
                    {
                        **{name: run[name] for name in ("system", "year", "device")},
                        "quantity": quantity,
                        "unit": unit,
                        "log10_published": log10_published,
                        **quantiles,
                        "ratio": 10 ** (log10_published - quantiles["median"]),
                        "in_90": quantiles["lower_90"] <= log10_published <= quantiles["upper_90"],
                    }
                )
    return pd.DataFrame(rows).sort_values(["quantity", "year"], ignore_index=True)


def _predicted(
    hardware: xr.DataTree, device_class: str, region: str, runs: pd.DataFrame, seed: int
) -> dict[str, Floats]:
    """log10 of cost in USD at each price, energy in kWh and carbon in kg, shape (draw, run)."""
    years, burden = runs["year"].to_numpy(float), runs["log10_burden_flop"].to_numpy(float)
    found = {}
    for name, _, price in _PRICED:
        # TPUs are not sold: their price is the three-year rent, the nearest to what owning one costs.
        offered = "cloud_3_year" if (device_class, price) == ("tpu", "purchase") else price
        scenario = Scenario(device_class=device_class, region=region, price=offered)
        inputs = draw_inputs(scenario, hardware, DRAWS, seed, kind="predictive")
        converted = conversions(scenario, inputs, years)
        found[name] = burden - converted["log10_flop_per_usd"]
    found["energy"] = burden - converted["log10_flop_per_kwh"]
    found["carbon"] = found["energy"] + converted["log10_kg_per_kwh"]
    return found


def summarize_reality(rows: pd.DataFrame) -> pd.DataFrame:
    """Agreement by quantity.

    Returns
    -------
    pandas.DataFrame
        ``quantity``, ``n``, ``median_ratio`` (published over predicted), ``ratio_lower_90`` and
        ``ratio_upper_90`` over runs, ``coverage_90``.
    """
    import pandas as pd

    summary = []
    for quantity, part in rows.groupby("quantity", sort=False):
        spread = reported(part["ratio"].to_numpy())
        summary.append(
            {
                "quantity": quantity,
                "n": len(part),
                "median_ratio": spread["median"],
                "ratio_lower_90": spread["lower_90"],
                "ratio_upper_90": spread["upper_90"],
                "coverage_90": float(part["in_90"].mean()),
            }
        )
    return pd.DataFrame(summary)
