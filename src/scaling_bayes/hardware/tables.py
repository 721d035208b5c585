"""Read the hardware, price and carbon tables of ``data/hardware``, with their sidecars and flags."""

from __future__ import annotations

import hashlib
import math
import tomllib
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.hardware.flags import (
    ACCELERATOR_FLAGS,
    FLAGS,
    GRID_FLAGS,
    PRICE_FLAGS,
    REGION_FLAGS,
    SYSTEM_FLAGS,
    Flag,
)
from scaling_bayes.resources import data_path

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ACCELERATOR_FLAGS",
    "DEVICE_CLASSES",
    "FLAGS",
    "GRID_FLAGS",
    "PRICE_FLAGS",
    "PRICE_KINDS",
    "REGION_FLAGS",
    "SYSTEM_FLAGS",
    "TABLE_NAMES",
    "Flag",
    "check_digest",
    "has_flag",
    "load_accelerators",
    "load_grid_carbon_intensity",
    "load_literature_intervals",
    "load_ml_systems",
    "load_prices",
    "load_routes",
    "load_sidecar",
    "load_table",
    "usable_part",
]

TABLE_NAMES = (
    "accelerators",
    "prices",
    "grid_carbon_intensity",
    "cloud_regions",
    "pue",
    "ml_systems",
    "published_runs",
    "utilisation",
    "record_machines",
    "literature_intervals",
    "thompson2020_conversions",
    "algorithmic_efficiency",
    "yardsticks",
    "landmark_machines",
    "routes",
)
DEVICE_CLASSES = ("gpu_datacenter", "gpu_consumer", "gpu_workstation", "tpu", "other")
PRICE_KINDS = ("purchase", "cloud_on_demand", "cloud_1_year", "cloud_3_year")

_DATE_UNIT = "ISO 8601 date"
_TEXT_UNITS = ("", "ISO 3166-1 alpha-3", "ISO 8601, possibly reduced")
_WHOLE_UNITS = ("year", "count")


def load_sidecar(name: str) -> dict[str, Any]:
    """Read the sidecar of a table.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`.

    Returns
    -------
    dict
        ``title``, ``description``, ``producers``, ``citation``, ``date_accessed``, ``licence_of_facts``,
        ``sha256``, ``sources`` and ``columns`` (column name to ``unit`` and ``meaning``).

    Raises
    ------
    OptionError
        If there is no table of that name.
    DataError
        If the sidecar is missing or is not TOML.
    """
    _check_name(name)
    path = data_path(f"hardware/{name}.meta.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path} is not valid TOML: {error}") from error


def check_digest(name: str) -> None:
    """Compare a table with the digest in its sidecar.

    Raises
    ------
    OptionError
        If there is no table of that name.
    DataError
        If the table was changed without its sidecar.
    """
    stated = load_sidecar(name)["sha256"]
    path = data_path(f"hardware/{name}.csv")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != stated:
        problem = Problem(
            None, "sha256", found, f"{stated}; after a change on purpose, write the digest found there"
        )
        raise DataError(f"{path.name} does not match {path.stem}.meta.toml", [problem])


def load_table(name: str, *, usable: bool = False) -> pd.DataFrame:
    """Read one table.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`.
    usable : bool
        Leave out the rows, and empty the cells, that the flags of the table say not to use.

    Returns
    -------
    pandas.DataFrame
        Columns as listed in the sidecar, units in the sidecar and in the column names. Text is ``str`` with
        ``""`` for nothing, dates are ``datetime64``, years and counts are integers where complete, every
        other column is ``float64`` with NaN for nothing. Rows stand in the order of the file.

    Raises
    ------
    OptionError
        If there is no table of that name.
    DataError
        If the file lacks columns or a cell is not what its unit says.
    """
    import pandas as pd

    columns = load_sidecar(name)["columns"]
    path = data_path(f"hardware/{name}.csv")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    if list(frame.columns) != list(columns):
        problem = Problem(1, None, ", ".join(frame.columns), ", ".join(columns))
        raise DataError(f"{path.name} has other columns than its sidecar", [problem])
    problems: list[Problem] = []
    for column, about in columns.items():
        frame[column] = _typed(frame[column], about["unit"], problems)
    if problems:
        raise DataError(f"{path.name} cannot be read", problems)
    return usable_part(name, frame) if usable else frame


