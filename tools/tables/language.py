"""Derive ``language_systems.csv``: one row per language model and benchmark, by a stated rule.

The hand-kept tables are ``language_scores.csv`` (every reported score), ``language_models.csv`` (release,
compute) and ``language_tasks.csv`` (chance level, shots). The rule:

1. *Shots.* Of a model's scores of a task, those with the task's usual number of examples in the prompt
   (``shots`` of the task: the number most scores state) are taken; else those with the nearest number, the
   larger of two; else "few"; else unstated.
2. *Sources.* Of these, the lower median: half are at least as good, and somebody reported it. The spread,
   best less worst over all shots and sources, is kept in ``score_spread``.
3. *Effort.* A model answers at one effort in all these sources. Where it answers at several, only the highest
   is entered among the scores: all share the training compute, and thinking longer is not training.
4. *Zeros.* A score of 0 is left out: it says only that the error is near 1.
5. *Compute.* Operations the developers state; else 6 x parameters used per token x training tokens; else an
   estimate of others, in doubt. Post-training and inference are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem
from tools.tables.cells import read_cells

if TYPE_CHECKING:
    from pathlib import Path

    Row = Mapping[str, str]

__all__ = ["COLUMNS", "DOUBTFUL", "FLAGS", "derive_language", "language_rows"]

#: Scores of one model and task further apart than this, in percentage points, are said to disagree.
LARGE_SPREAD = 5.0

#: Words of the ``flags`` columns, and what each says.
FLAGS: Mapping[str, str] = {
    "outside_estimate": "compute is an estimate of others; the developers published too little to count it",
    "tokens_assumed": "the number of training tokens behind the compute is a guess",
    "tokens_doubtful": "the number of training tokens may be that of the corpus or of another version",
    "partial_compute": "compute leaves out the model this one starts from",
    "reported_disagrees": "the source's own figure is over 1.3 times more or less than the count used",
    "parameters_corrected": "parameters differ from the source's, with the reason in the table of models",
    "tokens_corrected": "tokens differ from the source's, with the reason in the table of models",
    "date_corrected": "the date differs from the source's, with the reason in the table of models",
    "date_unverified": "the date is that of the release as remembered, not read",
    "other_shots": "no score with the task's usual number of shots",
    "scores_disagree": f"reported scores of this model differ by over {LARGE_SPREAD:g} points",
    "not_above_chance": "the score is not above chance",
}
#: Flags that put the compute of a row in doubt.
DOUBTFUL = ("outside_estimate", "tokens_assumed", "tokens_doubtful", "partial_compute")

COLUMNS = (
    "task",
    "system",
    "paper",
    "organisation",
    "variant",
    "publication_date",
    "metric",
    "score_percent",
    "error",
    "chance_error",
    "training_compute_flop",
    "compute_count",
    "compute_basis",
    "compute_in_doubt",
    "parameters",
    "training_tokens",
    "shots",
    "n_scores",
    "score_spread",
    "flags",
    "citation",
    "url",
)
_OF_MODEL = (
    "organisation",
    "variant",
    "publication_date",
    "training_compute_flop",
    "compute_basis",
    "parameters",
    "training_tokens",
)
#: Examples in a prompt when a source says "few", and when it says nothing: past any stated number.
_FEW, _UNSTATED = 1e6, 2e6


def language_rows(data: Path) -> list[dict[str, str]]:
    """Rows of ``language_systems.csv`` from the three hand-kept tables in a folder.

    Raises
    ------
    DataError
        If a table cannot be read, or a score names a model or task that has no row.
    """
    scores, models, tasks = (
        read_cells(data / f"language_{name}.csv") for name in ("scores", "models", "tasks")
    )
    return derive_language(scores, models, tasks)


def derive_language(
    scores: Sequence[Row], models: Iterable[Row], tasks: Iterable[Row]
) -> list[dict[str, str]]:
    """One row per task and model, by the rule of this module.

    Parameters
    ----------
    scores, models, tasks : iterable of mapping
        Rows of the hand-kept tables, as text cells.

    Returns
    -------
    list of dict
        Text cells of `COLUMNS`, by task and then in order of date and name.

    Raises
    ------
    DataError
        If a score names a model or task that has no row.
    """
    model_of = {row["system"]: row for row in models}
    task_of = {row["task"]: row for row in tasks}
    problems = [
        Problem(number, column, repr(row[column]), f"a row of language_{table}.csv")
        for number, row in enumerate(scores, start=2)
        for column, table, known in (("system", "models", model_of), ("task", "tasks", task_of))
        if row[column] not in known
    ]
    if problems:
        raise DataError("language_scores.csv names what no other table has", problems)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in scores:
        if float(row["score_percent"]) > 0:
            groups.setdefault((row["task"], row["system"]), []).append(row)
    rows = [_row(group, model_of[system], task_of[task]) for (task, system), group in groups.items()]
    return sorted(rows, key=lambda row: (row["task"], row["publication_date"], row["system"]))


def _row(scores: Sequence[Row], model: Row, task: Row) -> dict[str, str]:
    chosen = _chosen(scores, task["shots"])
    values = [float(row["score_percent"]) for row in scores]
    value, spread = float(chosen["score_percent"]), max(values) - min(values)
    error = 1 - value / 100
    doubted = not set(model["flags"].split()).isdisjoint(DOUBTFUL)
    found = {
        "other_shots": bool(task["shots"]) and chosen["shots"] != task["shots"],
        "scores_disagree": spread > LARGE_SPREAD,
        "not_above_chance": error >= float(task["chance_error"]),
    }
    return {
        "task": task["task"],
        "system": model["system"],
        "paper": model["release"],
        **{column: model[column] for column in _OF_MODEL},
        "metric": task["metric"],
        "score_percent": f"{value:.6g}",
        "error": f"{error:.6g}",
        "chance_error": task["chance_error"],
        "compute_count": "arithmetic",
        "compute_in_doubt": str(doubted).lower(),
        "shots": chosen["shots"],
        "n_scores": str(len(scores)),
        "score_spread": f"{spread:.4g}",
        "flags": " ".join([*model["flags"].split(), *(flag for flag, holds in found.items() if holds)]),
        "citation": f"{chosen['source']}; compiled by {chosen['compiled_by']}",
        "url": chosen["source_url"],
    }


def _chosen(scores: Sequence[Row], usual: str) -> Row:
    """The lower median of the scores whose number of shots is nearest to the usual one."""

    def distance(row: Row) -> tuple[float, float]:
        shots = {"few": _FEW, "": _UNSTATED}.get(row["shots"]) or float(row["shots"])
        if not usual:
            return (0.0 if not row["shots"] else shots, -shots)
        return abs(shots - float(usual)), -shots

    nearest = min(map(distance, scores))
    same = sorted(
        (row for row in scores if distance(row) == nearest),
        key=lambda row: (float(row["score_percent"]), row["source"]),
    )
    return same[(len(same) - 1) // 2]
