"""Runs with a published energy or emission, estimated beforehand: docs/famous_numbers.md."""

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
from scaling_bayes.text import percent_text, short
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
#: Names of runs in ml_systems where they are others.
_IN_ML_SYSTEMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "OLMo 2 7B": ("OLMo 2 Furious 7B",),
        "OLMo 2 13B": ("OLMo 2 Furious 13B",),
        "Gemma 2B and 7B": ("Gemma 2B", "Gemma 7B"),
    }
)
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


@cache
def _utilisations() -> pd.Series[float]:
    """Reported utilisation by system: of the model's FLOP, else of the hardware's."""
    table = load_table("utilisation", usable=True, edition=EDITION).set_index("system")
    return table["model_flop_utilisation"].fillna(table["hardware_flop_utilisation"]).dropna()


def utilisation_without(system: str) -> Prior:
    """Log-normal of the utilisations reported for other systems."""
    logs = np.log(_utilisations().drop(system, errors="ignore").to_numpy(float))
    return Prior("LogNormal", mu=float(logs.mean()), sigma=float(logs.std(ddof=1)))


def _known(run: Mapping[Any, Any], level: str) -> dict[str, Any] | None:
    """Arguments of `estimate_run` at a level; None where that much is not known."""
    server = {"server_power_ratio": ABOUT_RATED} if run["system"] in _IN_THE_PRIOR else {}
    shared = {"year": run["year"], "utilisation": utilisation_without(run["system"]), **server}
    if level == "FLOP only":
        if not np.isfinite(run["training_compute_flop"]):
            return None
        names = _IN_ML_SYSTEMS.get(run["system"], (run["system"],))
        of_class = {"device_class": run["device_class"], "without": names}
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

    Nothing that is tested sets what it is tested with: the system's own utilisation, device and measured
    power are left out. Estimates are of the facility: BLOOM's published energy has no PUE.

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
        ``quantity``, ``level``, ``runs``, ``coverage_50``, ``coverage_90``, ``median_ratio``,
        ``lowest_ratio``, ``highest_ratio``.
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


#: What a famous number is, and why it lies where it does.
_FAMOUS: Mapping[str, str] = MappingProxyType(
    {
        "GPT-3 175B (davinci)": "Measured power 330 W a board, above the rated 250 W: with its server.",
        "BLOOM-176B": "Boards at rated power, no PUE or host; French nuclear power. Whole cluster: 690 MWh.",
        "LLaMA-65B": "Boards at rated power times 1.1; hosts left out, as on every Llama card.",
        "Llama 2-7B": "The same rule and grid as Llama 2-70B.",
        "Llama 2-70B": "Boards at rated power times PUE 1.1 and 0.385 kg/kWh.",
        "Llama 3.1-405B": "Boards at rated power, location-based.",
        "Llama 3.2 1B": "Distilled: its FLOP leave out the teachers, its hours do not. FLOP alone miss it.",
        "Llama 4 Scout": "Boards at rated power, location-based.",
        "Llama 4 Maverick": "Fewer hours than Scout, which is smaller: it saw fewer tokens.",
        "T5-11B": "A TPU v3 draws about 0.6 of its rated 450 W; Taiwan's grid.",
        "Meena": "The same.",
        "Switch": "The lowest power of all, 245 W: a sparse model waits for its network.",
        "GShard-600B": "The same, and a clean site: 0.2 kg/kWh where the country has twice that.",
        "Evolved Transformer search": "The search that others put at 284 t: see below.",
        "LaMDA": "0.056 kg/kWh is stated for the site, a seventh of its country's.",
        "GLaM": "0.088 kg/kWh, a fifth of its country's.",
    }
)


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/famous_numbers.md."""
    rows = check_runs()
    blocks = {
        "agreement": _agreement(rows),
        "measured": _agreement(rows[rows["energy_kind"] == "measured"]),
        "famous": _famous(rows),
        "all": _all(rows),
        "strubell": _strubell(),
    }
    return filled(root, Path("docs", "famous_numbers.md"), blocks)


def _agreement(rows: pd.DataFrame) -> str:
    header = ("quantity", "known", "runs", "in 50 %", "in 90 %", "published / median", "lowest to highest")
    return markdown_table(
        header,
        [
            (
                str(row["quantity"]),
                LEVELS[str(row["level"])],
                str(row["runs"]),
                percent_text(row["coverage_50"]),
                percent_text(row["coverage_90"]),
                f"{row['median_ratio']:.2f}",
                f"{row['lowest_ratio']:.2f} to {row['highest_ratio']:.2f}",
            )
            for row in agreement(rows).to_dict(orient="records")
        ],
    )


def _estimate(row: Mapping[Any, Any]) -> str:
    return f"{short(row['median'])} [{short(row['lower_90'])}, {short(row['upper_90'])}]"


def _famous(rows: pd.DataFrame) -> str:
    """One row per famous run: its carbon, from what is known best and from FLOP alone."""
    carbon = rows[rows["quantity"].str.startswith("carbon")].to_dict(orient="records")
    of_carbon = {(row["system"], row["level"]): row for row in carbon}
    found = []
    for system, why in _FAMOUS.items():
        cells = [of_carbon[system, level] for level in ("FLOP only", "devices and hours")]
        told = [f"{_estimate(cell)}, {'in' if cell['in_90'] else 'out'}" for cell in cells]
        found.append((system, short(float(cells[0]["published"])), *told, why))
    header = ("run", "published, t", "from FLOP, t [90 %]", "from devices and hours", "why")
    return markdown_table(header, found)


def _all(rows: pd.DataFrame) -> str:
    return markdown_table(
        ("run", "known", "quantity", "published", "estimated [90 %]", "ratio", "in 90 %"),
        [
            (
                str(row["system"]),
                str(row["level"]),
                str(row["quantity"]),
                f"{short(row['published'])} ({row['energy_kind']})",
                _estimate(row),
                f"{row['ratio']:.2f}",
                "yes" if row["in_90"] else "no",
            )
            for row in rows.to_dict(orient="records")
        ],
    )


def _strubell() -> str:
    """What the hours believed in 2019 emit, beside those that were used."""
    believed = estimate_run(
        device_hours=8 * 274120, device="NVIDIA Tesla P100 DGXS", year=2019, region="United States"
    )
    used = estimate_run(
        device_hours=32640,
        device="Google TPU v2",
        year=2019,
        region="United States",
        server_power_ratio=ABOUT_RATED,
    )
    found = []
    for name, published, answer in (
        ("believed in 2019: 8 P100 for 274,120 hours", "284 (626,155 lb)", believed),
        ("used: 200 TPU v2 for 6.8 days", "3.2", used),
    ):
        words = {row["quantity"]: row["in_words"] for row in run_rows(answer)}
        found.append((name, words["log10_device_hours"], published, words["log10_carbon_kg"]))
    return markdown_table(("hours", "device-hours", "published, t", "estimated (90 %)"), found)
