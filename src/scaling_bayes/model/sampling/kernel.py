"""The log density of the model and its gradient, compiled: one function for all laws, poolings and switches.

The model is `scaling_bayes.model.build`; here is the same density of the same unconstrained coordinates, with
its derivative by hand, and `tests/test_kernel.py` holds one to the other. It knows no names: what a
coordinate is and where it stands, `scaling_bayes.model.sampling.layout` lays out as numbers in a `Problem`.

Each step has a function forward and, where it is not linear, one backward, that takes the derivatives of the
log density by what the step gives and adds those by what it takes (reverse accumulation, e.g. Griewank &
Walther 2008, *Evaluating Derivatives*, chapter 3).
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import carray, cfunc, njit, types
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

from scaling_bayes.files import write_text

type Array = NDArray[np.float64]

LN10 = math.log(10.0)
#: Multiplies a natural logarithm to one to base 10: the C library takes four times as long for its own.
TO_LOG10 = 1.0 / LN10
LOG_2PI = math.log(2.0 * math.pi)
SMALL = 1e-60

#: How numba names this Python in the files it keeps.
_THIS_PYTHON = f"py{sys.version_info[0]}{sys.version_info[1]}"

#: Densities of one coordinate, up to a constant.
NORMAL, STUDENT_T, FLAT, LOG_NORMAL, GAMMA, INVERSE_GAMMA, BETA = range(7)
#: How a coordinate becomes the value it stands for: as it is, by `exp`, or between two ends.
AS_IS, LOG, BETWEEN = range(3)
#: How a task-level parameter follows from its coordinates.
ABSENT, OWN, COMMON, AROUND_AVERAGE, AROUND_MEAN, STATED = range(6)
#: Task-level parameters: rows of `Problem.hyper`, and of what `_levels` gives.
SLOPE, NOISE, PROGRESS, FLOOR = range(4)
#: Where in `Problem.at` the first coordinate of each variable stands; -1 where the model lacks it.
(
    INTERCEPT,
    PAPER_CORRELATION,
    DEGREES_OF_FREEDOM,
    COMPUTE_ERROR,
    FLAGGED_ERROR_FACTOR,
    COMPUTE_MEAN,
    COMPUTE_GROWTH,
    COMPUTE_SPREAD,
    BEND,
    DRIFT_SCALE,
    DRIFT_STEP,
    COUNT_OFFSET,
    OTHER_OFFSET,
    CORRELATION_LENGTH,
) = range(4, 18)
N_VARIABLES = 18
#: Columns of `Problem.rows`, `Problem.kinds` and `Problem.tasks`.
PERFORMANCE, ERROR, COMPUTE, YEAR, LOG_BELOW, ONE_BELOW, PART_OF_STEP, APART = range(8)
(
    COUNT,
    FLAGGED,
    COMPUTE_SD,
    MEAN_COMPUTE,
    MEAN_YEAR,
    COMPUTE_SQUARES,
    PRODUCTS,
    YEAR_SQUARES,
    WHICH_OFFSET,
    OFFSET_TAKEN,
) = range(10)
REFERENCE, REFERENCE_PERFORMANCE, GAIN, CHANCE, LOG_BELOW_REFERENCE, REFERENCE_STEP, REFERENCE_PART = range(7)
#: Entries of `Problem.curve`.
INVERSE, FIXED_BEND, SKEWNESS, TAIL = range(4)
#: Columns of what a kind of row has in common, and of its sums over rows, each times the derivative by a
#: residual: of 1, of compute and of year; and of the derivative by a row's own variance.
PRECISION, CENTER, BY_COMPUTE, BY_YEAR = range(4)
OF_ONE, OF_COMPUTE, OF_YEAR, OF_VARIANCE = range(4)
#: Columns of what the filter knows at a point of a curve: what the points before do not foresee of its
#: residual, and the precision of that; mean of the shared departure given the points up to it, and its
#: variance given the points before; its correlation with the one at the point before.
SURPRISE, FORESIGHT, MEAN_AFTER, VARIANCE_BEFORE, KEPT = range(5)


class Problem(NamedTuple):
    """All that the density depends on but the coordinates."""

    #: Codes of this module. Shape (coordinate,).
    density: NDArray[np.int64]
    transform: NDArray[np.int64]
    #: Coordinate of the scale of what is sampled times that scale, or -1. Shape (coordinate,).
    scale_of: NDArray[np.int64]
    #: Coordinates are `origin` plus what is sampled times `directions`, or, where both are empty, what is
    #: sampled. Shapes (coordinate,), (coordinate, coordinate).
    origin: NDArray[np.float64]
    directions: NDArray[np.float64]
    #: Parameters of the density (location or first shape, scale or second shape, degrees of freedom) and its
    #: constant, with the log of the width between two ends. Shape (coordinate, 4).
    prior: NDArray[np.float64]
    #: Between which a coordinate's value lies. Shape (coordinate, 2).
    ends: NDArray[np.float64]
    #: How slope, noise, progress and floor are pooled. Shape (4,).
    pooling: NDArray[np.int64]
    #: First coordinate of each variable. Shape (18,).
    at: NDArray[np.int64]
    #: Of a parameter around its average, location and scale of the prior on the mean; of a floor that is not
    #: pooled, its prior as in `prior`, with the code first. Shape (4, 5).
    hyper: NDArray[np.float64]
    #: Performance (of a law without floor), error, compute (dex), year; log10 of how far the error is below
    #: that of chance, and the inverse of that; share of its year's step of drift that is taken; how far
    #: compute is above that of the row before, dex, infinite in a paper's first. A paper's systems together,
    #: and a task's; where curves wander along compute, in that order. Shape (system, 8).
    rows: NDArray[np.float64]
    #: First row of each task, and the number of rows. Shape (task + 1,).
    rows_of_task: NDArray[np.int64]
    #: Kind of each row, and the step of drift in whose year it is. Shape (system,).
    kind_of_row: NDArray[np.int64]
    step_of_row: NDArray[np.int64]
    #: Rows of one task whose compute is as well known: their number; whether it is in doubt where they do not
    #: state its standard deviation; that, or NaN (dex); means of compute and year; and sums of squares of
    #: compute, of products, and of squares of year, all less the means; which offset of a count compute has,
    #: or -1, and what was taken off for it. Shape (kind, 10).
    kinds: NDArray[np.float64]
    task_of_kind: NDArray[np.int64]
    #: First row of each paper, and the number of rows. Shape (paper + 1,).
    papers: NDArray[np.int64]
    #: Shape (paper,).
    task_of_paper: NDArray[np.int64]
    #: Reference error, performance and gain there (of a law without floor or bend), error of chance, log10 of
    #: how far the reference error is below it; the step of drift in whose year the reference year is, and the
    #: share of it that is taken. Shape (task, 7).
    tasks: NDArray[np.float64]
    #: Whether performance is the inverse of the error rather than a logarithm, its bend where that is no
    #: coordinate, and skewness and tail of the steps of drift. Shape (4,).
    curve: NDArray[np.float64]
    #: Steps of drift of each task.
    n_steps: int
    #: Which of what `variables` gives is kept of each draw.
    stored: NDArray[np.int64]
    #: Log density that depends on no coordinate.
    constant: float


def _inner[F: Callable[..., Any]](function: F) -> F:
    """Compile for the kernel's own use: it takes a fifth less time without ways in from Python and C."""
    compiled: F = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return compiled


