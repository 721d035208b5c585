"""Read the derived table, whole or as the rows of the reference fit."""

from __future__ import annotations

from collections.abc import Collection
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

#: Flags that put a row's compute in doubt: the fit takes it with a wider error. Corrected rows are in doubt
#: where the correction is itself a bound or a share.
IN_DOUBT_FLAGS = (
    "autofill_device",
    "autofill_time",
    "member_compute",
    "partial_compute",
    "search_compute",
    "suspect_device",
    "table_disagrees",
    "time_of_other_model",
    "time_range_midpoint",
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
        columns with empty strings where nothing is known, and `compute_in_doubt`, whether a flag of
        `IN_DOUBT_FLAGS` is set.
    """
    import pandas as pd

    table = pd.read_csv(data_path("systems.csv"), dtype=str, keep_default_na=False)
    for column in _FLOATS:
        table[column] = pd.to_numeric(table[column].replace("", None)).astype("float64")
    table["year"] = pd.to_numeric(table["year"].replace("", None)).astype("Int64")
    table["publication_date"] = pd.to_datetime(table["publication_date"].replace("", None), format="%Y-%m-%d")
    table["in_thompson2020"] = table["in_thompson2020"] == "true"
    table["compute_in_doubt"] = _has_flag(table, IN_DOUBT_FLAGS)
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
    excluded = _has_flag(table, EXCLUDED_FLAGS)
    table = table[table["in_thompson2020"] & ~excluded].reset_index(drop=True)
    for column, corrected, kept in (
        ("training_compute_flop", "training_compute_corrected_flop", "training_compute_reported_flop"),
        ("value", "value_corrected", "value_reported"),
        ("error", "error_corrected", "error_reported"),
    ):
        table[kept] = table[column]
        table[column] = table[corrected].fillna(table[column])
    return table


def _has_flag(table: pd.DataFrame, flags: Collection[str]) -> pd.Series[bool]:
    """Whether each row has one of the flags."""
    return table["flags"].map(lambda cell: not set(split_flags(cell)).isdisjoint(flags)).astype(bool)
