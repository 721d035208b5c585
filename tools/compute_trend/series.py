"""Which quantities are followed over time, and their points in log10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.hardware.points import decimal_year
from scaling_bayes.hardware.tables import load_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CLAIM_YEARS", "SERIES", "Series", "series_points", "series_values"]


_GPU_CLASSES = [name for name, about in DEVICE_CLASSES.items() if about.family == "gpu"]
#: The window of the claim on training compute, both ends whole years.
CLAIM_YEARS = (2012.0, 2020.0)


@dataclass(frozen=True)
class Series:
    """A quantity followed over time.

    Attributes
    ----------
    label : str
        Name for readers.
    unit : str
        Unit of the value, before log10.
    most_change_points : int
        Models with 0 up to this many change points are compared.
    windows : tuple of (float, float)
        Decimal years between which mean growth is reported, whatever the change points.
    of : str
        Series of which this one is the part within its first window, for a fit that sees nothing else.
    """

    label: str
    unit: str
    most_change_points: int
    windows: tuple[tuple[float, float], ...]
    of: str = ""


SERIES: Mapping[str, Series] = MappingProxyType(
    {
        "systems": Series(
            "training compute, all systems",
            "FLOP",
            2,
            ((1952.0, 2010.0), (2010.0, 2022.0), CLAIM_YEARS, (2018.0, 2025.0)),
        ),
        "record_systems": Series(
            "training compute, record systems",
            "FLOP",
            2,
            ((1952.0, 2010.0), (2010.0, 2022.0), CLAIM_YEARS, (2018.0, 2025.0)),
        ),
        "systems_to_2009": Series(
            "all systems, only those to 2009", "FLOP", 0, ((1950.0, 2010.0),), "systems"
        ),
        "systems_2010_2021": Series(
            "all systems, only those of 2010-2021", "FLOP", 0, ((2010.0, 2022.0),), "systems"
        ),
        "systems_2012_2019": Series(
            "all systems, only those of 2012-2019", "FLOP", 0, (CLAIM_YEARS,), "systems"
        ),
        "record_systems_2012_2019": Series(
            "record systems, only those of 2012-2019", "FLOP", 0, (CLAIM_YEARS,), "record_systems"
        ),
        "record_machines": Series(
            "record machine, Linpack Rmax", "FLOP/s", 2, ((1993.0, 2013.0), (2013.0, 2025.0), CLAIM_YEARS)
        ),
        "accelerators": Series(
            "accelerators, FP32 peak", "FLOP/s", 1, ((2008.5, 2026.0), (2010.0, 2022.0), CLAIM_YEARS)
        ),
        "accelerator_prices": Series(
            "GPUs, FP32 peak per release dollar", "FLOP/s/USD", 1, ((2008.5, 2021.0), (2008.5, 2024.0))
        ),
        "landmark_machines": Series(
            "landmark machines, rate", "FLOP/s", 1, ((1958.0, 2012.0), (1958.0, 2020.0), (1976.0, 2012.0))
        ),
        "landmark_prices": Series(
            "landmark machines, rate per dollar",
            "FLOP/s/USD",
            1,
            ((1961.0, 2012.0), (1961.0, 2020.0), (1985.0, 2009.0)),
        ),
    }
)


def series_points(name: str) -> pd.DataFrame:
    """Points of one series, in order of time: `series_values` with the logarithm of the value.

    Parameters
    ----------
    name : str
        One of `SERIES`.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``year`` (decimal) and ``log10_value`` in the unit of the series.

    Raises
    ------
    OptionError
        If there is no such series.
    """
    points = series_values(name)
    points["log10_value"] = np.log10(points.pop("value"))
    return points


def series_values(name: str) -> pd.DataFrame:
    """Values of one series, in order of time, as the tables have them.

    All systems: every dated estimate, guesses included; robust noise stands for them. Record systems: those
    with more compute than any before (of one day, the largest), among estimates that are confident or
    likely. Record machines: each November in which TOP500's first Rmax rose. Accelerators: every dated FP32
    vector peak, matrix units left out. Landmark machines: rates as told by their sources, which do not count
    the same operation; clusters that are given as a price per GFLOP/s have a price and no rate.

    Parameters
    ----------
    name : str
        One of `SERIES`.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``year`` (decimal) and ``value`` in the unit of the series.

    Raises
    ------
    OptionError
        If there is no such series.
    """
    if name not in SERIES:
        raise OptionError(f"no series {name!r}; there are {', '.join(SERIES)}.")
    whole = SERIES[name].of or name
    if whole in {"systems", "record_systems"}:
        points = _systems(records=whole == "record_systems")
    elif whole == "record_machines":
        points = _record_machines()
    elif whole in {"accelerators", "accelerator_prices"}:
        points = _accelerators(per_usd=whole == "accelerator_prices")
    else:
        points = _landmarks(per_usd=whole == "landmark_prices")
    if SERIES[name].of:
        points = points[points["year"].between(*SERIES[name].windows[0], inclusive="left")]
    return points.sort_values(["year", "name"]).reset_index(drop=True)


def _frame(names: pd.Series[str], year: pd.Series[float], value: pd.Series[float]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame({"name": names, "year": year, "value": value})
    known: pd.DataFrame = frame[
        np.isfinite(frame["year"]) & (frame["value"] > 0) & np.isfinite(frame["value"])
    ]
    return known


def _systems(*, records: bool) -> pd.DataFrame:
    table = load_table("ml_systems", usable=True)
    table = table.sort_values(["publication_date", "training_compute_flop"], ascending=[True, False])
    if records:
        table = table[table["confidence"].isin(["confident", "likely"])]
        compute = table["training_compute_flop"]
        table = table[compute > compute.cummax().shift(fill_value=0.0)]
    return _frame(table["system"], decimal_year(table["publication_date"]), table["training_compute_flop"])


def _record_machines() -> pd.DataFrame:
    table = load_table("record_machines").drop_duplicates("rmax_flop_per_s")
    return _frame(table["name"], table["year"] + 0.5, table["rmax_flop_per_s"])


def _accelerators(*, per_usd: bool) -> pd.DataFrame:
    table = load_table("accelerators", usable=True)
    matrix = table["flags"].str.contains("fp32_is_matrix", regex=False)
    rate = table["peak_flop_per_s_fp32"].mask(matrix)
    if per_usd:
        rate = rate.where(table["device_class"].isin(_GPU_CLASSES)) / table["release_price_usd"]
    return _frame(table["name"], decimal_year(table["release_date"]), rate)


def _landmarks(*, per_usd: bool) -> pd.DataFrame:
    table = load_table("landmark_machines")
    dates = table["date"].str.split("-", expand=True).astype(float)
    year = dates[0] + (dates[1].fillna(6.5) - 0.5) / 12.0
    rate = table["flop_per_s"]
    if per_usd:
        return _frame(table["name"], year, rate / table["price_usd"])
    return _frame(table["name"], year, rate.mask(table["operation"].str.contains("price per GFLOP/s")))
