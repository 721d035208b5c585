"""From the tables to the points the hardware model sees, as values and in log10.

A value follows from the tables by arithmetic that every processor rounds alike (IEEE 754); its logarithm may
differ in the last bit. Digests are of values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.hardware.editions import EDITION, EDITIONS
from scaling_bayes.hardware.equations import SECONDS_PER_HOUR
from scaling_bayes.hardware.tables import has_flag, load_table
from scaling_bayes.hardware.trends import TRENDS

if TYPE_CHECKING:
    import pandas as pd

#: Purchases later than this many years after release say nothing about the price at release.
_NEAR_RELEASE = 1.5
_FIRST_YEAR = 2007.0
_LABELS = {trend.label for trend in TRENDS}


def decimal_year(dates: pd.Series[pd.Timestamp]) -> pd.Series[float]:
    """Decimal years of dates, the middle of the day."""
    return dates.dt.year + (dates.dt.day_of_year - 0.5) / 365.25


def devices(*, edition: str = EDITION) -> pd.DataFrame:
    """Dated accelerators with the rate that counts for their class.

    Returns
    -------
    pandas.DataFrame
        ``device``, ``device_class``, ``year`` (release), ``peak_flop_per_s`` (FP32 for GPUs, 16-bit matrix
        rate for TPUs: the convention of hardware burdens), ``board_power_watt``, ``release_price_usd``.
    """
    table = load_table("accelerators", usable=True, edition=edition).rename(columns={"name": "device"})
    table["year"] = decimal_year(table["release_date"])
    is_tpu = table["device_class"] == "tpu"
    table["peak_flop_per_s"] = table["peak_flop_per_s_fp32"].mask(
        is_tpu, table["peak_flop_per_s_fp16_bf16_tensor"]
    )
    known = table["year"].notna() & table["peak_flop_per_s"].notna()
    columns = ["device", "device_class", "year", "peak_flop_per_s", "board_power_watt", "release_price_usd"]
    return table.loc[known, columns].reset_index(drop=True)


@cache
def known_devices() -> Mapping[str, Mapping[str, Any]]:
    """Devices that a scenario can name, in the order of their table, with their columns of `devices`."""
    table = devices().dropna(subset=["board_power_watt"]).set_index("device")
    rows: dict[str, Any] = table.to_dict("index")  # type: ignore[assignment]
    return MappingProxyType({name: MappingProxyType(row) for name, row in rows.items()})


def class_of(device: str, stated: str | None = None) -> str:
    """Class of one of the `known_devices`.

    Raises
    ------
    OptionError
        If another is stated, or the device is of none that has trends and prices.
    """
    found = str(known_devices()[device]["device_class"])
    if found not in DEVICE_CLASSES:
        raise OptionError(
            f"device={device!r} is of no class with known trends and prices; expected one of the classes "
            f"{', '.join(DEVICE_CLASSES)}. `scaling-bayes list devices` lists them."
        )
    if stated not in (None, found):
        raise OptionError(f"device_class={stated!r}, but {device} is in {found!r}; give one of the two.")
    return found


def trend_points(before: float = math.inf, *, edition: str = EDITION) -> pd.DataFrame:
    """Points of every trend but the cloud prices.

    Parameters
    ----------
    before : float
        Leave out what was released, priced or built in or after this decimal year; for hindcasts.
    edition : str
        Edition of the tables: 2026.11 gives the points of the posterior of that release.

    Returns
    -------
    pandas.DataFrame
        ``trend``, ``device``, ``year`` (release), ``value`` in the unit of the quantity and ``log10_value``.

    Raises
    ------
    OptionError
        If nothing is left.
    """
    import pandas as pd

    board = devices(edition=edition)
    board = board[board["year"] >= _FIRST_YEAR]
    price = board["release_price_usd"].fillna(board["device"].map(_purchase_near_release(edition)))
    frames = [
        _points("energy", board, board["peak_flop_per_s"] / board["board_power_watt"]),
        _points("purchase", board, board["peak_flop_per_s"] / price),
        _largest_runs(before, edition),
        _record_machines(edition),
    ]
    points = pd.concat(frames, ignore_index=True)
    points = points[points["trend"].isin(_LABELS) & (points["year"] < before)].reset_index(drop=True)
    if points.empty:
        raise OptionError(f"before={before:g} leaves no hardware; expected a year from 2009 on.")
    return points


def _points(quantity: str, board: pd.DataFrame, value: pd.Series[float]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "trend": quantity + " " + board["device_class"],
            "device": board["device"],
            "year": board["year"],
            "value": value,
            "log10_value": np.log10(value),
        }
    )
    known: pd.DataFrame = frame[np.isfinite(frame["log10_value"])]
    return known


def _purchase_near_release(edition: str) -> dict[str, float]:
    """Median purchase price of each device soon after its release, in USD per chip."""
    prices = load_table("prices", usable=True, edition=edition)
    prices = prices[(prices["kind"] == "purchase") & ~has_flag(prices, "late_market", "whole_system")]
    board = devices(edition=edition).set_index("device")["year"]
    age = decimal_year(prices["date"]) - prices["device"].map(board)
    return dict(prices[age < _NEAR_RELEASE].groupby("device")["usd"].median())


def _largest_runs(before: float, edition: str) -> pd.DataFrame:
    """Systems that used more training compute than any before, from 2009 on; guesses left out."""
    import pandas as pd

    systems = load_table("ml_systems", usable=True, edition=edition)
    systems = systems[systems["confidence"].isin(["confident", "likely"])].sort_values("publication_date")
    year = decimal_year(systems["publication_date"])
    systems = systems[(year >= 2009) & (year < before)]
    record = systems[systems["training_compute_flop"] >= systems["training_compute_flop"].cummax()]
    return pd.DataFrame(
        {
            "trend": "largest_run",
            "device": record["system"],
            "year": decimal_year(record["publication_date"]),
            "value": record["training_compute_flop"].astype(float),
            "log10_value": np.log10(record["training_compute_flop"]),
        }
    )


def _record_machines(edition: str) -> pd.DataFrame:
    """Each machine in the November in which it first led the TOP500 list."""
    import pandas as pd

    machines = load_table("record_machines", edition=edition).drop_duplicates("name")
    return pd.DataFrame(
        {
            "trend": "record_machine",
            "device": machines["name"],
            "year": machines["year"] + within_year(edition),
            "value": machines["rmax_flop_per_s"].astype(float),
            "log10_value": np.log10(machines["rmax_flop_per_s"]),
        }
    )


def within_year(edition: str = EDITION) -> float:
    """When in its year a record machine counts: in the middle in the first edition, later in mid-November."""
    return 0.5 if edition == EDITIONS[0] else 10.5 / 12


def cloud_offers(before: float = math.inf, *, edition: str = EDITION) -> pd.DataFrame:
    """FLOP per dollar of rented chips: the median price of a device, provider, kind and calendar year.

    A rented K80 is one of the two chips of its board.

    Parameters
    ----------
    before : float
        Leave out devices released, and prices seen, in or after this decimal year.

    Returns
    -------
    pandas.DataFrame
        ``trend``, ``device``, ``year`` (release), ``age`` (years from release to the price), ``provider``,
        ``kind``, ``value`` (FLOP per USD) and ``log10_value``.
    """
    prices = load_table("prices", usable=True, edition=edition)
    prices = prices[prices["per"] == "chip_hour"].merge(devices(edition=edition), on="device")
    chips = 1.0 + has_flag(prices, "half_board")
    prices["value"] = prices["peak_flop_per_s"] / chips * SECONDS_PER_HOUR / prices["usd"]
    prices["seen"] = decimal_year(prices["date"])
    prices["age"] = prices["seen"] - prices["year"]
    prices = prices[prices["seen"] < before]
    prices["trend"] = "cloud " + prices["device_class"]
    prices = prices[prices["trend"].isin(_LABELS)].assign(calendar=prices["seen"].astype(int))
    offers = prices.groupby(
        ["trend", "device", "provider", "kind", "calendar"], as_index=False, sort=True
    ).agg(year=("year", "first"), age=("age", "median"), value=("value", "median"))
    offers["log10_value"] = np.log10(offers["value"])
    return offers[["trend", "device", "year", "age", "provider", "kind", "value", "log10_value"]]
