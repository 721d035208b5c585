"""Runs whose energy or emission was published, estimated as before they were trained: docs/famous_numbers.md."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.priors import Prior
from scaling_bayes.hardware.points import decimal_year, devices
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.runs.estimate import estimate_run
from scaling_bayes.projection.runs.words import run_rows
from scaling_bayes.text import short
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["agreement", "check_runs", "pages", "published_runs"]

EDITION = "2026.12"
#: What is given at each level, beside the year and whether the run was on GPUs or TPUs.
LEVELS: Mapping[str, str] = MappingProxyType(
    {
        "FLOP only": "FLOP",
        "devices and hours": "device, hours, country",
        "all": "device, hours, published PUE and grid intensity",
    }
)
#: Runs whose measured power is in the source of the prior of `server_power_ratio`: they are estimated with a
#: prior that says only "about rated power".
_IN_THE_PRIOR = frozenset(
    {
        "T5-11B",
        "Meena",
        "Switch",
        "GShard-600B",
        "GPT-3 175B (davinci)",
        "Evolved Transformer search",
        "LaMDA",
        "BLOOM-176B",
    }
)
ABOUT_RATED = (1.0, (0.6, 1.7))
#: Countries that are not those of the table: where a run was not said.
_UNKNOWN_PLACE = frozenset({"Gemma 2B and 7B"})


@cache
def published_runs() -> pd.DataFrame:
    """Published energy or emission of each run beside what was known of it.

    Returns
    -------
    pandas.DataFrame
        Columns of ``published_runs`` and ``run_sizes``, with ``year`` and ``device_class``; runs without a
        published energy or emission left out.
    """
    table = load_table("published_runs", edition=EDITION)
    sizes = load_table("run_sizes", edition=EDITION).drop(columns=["citation", "url", "note", "verified"])
    runs = table.merge(sizes, on="system", suffixes=("", "_of_size"))
    runs["year"] = decimal_year(runs["publication_date"])
    of_device = devices(edition=EDITION).set_index("device")["device_class"]
    runs["device_class"] = runs["device"].map(of_device).fillna("gpu_datacenter")
    return runs[runs["energy_mwh"].notna() | runs["carbon_t"].notna()].reset_index(drop=True)


def utilisation_without(system: str) -> Prior:
    """Log-normal of the utilisations reported for other systems."""
    table = load_table("utilisation", usable=True, edition=EDITION)
    table = table[table["system"] != system]
    share = table["model_flop_utilisation"].fillna(table["hardware_flop_utilisation"]).dropna()
    logs = np.log(share.to_numpy(float))
    return Prior("LogNormal", mu=float(logs.mean()), sigma=float(logs.std(ddof=1)))


def _known(run: Mapping[str, Any], level: str) -> dict[str, Any] | None:
    """Arguments of `estimate_run` at a level; None where that much is not known."""
    server = {"server_power_ratio": ABOUT_RATED} if run["system"] in _IN_THE_PRIOR else {}
    shared = {"year": run["year"], "utilisation": utilisation_without(run["system"]), **server}
    if level == "FLOP only":
        if not np.isfinite(run["training_compute_flop"]):
            return None
        of_class = {"device_class": run["device_class"], "without": run["system"]}
        return {"flop": run["training_compute_flop"], **of_class, **shared}
    if not np.isfinite(run["device_hours"]):
        return None
    known = {"device_hours": run["device_hours"], "device": run["device"], **shared}
    if run["system"] not in _UNKNOWN_PLACE:
        known["region"] = run["region"]
    if level == "all":
        if not (np.isfinite(run["pue"]) and np.isfinite(run["kg_per_kwh"])):
            return None
        known |= {"pue": run["pue"], "grid_kg_per_kwh": run["kg_per_kwh"]}
    return known


@cache
def check_runs() -> pd.DataFrame:
    """Every published number beside its estimate, at each level of what was known.

    Nothing that is tested sets what it is tested with: the system's own utilisation, device and measured power
    are left out. Estimates are of the facility: BLOOM's published energy has no PUE.

    Returns
    -------
    pandas.DataFrame
        ``system``, ``level``, ``quantity`` (energy, MWh, or carbon, t), ``energy_kind``, ``published``, the
        quantiles of the estimate, ``ratio`` (published over estimated median), ``in_50``, ``in_90``.
    """
    import pandas as pd

    rows = []
    for run in published_runs().to_dict(orient="records"):
        for level in LEVELS:
            known = _known(run, level)
            if known is None:
                continue
            found = {row["quantity"]: row for row in run_rows(estimate_run(**known))}
            for quantity, column, name in (
                ("energy, MWh", "energy_mwh", "log10_energy_kwh"),
                ("carbon, t CO2e", "carbon_t", "log10_carbon_kg"),
            ):
                published = float(run[column])
                # OLMo's emission is of one of its two runs, in another country than the first.
                if not np.isfinite(published) or (run["system"], column) == ("OLMo-7B", "carbon_t"):
                    continue
                ends = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
                value = {end: 10 ** (found[name][end] - 3) for end in ends}
                rows.append(
                    {
                        "system": run["system"],
                        "level": level,
                        "quantity": quantity,
                        "energy_kind": run["energy_kind"],
                        "published": published,
                        **value,
                        "ratio": published / value["median"],
                        "in_50": value["lower_50"] <= published <= value["upper_50"],
                        "in_90": value["lower_90"] <= published <= value["upper_90"],
                    }
                )
    return pd.DataFrame(rows)


def agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """Coverage and ratio of published to estimated median by quantity and level.

    Returns
    -------
    pandas.DataFrame
        ``quantity``, ``level``, ``runs``, ``coverage_50``, ``coverage_90``, ``median_ratio``, ``lowest_ratio``,
        ``highest_ratio``.
    """
    found = rows.groupby(["quantity", "level"], sort=False).agg(
        runs=("system", "size"),
        coverage_50=("in_50", "mean"),
        coverage_90=("in_90", "mean"),
        median_ratio=("ratio", "median"),
        lowest_ratio=("ratio", "min"),
        highest_ratio=("ratio", "max"),
    )
    return found.reset_index()
