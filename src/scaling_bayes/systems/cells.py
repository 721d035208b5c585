"""Turn the cells of a table into numbers, dates and names, and report those that are none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def convert(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Turn number and date columns into numbers and timestamps in place; report the cells that are neither.

    Parameters
    ----------
    table : DataFrame
        Changed in place; its index is 0, 1, ...
    labels : sequence
        What to call each row in a problem.

    Returns
    -------
    list of Problem
    """
    import pandas as pd

    problems: list[Problem] = []
    for column in ("error", "value", "training_compute_flop", "year"):
        if column in table:
            numbers = []
            for label, cell in zip(labels, table[column].astype(object), strict=True):
                parsed = _number(cell)
                if parsed is None:
                    problems.append(Problem(label, column, repr(cell), _number_meant(cell, column)))
                numbers.append(math.nan if parsed is None else parsed)
            table[column] = pd.Series(numbers, dtype="float64")
    if "publication_date" in table:
        dates = []
        for label, cell in zip(labels, table["publication_date"].astype(object), strict=True):
            date = _date(cell)
            if date is None:
                problems.append(
                    Problem(label, "publication_date", repr(cell), "an ISO date, such as 2017-06-12")
                )
            dates.append(pd.NaT if date is None else date)
        table["publication_date"] = pd.to_datetime(pd.Series(dates, dtype=object))
    if "compute_in_doubt" in table:
        problems += _convert_doubts(table, labels)
    names = []
    for label, cell in zip(labels, table["task"].astype(object), strict=True):
        if not (isinstance(cell, str) or _is_missing(cell)):
            problems.append(Problem(label, "task", repr(cell), "the name of a task, as text"))
        names.append(cell.strip() if isinstance(cell, str) else None)
    table["task"] = pd.Series(names, dtype="str")
    return problems


def _convert_doubts(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    doubts = [_boolean(cell) for cell in table["compute_in_doubt"].astype(object)]
    problems = [
        Problem(label, "compute_in_doubt", repr(cell), "true, false or nothing")
        for label, cell, doubt in zip(labels, table["compute_in_doubt"], doubts, strict=True)
        if doubt is None
    ]
    table["compute_in_doubt"] = [bool(doubt) for doubt in doubts]
    return problems


def _is_missing(cell: object) -> bool:
    """Whether a cell is None, NaN, NaT or pandas' NA; text is never missing."""
    import pandas as pd

    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _number(cell: Any) -> float | None:
    """A cell as a number: NaN when missing, None when it is not a number. Infinite numbers pass."""
    import numpy as np

    if _is_missing(cell):
        return math.nan
    if isinstance(cell, (bool, np.bool_)) or not isinstance(cell, (str, int, float, np.number)):
        return None
    if isinstance(cell, str) and "_" in cell:
        return None
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if isinstance(cell, str) and math.isnan(number) else number


def _number_meant(cell: object, column: str) -> str:
    """What was expected instead of a cell that is no number."""
    share = _number(cell.strip().removesuffix("%").strip()) if isinstance(cell, str) and "%" in cell else None
    if share is None or column not in {"error", "value"}:
        return "a number, such as 0.25 or 1.5e20"
    if column == "value":
        return f"percent without its sign; did you mean {share:g}?"
    return f"a fraction; did you mean {share / 100:g}?"


def _boolean(cell: object) -> bool | None:
    """A cell as true or false: False when missing, None when it is neither."""
    import numpy as np

    if _is_missing(cell) or cell == "":
        return False
    if isinstance(cell, (bool, np.bool_)):
        return bool(cell)
    return {"true": True, "1": True, "false": False, "0": False}.get(str(cell).strip().lower())


def _date(cell: Any) -> pd.Timestamp | None:
    """A cell as a timestamp: NaT when missing, None when it is not a date."""
    import datetime

    import pandas as pd

    if _is_missing(cell):
        return pd.NaT  # type: ignore[return-value]
    if not isinstance(cell, (str, datetime.date)):
        return None
    try:
        stamp = pd.to_datetime(cell, format="ISO8601")
    except (ValueError, OverflowError):
        return None
    return stamp.tz_localize(None) if isinstance(stamp, pd.Timestamp) else None
