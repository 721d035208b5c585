"""Read the table of tasks: metric, error of chance, and the floor no error is believed to fall below."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.resources import data_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["load_task_floors", "load_tasks", "task_bounds"]

#: The five tasks, and the language benchmarks, whose table has other columns beside these.
_TABLES = ("tasks.csv", "language_tasks.csv")
_BOUNDS = ("floor_lower", "floor", "floor_upper", "best_error", "chance_error")
_NUMBERS = (*_BOUNDS, "human_error", "one_pass_flop")


def load_tasks() -> pd.DataFrame:
    """The tasks, with what bounds their errors from outside.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``task``: ``label``, ``metric``, ``chance_error`` (of an answer that knows nothing),
        ``human_error`` (missing where no source has it), ``floor`` with ``floor_lower`` and ``floor_upper``
        (median and 90 % interval of a judgement from the figures of `load_task_floors`), ``floor_basis``,
        ``best_error`` with ``best_system_id`` (a row of the newest edition, or a language model),
        ``one_pass_flop`` (arithmetic of one pass of a small model over the training data, the least compute
        of any system) with ``one_pass_basis``, ``verified``. Errors are fractions.

    Raises
    ------
    DataError
        If bounds of a task are out of order.
    """
    return _read_tasks().copy()


@cache
def _read_tasks() -> pd.DataFrame:
    import pandas as pd

    first, *others = (pd.read_csv(data_path(name), dtype=str, keep_default_na=False) for name in _TABLES)
    listed = [first, *(other.reindex(columns=first.columns, fill_value="") for other in others)]
    table = pd.concat(listed, ignore_index=True).set_index("task")
    for column in _NUMBERS:
        table[column] = pd.to_numeric(table[column].replace("", None)).astype("float64")
    order = table[[*_BOUNDS]]
    wrong = table.index[(order.diff(axis=1).iloc[:, 1:] <= 0).any(axis=1) | (order.iloc[:, 0] < 0)]
    if len(wrong):
        expected = "0 <= floor_lower < floor < floor_upper < best_error < chance_error"
        raise DataError(
            "tasks.csv", [Problem(None, str(task), "bounds out of order", expected) for task in wrong]
        )
    return table


#: Median and 90 % interval of an irreducible error nothing is known of, as shares of the reference error.
_UNKNOWN_FLOOR = (0.001, 0.0002, 0.005)


def chance_errors(systems: pd.DataFrame) -> pd.Series[float]:
    """Error, of each row's task, of an answer that knows nothing.

    From the table's own column ``chance_error``, one for each task (`validate_systems` sees to it), else from
    `load_tasks`, else 1.
    """
    task = systems["task"].astype(str)
    found = task.map(load_tasks()["chance_error"]).astype("float64")
    if "chance_error" in systems:
        found = systems["chance_error"].groupby(task).transform("first").fillna(found)
    return found.fillna(1.0)


def task_bounds(
    systems: pd.DataFrame, tasks: Sequence[str], reference_error: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """What bounds the errors of tasks from outside: ``chance_error``, ``floor_log_median``, ``floor_log_sd``.

    Of chance as `chance_errors`; floors from `load_tasks`, else a thousandth of the reference error, give or
    take a factor of five.
    """
    import numpy as np

    known, of_row = load_tasks(), chance_errors(systems).groupby(systems["task"].astype(str)).first()
    chance = np.array([of_row[task] for task in tasks], dtype=float)
    median, sd = np.empty(len(tasks)), np.empty(len(tasks))
    for j, task in enumerate(tasks):
        row = known.loc[task] if task in known.index else None
        floors = [share * reference_error[j] for share in _UNKNOWN_FLOOR]
        if row is not None:
            floors = [row["floor"], row["floor_lower"], row["floor_upper"]]
        median[j] = np.log(floors[0])
        sd[j] = np.log(floors[2] / floors[1]) / (2.0 * 1.6448536269514722)
    return {"chance_error": chance, "floor_log_median": median, "floor_log_sd": sd}


def below_floors(systems: pd.DataFrame) -> list[str]:
    """Say which tasks have errors below the 90 % interval of the floor of the task of that name."""
    rows = systems[["task", "error"]].assign(task=systems["task"].astype(str))
    rows = rows.merge(load_tasks()[["label", "floor_lower"]], on="task")
    found = []
    # An error of exactly 0 is left out of a fit.
    below = rows["error"].between(0.0, rows["floor_lower"], inclusive="neither")
    for task, of_task in rows[below].groupby("task", sort=False):
        least, lowest = (f"{100 * of_task[name].min():.3g} %" for name in ("floor_lower", "error"))
        found.append(
            f"task {task!r} is taken for {of_task['label'].iloc[0]}, whose labels allow no error below "
            f"{least}; found {len(of_task)} below it, down to {lowest}. If they are of another metric, such "
            "as top-5, give the task another name."
        )
    return found


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
