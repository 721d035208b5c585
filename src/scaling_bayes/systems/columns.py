"""Which column of a table is which of ours: as the user says, or as Epoch AI's tables name theirs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.systems.cells import shown_cell
from scaling_bayes.systems.read_table import shown
from scaling_bayes.systems.rules import LESS_IS_BETTER, MORE_IS_BETTER
from scaling_bayes.systems.units import column_unit, find_unit, slug, unclear_power

if TYPE_CHECKING:
    import pandas as pd

#: What the model reads.
READ: Final = (
    "task",
    "system",
    "error",
    "metric",
    "value",
    "training_compute_flop",
    "training_compute_flop_low",
    "training_compute_flop_high",
    "compute_sd_dex",
    "chance_error",
    "year",
    "publication_date",
    "paper",
    "compute_in_doubt",
    "compute_count",
    "precision",
    "arithmetic_flop",
)
#: A score as a fraction, of which more is better; it becomes ``error``, 1 less the score.
SCORE: Final = "score"
#: What can be named beside: they are kept for reports.
_KEPT: Final = ("paper_url", "device")
#: Before a text that stands in every row.
_CONSTANT: Final = "="
#: Columns of Epoch AI's tables of models and of its Benchmarking Hub (epoch.ai/data, CC BY), the first that
#: is there.
_EPOCH: Final[Mapping[str, tuple[str, ...]]] = {
    "task": ("task", "Benchmark", "benchmark"),
    "system": ("Model version", "Model", "System", "model", "Name"),
    "publication_date": ("Release date", "Publication date"),
    "paper": ("Reference", "Source"),
    "paper_url": ("Link", "Source link"),
    SCORE: ("mean_score", "Best score (across scorers)", "EM", "Score", "Accuracy", "Pass@1", "best_score"),
}
#: Columns of which one set is Epoch's own: no other table that we know has it.
_ONLY_EPOCHS: Final = ({"Model version"}, {"Model", "Training compute (FLOP)"})
#: A row of Epoch's that agrees with another in these says nothing more.
_ONE_SYSTEM: Final = ("task", "system", "error", "value", "Training compute (FLOP)")
_PERCENT: Final = re.compile(r"%|\b(pct|percent(age)?|per cent)\b", re.IGNORECASE)
#: ``1 - WER``, ``100 - accuracy``.
_TURNED: Final = re.compile(r"\s*1(00)?\s*[-\u2212]")
#: Word of Epoch's column Confidence for compute that is least certain.
_DOUBT: Final = ("Confidence", "speculative")


def name_columns(
    table: pd.DataFrame, columns: Mapping[str, str] | None, source: str
) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
    """Give columns the names that the model reads.

    Parameters
    ----------
    columns : mapping, optional
        Our name to the table's: ``{"error": "Test error"}``. ``score`` is a fraction of which more is better;
        a text after ``=`` stands in every row: ``{"task": "=speech"}``. In a table of Epoch AI, the others
        are found by its names, and repeated rows are dropped.

    Returns
    -------
    DataFrame
    dict
        Our name to the table's, of what was renamed; ``score`` where ``error`` holds scores.
    list of str
        Notes.

    Raises
    ------
    OptionError
        If a name is none of ours.
    DataError
        If the table has no such column.
    """
    asked = _asked(columns)
    found, problems = {}, []
    for ours, theirs in asked.items():
        column = theirs if theirs.startswith(_CONSTANT) else _find(theirs, list(table.columns))
        if column is None:
            problems.append(_absent(ours, theirs, list(table.columns)))
        else:
            found[ours] = column
    if problems:
        raise DataError(f"{source}: columns that are asked for are missing", problems)
    notes = []
    epochs = any(names <= set(table.columns) for names in _ONLY_EPOCHS)
    of_epoch = _of_epoch(table, found, source) if epochs else {}
    if of_epoch:
        notes.append(f"the table is named as those of Epoch AI: {_listed(of_epoch)}.")
    found = {**of_epoch, **found}
    if asked:
        notes.append(f"as asked, {_listed({name: found[name] for name in asked})}.")
    table = _renamed(table, found, notes)
    if of_epoch:
        repeated = table.duplicated([name for name in _ONE_SYSTEM if name in table])
        table = table[~repeated]
        if repeated.any():
            notes.append(f"rows that repeat a system with its score are passed over: {repeated.sum()}.")
        if _DOUBT[0] in table and "compute_in_doubt" not in table:
            doubtful = table[_DOUBT[0]].astype(str).str.strip().str.lower() == _DOUBT[1]
            table = table.assign(compute_in_doubt=doubtful)
            notes.append(f"compute of the Confidence {_DOUBT[1].capitalize()} is in doubt: {doubtful.sum()}.")
    return table, found, notes


def sense_of_names(named: Mapping[str, str], source: str) -> tuple[list[str], set[str]]:
    """What the names of the columns of errors and scores say of them, against what is asked for.

    Parameters
    ----------
    named : mapping
        Our name to the table's, as `name_columns` gives it.

    Returns
    -------
    list of str
        Warnings.
    set of str
        Our columns of fractions that are in percent by their names.

    Raises
    ------
    DataError
        If scores, of which more is better, are taken from a column of which less is.
    """
    theirs = {ours: name for ours, name in named.items() if not name.startswith(_CONSTANT)}
    said: list[str] = []
    score, error = theirs.get(SCORE, ""), theirs.get("error", "")
    if _is_less_better(score):
        expected = (
            "a score, of which more is better, as fractions; errors are asked for as error in place of "
            "score, and a loss or perplexity is neither"
        )
        raise DataError(
            f"{source}: an error is no score",
            [Problem(None, score, "a name of which less is better, asked for as score", expected)],
        )
    if error and MORE_IS_BETTER.search(slug(error)) and not _is_less_better(error):
        said.append(
            f"column {shown_cell(error)} is read as errors, as asked, and is named as a score; if more of it "
            "is better, name it as score in place of error."
        )
    in_percent = set()
    for ours, name in theirs.items():
        if ours in ("error", SCORE, "chance_error") and _PERCENT.search(name.replace("_", " ")):
            in_percent.add("error" if ours == SCORE else ours)
            said.append(
                f"column {shown_cell(name)} is converted from percent, as its name says, to fractions."
            )
    return said, in_percent


def _is_less_better(name: str) -> bool:
    """Whether a name is of an error or loss, unless it is said to be taken from 1 or 100."""
    return bool(LESS_IS_BETTER.search(name.replace("_", " "))) != bool(_TURNED.match(name))


def _asked(columns: Mapping[str, str] | None) -> dict[str, str]:
    if columns is None:
        return {}
    known = (*READ, SCORE, *_KEPT)
    if not isinstance(columns, Mapping):
        raise OptionError(
            f"columns={columns!r}: expected a mapping of our names to the table's, {{'error': 'Score'}}."
        )
    for ours, theirs in columns.items():
        if ours not in known:
            raise OptionError(
                f"columns: {shown_cell(ours)} is no column that the model reads; expected one of "
                f"{', '.join(known)}, such as error=Score."
            )
        if not isinstance(theirs, str) or not theirs.strip(" ="):
            raise OptionError(
                f"columns: found {shown_cell(theirs)} for {ours}; expected the name of a column."
            )
    for both in ((SCORE, "error"), (SCORE, "value"), ("error", "value")):
        if set(both) <= set(columns):
            raise OptionError(f"columns: found {' and '.join(both)}; expected one of them.")
    return {ours: theirs.strip() for ours, theirs in columns.items()}


def _find(theirs: str, names: list[str]) -> str | None:
    """The column of that name, or the one that differs in case and signs only."""
    if theirs in names:
        return theirs
    alike = [name for name in names if slug(name[:200]) == slug(theirs)]
    return alike[0] if len(alike) == 1 else None


def _absent(ours: str, theirs: str, names: list[str]) -> Problem:
    listed = ", ".join(shown(name, 60) for name in names[:20])
    near = difflib.get_close_matches(theirs, [name for name in names if len(name) < 100], n=1, cutoff=0.6)
    meant = f"; is it {shown_cell(near[0])}?" if near else ""
    return Problem(None, theirs, f"no such column, asked for as {ours}", f"one of {listed}{meant}")


def _of_epoch(table: pd.DataFrame, asked: Mapping[str, str], source: str) -> dict[str, str]:
    """Columns of Epoch AI's that neither the user nor the table itself names."""
    taken = {*asked, *(("error", "value", SCORE) if {SCORE, "error", "value"} & set(asked) else ())}
    found = {}
    for ours, names in _EPOCH.items():
        name = next((name for name in names if name in table), None)
        have = ours in table or (ours == SCORE and "error" in table)
        if name is not None and name != ours and ours not in taken and not have:
            found[ours] = name
    if "task" not in {*found, *taken, *table.columns} and Path(source).suffix:
        found["task"] = _CONSTANT + Path(source).stem.removesuffix("_external")
    return found