def _summing[F: Callable[..., Any]](function: F) -> F:
    """Compile as `_inner`, with sums in whatever order is fast."""
    compiled: F = njit(fastmath={"reassoc", "nsz"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return compiled


def pack(p: Problem) -> NDArray[np.int64]:
    """Put a problem in one array, with its floating-point numbers bit by bit, to be passed by its address."""
    codes = (
        p.density,
        p.transform,
        p.scale_of,
        p.pooling,
        p.at,
        p.rows_of_task,
        p.kind_of_row,
        p.step_of_row,
        p.task_of_kind,
        p.papers,
        p.task_of_paper,
        p.stored,
    )
    sizes = [
        *(len(part) for part in (p.density, p.rows, p.kinds, p.task_of_paper, p.tasks, p.stored)),
        p.n_steps,
        len(p.origin),
    ]
    numbers = (
        *(p.prior, p.ends, p.hyper, p.rows, p.kinds, p.tasks, p.curve, p.origin, p.directions),
        np.array([p.constant]),
    )
    together = np.concatenate([part.ravel() for part in numbers]).astype(np.float64)
    return np.concatenate([sizes, *codes, together.view(np.int64)]).astype(np.int64)


@_inner
def _unpack(address: Any) -> Problem:
    """Reverse of `pack`."""
    sizes = carray(address, 8, np.int64)
    n, n_rows, n_kinds, n_papers, n_tasks = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    transform = 8 + n
    scale_of = transform + n
    pooling = scale_of + n
    at = pooling + 4
    rows_of_task = at + N_VARIABLES
    kind_of_row = rows_of_task + n_tasks + 1
    step_of_row = kind_of_row + n_rows
    task_of_kind = step_of_row + n_rows
    papers = task_of_kind + n_kinds
    task_of_paper = papers + n_papers + 1
    stored = task_of_paper + n_papers
    prior = stored + sizes[5]
    ends = prior + 4 * n
    hyper = ends + 2 * n
    rows = hyper + 20
    kinds = rows + 8 * n_rows
    tasks = kinds + 10 * n_kinds
    curve = tasks + 7 * n_tasks
    origin = curve + 4
    directions = origin + sizes[7]
    constant = directions + sizes[7] * sizes[7]
    codes = carray(address, prior, np.int64)
    numbers = carray(address, constant + 1, np.float64)
    return Problem(
        density=codes[8:transform],
        transform=codes[transform:scale_of],
        scale_of=codes[scale_of:pooling],
        prior=numbers[prior:ends].reshape((n, 4)),
        ends=numbers[ends:hyper].reshape((n, 2)),
        pooling=codes[pooling:at],
        at=codes[at:rows_of_task],
        hyper=numbers[hyper:rows].reshape((4, 5)),
        rows=numbers[rows:kinds].reshape((n_rows, 8)),
        rows_of_task=codes[rows_of_task:kind_of_row],
        kind_of_row=codes[kind_of_row:step_of_row],
        step_of_row=codes[step_of_row:task_of_kind],
        kinds=numbers[kinds:tasks].reshape((n_kinds, 10)),
        task_of_kind=codes[task_of_kind:papers],
        papers=codes[papers:task_of_paper],
        task_of_paper=codes[task_of_paper:stored],
        tasks=numbers[tasks:curve].reshape((n_tasks, 7)),
        curve=numbers[curve:origin],
        origin=numbers[origin:directions],
        directions=numbers[directions:constant].reshape((sizes[7], sizes[7])),
        n_steps=sizes[6],
        stored=codes[stored:prior],
        constant=numbers[constant],
    )


@_inner
def _value(transform: int, lower: float, upper: float, x: float) -> tuple[float, float, float, float]:
    """Value of a coordinate, its derivative, the log of that, and the derivative of the log.

    Between two ends the log is that less the log of the width, which `Problem.prior` has in its constant.
    """
    if transform == AS_IS:
        return x, 1.0, 0.0, 0.0
    if transform == LOG:
        value = math.exp(x)
        return value, value, x, 1.0
    small = math.exp(-abs(x))
    less, more = small / (1.0 + small), 1.0 / (1.0 + small)
    share, rest = (more, less) if x > 0.0 else (less, more)
    width = upper - lower
    log_slope = -abs(x) - 2.0 * math.log(1.0 + small)
    return share * upper + rest * lower, width * share * rest, log_slope, rest - share


@_inner
def _density(density: int, a: float, b: float, degrees: float, value: float) -> tuple[float, float]:
    """Log density of a value, up to a constant, and its derivative."""
    if density == NORMAL:
        z = (value - a) / b
        return -0.5 * z * z, -z / b
    if density == STUDENT_T:
        z = (value - a) / b
        square = z * z / degrees
        half = 0.5 * (degrees + 1.0)
        return -half * math.log1p(square), -2.0 * half * z / (degrees * b * (1.0 + square))
    if density == LOG_NORMAL:
        log = math.log(value)
        z = (log - a) / b
        return -0.5 * z * z - log, -(z / b + 1.0) / value
    if density == GAMMA:
        return (a - 1.0) * math.log(value) - b * value, (a - 1.0) / value - b
    if density == INVERSE_GAMMA:
        return -(a + 1.0) * math.log(value) - b / value, (b / value - (a + 1.0)) / value
    if density == BETA:
        return (
            (a - 1.0) * math.log(value) + (b - 1.0) * math.log1p(-value),
            (a - 1.0) / value - (b - 1.0) / (1.0 - value),
        )
    return 0.0, 0.0


@_inner
def _digamma(x: float) -> float:
    """Derivative of the log of the gamma function, for x > 0.

    By ``digamma(x) = digamma(x + 1) - 1 / x`` up to 10 and the asymptotic series from there (Abramowitz &
    Stegun 1964, *Handbook of Mathematical Functions*, 6.3.5 and 6.3.18).
    """
    below = 0.0
    while x < 10.0:
        below += 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * 691 / 32760)))))
    return math.log(x) - 0.5 / x - series - below


@_inner
def _constrain(x: Array, p: Problem, values: Array, slopes: Array, bends: Array, adjoint: Array) -> float:
    """Fill in each coordinate's value, and the derivatives; return the log density of the priors."""
    total = 0.0
    for i in range(x.size):
        if p.scale_of[i] >= 0:
            per_scale = 1.0 / values[p.scale_of[i]]
            z = x[i] * per_scale
            values[i], slopes[i], bends[i], adjoint[i] = z, per_scale, 0.0, -z
            total += p.prior[i, 3] - 0.5 * z * z + math.log(per_scale)
            continue
        if p.density[i] == NORMAL and p.transform[i] == AS_IS:  # most are: the steps of drift
            per_sd = 1.0 / p.prior[i, 1]
            z = (x[i] - p.prior[i, 0]) * per_sd
            values[i], slopes[i], bends[i], adjoint[i] = x[i], 1.0, 0.0, -z * per_sd
            total += p.prior[i, 3] - 0.5 * z * z
            continue
        values[i], slopes[i], log_slope, bends[i] = _value(p.transform[i], p.ends[i, 0], p.ends[i, 1], x[i])
        density, adjoint[i] = _density(p.density[i], p.prior[i, 0], p.prior[i, 1], p.prior[i, 2], values[i])
        total += density + p.prior[i, 3] + log_slope
    return total


