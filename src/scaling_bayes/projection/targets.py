"""Which errors to ask about: the 2020 paper's targets for its five tasks, others from the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import TargetError
from scaling_bayes.systems.conventions import LANGUAGE_LABELS, TASK_LABELS, same_names
from scaling_bayes.systems.tasks import load_tasks

if TYPE_CHECKING:
    import pandas as pd

#: Errors of the target table of Thompson et al. 2020 (arXiv:2007.05558): the best of the day, then two goals.
THOMPSON2020_TARGETS: Mapping[str, tuple[float, float, float]] = {
    "imagenet": (0.115, 0.05, 0.01),
    "ms_coco": (0.467, 0.30, 0.10),
    "squad_1_1": (0.04621, 0.02, 0.01),
    "conll_2003": (0.065, 0.02, 0.01),
    "wmt14_en_fr": (0.544, 0.30, 0.10),
}

#: From this year on, the 2020 paper's targets are no longer those of the day.
_PRESENT = 2021.0
_BEST = "best in the data"
#: Note of a target at the noise of the labels.
LABELS = "floor of the labels"


@dataclass(frozen=True)
class Target:
    """An error to reach on a task."""

    task: str
    error: float
    note: str = ""

    @property
    def label(self) -> str:
        """Unique label, such as ``imagenet 5 %``."""
        return f"{self.task} {self.error * 100:.6g} %"


def default_targets(
    tasks: Iterable[str],
    best_error: Mapping[str, float] | None = None,
    *,
    last_year: float | None = None,
) -> list[Target]:
    """Targets for each task: the 2020 paper's where it has them and the data end with it, else today's.

    Parameters
    ----------
    tasks : iterable of str
        Tasks of the fit.
    best_error : mapping, optional
        Lowest error per task; needed for tasks the 2020 paper does not have, and for later data.
    last_year : float, optional
        Of the systems. From 2021 on, tasks of the 2020 paper get targets of today too.

    Returns
    -------
    list of Target
        Each with ``task``, ``error`` (a fraction) and ``note``, empty for the 2020 paper's goals. Targets of
        today are the lowest error, the one halfway to the floor, the floor and the human level, where they
        are known (`load_tasks`). Tasks of which nothing is known get the lowest error, half of it and a tenth
        of it. `reached` says who has reached a target already.

    Raises
    ------
    TargetError
        If a task is not the paper's and has no `best_error`.
    """
    later = last_year is not None and last_year >= _PRESENT
    best_error = {} if best_error is None else best_error
    known = load_tasks()
    floors = dict(zip(known.index, known[["human_error", "floor"]].to_numpy(float).tolist(), strict=True))
    targets = []
    for task in tasks:
        if task in THOMPSON2020_TARGETS and not (later and task in best_error):
            today, *goals = THOMPSON2020_TARGETS[task]
            targets += [Target(task, today, "best in 2020"), *(Target(task, goal) for goal in goals)]
        elif task not in best_error:
            raise TargetError(f"task {task!r} has no default targets; name the errors to reach.")
        elif task in floors:
            targets += _of_today(task, float(best_error[task]), *floors[task])
        else:
            best = float(best_error[task])
            targets += [
                Target(task, best, _BEST),
                Target(task, float(f"{best / 2:.2g}"), "half of it"),
                Target(task, float(f"{best / 10:.2g}"), "a tenth of it"),
            ]
    return targets


def _of_today(task: str, best: float, human: float, floor: float) -> list[Target]:
    """The lowest error, halfway to the floor, the floor and the human level, the easiest first."""
    if floor >= best:
        floor = 0.0
    halfway = float(f"{(best + floor) / 2:.2g}")
    if not floor < halfway < best:
        halfway = (best + floor) / 2
    found = {best: _BEST, halfway: "halfway to the floor" if floor else "half of it"}
    for error, note in ((human, "human level"), (floor, LABELS)):
        if error > 0:
            found.setdefault(error, note)
    return [Target(task, error, found[error]) for error in sorted(found, reverse=True)]


def read_targets(targets: Any, tasks: Sequence[str]) -> list[Target]:
    """Read a user's targets and refuse those that cannot be asked.

    Parameters
    ----------
    targets : mapping, DataFrame or iterable
        ``{task: error or errors}``, a table with columns ``task`` and ``error``, or (task, error) pairs. A
        task is named as in the fit or as in reports, an error is a fraction or a text such as ``"5%"``.
    tasks : sequence of str
        Tasks of the fit.

    Raises
    ------
    TargetError
        Listing every invalid target at once, and the tasks there are.
    """
    problems, chosen = [], []
    for asked, error in _pairs(targets):
        task = _task(asked, tasks)
        if task is None:
            problems.append(f"task {asked!r} is not in the fit; its tasks are {', '.join(tasks)}")
            continue
        try:
            value = _fraction(error)
        except (TypeError, ValueError):
            problems.append(
                f"{task}: error {error!r} is not a number; expected a fraction between 0 and 1, or percent "
                "such as 5%"
            )
            continue
        if not 0 < value < 1:
            is_percent = isinstance(error, str) and error.rstrip().endswith("%")
            meant = 1 <= value < 100 and not is_percent
            hint = f" (did you mean {value / 100:g}, or {value:g}%?)" if meant else ""
            problems.append(f"{task}: error {value:g} must lie between 0 and 1, both excluded{hint}")
            continue
        target = Target(str(task), value)
        if target in chosen:
            problems.append(f"{task}: error {value:g} is asked twice")
            continue
        chosen.append(target)
    if not problems and not chosen:
        problems.append("no target was given; expected at least one (task, error)")
    if problems:
        raise TargetError("; ".join(problems) + ".")
    return chosen


def _task(asked: Any, tasks: Sequence[str]) -> str | None:
    """The task of the fit that is meant: by its name or label, whatever the case and signs."""
    if asked in tasks:
        return str(asked)
    labels = {label: task for task, label in {**TASK_LABELS, **LANGUAGE_LABELS}.items() if task in tasks}
    found = same_names(str(asked), [*tasks, *labels])
    meant = list(dict.fromkeys(labels.get(name, name) for name in found))
    return meant[0] if len(meant) == 1 else None


def _fraction(error: Any) -> float:
    """An error as a fraction, or as percent: ``0.05``, ``"0.05"``, ``"5%"``, ``"5 %"``."""
    if isinstance(error, str) and error.rstrip().endswith("%"):
        return float(f"{float(error.rstrip().removesuffix('%')) / 100:.15g}")
    return float(error)


def _pairs(targets: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(targets, Mapping):
        return [(task, error) for task, errors in targets.items() for error in _as_list(errors)]
    if hasattr(targets, "columns"):
        return _table_pairs(targets)
    if isinstance(targets, str) or not isinstance(targets, Iterable):
        raise TargetError(
            f"targets: found {targets!r}; expected {{task: error}}, a table with task and error, "
            "or (task, error) pairs."
        )
    pairs: list[tuple[Any, Any]] = []
    for item in targets:
        if isinstance(item, Target):
            pairs.append((item.task, item.error))
        elif isinstance(item, (tuple, list)) and len(item) == 2:
            pairs.append((item[0], item[1]))
        else:
            raise TargetError(f"targets: found {item!r}; expected a (task, error) pair.")
    return pairs


def _table_pairs(table: pd.DataFrame) -> list[tuple[Any, Any]]:
    missing = [name for name in ("task", "error") if name not in table.columns]
    if missing:
        raise TargetError(
            f"targets: columns {', '.join(missing)} missing (found {', '.join(map(str, table.columns))}); "
            "expected a table with task and error."
        )
    return list(zip(table["task"], table["error"], strict=True))


def _as_list(errors: Any) -> list[Any]:
    if isinstance(errors, (str, bytes)) or not isinstance(errors, Iterable):
        return [errors]
    return list(errors)


def check_year(year: Any) -> float:
    """Read a calendar year.

    Raises
    ------
    TargetError
        Unless it is a finite number between 1900 and 2300.
    """
    try:
        value = float(year)
    except (TypeError, ValueError):
        raise TargetError(f"years: {year!r} is not a number; expected a year such as 2030.") from None
    if not math.isfinite(value) or not 1900 <= value <= 2300:
        raise TargetError(f"years: {value:g} must lie between 1900 and 2300.")
    return value
