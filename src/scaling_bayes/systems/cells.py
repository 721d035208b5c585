"""Turn the cells of a table into numbers, dates and names, and report those that are none."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.errors import Problem
from scaling_bayes.systems.limits import MAX_NAME
from scaling_bayes.systems.numbers import AMBIGUOUS, decimal_sign, read_number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Literal

    import pandas as pd

_DATED: Final = re.compile(r"(\d{4})-(\d{2})")
#: Characters that a name cannot have: controls, surrogates, and those that reorder the text around them.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_BREAK: Final = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]")
_NUMBERS: Final = (
    "error",
    "value",
    "training_compute_flop",
    "arithmetic_flop",
    "year",
    "compute_sd_dex",
    "chance_error",
)
_FRACTIONS: Final = ("error", "chance_error")
_BOUNDS: Final = ("training_compute_flop_low", "training_compute_flop_high")
#: Texts that a fit keeps beside the names, for its report.
_KEPT: Final = ("paper", "paper_url", "metric", "device", "compute_method", "correction_reason", "flags")


def convert(
    table: pd.DataFrame, labels: Sequence[int | str], in_percent: Collection[str] = ()
) -> tuple[list[Problem], list[str]]:
    """Turn number and date columns into numbers and timestamps in place; report the cells that are neither.

    Parameters
    ----------
    table : DataFrame
        Changed in place; its index is 0, 1, ...
    labels : sequence
        What to call each row in a problem.
    in_percent : collection of str
        Columns of fractions that the table has in percent.

    Returns
    -------
    list of Problem
    list of str
        What was read in another way than it is written, as sentences.
    """
    import pandas as pd

    columns = [column for column in (*_NUMBERS, *_BOUNDS) if column in table]
    cells = {column: list(table[column].astype(object)) for column in columns}
    decimal = decimal_sign(
        cell.removesuffix("%") for column in columns for cell in cells[column] if isinstance(cell, str)
    )
    problems: list[Problem] = []
    percents = 0
    for column in columns:
        numbers = []
        for label, cell in zip(labels, cells[column], strict=True):
            parsed = _number(cell, column, decimal)
            signed = isinstance(cell, str) and cell.rstrip().endswith("%")
            if column in in_percent and not signed and not isinstance(parsed, str):
                parsed /= 100
            if isinstance(parsed, str):
                problems.append(Problem(label, column, shown_cell(cell), parsed))
            numbers.append(math.nan if isinstance(parsed, str) else parsed)
            percents += signed and not isinstance(parsed, str)
        table[column] = pd.Series(numbers, dtype="float64")
    notes = []
    if decimal == ",":
        notes.append("commas in numbers are read as decimal commas.")
    if percents:
        notes.append(f"{percents} cells with a percent sign are read as percent.")
    if "publication_date" in table:
        problems += _convert_dates(table, labels)
    if "compute_in_doubt" in table:
        problems += _convert_doubts(table, labels)
    for label, cell in zip(labels, table["task"].astype(object), strict=True):
        if not (isinstance(cell, str) or _is_missing(cell)):
            problems.append(Problem(label, "task", shown_cell(cell), "the name of a task, as text"))
    found, cleaned = clean_texts(table, labels)
    table["task"] = pd.Series(
        [cell if isinstance(cell, str) else None for cell in table["task"].astype(object)], dtype="str"
    )
    return problems + found, notes + cleaned


def clean_texts(table: pd.DataFrame, labels: Sequence[int | str]) -> tuple[list[Problem], list[str]]:
    """Make white space in names one space and compose their letters (NFC), in place.

    Names that no page or terminal can show are reported.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    for column in ("task", "system", *_KEPT):
        if column not in table:
            continue
        cells = []
        changed = []
        composed = False
        for label, cell in zip(labels, table[column].astype(object), strict=True):
            if isinstance(cell, str):
                text = " ".join(cell.split())
                if not unicodedata.is_normalized("NFC", text):
                    text, composed = unicodedata.normalize("NFC", text), True
                if sign := _UNPRINTABLE.search(text):
                    expected = f"printable text; remove the character U+{ord(sign[0]):04X}"
                    problems.append(Problem(label, column, shown_cell(cell), expected))
                elif len(text) > MAX_NAME:
                    found = f"{len(text):,} characters"
                    problems.append(Problem(label, column, found, f"at most {MAX_NAME:,} characters"))
                elif _BREAK.search(cell.strip()):
                    changed.append(label)
                cell = text
            cells.append(cell)
        if changed:
            table[column] = cells
            notes.append(f"column {column!r}: line breaks or tabs are read as spaces in {_rows(changed)}.")
        elif composed or column == "task":
            table[column] = cells
    return problems, notes


def _rows(labels: Sequence[int | str], limit: int = 10) -> str:
    listed = ", ".join(str(label) for label in labels[:limit])
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return f"row{'s' if len(labels) > 1 else ''} {listed}{more}"


def shown_cell(cell: object, limit: int = 80) -> str:
    """A cell as it is shown in a message: escaped and short."""
    try:
        broken = isinstance(cell, str) and re.search("[\ud800-\udfff]", cell)
        text = ascii(cell) if broken else repr(cell)
    except ValueError:  # a whole number with more digits than Python turns into text
        return "a whole number of thousands of digits"
    return text if len(text) <= limit else f"{text[:limit]}..."