@_inner
def _average(values: Array, start: int, location: float, scale: float, n_tasks: int) -> tuple[float, float]:
    """Average over tasks of a log parameter, and its standard deviation before any data are seen."""
    spread = math.sqrt(scale**2 + values[start] ** 2 / n_tasks)
    return location + spread * values[start + 1], spread


@_inner
def _mean(values: Array, start: int, location: float, scale: float, n_tasks: int) -> float:
    """Mean of the distribution that the tasks' log parameters are from, given their average."""
    average, _ = _average(values, start, location, scale, n_tasks)
    own, others = 1.0 / scale**2, n_tasks / values[start] ** 2
    standard = values[start + 1 + n_tasks]
    given_average = (location * own + average * others) / (own + others)
    return float(given_average + standard / math.sqrt(own + others))


@_inner
def _level(
    pooling: int,
    start: int,
    values: Array,
    location: float,
    scale: float,
    level: Array,
    deviations: Array,
) -> None:
    """Fill in a parameter of each task and, where it is partially pooled, its deviations on the log scale.

    Around an average they sum to zero and have one coordinate less than there are tasks, by the transform of
    PyMC's `ZeroSumNormal`: with ``S`` the sum of the coordinates, ``S / (sqrt(n) + n)`` less than each, and
    the last ``-S / sqrt(n)``.
    """
    n = level.size
    if pooling in (OWN, COMMON):
        for task in range(n):
            level[task] = values[start + task] if pooling == OWN else values[start]
        return
    center = values[start + 1]
    if pooling == AROUND_AVERAGE:
        center, _ = _average(values, start, location, scale, n)
        total = 0.0
        for task in range(n - 1):
            total += values[start + 2 + task]
        for task in range(n - 1):
            deviations[task] = values[start + 2 + task] - total / (math.sqrt(n) + n)
        deviations[n - 1] = -total / math.sqrt(n)
    else:
        for task in range(n):
            deviations[task] = values[start + 2 + task]
    for task in range(n):
        level[task] = math.exp(center + values[start] * deviations[task])


@_inner
def _level_back(
    pooling: int,
    start: int,
    values: Array,
    location: float,
    scale: float,
    level: Array,
    deviations: Array,
    by_level: Array,
    adjoint: Array,
) -> None:
    """Reverse of `_level`."""
    n = level.size
    if pooling in (OWN, COMMON):
        for task in range(n):
            adjoint[start + task if pooling == OWN else start] += by_level[task]
        return
    sd, together, by_sd = values[start], 0.0, 0.0
    for task in range(n):
        by_level[task] *= level[task]
        together += by_level[task]
        by_sd += by_level[task] * deviations[task]
    common = 0.0
    if pooling == AROUND_AVERAGE:
        _, spread = _average(values, start, location, scale, n)
        by_sd += together * values[start + 1] * sd / (n * spread)
        last = by_level[n - 1]
        common = (together - last) / (math.sqrt(n) + n) + last / math.sqrt(n)
        together *= spread
    adjoint[start] += by_sd
    adjoint[start + 1] += together
    for task in range(n - 1 if pooling == AROUND_AVERAGE else n):
        adjoint[start + 2 + task] += sd * (by_level[task] - common)


@_inner
def _floor_prior(p: Problem, values: Array, adjoint: Array) -> float:
    """Log density of the floors' share of the reference error, as log odds (`build._floor`)."""
    start = p.at[FLOOR]
    partial = p.pooling[FLOOR] == AROUND_MEAN
    count = 1 if p.pooling[FLOOR] == COMMON else p.tasks.shape[0]
    code, total = int(p.hyper[FLOOR, 0]), 0.0
    a, b, degrees, constant = p.hyper[FLOOR, 1], p.hyper[FLOOR, 2], p.hyper[FLOOR, 3], p.hyper[FLOOR, 4]
    if partial:
        a, b = values[start + count], values[start + count + 1]
        constant = -0.5 * LOG_2PI - math.log(b)
    for i in range(start, start + count):
        share = values[i]
        logit = math.log(share) - math.log1p(-share)
        density, by_logit = _density(code, a, b, degrees, logit)
        to_share = 1.0 / (share * (1.0 - share))
        total += density + constant + math.log(to_share)
        adjoint[i] += (by_logit + 2.0 * share - 1.0) * to_share
        if partial:
            adjoint[start + count] -= by_logit
            adjoint[start + count + 1] += (((logit - a) / b) ** 2 - 1.0) / b
    return total


@_inner
def _is_fixed(p: Problem) -> bool:
    """Whether the scale of performance depends on no coordinate."""
    return bool(p.pooling[FLOOR] == ABSENT and p.at[BEND] < 0)


@_inner
def _bend(p: Problem, values: Array, task: int) -> float:
    return float(values[p.at[BEND] + task] if p.at[BEND] >= 0 else p.curve[FIXED_BEND])


@_inner
def _scale(p: Problem, values: Array, floor: Array, performance: Array, gain: Array, slopes: Array) -> None:
    """Fill in each task's floor, and performance and gain at its reference error.

    `slopes` receives the derivatives of performance by floor and by bend, then those of the log of the gain.
    """
    for task in range(floor.size):
        bend = _bend(p, values, task)
        reference, chance = p.tasks[task, REFERENCE], p.tasks[task, CHANCE]
        floor[task] = 0.0
        if p.pooling[FLOOR] != ABSENT:
            own = 0 if p.pooling[FLOOR] == COMMON else task
            floor[task] = values[p.at[FLOOR] + own] * reference
        if _is_fixed(p):
            performance[task], gain[task] = p.tasks[task, REFERENCE_PERFORMANCE], p.tasks[task, GAIN]
            continue
        inverse = p.curve[INVERSE] > 0.0
        performance[task], slopes[task, 0], slopes[task, 1] = _performance(
            inverse, reference, floor[task], chance, bend, p.tasks[task, LOG_BELOW_REFERENCE]
        )
        gain[task], slopes[task, 2], slopes[task, 3] = _gain(inverse, reference, floor[task], chance, bend)


@_inner
def _scale_back(
    p: Problem,
    task: int,
    slopes: Array,
    by_floor: float,
    by_bend: float,
    by_performance: float,
    by_log_gain: float,
    adjoint: Array,
) -> None:
    """Reverse of `_scale` for one task."""
    if _is_fixed(p):
        return
    if p.at[BEND] >= 0:
        adjoint[p.at[BEND] + task] += by_bend + by_performance * slopes[1] + by_log_gain * slopes[3]
    if p.pooling[FLOOR] != ABSENT:
        own = 0 if p.pooling[FLOOR] == COMMON else task
        by_floor += by_performance * slopes[0] + by_log_gain * slopes[2]
        adjoint[p.at[FLOOR] + own] += by_floor * p.tasks[task, REFERENCE]