def usable_part(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Apply the flags of a table: drop unusable rows, empty unusable cells.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`; a table without flags comes back unchanged.
    frame : pandas.DataFrame
        The table, or a selection of its rows.

    Returns
    -------
    pandas.DataFrame
        A new frame; the index labels of the kept rows are unchanged.

    Raises
    ------
    OptionError
        If there is no table of that name.
    """
    _check_name(name)
    kept = frame.copy()
    for word, flag in FLAGS.get(name, {}).items():
        marked = has_flag(kept, word)
        if flag.drops:
            kept = kept.loc[~marked].copy()
            continue
        for column in flag.blanks:
            if column in kept.columns and marked.any():
                kept[column] = kept[column].mask(marked)
    return kept


def has_flag(frame: pd.DataFrame, *words: str) -> pd.Series[bool]:
    """Tell which rows carry any of the given flags.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table with a ``flags`` column of space-separated words.
    *words : str
        Flags to look for.

    Returns
    -------
    pandas.Series of bool
        One value per row.

    Raises
    ------
    DataError
        If the frame has no ``flags`` column.
    """
    if "flags" not in frame.columns:
        raise DataError("no 'flags' column: this table has no flagged rows")
    wanted = set(words)
    return frame["flags"].map(lambda cell: not wanted.isdisjoint(cell.split())).astype(bool)


def load_accelerators(*, usable: bool = False) -> pd.DataFrame:
    """Read accelerators: release, peak rates in FLOP/s, board power in W, release price in USD."""
    return load_table("accelerators", usable=usable)


def load_prices(*, usable: bool = False) -> pd.DataFrame:
    """Read dated prices in USD per chip or per chip-hour."""
    return load_table("prices", usable=usable)


def load_grid_carbon_intensity(*, usable: bool = False) -> pd.DataFrame:
    """Read carbon intensity of electricity in g CO2e/kWh by region and year."""
    return load_table("grid_carbon_intensity", usable=usable)


def load_ml_systems(*, usable: bool = False) -> pd.DataFrame:
    """Read dated training compute of machine-learning systems in FLOP."""
    return load_table("ml_systems", usable=usable)


def load_literature_intervals() -> pd.DataFrame:
    """Read published central values and intervals, with the probability of each interval."""
    return load_table("literature_intervals")


def load_routes() -> pd.DataFrame:
    """Read published gains of alternative routes to cheaper computation."""
    return load_table("routes")


def _check_name(name: str) -> None:
    if name not in TABLE_NAMES:
        raise OptionError(f"no hardware table {name!r}; there are {', '.join(TABLE_NAMES)}")


def _typed(cells: pd.Series[str], unit: str, problems: list[Problem]) -> pd.Series[Any]:
    import pandas as pd

    if unit in _TEXT_UNITS:
        return cells
    if unit == _DATE_UNIT:
        dates = pd.to_datetime(cells.where(cells != ""), format="%Y-%m-%d", errors="coerce")
        _report(cells, dates.isna(), "a date such as 2020-05-14, or nothing", problems)
        return dates
    numbers = pd.to_numeric(cells.where(cells != ""), errors="coerce").astype("float64")
    _report(cells, numbers.isna(), f"a number ({unit}), or nothing", problems)
    if unit in _WHOLE_UNITS and all(math.isfinite(number) and number.is_integer() for number in numbers):
        return numbers.astype("int64")
    return numbers


def _report(cells: pd.Series[str], missing: pd.Series[bool], expected: str, problems: list[Problem]) -> None:
    for position, (cell, empty) in enumerate(zip(cells, missing, strict=True)):
        if empty and cell != "":
            problems.append(Problem(position + 2, str(cells.name), repr(cell), expected))
