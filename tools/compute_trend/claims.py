"""What was published about growth, beside what the tables give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.hardware.points import decimal_year
from scaling_bayes.hardware.tables import load_table
from tools.compute_trend.lines import doubling_year
from tools.compute_trend.series import CLAIM_YEARS, SERIES
from tools.compute_trend.tables import load_landmark_systems, load_trend_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["claims", "growth_table", "published_doubling_times", "years_for_hardware_gain"]

TENFOLD = 10.0
HARDWARE_GAIN = 50_000.0
_MONTHS = 12.0
#: Published quantity, the series and the window it is compared with.
_PUBLISHED = (
    ("training_compute_doubling_before_2010", "systems", (1952.0, 2010.0)),
    ("training_compute_doubling_before_2010", "systems_to_2009", (1950.0, 2010.0)),
    ("training_compute_doubling_deep_learning", "systems", (2010.0, 2022.0)),
    ("training_compute_doubling_deep_learning", "systems_2010_2021", (2010.0, 2022.0)),
    ("fp32_flop_per_s_doubling", "accelerators", (2008.5, 2026.0)),
    ("flop_per_s_per_usd_doubling_all_gpus", "accelerator_prices", (2008.5, 2021.0)),
    ("fp32_flop_per_s_per_release_usd_doubling_2008_2026", "accelerator_prices", (2008.5, 2024.0)),
)


def growth_table(*, every_model: bool = False) -> pd.DataFrame:
    """Growth of every series by era and window.

    Parameters
    ----------
    every_model : bool
        Also the models that were not chosen.

    Returns
    -------
    pandas.DataFrame
        ``series``, ``n_change_points``, ``chosen``, ``period``, ``start``, ``end``, growth factor per year
        (``factor``, ``factor_lower``, ``factor_upper``), doubling time in years (``doubling_year``,
        ``doubling_year_lower``, ``doubling_year_upper``, infinite where the growth may be none) with the ends
        of 90 % intervals, and ``probability_tenfold``.
    """
    table = load_trend_table("growth")
    table = table[table["quantity"] == "growth"]
    if not every_model:
        table = table[table["chosen"] == 1]
    kept = ["series", "n_change_points", "chosen", "period", "start", "end", "probability_tenfold"]
    result = table[kept].copy()
    for end, column in (("", "median"), ("_lower", "lower_90"), ("_upper", "upper_90")):
        result[f"factor{end}"] = 10.0 ** table[column]
    for end, column in (("", "median"), ("_lower", "upper_90"), ("_upper", "lower_90")):
        result[f"doubling_year{end}"] = [doubling_year(growth) for growth in table[column].tolist()]
    return result.reset_index(drop=True)


def _window(growth: pd.DataFrame, series: str, window: tuple[float, float]) -> dict[str, Any]:
    rows = growth[
        (growth["series"] == series)
        & (growth["period"] == "window")
        & (growth["start"] == window[0])
        & (growth["end"] == window[1])
    ]
    return {str(key): value for key, value in rows.iloc[0].items()}


def published_doubling_times() -> pd.DataFrame:
    """Doubling times beside published ones, in years.

    Returns
    -------
    pandas.DataFrame
        ``quantity``, ``series``, ``start``, ``end``, ``median``, ``lower``, ``upper`` (ours, 90 %),
        ``published``, ``published_lower``, ``published_upper`` (95 %, NaN where none was given),
        ``citation``.
    """
    import pandas as pd

    growth, literature = growth_table(), load_table("literature_intervals").set_index("quantity")
    rows = []
    for quantity, series, window in _PUBLISHED:
        ours, theirs = _window(growth, series, window), literature.loc[quantity]
        scale = _MONTHS if theirs["unit"] == "month" else 1.0
        rows.append(
            {
                "quantity": quantity,
                "series": series,
                "start": window[0],
                "end": window[1],
                "median": ours["doubling_year"],
                "lower": ours["doubling_year_lower"],
                "upper": ours["doubling_year_upper"],
                "published": theirs["median"] / scale,
                "published_lower": theirs["lower"] / scale,
                "published_upper": theirs["upper"] / scale,
                "citation": theirs["citation"],
            }
        )
    return pd.DataFrame(rows)


def claims() -> pd.DataFrame:
    """The two claims of the 2022 version of the paper, tested against the tables.

    Returns
    -------
    pandas.DataFrame
        ``claim``, ``claimed`` (factor), ``measure``, ``base``, ``median``, ``lower``, ``upper`` (90 %, NaN
        for the ratio of two points, which has no interval), ``holds`` (whether the interval contains the
        claimed value; None for a ratio).
    """
    import pandas as pd

    return pd.DataFrame([*_tenfold(), *_hardware_gain()])


def _row(claim: str, claimed: float, measure: str, base: str, *values: float) -> dict[str, Any]:
    median, lower, upper = values if len(values) == 3 else (values[0], math.nan, math.nan)
    holds = None if math.isnan(lower) else bool(lower <= claimed <= upper)
    return {
        "claim": claim,
        "claimed": claimed,
        "measure": measure,
        "base": base,
        "median": median,
        "lower": lower,
        "upper": upper,
        "holds": holds,
    }


def _tenfold() -> list[dict[str, Any]]:
    growth = growth_table()
    rows = []
    for series in ("systems", "systems_2012_2019", "record_systems", "record_systems_2012_2019"):
        of = _window(growth, series, CLAIM_YEARS)
        rows.append(
            _row(
                "training compute, factor a year 2012-2019",
                TENFOLD,
                SERIES[series].label,
                "trend over all years" if not SERIES[series].of else "trend of these years alone",
                of["factor"],
                of["factor_lower"],
                of["factor_upper"],
            )
        )
    for measure, table, first, last in (
        ("landmark systems, hardware burden", load_landmark_systems(), "AlexNet", "Evolved Transformer"),
        ("landmark systems, hardware burden", load_landmark_systems(), "AlexNet", "NoisyStudent"),
        ("training compute, two systems", load_table("ml_systems", usable=True), "AlexNet", "AlphaGo Zero"),
    ):
        rows.append(
            _row(
                "training compute, factor a year 2012-2019",
                TENFOLD,
                measure,
                f"from {first} to {last}",
                _factor_between(table, first, last),
            )
        )
    return rows


def _factor_between(table: pd.DataFrame, first: str, last: str) -> float:
    """Factor a year from one system to another."""
    pair = table.set_index("system").loc[[first, last]]
    gained = np.diff(np.log10(pair["training_compute_flop"].to_numpy(float)))[0]
    return float(10.0 ** (gained / np.diff(decimal_year(pair["publication_date"]))[0]))


def _hardware_gain() -> list[dict[str, Any]]:
    growth, rows = growth_table(), []
    claim = "hardware gain since the perceptron, factor"
    for series in ("landmark_machines", "landmark_prices"):
        for start, end in SERIES[series].windows:
            of = _window(growth, series, (start, end))
            gains = (of[name] ** (end - start) for name in ("factor", "factor_lower", "factor_upper"))
            rows.append(
                _row(claim, HARDWARE_GAIN, SERIES[series].label, f"trend {start:.0f}-{end:.0f}", *gains)
            )
    rate = load_table("landmark_machines").set_index("name")["flop_per_s"]
    for first, last in (
        ("IBM 704", "NVIDIA GeForce GTX 580"),
        ("IBM 704", "NVIDIA A100 SXM4 40 GB"),
        ("Cray-1", "NVIDIA Tesla P100 PCIe 16GB"),
        ("Cray-2", "NVIDIA A100 SXM4 40 GB"),
    ):
        gain = float(rate[last] / rate[first])
        rows.append(_row(claim, HARDWARE_GAIN, "rate of one machine", f"from {first} to {last}", gain))
    return rows


def years_for_hardware_gain() -> pd.DataFrame:
    """Years of growth, at the pace of each era of a hardware series, that make a factor of 50,000.

    Returns
    -------
    pandas.DataFrame
        ``series``, ``start``, ``end``, ``median``, ``lower``, ``upper`` (years, 90 %).
    """
    import pandas as pd

    growth = growth_table()
    hardware = [name for name, series in SERIES.items() if series.unit != "FLOP"]
    eras = growth[growth["series"].isin(hardware) & growth["period"].str.startswith("era")]
    doublings = math.log2(HARDWARE_GAIN)
    return pd.DataFrame(
        {
            "series": eras["series"],
            "start": eras["start"],
            "end": eras["end"],
            "median": doublings * eras["doubling_year"],
            "lower": doublings * eras["doubling_year_lower"],
            "upper": doublings * eras["doubling_year_upper"],
        }
    ).reset_index(drop=True)