@_inner
def _to_law(values: Array, first: int, gain: Array, intercept: Array, levels: Array) -> None:
    """Bring intercept, slope and noise from orders of magnitude of odds to the law's scale."""
    for task in range(gain.size):
        intercept[task] += gain[task] * values[first + task]
        levels[SLOPE, task] *= gain[task]
        levels[NOISE, task] *= gain[task]


@_inner
def _step(p: Problem, standard: float, scale: float) -> tuple[float, float, float]:
    """Step of drift (`equations.drift_step`) times a scale, and its first and second derivative."""
    skewness, tail = p.curve[SKEWNESS], p.curve[TAIL]
    stretch = scale * math.exp(0.5 * tail * standard**2)
    lean = math.exp(skewness * standard)
    skewed = (lean - 1.0) / skewness
    slope = (lean + tail * standard * skewed) * stretch
    bend = (skewness * lean + tail * (skewed + standard * lean)) * stretch + tail * standard * slope
    return skewed * stretch, slope, bend


@_inner
def _standard(p: Problem, step: float) -> float:
    """Reverse of `_step` at scale 1, by Newton's method on the logarithms."""
    if step == 0.0:
        return 0.0
    standard = min(max(step, -1.0), 1.0)
    for _ in range(60):
        found, slope, _ = _step(p, standard, 1.0)
        change = math.log(step / found) * found / slope
        standard += change
        if abs(change) < 1e-8 * abs(standard):  # the next would be its square
            break
    return standard


@_inner
def _drift(p: Problem, values: Array, gain: Array, levels: Array, steps: Array, slopes: Array) -> float:
    """Fill in each task's yearly steps of drift, on the law's scale; return the log density of the centred.

    The coordinate of one that is centred, and so `FLAT`, is how far the line rises in its year, by progress
    and drift, in orders of magnitude of odds. `slopes` receives the derivatives of the steps by their
    coordinates, or that of the log density of one that is centred.
    """
    total = 0.0
    for task in range(steps.shape[0]):
        scale = values[p.at[DRIFT_SCALE]]
        of_law = gain[task] * scale
        progress = levels[SLOPE, task] * levels[PROGRESS, task]
        for k in range(steps.shape[1]):
            i = p.at[DRIFT_STEP] + task * steps.shape[1] + k
            if p.density[i] == FLAT:
                step = values[i] - progress
                standard = _standard(p, step / scale)
                _, slope, bend = _step(p, standard, 1.0)
                steps[task, k] = gain[task] * step
                slopes[task, k] = -(standard + bend / slope) / (scale * slope)
                total -= 0.5 * standard**2 + math.log(scale * slope)
            else:
                steps[task, k], slopes[task, k], _ = _step(p, values[i], of_law)
    return total


@_inner
def _path(p: Problem, steps: Array, path: Array) -> None:
    """Fill in how far each task's line has drifted from its reference year to the beginning of each step."""
    for task in range(steps.shape[0] if p.n_steps else 0):
        reference = int(p.tasks[task, REFERENCE_STEP])
        taken = 0.0
        for k in range(steps.shape[1]):
            path[task, k] = taken
            taken += steps[task, k]
        from_reference = path[task, reference] + p.tasks[task, REFERENCE_PART] * steps[task, reference]
        for k in range(steps.shape[1]):
            path[task, k] -= from_reference


@_inner
def _drift_back(
    p: Problem,
    values: Array,
    task: int,
    steps: Array,
    slopes: Array,
    by_path: Array,
    by_part: Array,
    gain: float,
    levels: Array,
    by_levels: Array,
    adjoint: Array,
) -> float:
    """Reverse of `_path` and `_drift` for one task; gives the derivative by the log of its gain.

    `by_path` has the derivatives by where the line is at the beginning of each step, `by_part` those by the
    steps themselves, of rows in their year.
    """
    if not p.n_steps:
        return 0.0
    by_log_gain, by_log_scale, after, everywhere = 0.0, 0.0, 0.0, 0.0
    first, reference = p.at[DRIFT_STEP] + task * steps.size, int(p.tasks[task, REFERENCE_STEP])
    for k in range(steps.size):
        everywhere += by_path[k]
    for k in range(steps.size - 1, -1, -1):
        by_step = by_part[k] + after
        if k < reference:
            by_step -= everywhere
        elif k == reference:
            by_step -= everywhere * p.tasks[task, REFERENCE_PART]
        after += by_path[k]
        by_log_gain += steps[k] * by_step
        if p.density[first + k] == FLAT:
            by_rise = gain * by_step + slopes[k]
            adjoint[first + k] += by_rise
            by_levels[SLOPE, task] -= by_rise * levels[PROGRESS, task]
            by_levels[PROGRESS, task] -= by_rise * levels[SLOPE, task]
            by_log_scale -= 1.0 + slopes[k] * steps[k] / gain
        else:
            adjoint[first + k] += by_step * slopes[k]
            by_log_scale += steps[k] * by_step
    adjoint[p.at[DRIFT_SCALE]] += by_log_scale / values[p.at[DRIFT_SCALE]]
    return by_log_gain


@_inner
def _performance(
    inverse: bool, error: float, floor: float, chance: float, bend: float, log_below: float
) -> tuple[float, float, float]:
    """Performance, and its derivatives by floor and bend (`laws.Law.performance`).

    `log_below` is log10 of ``chance - error``.
    """
    per_above, below, width = 1.0 / (error - floor), chance - error, chance - floor
    if inverse:
        return width * per_above, below * per_above**2, 0.0
    log_width = TO_LOG10 * math.log(width)
    by_bend = log_below - log_width if bend > 0.0 else 0.0
    by_floor = TO_LOG10 * (per_above - (1.0 - bend) / width)
    return bend * by_bend + log_width + TO_LOG10 * math.log(per_above), by_floor, by_bend


@_inner
def _gain(
    inverse: bool, error: float, floor: float, chance: float, bend: float
) -> tuple[float, float, float]:
    """Gain per order of magnitude of odds, and the derivatives of its log (`laws.Law.odds_gain`)."""
    per_above, below, width = 1.0 / (error - floor), chance - error, chance - floor
    if inverse:
        return LN10 * error * below * width * per_above**2 / chance, 2.0 * per_above - 1.0 / width, 0.0
    steepness = bend + below * per_above
    return error / chance * steepness, below * per_above**2 / steepness, 1.0 / steepness


