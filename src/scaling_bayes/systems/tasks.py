"""Read the table of tasks: metric, error of chance, and the floor no error is believed to fall below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.resources import data_path

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_task_floors", "load_tasks"]

_NUMBERS = ("chance_error", "floor", "floor_lower", "floor_upper", "best_error")


def load_tasks() -> pd.DataFrame:
    """The tasks, with what bounds their errors from outside.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``task``: ``label``, ``metric``, ``chance_error`` (of an answer that knows nothing),
        ``floor`` with ``floor_lower`` and ``floor_upper`` (median and 90 % interval of a judgement from the
        figures of `load_task_floors`), ``floor_basis``, ``best_error`` with ``best_system_id``, ``verified``.
        Errors are fractions.

    Raises
    ------
    DataError
        If bounds of a task are out of order.
    """
    import pandas as pd

    table = pd.read_csv(data_path("tasks.csv"), dtype=str, keep_default_na=False).set_index("task")
    for column in _NUMBERS:
        table[column] = table[column].astype("float64")
    order = table[["floor_lower", "floor", "floor_upper", "best_error", "chance_error"]]
    wrong = table.index[(order.diff(axis=1).iloc[:, 1:] <= 0).any(axis=1) | (order.iloc[:, 0] < 0)]
    if len(wrong):
        expected = "0 <= floor_lower < floor < floor_upper < best_error < chance_error"
        raise DataError(
            "tasks.csv", [Problem(None, str(task), "bounds out of order", expected) for task in wrong]
        )
    return table


def load_task_floors() -> pd.DataFrame:
    """Published figures on label noise and human agreement that the floors rest on.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``task``, ``quantity``, ``value`` (missing where the source gives words only),
        ``unit``, ``bearing``, ``source``, ``url``, ``verified``.
    """
    import pandas as pd

    table = pd.read_csv(data_path("task_floors.csv"), dtype=str, keep_default_na=False)
    table["value"] = pd.to_numeric(table["value"].replace("", None)).astype("float64")
    return table
