"""Which targets a system of the data has reached already, and with how much compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.text import format_error, format_year, in_words, task_label
from scaling_bayes.trace.schema import group

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def reached(projection: xr.DataTree) -> pd.DataFrame:
    """Return the targets that a system of the fit has reached, and the one that did with least compute.

    Parameters
    ----------
    projection : DataTree
        From `project`.

    Returns
    -------
    DataFrame
        One row per target reached: ``task``, ``error`` (the target), ``systems`` (how many reached it),
        and of that with least compute ``system``, ``reached_error``, ``log10_training_compute_flop`` (log10
        FLOP) and ``publication_year``.

    Raises
    ------
    TraceError
        If it is not a projection.
    """
    import pandas as pd

    asked = group(projection, "projection")
    constant, error = group(projection, "constant_data"), group(projection, "observed_data")["error"].values
    of_task = constant["system_task"].values.astype(str)
    compute = constant["log10_training_compute_flop"].values
    rows = []
    for task, target in zip(
        asked["target_task"].values.astype(str), asked["target_error"].values, strict=True
    ):
        there = np.flatnonzero((of_task == task) & (error <= target))
        if there.size:
            least = there[compute[there].argmin()]
            rows.append(
                {
                    "task": str(task),
                    "error": float(target),
                    "systems": int(there.size),
                    "system": str(constant["system"].values[least]).removeprefix(f"{task}: "),
                    "reached_error": float(error[least]),
                    "log10_training_compute_flop": float(compute[least]),
                    "publication_year": float(constant["publication_year"].values[least]),
                }
            )
    columns = ["task", "error", "systems", "system", "reached_error"]
    return pd.DataFrame(rows, columns=[*columns, "log10_training_compute_flop", "publication_year"])


def reached_sentences(projection: xr.DataTree) -> list[str]:
    """One sentence for each target that a system of the fit has reached already."""
    found = []
    for row in reached(projection).to_dict(orient="records"):
        others = row["systems"] - 1
        found.append(
            f"{task_label(row['task'])} at {format_error(row['error'])} has been reached already: "
            f"{row['system']} had {format_error(row['reached_error'])} with "
            f"{in_words(row['log10_training_compute_flop'])} at 1 exaFLOP/s in "
            f"{format_year(np.floor(row['publication_year']))}"
            f"{f', and {others} more of the data' if others else ''}."
        )
    return found