@_inner
def _observed(
    p: Problem,
    values: Array,
    floor: Array,
    steps: Array,
    path: Array,
    performance: Array,
    slopes: Array,
    by_floor: Array,
    by_bend: Array,
) -> float:
    """Fill in each row's performance, less the drift of its line; return the log of the Jacobians.

    A Jacobian is ``|d performance / d error|``. `slopes` receives a row's derivative of performance by its
    floor; `by_floor` and `by_bend` those of all the log Jacobians.
    """
    jacobian, total = 1.0, 0.0
    for task in range(floor.size):
        first, last = p.rows_of_task[task], p.rows_of_task[task + 1]
        if _is_fixed(p):
            for row in range(first, last):
                performance[row] = p.rows[row, PERFORMANCE]
        elif p.curve[INVERSE] > 0.0:
            chance, of_floor = p.tasks[task, CHANCE], 0.0
            width = chance - floor[task]
            for row in range(first, last):
                error = p.rows[row, ERROR]
                one_above = 1.0 / (error - floor[task])
                performance[row] = width * one_above
                slopes[row] = (chance - error) * one_above**2
                of_floor += 2.0 * one_above
                jacobian *= width * one_above**2
                if not SMALL < jacobian < 1.0 / SMALL:
                    total += math.log(jacobian)
                    jacobian = 1.0
            by_floor[task] = of_floor - (last - first) / width
        else:
            bend, lowest, of_floor, of_bend = _bend(p, values, task), floor[task], 0.0, 0.0
            width = p.tasks[task, CHANCE] - lowest
            log_width, of_width = TO_LOG10 * math.log(width), TO_LOG10 * (1.0 - bend) / width
            common = (1.0 - bend) * log_width
            for row in range(first, last):
                one_above, one_below = 1.0 / (p.rows[row, ERROR] - lowest), p.rows[row, ONE_BELOW]
                performance[row] = bend * p.rows[row, LOG_BELOW] + common + TO_LOG10 * math.log(one_above)
                slopes[row] = TO_LOG10 * one_above - of_width
                steepness = one_above + bend * one_below
                per_steepness = 1.0 / steepness
                of_bend += one_below * per_steepness
                of_floor += one_above**2 * per_steepness
                jacobian *= TO_LOG10 * steepness
                if not SMALL < jacobian < 1.0 / SMALL:
                    total += math.log(jacobian)
                    jacobian = 1.0
            by_floor[task], by_bend[task] = of_floor, of_bend
        if p.n_steps:
            for row in range(first, last):
                step = p.step_of_row[row]
                performance[row] -= path[task, step] + p.rows[row, PART_OF_STEP] * steps[task, step]
    return total + math.log(jacobian)


@_inner
def _observed_back(
    p: Problem,
    floor: Array,
    by_performance: Array,
    slopes: Array,
    by_floor: Array,
    by_bend: Array,
    by_path: Array,
    by_part: Array,
) -> None:
    """Reverse of `_observed`."""
    for task in range(floor.size):
        first, last = p.rows_of_task[task], p.rows_of_task[task + 1]
        if not _is_fixed(p):
            of_floor, of_bend, log_width = 0.0, 0.0, TO_LOG10 * math.log(p.tasks[task, CHANCE] - floor[task])
            for row in range(first, last):
                of_floor += by_performance[row] * slopes[row]
                of_bend += by_performance[row] * (p.rows[row, LOG_BELOW] - log_width)
            by_floor[task] += of_floor
            by_bend[task] += of_bend
        if p.n_steps:
            for row in range(first, last):
                step = p.step_of_row[row]
                by_path[task, step] -= by_performance[row]
                by_part[task, step] -= by_performance[row] * p.rows[row, PART_OF_STEP]


@_inner
def _of_counts(papers: NDArray[np.int64], degrees: float) -> Array:
    """Log of the constant of a Student t in as many dimensions as the row, and its derivative by `degrees`.

    By ``gamma(z + 1) = z gamma(z)`` from one of two dimensions less.
    """
    largest = 0
    for paper in range(papers.size - 1):
        largest = max(largest, papers[paper + 1] - papers[paper])
    found, half = np.empty((largest + 1, 2)), 0.5 * degrees
    log_gamma, digamma, scale = math.lgamma(half), _digamma(half), math.log(degrees * math.pi)
    found[0, 0], found[0, 1] = log_gamma, digamma
    found[1, 0], found[1, 1] = math.lgamma(half + 0.5), _digamma(half + 0.5)
    for count in range(2, largest + 1):
        below = half + 0.5 * count - 1.0
        found[count, 0] = found[count - 2, 0] + math.log(below)
        found[count, 1] = found[count - 2, 1] + 1.0 / below
    for count in range(largest + 1):
        found[count, 0] -= log_gamma + 0.5 * count * scale
        found[count, 1] = 0.5 * (found[count, 1] - digamma - count / degrees)
    return found


@_inner
def _measurement_error(kind: Array, common: float, factor: float) -> float:
    """Standard deviation of reported compute: the stated one, or that of all, wider in doubt."""
    if kind[COMPUTE_SD] > 0.0:
        return float(kind[COMPUTE_SD])
    return common * factor if kind[FLAGGED] > 0.0 else common


@_inner
def _departure(p: Problem, values: Array, k: int) -> float:
    """How much too little was taken off the compute of a kind to convert its count."""
    which = int(p.kinds[k, WHICH_OFFSET])
    if which < 0 or p.at[COUNT_OFFSET] < 0:
        return 0.0
    return float(values[p.at[COUNT_OFFSET] + which] - p.kinds[k, OFFSET_TAKEN])


@_inner
def _squares(kind: Array, mean: float, growth: float) -> tuple[float, float, float]:
    """Mean of reported compute less ``mean + growth * year``, sum of its squares, and of it times year."""
    surprise = kind[MEAN_COMPUTE] - mean - growth * kind[MEAN_YEAR]
    squares = kind[COMPUTE_SQUARES] - 2.0 * growth * kind[PRODUCTS] + growth**2 * kind[YEAR_SQUARES]
    by_year = kind[PRODUCTS] - growth * kind[YEAR_SQUARES]
    n = kind[COUNT]
    return surprise, squares + n * surprise**2, by_year + n * surprise * kind[MEAN_YEAR]


@_inner
def _kinds(
    p: Problem, values: Array, intercept: Array, levels: Array, correlation: float, own: Array
) -> float:
    """Fill in what the rows of a kind have in common; return the log density of all reported compute.

    Given what is reported, true compute is normal (`equations.latent_compute`). So the performance expected
    of a row is ``CENTER + BY_COMPUTE * compute + BY_YEAR * year``, and the variance that it shares with no
    other ``1 / PRECISION``, whose determinant is in the density too. Too little taken off for a count lowers
    the line by the slope times as much, and raises the mean of compute.
    """
    at, total = p.at, 0.0
    for k in range(p.task_of_kind.size):
        task, n = p.task_of_kind[k], p.kinds[k, COUNT]
        slope, progress = levels[SLOPE, task], levels[PROGRESS, task]
        variance = (1.0 - correlation) * levels[NOISE, task] ** 2
        away = _departure(p, values, k)
        own[k, CENTER] = intercept[task] - slope * away
        own[k, BY_COMPUTE], own[k, BY_YEAR] = slope, slope * progress
        if at[COMPUTE_ERROR] >= 0:
            mean, growth = values[at[COMPUTE_MEAN] + task] + away, values[at[COMPUTE_GROWTH] + task]
            true, error, precision = _compute_variances(p, values, k)
            share = error * precision
            variance += slope**2 * share * true
            own[k, CENTER] += slope * share * mean
            own[k, BY_COMPUTE] -= slope * share
            own[k, BY_YEAR] += slope * share * growth
            _, squares, _ = _squares(p.kinds[k], mean, growth)
            total += 0.5 * (n * (math.log(precision) - LOG_2PI) - squares * precision)
        own[k, PRECISION] = 1.0 / variance
        total -= 0.5 * n * math.log(variance)
    return total


