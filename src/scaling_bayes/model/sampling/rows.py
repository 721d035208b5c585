"""Rows of a table as the kernel takes them: in whose year each is, and of which kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.systems.counts import OFFSETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.core.observations import Observations

    Floats = NDArray[np.float64]

#: Rows in each of the years around a step of drift from which on a task knows the step itself.
_ROWS_OF_KNOWN_STEP = 5


def steps_of(year: Floats, steps: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Step of drift in whose year a time is, and the share that is taken (`observations.steps_taken`)."""
    step = np.clip(np.floor(year - steps[0]), 0, len(steps) - 1).astype(np.int64)
    return step, np.clip(year - steps[step], 0.0, 1.0)


def kinds_of(observations: Observations) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Kind of each row, the kinds as `kernel.Problem` has them, and the task of each."""
    stated = np.nan_to_num(observations.compute_sd)
    in_doubt = observations.flagged & (stated == 0.0)
    of_rows = np.column_stack([observations.task_index, in_doubt, stated, observations.count_index])
    distinct, kind_of_row = np.unique(of_rows, axis=0, return_inverse=True)
    compute, year = observations.compute, observations.years
    kinds = []
    medians = [0.0, *(median for median, _ in OFFSETS.values())]
    for kind, (_, flagged, sd, count) in enumerate(distinct):
        x, t = compute[kind_of_row == kind], year[kind_of_row == kind]
        from_x, from_t = x - x.mean(), t - t.mean()
        products = from_x @ from_x, from_x @ from_t, from_t @ from_t
        away = count - 1.0, medians[int(count)]
        kinds.append((len(x), flagged, sd or math.nan, x.mean(), t.mean(), *products, *away))
    return kind_of_row, np.array(kinds), distinct[:, 0].astype(np.int64)


def lowest_error(observations: Observations) -> Floats:
    """Lowest error among the systems of each task, shape (task,)."""
    lowest = np.full(len(observations.tasks), 1.0)
    np.minimum.at(lowest, observations.task_index, observations.error)
    return lowest


def known_steps(observations: Observations) -> NDArray[np.bool_]:
    """Whether a task has rows enough around a year to know how far its line rises in it, shape (task, step).

    They are counted over a year and a half on either side of the middle of that year.
    """
    middle = observations.drift_years + 0.5
    away = observations.year[:, np.newaxis] - middle
    fewest = np.full((len(observations.tasks), len(middle)), np.inf)
    for side in ((away >= -1.5) & (away < 0.0), (away >= 0.0) & (away < 1.5)):
        rows = np.zeros_like(fewest)
        np.add.at(rows, observations.task_index, side)
        fewest = np.minimum(fewest, rows / 1.5)
    return fewest >= _ROWS_OF_KNOWN_STEP
