"""Read the hardware, price and carbon tables of ``data/hardware``, with their sidecars and flags."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.hardware.editions import EDITION, EDITIONS, check_edition, holds
from scaling_bayes.hardware.flags import FLAGS
from scaling_bayes.resources import data_path

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

#: The tables, and the columns that together name a row of them; rows of prices have no name.
KEYS: dict[str, tuple[str, ...]] = {
    "accelerators": ("name",),
    "prices": (),
    "grid_carbon_intensity": ("region", "year"),
    "cloud_regions": ("provider", "region"),
    "pue": ("scope", "year"),
    "ml_systems": ("system",),
    "published_runs": ("system",),
    "run_sizes": ("system",),
    "utilisation": ("system",),
    "record_machines": ("year",),
    "literature_intervals": ("quantity", "period_start"),
    "thompson2020_conversions": ("name",),
    "algorithmic_efficiency": ("level", "system"),
    "yardsticks": ("name", "year"),
    "landmark_machines": ("name",),
    "routes": ("route",),
    "corrections": ("table", "row", "column", "edition"),
}
TABLE_NAMES = tuple(KEYS)
#: Between the key cells of a row, as `corrections` names it.
KEY_SEPARATOR = " | "

_DATE_UNIT = "ISO 8601 date"
_TEXT_UNITS = ("", "ISO 3166-1 alpha-3", "ISO 8601, possibly reduced")
_WHOLE_UNITS = ("year", "count")


def load_sidecar(name: str) -> dict[str, Any]:
    """Read the sidecar of a table.

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


def load_table(
    name: str, *, usable: bool = False, edition: str = EDITION, typed: bool = True
) -> pd.DataFrame:
    """Read one table in one of its editions.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`.
    usable : bool
        Leave out the rows, and empty the cells, that the flags of the table say not to use.
    edition : str
        One of `EDITIONS`: rows of later ones are left out, corrections of later ones not applied. The table
        ``corrections`` itself is always whole.
    typed : bool
        Whether cells are made what their units say; else all are text, as in the file.

    Returns
    -------
    pandas.DataFrame
        Columns as listed in the sidecar, units in the sidecar and in the column names. Text is ``str`` with
        ``""`` for nothing, dates are ``datetime64``, years and counts are integers where complete, every
        other column is ``float64`` with NaN for nothing. Rows stand in the order of the file.

    Raises
    ------
    OptionError
        If there is no table or edition of that name.
    DataError
        If the file lacks columns, a cell is not what its unit says, or a correction is of a cell that is not
        there.
    """
    check_edition(edition)
    _check_name(name)
    frame = _read(data_path(f"hardware/{name}.csv"), edition, typed=typed).copy()
    return usable_part(name, frame, edition=edition) if usable else frame


@cache
def _read(path: Path, edition: str, *, typed: bool) -> pd.DataFrame:
    """One table, once for a process: a report asks for it a dozen times."""
    import pandas as pd

    name = path.stem
    columns = load_sidecar(name)["columns"]
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    if list(frame.columns) != list(columns):
        problem = Problem(1, None, ", ".join(frame.columns), ", ".join(columns))
        raise DataError(f"{path.name} has other columns than its sidecar", [problem])
    if name != "corrections" and edition != EDITIONS[0]:
        _correct(name, frame, edition)
    problems: list[Problem] = []
    for column, about in columns.items() if typed else ():
        frame[column] = _typed(frame[column], about["unit"], problems)
    if problems:
        raise DataError(f"{path.name} cannot be read", problems)
    if name != "corrections" and "edition" in frame:
        frame = frame[[holds(since, edition) for since in frame["edition"]]].reset_index(drop=True)
    return frame


@cache
def _corrections(path: Path) -> pd.DataFrame:
    """Their cells as they stand, asked for with each table."""
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")


def _correct(name: str, frame: pd.DataFrame, edition: str) -> None:
    """Replace the cells that corrections of an edition, or an earlier one, are of."""
    path = data_path("hardware/corrections.csv")
    found = _corrections(path)
    own = found[found["table"] == name]
    if own.empty:
        return
    keys = [KEY_SEPARATOR.join(row) for row in zip(*(frame[key] for key in KEYS[name]), strict=True)]
    columns = {each: frame[each].tolist() for each in own["column"].unique() if each in frame}
    problems = []
    for line, row in zip(own.index + 2, own.to_dict("records"), strict=True):
        if not holds(row["edition"], edition):
            continue
        column = columns.get(row["column"], [])
        places = [place for place, key in enumerate(keys) if key == row["row"] and column]
        cells = [column[place] for place in places]
        if cells == [row["reported"]]:
            column[places[0]] = row["corrected"]
        else:
            there = f"{row['reported']!r} in column {row['column']!r} of one row {row['row']!r} of {name}"
            problems.append(Problem(int(line), "reported", repr(cells), there))
    for each, cells in columns.items():
        frame[each] = cells
    if problems:
        raise DataError(f"{path.name} does not fit {name}.csv", problems)


def usable_part(name: str, frame: pd.DataFrame, *, edition: str = EDITION) -> pd.DataFrame:
    """Apply the flags of a table: drop unusable rows, empty unusable cells.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`; a table without flags comes back unchanged.
    edition : str
        One of `EDITIONS`: flags whose consequence came later have none.

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
    check_edition(edition)
    kept = frame.copy()
    for word, flag in FLAGS.get(name, {}).items():
        if not holds(flag.since, edition):
            continue
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

    Raises
    ------
    DataError
        If the frame has no ``flags`` column.
    """
    if "flags" not in frame.columns:
        raise DataError("no 'flags' column: this table has no flagged rows")
    import pandas as pd

    wanted = set(words)
    cells = frame["flags"].to_numpy(object)
    return pd.Series([not wanted.isdisjoint(cell.split()) for cell in cells], frame.index, bool, "flags")


def load_routes(*, edition: str = EDITION) -> pd.DataFrame:
    """Read published gains of alternative routes to cheaper computation."""
    return load_table("routes", edition=edition)


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
    found = pd.to_numeric(cells.to_numpy(object), errors="coerce")
    numbers = pd.Series(found, cells.index, "float64", cells.name)
    _report(cells, numbers.isna(), f"a number ({unit}), or nothing", problems)
    if unit in _WHOLE_UNITS and all(math.isfinite(number) and number.is_integer() for number in numbers):
        return numbers.astype("int64")
    return numbers


def _report(cells: pd.Series[str], missing: pd.Series[bool], expected: str, problems: list[Problem]) -> None:
    problems += [
        Problem(position + 2, str(cells.name), repr(cells.iloc[position]), expected)
        for position in (missing & (cells != "")).to_numpy().nonzero()[0].tolist()
    ]
