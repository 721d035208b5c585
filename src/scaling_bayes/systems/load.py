"""Read the derived table, whole or as the rows of the reference fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.resources import data_path
from scaling_bayes.systems.flags import split_flags

if TYPE_CHECKING:
    import pandas as pd

#: Flags that keep a row out of the reference fit: its burden is plainly not what the system took to train.
#: search_compute_of_other_paper: the architecture search of the paper that quotes the system.
#: not_training_time: an inference time or a throughput entered as the training time.
#: implausible_time: fewer operations than the training described needs, even at the peak rate.
#: time_of_other_task: the time of a model trained for another task.
EXCLUDED_FLAGS = (
    "search_compute_of_other_paper",
    "not_training_time",
    "implausible_time",
    "time_of_other_task",
)

_FLOATS = (
    "value",
    "error",
    "value_corrected",
    "error_corrected",
    "device_count",
    "device_peak_flop_per_s",
    "training_seconds",
    "training_compute_flop",
    "training_compute_corrected_flop",
)


def load_systems() -> pd.DataFrame:
    """Every system of the table, with and without compute.

    Returns
    -------
    pandas.DataFrame
        One row per system: compute in FLOP, error as a fraction, value in percent, `publication_date` as a
        timestamp (15th of the month), `year` as a nullable integer, `in_thompson2020` as a boolean, text
        columns with empty strings where nothing is known.
    """
    import pandas as pd

    table = pd.read_csv(data_path("systems.csv"), dtype=str, keep_default_na=False)
    for column in _FLOATS:
        table[column] = pd.to_numeric(table[column].replace("", None)).astype("float64")
    table["year"] = pd.to_numeric(table["year"].replace("", None)).astype("Int64")
    table["publication_date"] = pd.to_datetime(table["publication_date"].replace("", None), format="%Y-%m-%d")
    table["in_thompson2020"] = table["in_thompson2020"] == "true"
    return table


def reference_systems() -> pd.DataFrame:
    """The rows the reference fit uses.

    Those of the 2020 regressions, less the ones with a flag of `EXCLUDED_FLAGS`. Compute, value and error
    are the corrected ones where a correction exists.

    Returns
    -------
    pandas.DataFrame
        As `load_systems`, with the uncorrected figures kept in ``training_compute_reported_flop``,
        ``value_reported`` and ``error_reported``, and rows numbered from 0.
    """
    table = load_systems()
    excluded = table["flags"].map(lambda cell: not set(split_flags(cell)).isdisjoint(EXCLUDED_FLAGS))
    table = table[table["in_thompson2020"] & ~excluded.astype(bool)].reset_index(drop=True)
    for column, corrected, kept in (
        ("training_compute_flop", "training_compute_corrected_flop", "training_compute_reported_flop"),
        ("value", "value_corrected", "value_reported"),
        ("error", "error_corrected", "error_reported"),
    ):
        table[kept] = table[column]
        table[column] = table[corrected].fillna(table[column])
    return table
