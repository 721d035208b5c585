"""The points of the 2020 regressions: hardware burden and error of five tasks and a sixth."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.resources import data_path
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.load import load_systems

if TYPE_CHECKING:
    import pandas as pd

FLOP_PER_GFLOP = 1e9
SIXTH_TASK = "wmt14_en_de"

#: Tasks with a regression, and how they are shown to readers; the sixth is in no target table.
LABELS: Mapping[str, str] = MappingProxyType({**TASK_LABELS, SIXTH_TASK: "WMT14 En-De"})
TASKS = tuple(LABELS)


def regression_points() -> pd.DataFrame:
    """The points of the 2020 regressions, uncorrected, as they were fitted.

    Returns
    -------
    pandas.DataFrame
        ``task``, ``system``, ``year``, ``error`` (fraction) and ``log10_burden_gflop``, log10 of the hardware
        burden in GFLOP. One row per point, tasks in the order of `TASKS`.
    """
    return _points().copy()


@cache
def _points() -> pd.DataFrame:
    import pandas as pd

    five = load_systems()
    five = five[five["in_thompson2020"]]
    sixth = pd.read_csv(data_path("wmt14_en_de.csv"), keep_default_na=False)
    sixth["error"] = 1 - sixth["value"] / 100
    sixth["training_compute_flop"] = sixth["thompson2020_burden_flop"]
    columns = ["task", "system", "year", "error", "training_compute_flop"]
    points = pd.concat([five[columns], sixth[columns]], ignore_index=True).astype({"year": "Int64"})
    burden = points.pop("training_compute_flop").to_numpy(float)
    points["log10_burden_gflop"] = np.log10(burden / FLOP_PER_GFLOP)
    return points


def task_points(task: str, points: pd.DataFrame | None = None) -> pd.DataFrame:
    """The points of one task, by default of those of `regression_points`.

    Raises
    ------
    OptionError
        If there is no such task.
    """
    points = regression_points() if points is None else points
    chosen = points[points["task"] == task]
    if chosen.empty:
        known = ", ".join(dict.fromkeys(points["task"]))
        raise OptionError(f"task={task!r} has no points; expected one of {known}.")
    return chosen.reset_index(drop=True)