@_inner
def _compute_variances(p: Problem, values: Array, k: int) -> tuple[float, float, float]:
    """Variance of true compute around growth, of reported around true, and the precision of both together."""
    at = p.at
    factor = values[at[FLAGGED_ERROR_FACTOR]] if at[FLAGGED_ERROR_FACTOR] >= 0 else 1.0
    true = values[at[COMPUTE_SPREAD] + p.task_of_kind[k]] ** 2
    error = _measurement_error(p.kinds[k], values[at[COMPUTE_ERROR]], factor) ** 2
    return true, error, 1.0 / (true + error)


@_inner
def _kinds_back(
    p: Problem,
    values: Array,
    levels: Array,
    correlation: float,
    own: Array,
    sums: Array,
    by_intercept: Array,
    by_levels: Array,
    adjoint: Array,
) -> float:
    """Reverse of `_kinds`; gives the derivative by `correlation`."""
    at, by_correlation, by_error, by_flagged = p.at, 0.0, 0.0, 0.0
    for k in range(p.task_of_kind.size):
        task, kind = p.task_of_kind[k], p.kinds[k]
        n = kind[COUNT]
        slope, noise, progress = levels[SLOPE, task], levels[NOISE, task], levels[PROGRESS, task]
        of_one, of_compute, of_year = sums[k, OF_ONE], sums[k, OF_COMPUTE], sums[k, OF_YEAR]
        by_variance = sums[k, OF_VARIANCE] - 0.5 * n * own[k, PRECISION]
        away = _departure(p, values, k)
        by_intercept[task] -= of_one
        by_levels[SLOPE, task] -= of_compute + progress * of_year - away * of_one
        by_away = slope * of_one
        by_levels[PROGRESS, task] -= slope * of_year
        by_levels[NOISE, task] += 2.0 * noise * (1.0 - correlation) * by_variance
        by_correlation -= noise**2 * by_variance
        if at[COMPUTE_ERROR] >= 0:
            mean, growth = values[at[COMPUTE_MEAN] + task] + away, values[at[COMPUTE_GROWTH] + task]
            true, error, precision = _compute_variances(p, values, k)
            share, reliability = error * precision, true * precision
            surprise, squares, of_surprise_year = _squares(kind, mean, growth)
            of_surprise = of_compute - mean * of_one - growth * of_year
            by_levels[SLOPE, task] += share * (of_surprise + 2.0 * slope * true * by_variance)
            by_mean = precision * n * surprise - slope * share * of_one
            adjoint[at[COMPUTE_MEAN] + task] += by_mean
            by_away += by_mean
            adjoint[at[COMPUTE_GROWTH] + task] += precision * of_surprise_year - slope * share * of_year
            by_total = 0.5 * precision * (precision * squares - n)
            by_true = share * slope * (slope * share * by_variance - precision * of_surprise) + by_total
            by_row = (
                reliability * slope * (slope * reliability * by_variance + precision * of_surprise) + by_total
            )
            adjoint[at[COMPUTE_SPREAD] + task] += 2.0 * values[at[COMPUTE_SPREAD] + task] * by_true
            by_error += 0.0 if kind[COMPUTE_SD] > 0.0 else error * by_row
            by_flagged += error * by_row if kind[FLAGGED] > 0.0 else 0.0
        if at[COUNT_OFFSET] >= 0 and kind[WHICH_OFFSET] >= 0.0:
            adjoint[at[COUNT_OFFSET] + int(kind[WHICH_OFFSET])] += by_away
    if at[COMPUTE_ERROR] >= 0:
        adjoint[at[COMPUTE_ERROR]] += 2.0 * by_error / values[at[COMPUTE_ERROR]]
    if at[FLAGGED_ERROR_FACTOR] >= 0:
        adjoint[at[FLAGGED_ERROR_FACTOR]] += 2.0 * by_flagged / values[at[FLAGGED_ERROR_FACTOR]]
    return by_correlation


@_inner
def _along(
    p: Problem, paper: int, shared: float, length: float, own: Array, residual: Array, known: Array
) -> Any:
    """Quadratic form of a curve's residuals, and log determinant beside that of their own variances.

    The filter of `core.curves`; what it knows at each point goes to `known`.
    """
    mean, variance, square = 0.0, shared, 0.0
    determinant, log_determinant = 1.0, 0.0
    for row in range(p.papers[paper], p.papers[paper + 1]):
        precision = own[p.kind_of_row[row], PRECISION]
        kept = math.exp(-p.rows[row, APART] / length)
        mean *= kept
        variance = shared + kept * kept * (variance - shared)
        inflation = 1.0 + variance * precision
        foresight = precision / inflation
        surprise = residual[row] - mean
        square += surprise * surprise * foresight
        determinant *= inflation
        if not determinant < 1.0 / SMALL:
            log_determinant += math.log(determinant)
            determinant = 1.0
        known[row, VARIANCE_BEFORE], known[row, KEPT] = variance, kept
        mean += variance * foresight * surprise
        variance /= inflation
        known[row, SURPRISE], known[row, FORESIGHT], known[row, MEAN_AFTER] = surprise, foresight, mean
    return square, log_determinant + math.log(determinant)


@_inner
def _along_back(
    p: Problem,
    paper: int,
    shared: float,
    length: float,
    weight: float,
    own: Array,
    known: Array,
    sums: Array,
    by_residual: Array,
) -> Any:
    """Reverse of `_along`, of minus half its sum with the first times `weight`; by `shared` and `length`."""
    by_shared, by_length, by_mean, by_variance = 0.0, 0.0, 0.0, 0.0
    for row in range(p.papers[paper + 1] - 1, p.papers[paper] - 1, -1):
        k = p.kind_of_row[row]
        surprise, foresight = known[row, SURPRISE], known[row, FORESIGHT]
        variance, kept = known[row, VARIANCE_BEFORE], known[row, KEPT]
        gain, z = variance * foresight, surprise * foresight
        by_gain = (by_mean * surprise - by_variance * variance) * foresight
        by_total = 0.5 * (weight * z * z - foresight) - by_gain * gain
        by_variance = by_variance * (1.0 - gain) + by_gain + by_total
        residual = by_mean * gain - weight * z
        by_mean -= residual
        by_residual[row] = residual
        sums[k, OF_ONE] += residual
        sums[k, OF_COMPUTE] += residual * p.rows[row, COMPUTE]
        sums[k, OF_YEAR] += residual * p.rows[row, YEAR]
        sums[k, OF_VARIANCE] += by_total + 0.5 * own[k, PRECISION]
        by_shared += (1.0 - kept * kept) * by_variance
        if row > p.papers[paper]:
            before = known[row - 1, VARIANCE_BEFORE]
            after = before * (1.0 - before * known[row - 1, FORESIGHT])
            by_kept = by_mean * known[row - 1, MEAN_AFTER] + 2.0 * kept * (after - shared) * by_variance
            by_length += by_kept * kept * p.rows[row, APART] / (length * length)
        by_mean *= kept
        by_variance *= kept * kept
    return by_shared, by_length


