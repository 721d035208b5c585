"""A run in words: quantities with intervals, where the spread comes from, yardsticks and a model card."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import TraceError
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.intervals import reported
from scaling_bayes.text import (
    CARBON,
    COMPUTE,
    COST,
    ENERGY,
    MACHINE_LOG10_FLOP_PER_SECOND,
    QUANTITIES,
    UNATTAINABLE,
    Quantity,
    amount_in_words,
    format_error,
    percent_text,
    quantity_in,
    task_label,
    times_in_words,
)
from scaling_bayes.trace.schema import group, manifest

if TYPE_CHECKING:
    import xarray as xr


def flop_in_words(log10_flop: float) -> str:
    """An amount of arithmetic: ``3.1 x 10^23 FLOP``."""
    if log10_flop == math.inf:
        return UNATTAINABLE
    if not math.isfinite(log10_flop):
        return amount_in_words(log10_flop, "FLOP")
    digits, power = f"{10 ** (log10_flop % 1):.1f}", math.floor(log10_flop)
    return f"1.0 x 10^{power + 1} FLOP" if digits == "10.0" else f"{digits} x 10^{power} FLOP"


def in_unit(unit: str) -> Callable[[float], str]:
    """What writes the log10 of an amount of a unit, below one in figures: ``0.6 kWh``."""

    def write(log10_value: float) -> str:
        small = -3 < log10_value < 0
        return f"{10**log10_value:.2g} {unit}" if small else amount_in_words(log10_value, unit)

    return write


def between(write: Callable[[float], str], median: float, low: float, high: float) -> str:
    """Median and interval, or one value: ``1.2 million USD (12 thousand to 2.1 million)``.

    The unit is repeated as `Quantity.interval` does.
    """
    texts = [write(value) for value in (median, low, high)]
    if texts[1] == texts[2]:
        return texts[0]
    unit = texts[0].lstrip("0123456789.,x^ ")
    for word in ("thousand", "million", "billion", "trillion"):
        unit = unit.removeprefix(f"{word} ")
    ends = [text.replace(UNATTAINABLE, "unattainable") for text in texts[1:]]
    if unit and all(end.endswith(f" {unit}") and not end.startswith(("less", "no")) for end in ends):
        bare = [end.removesuffix(f" {unit}") for end in ends]
        ends = [ends[0] if " " in bare[1] and " " not in bare[0] else bare[0], bare[1]]
    return f"{texts[0]} ({ends[0]} to {ends[1]})"


_ENERGY = QUANTITIES[ENERGY]._replace(
    units=((0.0, "kWh", "kWh"), (3.0, "MWh", "MWh"), (6.0, "GWh", "GWh"), (9.0, "TWh", "TWh"))
)
#: By variable of the group ``run``: what it is called, what writes it, and what to add to its log10 before.
_SAID: Mapping[str, tuple[str, Quantity | None, float]] = MappingProxyType(
    {
        "log10_flop": ("arithmetic", None, 0.0),
        "log10_device_hours": ("device-hours", quantity_in("device-hours"), 0.0),
        "log10_days": (
            "length",
            QUANTITIES[COMPUTE],
            math.log10(86400.0) + MACHINE_LOG10_FLOP_PER_SECOND,
        ),
        "log10_energy_kwh": ("energy", _ENERGY, 0.0),
        "log10_cost_usd": ("cost", QUANTITIES[COST], 0.0),
        "log10_carbon_kg": ("carbon", QUANTITIES[CARBON], 0.0),
        "log10_embodied_kg": ("carbon of making", QUANTITIES[CARBON], 0.0),
    }
)
#: What the world makes in a year, from ``yardsticks``.
_OF_THE_WORLD = (
    ("log10_cost_usd", "world_gdp", "what the world produced in 2023"),
    ("log10_energy_kwh", "world_electricity", "the world's electricity of 2023"),
    ("log10_carbon_kg", "world_co2", "the world's CO2 emissions of 2023"),
)
#: Shares of the spread below this are not told.
_LEAST_SHARE = 0.03


def run_rows(answer: xr.DataTree) -> list[dict[str, Any]]:
    """One row per quantity of a run: quantiles and words; one per task for the error."""
    data = group(answer, "run")
    rows = []
    for name, values in data.data_vars.items():
        parts = values.transpose("task", ...) if "task" in values.dims else [values]
        for part in parts:
            if np.isnan(part).any():
                raise TraceError(f"{name} of the run holds NaN; the answer is damaged.")
            quantiles = reported(part.values)
            unreachable = float(np.isposinf(part.values).mean())
            task = str(part["task"].item()) if "task" in part.coords else ""
            rows.append(
                {
                    "quantity": str(name),
                    "task": task,
                    "unit": str(values.attrs.get("units", "")),
                    **quantiles,
                    "unreachable": unreachable,
                    "in_words": interval_in_words(str(name), quantiles, unreachable),
                }
            )
    return rows


def interval_in_words(name: str, quantiles: Mapping[str, float], unreachable: float = 0.0) -> str:
    """Median and 90 % interval of a quantity of a run, or of an error: ``9.4 % (6.7 to 14)``."""
    median, low, high = (quantiles[key] for key in ("median", "lower_90", "upper_90"))
    if name == "error":
        return between(_error_text, median, low, high)
    _, about, added = _SAID[name]
    if about is None and median < math.inf:
        return between(flop_in_words, median, low, high)
    about = about or QUANTITIES[COMPUTE]
    return about.interval(median + added, low + added, high + added, unreachable)


def _error_text(error: float) -> str:
    return "under 0.01 %" if error < 5e-5 else format_error(float(f"{error:.2g}"))


def quantity_label(row: Mapping[str, Any]) -> str:
    """What a row of `run_rows` is of."""
    if row["task"]:
        return f"error on {task_label(row['task'])}"
    return _SAID[row["quantity"]][0]


def run_about(answer: xr.DataTree) -> dict[str, Any]:
    """What was given and assumed.

    Raises
    ------
    TraceError
        If it is not from `estimate_run`.
    """
    found: dict[str, Any] | None = manifest(answer).get("run")
    if found is None:
        raise TraceError("expected an answer of estimate_run().")
    return found


def finding(answer: xr.DataTree) -> str:
    """The answer in one sentence."""
    about, rows = run_about(answer), {row["quantity"]: row for row in run_rows(answer)}
    said = {
        name: rows[name]["in_words"] for name in ("log10_cost_usd", "log10_energy_kwh", "log10_carbon_kg")
    }
    cost, energy, carbon = said.values()
    where = f"{about['device']} ({about['year']:g}, {about['region']})"
    told = dict.fromkeys((cost, energy, carbon))  # one, where all are out of reach
    return f"{about['known']} on {where}: {'; '.join(told)}."


def run_shares(answer: xr.DataTree) -> list[dict[str, Any]]:
    """Shares of the variance of each log10 quantity of a run, by source.

    Each quantity is a sum over sources, so the share of one is its covariance with the sum over the variance
    of the sum. These add up to 1, and are the Shapley shares where sources are independent.

    Returns
    -------
    list of dict
        ``quantity``, ``source``, ``share`` and ``sd`` (of the quantity, orders of magnitude); none of
        quantities that do not vary or are infinite in some draws.
    """
    rows = []
    for name, parts in group(answer, "sources").data_vars.items():
        values = parts.transpose("source", ...).values.reshape(parts.sizes["source"], -1).astype(float)
        total = values.sum(axis=0)
        if not np.isfinite(values).all() or total.std() < 1e-6:
            continue
        centred = total - total.mean()
        shares = (values - values.mean(axis=1, keepdims=True)) @ centred / (centred @ centred)
        for source, share in zip(parts["source"].values, shares, strict=True):
            rows.append(
                {"quantity": str(name), "source": str(source), "share": share, "sd": float(total.std())}
            )
    return rows


def spread_sentences(answer: xr.DataTree) -> list[str]:
    """Where the spread of cost, energy and carbon comes from, largest share first."""
    rows = run_shares(answer)
    sentences = []
    for name in ("log10_cost_usd", "log10_energy_kwh", "log10_carbon_kg"):
        own = sorted((row for row in rows if row["quantity"] == name), key=lambda row: -row["share"])
        told = [f"{row['source']} {percent_text(row['share'])}" for row in own if row["share"] > _LEAST_SHARE]
        if told:
            sentences.append(f"Spread of the {_SAID[name][0]}: {', '.join(told)}.")
    return sentences


def yardsticks(answer: xr.DataTree) -> list[str]:
    """The medians beside things that readers know."""
    median = {row["quantity"]: row["median"] for row in run_rows(answer)}
    table = load_table("yardsticks").set_index(["name", "year"])["value"]
    gpt3 = float(table["largest_training_run", 2020])
    carbon = median["log10_carbon_kg"]

    def times(log10_value: float, one: float) -> str:
        return times_in_words(log10_value - math.log10(one))

    sentences = []
    if 22.5 < median["log10_flop"] < 33:
        sentences.append(f"Arithmetic: {times(median['log10_flop'], gpt3)} times GPT-3's.")
    if 3 < carbon < 9:
        flights = times(carbon, float(table["flight_new_york_san_francisco", 2019]))
        years = times(carbon, float(table["average_american_year", 2019]))
        sentences.append(
            f"Carbon: {flights} flights from New York to San Francisco, or what an average American emits in "
            f"{years} years."
        )
    for name, yardstick, whole in _OF_THE_WORLD:
        share = median[name] - math.log10(float(table[yardstick, 2023]))
        text = f"{10 ** (share + 2):.2g} %" if share < 0 else f"{times_in_words(share)} times"
        sentences += [f"{_SAID[name][0].capitalize()}: {text} of {whole}."] if -3 < share < math.inf else []
    return sentences


def model_card(answer: xr.DataTree, training_type: str = "pre-training") -> str:
    """Metadata and a table for a model card, as Markdown.

    The metadata are the fields of ``co2_eq_emissions`` of the Hugging Face Hub (*Displaying carbon emissions
    for your model*): emissions in grams, source, training type, location and hardware.

    Parameters
    ----------
    answer : DataTree
        From `estimate_run`.
    training_type : str
        Such as ``pre-training`` or ``fine-tuning``.

    Returns
    -------
    str

    Raises
    ------
    TraceError
        If it is not from `estimate_run`.
    """
    about, rows = run_about(answer), run_rows(answer)
    carbon = next(row for row in rows if row["quantity"] == "log10_carbon_kg")
    log10_grams, interval = carbon["median"] + 3, carbon["in_words"]
    count = "" if about["devices"] is None else f"{about['devices']:g} x "
    fields = {
        "source": f"estimated by scaling_bayes: {interval}, 90 % interval",
        "training_type": training_type,
        "geographical_location": about["region"],
        "hardware_used": f"{count}{about['device']}",
    }
    lines = ["---", "co2_eq_emissions:"]
    if log10_grams < math.inf:  # else no number of grams is enough
        lines.append(f"  emissions: {float(f'{10**log10_grams:.3g}'):.0f}")
    lines += [f"  {name}: {json.dumps(text, ensure_ascii=False)}" for name, text in fields.items()]
    lines += ["---", "", "| estimated before training | median (90 % interval) |", "| --- | --- |"]
    lines += [f"| {quantity_label(row)} | {row['in_words']} |" for row in rows]
    lines += ["", f"Known: {about['known']}. Year {about['year']:g}. Assumed:", ""]
    lines += [f"- {row['assumption']}: {row['assumed']} ({row['source']})" for row in about["assumptions"]]
    return "\n".join(lines) + "\n"
