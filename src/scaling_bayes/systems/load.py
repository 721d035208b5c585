"""Read the derived table, whole or as the rows of the reference fit."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.errors import OptionError
from scaling_bayes.resources import data_path
from scaling_bayes.systems.editions import DEFAULT_EDITION, EDITIONS, FROZEN_EDITIONS, edition_table
from scaling_bayes.systems.flags import split_flags

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

#: Flags that keep a row out of the reference fit: its burden is plainly not what the system took to train.
#: search_compute_of_other_paper: the architecture search of the paper that quotes the system.
#: not_training_time: an inference time or a throughput entered as the training time.
#: implausible_time: fewer operations than the training described needs, even at the peak rate.
#: time_of_other_task: the time of a model trained for another task.
#: pretraining_not_counted: a large pre-training that the score rests on is left out.
#: other_protocol: prompted with examples, or a linear probe of frozen features.
#: same_system: the network stands in the table already, with the compute of its own paper.
#: unverified: the score or the compute was compared with no source.
EXCLUDED_FLAGS = (
    "search_compute_of_other_paper",
    "not_training_time",
    "implausible_time",
    "time_of_other_task",
    "pretraining_not_counted",
    "other_protocol",
    "same_system",
    "unverified",
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
    "unverified_compute",
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
    "arithmetic_flop",
)


#: Families of tasks, and the table each is read from.
FAMILIES = {"five_tasks": "systems.csv", "language": "language_systems.csv"}

#: How `reference_systems` is named where a fit says what it was made from.
_SOURCE: Final = "scaling_bayes.reference_systems"

_LANGUAGE_FLOATS = (
    "score_percent",
    "error",
    "chance_error",
    "training_compute_flop",
    "parameters",
    "training_tokens",
    "score_spread",
)


def load_systems(family: str = "five_tasks", *, edition: str | None = None) -> pd.DataFrame:
    """Every system of a family of tasks, with and without compute.

    Parameters
    ----------
    family : {"five_tasks", "language"}
        The 2020 paper's five tasks, or language models on 16 benchmarks, 2019 to 2024.
    edition : str, optional
        One of `scaling_bayes.systems.editions.EDITIONS`: ``"2026.11"`` is the table the first released fits
        were made from, the last one is corrected and goes beyond 2020. By default `DEFAULT_EDITION` there.

    Returns
    -------
    pandas.DataFrame
        Of ``language``: one row per model and benchmark, with the columns its sidecar describes;
        `publication_date` is a timestamp, `compute_in_doubt` a boolean, `n_scores` an integer, `shots` text.
        Of ``five_tasks``: one row per system: compute in FLOP, error as a fraction, value in percent,
        `publication_date` as a timestamp (15th of the month), `year` as a nullable integer, `in_thompson2020`
        as a boolean, text columns with empty strings where nothing is known, and `compute_in_doubt`, whether
        a flag of `IN_DOUBT_FLAGS` is set. Columns are those of the edition, as its sidecar
        describes them.

    Raises
    ------
    OptionError
        If there is no such family or edition, or an edition of ``language`` is asked for.
    """
    if family not in FAMILIES:
        raise OptionError(f"no family of tasks {family!r}; there are {', '.join(FAMILIES)}")
    if family == "language":
        if edition is not None:
            raise OptionError("the family 'language' has one edition; leave edition out")
        return _language_systems(data_path(FAMILIES[family])).copy()
    return _five_tasks(data_path(f"{edition_table(edition)}.csv")).copy()


@cache
def _five_tasks(path: Path) -> pd.DataFrame:
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in _FLOATS:
        if column in table:
            table[column] = pd.to_numeric(table[column].replace("", None)).astype("float64")
    table["year"] = pd.to_numeric(table["year"].replace("", None)).astype("Int64")
    table["publication_date"] = pd.to_datetime(table["publication_date"].replace("", None), format="%Y-%m-%d")
    table["in_thompson2020"] = table["in_thompson2020"] == "true"
    table["compute_in_doubt"] = _has_flag(table, IN_DOUBT_FLAGS)
    return table


@cache
def _language_systems(path: Path) -> pd.DataFrame:
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in _LANGUAGE_FLOATS:
        table[column] = pd.to_numeric(table[column].replace("", None)).astype("float64")
    table["n_scores"] = table["n_scores"].astype("int64")
    table["publication_date"] = pd.to_datetime(table["publication_date"], format="%Y-%m-%d")
    table["compute_in_doubt"] = table["compute_in_doubt"] == "true"
    return table


def reference_systems(
    family: str = "five_tasks", *, edition: str | None = None, until: int | None = None
) -> pd.DataFrame:
    """The rows that released fits use.

    Of the five tasks those of the 2020 regressions, and in later editions those added since, less the ones
    with a flag of `EXCLUDED_FLAGS` and, among the added, those without score or compute. Compute, value and
    error are the corrected ones where a correction exists. Of language models all rows.

    Parameters
    ----------
    family, edition : str, optional
        As in `load_systems`.
    until : int, optional
        Last year of publication; by default all years.

    Returns
    -------
    pandas.DataFrame
        As `load_systems`, with the uncorrected figures kept in ``training_compute_reported_flop``,
        ``value_reported`` and ``error_reported``, and rows numbered from 0. ``attrs["source"]`` is the
        call, by which `fit` names its data.

    Raises
    ------
    OptionError
        If there is no such family or edition, or nothing was published until that year.
    """
    table = load_systems(family, edition=edition)
    if family == "five_tasks":
        edition = edition or DEFAULT_EDITION
        table = _reference_rows(table)
    if until is not None:
        table = table[table["publication_date"].dt.year <= until].reset_index(drop=True)
        if table.empty:
            raise OptionError(f"until={until}: the first systems are of later years; expected a later one.")
    chosen = {"family": family, "edition": edition, "until": until}
    named = [f"{name}={value!r}" for name, value in chosen.items() if value not in (None, "five_tasks")]
    table.attrs["source"] = f"{_SOURCE}({', '.join(named)})"
    return table


def said_to_be(source: str) -> list[dict[str, Any]]:
    """Arguments of `reference_systems` that the source of a fit's data names; empty if it names other data.

    Fits made before editions were named have one of several.
    """
    if source == f"{_SOURCE}()":
        return [{"edition": edition} for edition in EDITIONS]
    named: dict[str, Any] = dict(re.findall(r"(family|edition|until)='?([\w.]+)'?", source))
    if named.get("until", "").isdecimal():
        named["until"] = int(named["until"])
    try:
        return [named] if reference_systems(**named).attrs["source"] == source else []
    except (OptionError, TypeError):
        return []


def shipped_source(systems: Any) -> str | None:
    """How a fit names rows of `reference_systems` that are unchanged; None for another table."""
    source = str(getattr(systems, "attrs", {}).get("source", ""))
    return source if any(reference_systems(**each).equals(systems) for each in said_to_be(source)) else None


def _reference_rows(table: pd.DataFrame) -> pd.DataFrame:
    chosen = table["in_thompson2020"]
    if "since_edition" in table:
        usable = table["training_compute_flop"].notna() & table["error"].notna()
        chosen |= usable & (table["since_edition"] != FROZEN_EDITIONS[0])
    table = table[chosen & ~_has_flag(table, EXCLUDED_FLAGS)].reset_index(drop=True)
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