@_inner
def _likelihood(
    p: Problem,
    values: Array,
    performance: Array,
    intercept: Array,
    levels: Array,
    adjoint: Array,
    by_intercept: Array,
    by_levels: Array,
) -> float:
    """Log density of performance and of reported compute (`equations.joint_log_density`).

    The derivatives go to the last three arguments, those by performance to `performance` itself. Of a paper,
    with ``S`` the quadratic form and ``h`` the mean of its effect given the residuals,
    ``dS / d residual = 2 (residual - h) / own`` and ``dS / d own = -((residual - h) / own)^2``.
    """
    rows, papers, at = p.rows, p.papers, p.at
    correlation = values[at[PAPER_CORRELATION]] if at[PAPER_CORRELATION] >= 0 else 0.0
    degrees = values[at[DEGREES_OF_FREEDOM]] if at[DEGREES_OF_FREEDOM] >= 0 else 0.0
    of_count = _of_counts(papers, degrees) if degrees > 0.0 else np.empty((0, 2))
    own, sums = np.empty((p.task_of_kind.size, 4)), np.zeros((p.task_of_kind.size, 4))
    total = _kinds(p, values, intercept, levels, correlation, own)
    by_degrees, by_correlation, by_length = 0.0, 0.0, 0.0
    per_degree = 1.0 / degrees if degrees > 0.0 else 0.0
    length = values[at[CORRELATION_LENGTH]] if at[CORRELATION_LENGTH] >= 0 else 0.0
    known = np.empty((rows.shape[0] if length > 0.0 else 0, 5))
    determinant = 1.0  # of all papers' effects, whose log is taken once for many
    for paper in range(p.task_of_paper.size):
        noise = levels[NOISE, p.task_of_paper[paper]]
        shared, count = correlation * noise**2, papers[paper + 1] - papers[paper]
        precision, weighted, square = 0.0, 0.0, 0.0
        for row in range(papers[paper], papers[paper + 1]):
            k = p.kind_of_row[row]
            residual = (
                performance[row]
                - own[k, CENTER]
                - own[k, BY_COMPUTE] * rows[row, COMPUTE]
                - own[k, BY_YEAR] * rows[row, YEAR]
            )
            z = residual * own[k, PRECISION]
            precision += own[k, PRECISION]
            weighted += z
            square += residual * z
            performance[row] = residual
        inflation = 1.0 + shared * precision
        deflation = 1.0 / inflation
        weighted *= deflation
        effect = shared * weighted
        if length > 0.0:
            square, log_determinant = _along(p, paper, shared, length, own, performance, known)
            total -= 0.5 * log_determinant
        else:
            square -= effect * weighted * inflation
            determinant *= inflation
        if not determinant < 1.0 / SMALL:
            total -= 0.5 * math.log(determinant)
            determinant = 1.0
        weight = 1.0
        if degrees > 0.0:
            together, tail = degrees + count, math.log(1.0 + square * per_degree)
            weight = together / (degrees + square)
            total += of_count[count, 0] - 0.5 * together * tail
            by_degrees += of_count[count, 1] + 0.5 * (weight * square * per_degree - tail)
        else:
            total -= 0.5 * (square + count * LOG_2PI)
        by_shared = 0.5 * (weight * weighted * weighted - precision * deflation)
        if length > 0.0:
            by_shared, by_paper_length = _along_back(
                p, paper, shared, length, weight, own, known, sums, performance
            )
            by_length += by_paper_length
        by_levels[NOISE, p.task_of_paper[paper]] += 2.0 * noise * correlation * by_shared
        by_correlation += noise**2 * by_shared
        if length > 0.0:
            continue
        shared *= deflation
        for row in range(papers[paper], papers[paper + 1]):
            k = p.kind_of_row[row]
            apart = (performance[row] - effect) * own[k, PRECISION]
            by_residual = -weight * apart
            performance[row] = by_residual
            sums[k, OF_ONE] += by_residual
            sums[k, OF_COMPUTE] += by_residual * rows[row, COMPUTE]
            sums[k, OF_YEAR] += by_residual * rows[row, YEAR]
            sums[k, OF_VARIANCE] += 0.5 * (weight * apart * apart + shared * own[k, PRECISION] ** 2)
    total -= 0.5 * math.log(determinant)
    by_correlation += _kinds_back(p, values, levels, correlation, own, sums, by_intercept, by_levels, adjoint)
    if at[PAPER_CORRELATION] >= 0:
        adjoint[at[PAPER_CORRELATION]] += by_correlation
    if at[DEGREES_OF_FREEDOM] >= 0:
        adjoint[at[DEGREES_OF_FREEDOM]] += by_degrees
    if at[CORRELATION_LENGTH] >= 0:
        adjoint[at[CORRELATION_LENGTH]] += by_length
    return total


