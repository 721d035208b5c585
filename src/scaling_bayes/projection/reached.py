"""Which targets systems have reached already, by whom, and with how much compute."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.observations import decimal_year
from scaling_bayes.projection.counted import counted, offset
from scaling_bayes.projection.targets import Target
from scaling_bayes.systems.counts import ARITHMETIC, in_arithmetic
from scaling_bayes.systems.editions import EDITIONS
from scaling_bayes.systems.flags import split_flags
from scaling_bayes.systems.load import EXCLUDED_FLAGS, load_systems
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.text import compute_in_words, format_error, format_year, records, task_label
from scaling_bayes.trace.schema import group, manifest, unit_of
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_COMPUTE = "log10_training_compute_flop"


def reached(projection: xr.DataTree) -> pd.DataFrame:
    """Return the targets that have been reached, and the system that did with least compute.

    Parameters
    ----------
    projection : DataTree
        From `project`.

    Returns
    -------
    DataFrame
        One row per target reached: ``task``, ``error`` (the target), ``systems`` (how many reached it), and
        of that with least compute ``system``, ``reached_error``, ``log10_training_compute_flop`` (log10
        FLOP, in the count of the projection), ``publication_year``, and ``in_fit``: whether these are systems
        of the fit. Where none of them has reached the target, they are the shipped tables' (`load_systems`,
        of all families, the newest edition): those whose compute is not in doubt first, those without known
        compute (NaN) last.

    Raises
    ------
    TraceError
        If it is not a projection.
    """
    import pandas as pd

    asked, constant = group(projection, "projection"), group(projection, "constant_data")
    task = constant["system_task"].values.astype(str)
    fitted = pd.DataFrame(
        {
            "task": task,
            "system": [
                str(label).removeprefix(f"{of}: ")
                for label, of in zip(constant["system"].values, task, strict=True)
            ],
            "reached_error": group(projection, "observed_data")["error"].values,
            _COMPUTE: constant[_COMPUTE].values,
            "publication_year": constant["publication_year"].values,
            "in_doubt": False,
            "in_fit": True,
        }
    )
    columns = (asked["target_task"].values.astype(str), asked["target_error"].values)
    targets = [Target(str(task), float(error)) for task, error in zip(*columns, strict=True)]
    view = PosteriorView.of(projection)
    about = manifest(projection)["projection"]
    others = [known_systems(of_operations=counted(view) == ARITHMETIC)] if view.unit == "FLOP" else []
    found = first_to_reach(targets, fitted, *others)
    found[_COMPUTE] += float(np.median(offset(view, about["count"], about["random_seed"])))
    return found


def first_to_reach(targets: Iterable[Target], *tables: pd.DataFrame) -> pd.DataFrame:
    """Rows of `reached`: of each target, from the first table of which a system has reached it."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    ordered = [
        table.sort_values(["in_doubt", _COMPUTE, "publication_year"], kind="stable") for table in tables
    ]
    known = [(table["task"].to_numpy(object), table["reached_error"].to_numpy(float)) for table in ordered]
    for target in targets:
        for table, (task, error) in zip(ordered, known, strict=True):
            there = np.flatnonzero((task == target.task) & (error <= target.error))
            if there.size:
                (least,) = records(table.iloc[there[:1]])
                rows.append({**least, "error": target.error, "systems": there.size})
                break
    columns = ["task", "error", "systems", "system", "reached_error", _COMPUTE, "publication_year", "in_fit"]
    return pd.DataFrame(rows, columns=columns)


def next_targets(projection: xr.DataTree) -> list[Target]:
    """Of each task the target that is next, and first of all the one that a finding is about.

    The next target of a task is the easiest that nobody has reached, that is above the noise of the labels
    (`load_tasks`), and that most draws attain in the last year; where none is all three, these count in this
    order. The finding is about the first task that has the most of them.

    Raises
    ------
    TraceError
        As `reached`.
    """
    data = group(projection, "projection").isel(year=-1)
    compute = data[_COMPUTE].transpose("target", ...).values
    attained = (np.isfinite(compute).reshape(len(compute), -1).mean(axis=1) > 0.5).tolist()
    found = reached(projection)
    done, floors = set(zip(found["task"], found["error"], strict=True)), load_tasks()["floor"].to_dict()
    by_task: dict[str, list[tuple[tuple[bool, bool, bool], float]]] = {}
    columns = (data["target_task"].values.astype(str), data["target_error"].values.tolist(), attained)
    for task, error, enough in zip(*columns, strict=True):
        rank = ((task, error) not in done, error > floors.get(task, 0.0), enough)
        by_task.setdefault(str(task), []).append((rank, error))
    best = {task: max(ranked) for task, ranked in by_task.items()}
    leading = max(best, key=lambda task: best[task][0])
    tasks = [leading, *(task for task in best if task != leading)]
    return [Target(task, best[task][1]) for task in tasks]


@cache
def known_systems(*, of_operations: bool = True) -> pd.DataFrame:
    """Systems of the shipped tables whose score was compared with a source, for `first_to_reach`."""
    import pandas as pd

    five, language = load_systems(edition=EDITIONS[-1]), load_systems("language")
    flags = five["flags"].map(lambda cell: set(split_flags(cell)))
    compute = five["training_compute_corrected_flop"].fillna(five["training_compute_flop"])
    sound = flags.map(lambda names: names.isdisjoint(EXCLUDED_FLAGS))
    five = five.assign(
        error=five["error_corrected"].fillna(five["error"]), training_compute_flop=compute.where(sound)
    )[~flags.map(lambda names: "unverified" in names)]
    both = pd.concat([in_arithmetic(five) if of_operations else five, language], ignore_index=True)
    return pd.DataFrame(
        {
            "task": both["task"],
            "system": both["system"],
            "reached_error": both["error"],
            _COMPUTE: np.log10(both["training_compute_flop"].astype("float64")),
            "publication_year": decimal_year(both),
            "in_doubt": both["compute_in_doubt"] | both["training_compute_flop"].isna(),
            "in_fit": False,
        }
    )


def reached_sentences(projection: xr.DataTree) -> list[str]:
    """One sentence for each target that a system has reached already."""
    found, unit = [], unit_of(manifest(projection))
    for row in records(reached(projection)):
        others = row["systems"] - 1
        known = np.isfinite(row[_COMPUTE])
        compute = f" with {compute_in_words(row[_COMPUTE], unit)}" if known else ""
        when = f" in {format_year(np.floor(row['publication_year']))}" if row["publication_year"] else ""
        also = f", and {others} more of the {'data' if row['in_fit'] else 'table'}" if others else ""
        found.append(
            f"{task_label(row['task'])} at {format_error(row['error'])} has been reached already: "
            f"{row['system']} had {format_error(row['reached_error'])}{compute}{when}{also}"
            f"{'' if row['in_fit'] else ' (not in this fit)'}."
        )
    return found