def _renamed(table: pd.DataFrame, found: Mapping[str, str], notes: list[str]) -> pd.DataFrame:
    """The table with our names; a column that had one of them before is put aside."""
    aside = []
    columns: dict[str, Any] = {}
    for ours, theirs in found.items():
        constant = theirs.startswith(_CONSTANT)
        name = "error" if ours == SCORE else ours if constant else _with_unit(ours, theirs)
        columns[name] = theirs.removeprefix(_CONSTANT).strip() if constant else table[theirs]
        before = "error" if ours == SCORE else ours
        if before in table and theirs != before and before not in found.values():
            notes.append(f"column {before!r} of the table is not used; {shown_cell(theirs)} is, as asked.")
            aside.append(before)
    if "value" in found and not {"metric"} & {*found, *table.columns}:
        columns["metric"] = found["value"]
    gone = [name for name in dict.fromkeys([*found.values(), *aside]) if name in table]
    return table.drop(columns=gone).assign(**columns)


def _with_unit(ours: str, theirs: str) -> str:
    """Name of a column of compute with the unit that its own name states, if any: ``FLOPs (1E21)``."""
    stem, _, end = ours.partition("training_compute_flop")
    if stem or ours == theirs:
        return ours
    if why := unclear_power(theirs):
        raise DataError(f"the unit in the name of the column {shown_cell(theirs)} is not clear: {why}")
    named = column_unit(theirs)
    inside = theirs.partition("(")[2].partition(")")[0]
    unit = (named and named[0]) or find_unit(theirs) or find_unit(inside) or find_unit(f"{inside} FLOP")
    return f"training_compute_{slug(unit.name)}{end}" if unit else ours


def _listed(found: Mapping[str, str]) -> str:
    told = [
        f"{ours} is {shown_cell(theirs.removeprefix(_CONSTANT))}"
        if theirs.startswith(_CONSTANT)
        else f"{shown_cell(theirs)} is read as {ours}"
        for ours, theirs in found.items()
    ]
    return ", ".join(told)