@_inner
def log_density(x: Array, gradient: Array, p: Problem) -> float:
    """Log density of the model at unconstrained coordinates; its gradient is written to `gradient`.

    Parameters
    ----------
    x, gradient : ndarray, shape (coordinate,)
        Contiguous.

    Returns
    -------
    float
        NaN where the gradient is not finite.
    """
    n_tasks, n_rows = p.tasks.shape[0], p.rows.shape[0]
    values, slopes, bends = np.empty(x.size), np.empty(x.size), np.empty(x.size)
    floor, intercept, gain = np.empty(n_tasks), np.empty(n_tasks), np.empty(n_tasks)
    levels, deviations = np.zeros((3, n_tasks)), np.empty((3, n_tasks))
    of_tasks, scale_slopes = np.zeros((3, n_tasks)), np.empty((n_tasks, 4))
    by_floor, by_bend, by_intercept = of_tasks[0], of_tasks[1], of_tasks[2]
    by_levels = np.zeros((3, n_tasks))
    performance, by_floor_of_row = np.empty(n_rows), np.empty(n_rows)
    of_steps = np.zeros((5, n_tasks, p.n_steps))
    steps, step_slopes, path, by_path, by_part = (
        of_steps[0],
        of_steps[1],
        of_steps[2],
        of_steps[3],
        of_steps[4],
    )

    total = p.constant + _constrain(x, p, values, slopes, bends, gradient)
    _scale(p, values, floor, intercept, gain, scale_slopes)
    for k in range(3):
        if p.pooling[k] != ABSENT:
            _level(p.pooling[k], p.at[k], values, p.hyper[k, 0], p.hyper[k, 1], levels[k], deviations[k])
    total += _drift(p, values, gain, levels, steps, step_slopes)
    _to_law(values, p.at[INTERCEPT], gain, intercept, levels)
    _path(p, steps, path)
    total += _observed(p, values, floor, steps, path, performance, by_floor_of_row, by_floor, by_bend)
    total += _likelihood(p, values, performance, intercept, levels, gradient, by_intercept, by_levels)
    _observed_back(p, floor, performance, by_floor_of_row, by_floor, by_bend, by_path, by_part)

    first = p.at[INTERCEPT]
    for task in range(n_tasks):
        by_log_gain = gain[task] * values[first + task] * by_intercept[task]
        gradient[first + task] += gain[task] * by_intercept[task]
        for k in range(PROGRESS):
            by_log_gain += levels[k, task] * by_levels[k, task]
            levels[k, task] /= gain[task]
            by_levels[k, task] *= gain[task]
        by_log_gain += _drift_back(
            p,
            values,
            task,
            steps[task],
            step_slopes[task],
            by_path[task],
            by_part[task],
            gain[task],
            levels,
            by_levels,
            gradient,
        )
        _scale_back(
            p,
            task,
            scale_slopes[task],
            by_floor[task],
            by_bend[task],
            by_intercept[task],
            by_log_gain,
            gradient,
        )
    if p.pooling[FLOOR] not in (ABSENT, STATED):
        total += _floor_prior(p, values, gradient)
    for k in range(3):
        if p.pooling[k] != ABSENT:
            _level_back(
                p.pooling[k],
                p.at[k],
                values,
                p.hyper[k, 0],
                p.hyper[k, 1],
                levels[k],
                deviations[k],
                by_levels[k],
                gradient,
            )
    for i in range(x.size - 1, -1, -1):  # what has a scale is laid out after it
        if p.scale_of[i] >= 0:
            gradient[p.scale_of[i]] -= (gradient[i] * values[i] + 1.0) * slopes[i]
        gradient[i] = gradient[i] * slopes[i] + bends[i]
        if not math.isfinite(gradient[i]):
            total = math.nan
    return total


@_inner
def variables(x: Array, p: Problem) -> Array:
    """Values that coordinates stand for.

    Returns
    -------
    ndarray, shape (coordinate + 3 + (5 + step) * task,)
        Each coordinate's value; the mean of the tasks' log slopes, noises and rates of progress, where it
        follows from their average; by task, slope, noise, progress, floor and intercept; and the steps of its
        drift.
    """
    n, n_tasks, n_steps = x.size, p.tasks.shape[0], p.n_steps
    found = np.zeros(n + 3 + (5 + n_steps) * n_tasks)
    levels = found[n + 3 : n + 3 + 5 * n_tasks].reshape((5, n_tasks))
    floor, intercept, gain = levels[3], levels[4], np.empty(n_tasks)
    unused = np.empty(n)
    _constrain(x, p, found, unused, unused, unused)
    _scale(p, found, floor, intercept, gain, np.empty((n_tasks, 4)))
    for k in range(3):
        if p.pooling[k] != ABSENT:
            _level(p.pooling[k], p.at[k], found, p.hyper[k, 0], p.hyper[k, 1], levels[k], np.empty(n_tasks))
        if p.pooling[k] == AROUND_AVERAGE:
            found[n + k] = _mean(found, p.at[k], p.hyper[k, 0], p.hyper[k, 1], n_tasks)
    steps = found[n + 3 + 5 * n_tasks :].reshape((n_tasks, n_steps))
    _drift(p, found, gain, levels, steps, np.empty((n_tasks, n_steps)))
    _to_law(found, p.at[INTERCEPT], gain, intercept, levels)
    return found


@_inner
def _mapped(sampled: Array, p: Problem) -> Array:
    """Coordinates of what is sampled."""
    x = p.origin.copy()
    for i in range(sampled.size):
        direction, along = p.directions[i], sampled[i]
        for j in range(x.size):
            x[j] += direction[j] * along
    return x


@_summing
def _product(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


def _log_density_at(n: int, x: Any, gradient: Any, density: Any, problem: Any) -> int:
    p, sampled, by_sampled = _unpack(problem), carray(x, (n,)), carray(gradient, (n,))
    if p.origin.size:
        by_coordinate = np.empty(n)
        result = log_density(_mapped(sampled, p), by_coordinate, p)
        for i in range(n):
            by_sampled[i] = _product(p.directions[i], by_coordinate)
    else:
        result = log_density(sampled, by_sampled, p)
    carray(density, (1,))[0] = result
    return 0 if math.isfinite(result) else 1


def _variables_at(n: int, n_stored: int, x: Any, found: Any, problem: Any) -> int:
    p, sampled, kept = _unpack(problem), carray(x, (n,)), carray(found, (n_stored,))
    values = variables(_mapped(sampled, p) if p.origin.size else sampled, p)
    for i in range(n_stored):
        kept[i] = values[p.stored[i]]
    return 0


@cache
def compiled() -> tuple[Any, Any]:
    """`log_density` and `variables` as C functions, with the signatures that nutpie calls.

    They are kept on disk with all they call inside them, so the machine code is the same whether it was found
    there or compiled, and so are the draws. No thread needs Python to call them.
    """
    size, numbers = types.uint64, types.CPointer(types.float64)
    return (
        _c_function(_log_density_at, types.int64(size, numbers, numbers, numbers, types.voidptr)),
        _c_function(_variables_at, types.int64(size, size, numbers, numbers, types.voidptr)),
    )


def _c_function(function: Callable[..., Any], signature: Any) -> Any:
    """Compile a function, or take it from disk if what numba keeps there is whole.

    Numba unpickles its files and runs the machine code in them: one that is cut short ends in an error of
    pickle, one that is altered in a crash or in other draws. So their digest is kept beside them, and files
    that do not have it are removed and written again.
    """
    try:
        folder, name = Path(FunctionCache(function).cache_path), function.__name__
        stated = folder / f"{name}.{_THIS_PYTHON}.sha256"
        before = _digest_of_kept(folder, name)
        if before != (stated.read_text("utf-8", "replace") if stated.exists() else None):
            for path in _kept(folder, name):
                path.unlink(missing_ok=True)
        found = cfunc(signature, cache=True, error_model="numpy")(function)
        after = _digest_of_kept(folder, name)
        if after is not None and (after != before or not stated.exists()):
            write_text(stated, after)
    except (RuntimeError, OSError):  # numba finds no directory to write to, or the disk is full
        return cfunc(signature, error_model="numpy")(function)
    return found


def _kept(folder: Path, name: str) -> list[Path]:
    """Numba's files of one function: an index, and machine code for each processor."""
    return sorted(folder.glob(f"*.{name}-*.{_THIS_PYTHON}*.nb[ci]"))


def _digest_of_kept(folder: Path, name: str) -> str | None:
    files = _kept(folder, name)
    if not files:
        return None
    found = hashlib.sha256()
    for path in files:
        found.update(hashlib.sha256(path.name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