def read_dates(cells: Sequence[Any]) -> tuple[list[Any], list[float], list[bool]]:
    """Cells of a column of dates, as far as they are given.

    Parameters
    ----------
    cells : sequence
        ISO dates as text (``2016-05-21``, ``2016-05``, ``2016``), timestamps, or whole years as numbers.

    Returns
    -------
    dates : list of Timestamp
        NaT where the cell is empty, only a year, or no date. A month stands for its 15th, as in the shipped
        table.
    years : list of float
        Years of the cells that are only a year; NaN elsewhere.
    read : list of bool
        False where the cell is neither empty nor a date nor a year.
    """
    import pandas as pd

    dates, years, read = [], [], []
    for cell in cells:
        year = _only_year(cell)
        date = pd.NaT if year is not None else _date(cell)
        dates.append(pd.NaT if date is None else date)
        years.append(math.nan if year is None else float(year))
        read.append(date is not None)
    return dates, years, read


def _convert_dates(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Dates become timestamps; a date that is only a year becomes the row's year, where it has none."""
    import pandas as pd

    cells = list(table["publication_date"].astype(object))
    dates, years, read = read_dates(cells)
    problems = [
        Problem(label, "publication_date", shown_cell(cell), "an ISO date, such as 2017-06-12")
        for label, cell, fine in zip(labels, cells, read, strict=True)
        if not fine
    ]
    table["publication_date"] = pd.to_datetime(pd.Series(dates, dtype=object))
    given = pd.Series(years, dtype="float64")
    if given.notna().any():
        own = table["year"] if "year" in table else pd.Series(math.nan, index=table.index, dtype="float64")
        differs = own.notna() & given.notna() & ((own // 1) != given)
        for position in differs.to_numpy().nonzero()[0].tolist():
            found = f"{given[position]:g} in a row of year {own[position]:g}"
            problems.append(
                Problem(labels[position], "publication_date", found, "one year; correct it or empty one cell")
            )
        table["year"] = own.fillna(given)
    return problems


def _convert_doubts(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    doubts = [_boolean(cell) for cell in table["compute_in_doubt"].astype(object)]
    problems = [
        Problem(label, "compute_in_doubt", shown_cell(cell), "true, false or nothing")
        for label, cell, doubt in zip(labels, table["compute_in_doubt"], doubts, strict=True)
        if doubt is None
    ]
    table["compute_in_doubt"] = [bool(doubt) for doubt in doubts]
    return problems


def _is_missing(cell: object) -> bool:
    """Whether a cell is None, NaN, NaT, pandas' NA or blank text."""
    import pandas as pd

    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _number(cell: Any, column: str, decimal: Literal[",", "."] | None) -> float | str:
    """A cell as a number, NaN when missing; what was expected, as text, when it is no number."""
    import decimal as decimals

    import numpy as np

    if _is_missing(cell):
        return math.nan
    if isinstance(cell, (bool, np.bool_)) or not isinstance(
        cell, (str, int, float, np.number, decimals.Decimal)
    ):
        return _expected(column)
    if isinstance(cell, str):
        return _from_text(cell.strip(), column, decimal)
    try:
        number = float(cell)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return _expected(column)
    return number


def _from_text(text: str, column: str, decimal: Literal[",", "."] | None) -> float | str:
    percent = text.endswith("%")
    number = read_number(text.removesuffix("%"), decimal)
    if number == AMBIGUOUS:
        plain = text.replace(",", "").replace(".", "")
        with_decimals = text.replace(".", ",") if decimal == "," else text.replace(",", ".")
        return f"a number with one meaning: write {with_decimals} or {plain}"
    if isinstance(number, str) or number is None or (percent and column not in {*_FRACTIONS, "value"}):
        return _expected(column)
    return number / 100 if percent and column in _FRACTIONS else number


def _expected(column: str) -> str:
    example = {"year": "2016 or 2016.5", "value": "75 or 75.3", "compute_sd_dex": "0.3"}.get(
        column, "0.25 or 1.5e20"
    )
    return f"a number, such as {example}; leave the cell empty if it is not known"


def _boolean(cell: object) -> bool | None:
    """A cell as true or false: False when missing, None when it is neither."""
    import numpy as np

    if _is_missing(cell):
        return False
    if isinstance(cell, (bool, np.bool_)):
        return bool(cell)
    if isinstance(cell, str):
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        return words.get(cell.strip().lower())
    return bool(cell) if isinstance(cell, (int, float, np.number)) and cell in (0, 1) else None


def _only_year(cell: Any) -> int | None:
    """The year of a cell that gives no more, None where it gives more or none."""
    import numpy as np

    if isinstance(cell, str):
        text = cell.strip()
        return int(text) if len(text) == 4 and text.isascii() and text.isdigit() else None
    if isinstance(cell, (bool, np.bool_)) or not isinstance(cell, (int, float, np.number)):
        return None
    return int(cell) if 1000 <= cell <= 9999 and cell == int(cell) else None


def _date(cell: Any) -> pd.Timestamp | None:
    """A cell as a timestamp: NaT when missing, None when it is not a date."""
    import numpy as np
    import pandas as pd

    if _is_missing(cell):
        return pd.NaT  # type: ignore[return-value]
    if isinstance(cell, str):
        text = cell.strip()
        text += "-15" if _DATED.fullmatch(text) and len(text) == 7 else ""
        try:
            cell = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
    if isinstance(cell, np.datetime64):
        cell = pd.Timestamp(cell)
    if not isinstance(cell, datetime.date):
        return None
    try:
        stamp = pd.Timestamp(cell)
    except (ValueError, OverflowError):
        return None
    return stamp.tz_localize(None) if isinstance(stamp, pd.Timestamp) else None
