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
) = range(4, 15)
N_VARIABLES = 15
#: Columns of `Problem.rows` and of `Problem.tasks`.
PERFORMANCE, ERROR, COMPUTE, YEAR, FLAGGED, COMPUTE_SD, LOG_BELOW = range(7)
REFERENCE, REFERENCE_PERFORMANCE, GAIN, CHANCE, LOG_BELOW_REFERENCE = range(5)
#: Entries of `Problem.curve`.
INVERSE, FIXED_BEND, SKEWNESS, TAIL = range(4)


class Problem(NamedTuple):
    """All that the density depends on but the coordinates."""

    #: Codes of this module. Shape (coordinate,).
    density: NDArray[np.int64]
    transform: NDArray[np.int64]
    #: Parameters of the density (location or first shape, scale or second shape, degrees of freedom) and its
    #: constant. Shape (coordinate, 4).
    prior: NDArray[np.float64]
    #: Between which a coordinate's value lies. Shape (coordinate, 2).
    ends: NDArray[np.float64]
    #: How slope, noise, progress and floor are pooled. Shape (4,).
    pooling: NDArray[np.int64]
    #: First coordinate of each variable. Shape (15,).
    at: NDArray[np.int64]
    #: Of a parameter around its average, location and scale of the prior on the mean; of a floor that is not
    #: pooled, its prior as in `prior`, with the code first. Shape (4, 5).
    hyper: NDArray[np.float64]
    #: Performance (of a law without floor), error, compute (dex), year, the stated standard deviation of
    #: compute (dex) or NaN, before it whether compute is in doubt where none is stated, and after it log10 of
    #: how far the error is below that of chance; a paper's systems together. Shape (system, 7).
    rows: NDArray[np.float64]
    #: First row of each paper, and the number of rows. Shape (paper + 1,).
    papers: NDArray[np.int64]
    #: Shape (paper,).
    task_of_paper: NDArray[np.int64]
    #: Reference error, performance and gain there (of a law without floor or bend), error of chance, and
    #: log10 of how far the reference error is below it. Shape (task, 5).
    tasks: NDArray[np.float64]
    #: Whether performance is the inverse of the error rather than a logarithm, its bend where that is no
    #: coordinate, and skewness and tail of the steps of drift. Shape (4,).
    curve: NDArray[np.float64]
    #: How much of each step of its task's drift a row has taken. Shape (system, step).
    drift: NDArray[np.float64]
    #: Which of what `variables` gives is kept of each draw.
    stored: NDArray[np.int64]
    #: Log density that depends on no coordinate.
    constant: float


def _inner[F: Callable[..., Any]](function: F) -> F:
    compiled: F = njit(error_model="numpy")(function)
    return compiled


def pack(p: Problem) -> NDArray[np.int64]:
    """Put a problem in one array, with its floating-point numbers bit by bit, to be passed by its address."""
    sizes = [len(part) for part in (p.density, p.rows, p.task_of_paper, p.tasks, p.stored, p.drift.T)]
    codes: list[Any] = [sizes, p.density, p.transform, p.pooling, p.at, p.papers, p.task_of_paper, p.stored]
    numbers: list[Any] = [
        [p.constant],
        *(part.ravel() for part in (p.prior, p.ends, p.hyper, p.rows, p.tasks, p.curve, p.drift)),
    ]
    return np.concatenate([*codes, np.concatenate(numbers).view(np.int64)]).astype(np.int64)


@_inner
def _unpack(address: Any) -> Problem:
    """Reverse of `pack`."""
    sizes = carray(address, 6, np.int64)
    n, n_rows, n_papers, n_tasks, n_stored = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    n_steps = sizes[5]
    transform = 6 + n
    pooling = transform + n
    at = pooling + 4
    papers = at + N_VARIABLES
    task_of_paper = papers + n_papers + 1
    stored = task_of_paper + n_papers
    constant = stored + n_stored
    prior = constant + 1
    ends = prior + 4 * n
    hyper = ends + 2 * n
    rows = hyper + 20
    tasks = rows + 7 * n_rows
    curve = tasks + 5 * n_tasks
    drift = curve + 4
    codes = carray(address, constant, np.int64)
    numbers = carray(address, drift + n_rows * n_steps, np.float64)
    return Problem(
        codes[6:transform],
        codes[transform:pooling],
        numbers[prior:ends].reshape((n, 4)),
        numbers[ends:hyper].reshape((n, 2)),
        codes[pooling:at],
        codes[at:papers],
        numbers[hyper:rows].reshape((4, 5)),
        numbers[rows:tasks].reshape((n_rows, 7)),
        codes[papers:task_of_paper],
        codes[task_of_paper:stored],
        numbers[tasks:curve].reshape((n_tasks, 5)),
        numbers[curve:drift],
        numbers[drift:].reshape((n_rows, n_steps)),
        codes[stored:constant],
        numbers[constant],
    )


@_inner
def _value(transform: int, lower: float, upper: float, x: float) -> tuple[float, float, float, float]:
    """Value of a coordinate, its derivative, the log of that, and the derivative of the log."""
    if transform == AS_IS:
        return x, 1.0, 0.0, 0.0
    if transform == LOG:
        value = math.exp(x)
        return value, value, x, 1.0
    small = math.exp(-abs(x))
    less, more = small / (1.0 + small), 1.0 / (1.0 + small)
    share, rest = (more, less) if x > 0.0 else (less, more)
    width = upper - lower
    log_slope = math.log(width) - abs(x) - 2.0 * math.log1p(small)
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
def _scale(p: Problem, values: Array, floor: Array, performance: Array, gain: Array) -> None:
    """Fill in each task's floor, and performance and gain at its reference error."""
    for task in range(floor.size):
        bend = _bend(p, values, task)
        reference, chance = p.tasks[task, REFERENCE], p.tasks[task, CHANCE]
        floor[task] = 0.0
        if p.pooling[FLOOR] != ABSENT:
            own = 0 if p.pooling[FLOOR] == COMMON else task
            floor[task] = values[p.at[FLOOR] + own] * reference
        if _is_fixed(p):
            performance[task], gain[task] = p.tasks[task, REFERENCE_PERFORMANCE], p.tasks[task, GAIN]
        else:
            performance[task], _, _ = _performance(
                p,
                reference,
                floor[task],
                chance,
                bend,
                p.tasks[task, LOG_BELOW_REFERENCE],
                math.log10(chance - floor[task]),
            )
            gain[task], _, _ = _gain(p, reference, floor[task], chance, bend)


@_inner
def _scale_back(
    p: Problem,
    values: Array,
    task: int,
    floor: float,
    by_floor: float,
    by_performance: float,
    by_log_gain: float,
    adjoint: Array,
) -> None:
    """Reverse of `_scale` for one task."""
    if _is_fixed(p):
        return
    reference, chance, bend = p.tasks[task, REFERENCE], p.tasks[task, CHANCE], _bend(p, values, task)
    _, at_floor, at_bend = _performance(
        p, reference, floor, chance, bend, p.tasks[task, LOG_BELOW_REFERENCE], math.log10(chance - floor)
    )
    _, gain_floor, gain_bend = _gain(p, reference, floor, chance, bend)
    if p.at[BEND] >= 0:
        adjoint[p.at[BEND] + task] += by_performance * at_bend + by_log_gain * gain_bend
    if p.pooling[FLOOR] != ABSENT:
        own = 0 if p.pooling[FLOOR] == COMMON else task
        by_floor += by_performance * at_floor + by_log_gain * gain_floor
        adjoint[p.at[FLOOR] + own] += by_floor * reference


@_inner
def _to_law(values: Array, first: int, gain: Array, intercept: Array, levels: Array) -> None:
    """Bring intercept, slope and noise from orders of magnitude of odds to the law's scale."""
    for task in range(gain.size):
        intercept[task] += gain[task] * values[first + task]
        levels[SLOPE, task] *= gain[task]
        levels[NOISE, task] *= gain[task]


@_inner
def _step(skewness: float, tail: float, standard: float) -> tuple[float, float]:
    """Step of drift from its standard normal coordinate, and its derivative (`equations.drift_step`)."""
    stretch = math.exp(0.5 * tail * standard**2)
    skewed = math.expm1(skewness * standard) / skewness
    return skewed * stretch, (skewness * skewed + 1.0 + tail * standard * skewed) * stretch


@_inner
def _drift(p: Problem, values: Array, gain: Array, steps: Array, slopes: Array) -> None:
    """Fill in the yearly steps of each task's drift, on the law's scale, and their derivatives."""
    skewness, tail = p.curve[SKEWNESS], p.curve[TAIL]
    for task in range(steps.shape[0]):
        scale = gain[task] * values[p.at[DRIFT_SCALE]]
        for k in range(steps.shape[1]):
            standard = values[p.at[DRIFT_STEP] + task * steps.shape[1] + k]
            stretch = scale * math.exp(0.5 * tail * standard**2)
            skewed = math.expm1(skewness * standard) / skewness
            steps[task, k] = skewed * stretch
            slopes[task, k] = (skewness * skewed + 1.0 + tail * standard * skewed) * stretch


@_inner
def _drift_back(
    p: Problem, values: Array, task: int, steps: Array, slopes: Array, by_steps: Array, adjoint: Array
) -> float:
    """Reverse of `_drift` for one task; gives the derivative by the log of its gain."""
    by_log_gain, first = 0.0, p.at[DRIFT_STEP] + task * steps.size
    for k in range(steps.size):
        by_log_gain += steps[k] * by_steps[k]
        adjoint[first + k] += by_steps[k] * slopes[k]
    adjoint[p.at[DRIFT_SCALE]] += by_log_gain / values[p.at[DRIFT_SCALE]]
    return by_log_gain


@_inner
def _performance(
    p: Problem, error: float, floor: float, chance: float, bend: float, log_below: float, log_width: float
) -> tuple[float, float, float]:
    """Performance, and its derivatives by floor and bend (`laws.Law.performance`).

    Parameters
    ----------
    log_below, log_width : float
        log10 of ``chance - error`` and of ``chance - floor``.
    """
    above, below, width = error - floor, chance - error, chance - floor
    if p.curve[INVERSE] > 0.0:
        return width / above, below / above**2, 0.0
    by_bend = log_below - log_width if bend > 0.0 else 0.0
    by_floor = (1.0 / above - (1.0 - bend) / width) / LN10
    return bend * by_bend + log_width - math.log10(above), by_floor, by_bend


@_inner
def _gain(p: Problem, error: float, floor: float, chance: float, bend: float) -> tuple[float, float, float]:
    """Gain per order of magnitude of odds, and the derivatives of its log (`laws.Law.odds_gain`)."""
    above, below, width = error - floor, chance - error, chance - floor
    if p.curve[INVERSE] > 0.0:
        return LN10 * error * below * width / (chance * above**2), 2.0 / above - 1.0 / width, 0.0
    steepness = bend + below / above
    return error / chance * steepness, below / above**2 / steepness, 1.0 / steepness


@_inner
def _jacobian(
    p: Problem, error: float, floor: float, chance: float, bend: float
) -> tuple[float, float, float]:
    """``|d performance / d error|``, and the derivatives of its log by floor and bend."""
    above, below, width = error - floor, chance - error, chance - floor
    if p.curve[INVERSE] > 0.0:
        return width / above**2, 2.0 / above - 1.0 / width, 0.0
    steepness = 1.0 / above + (bend / below if bend > 0.0 else 0.0)
    return steepness / LN10, 1.0 / (above**2 * steepness), 1.0 / (below * steepness)


@_inner
def _of_count(count: int, degrees: float) -> tuple[float, float]:
    """Log of the constant of a Student t in `count` dimensions, and its derivative by `degrees`."""
    half, together = 0.5 * degrees, 0.5 * (degrees + count)
    return (
        math.lgamma(together) - math.lgamma(half) - 0.5 * count * math.log(degrees * math.pi),
        0.5 * (_digamma(together) - _digamma(half) - count / degrees),
    )


@_inner
def _paper(
    residual: Array, own: Array, count: int, shared: float, degrees: float, of_count: Array
) -> tuple[float, float, float, float]:
    """Log density of a paper's residuals without the determinant (`equations.joint_log_density`).

    With ``S`` the quadratic form and ``h`` the mean of the paper's effect given the residuals,
    ``dS / d residual = 2 (residual - h) / own`` and ``dS / d own = -((residual - h) / own)^2``.
    `residual` and `own` are overwritten with the derivatives of the whole density by them; those by `shared`
    and `degrees` are returned, and what the determinant is that of `own` times. `of_count` keeps what
    `_of_count` gives.
    """
    precision, weighted, square = 0.0, 0.0, 0.0
    for i in range(count):
        own[i] = 1.0 / own[i]
        z = residual[i] * own[i]
        precision += own[i]
        weighted += z
        square += residual[i] * z
    inflation = 1.0 + shared * precision
    weighted /= inflation
    effect = shared * weighted
    square -= effect * weighted * inflation
    weight, by_degrees = 1.0, 0.0
    if degrees > 0.0:
        if math.isnan(of_count[count, 0]):
            of_count[count] = _of_count(count, degrees)
        together, tail = degrees + count, math.log1p(square / degrees)
        weight = together / (degrees + square)
        density = of_count[count, 0] - 0.5 * together * tail
        by_degrees = of_count[count, 1] + 0.5 * (weight * square / degrees - tail)
    else:
        density = -0.5 * (square + count * LOG_2PI)
    shared /= inflation
    for i in range(count):
        apart = (residual[i] - effect) * own[i]
        residual[i] = -weight * apart
        own[i] = 0.5 * (weight * apart * apart - (1.0 - shared * own[i]) * own[i])
    by_shared = 0.5 * (weight * weighted * weighted - precision / inflation)
    return density, by_shared, by_degrees, inflation


@_inner
def _measurement_error(row: Array, common: float, factor: float) -> float:
    """Standard deviation of a row's reported compute: its own, or that of all, wider in doubt."""
    if row[COMPUTE_SD] > 0.0:
        return float(row[COMPUTE_SD])
    return common * factor if row[FLAGGED] > 0.0 else common


@_inner
def _latent(surprise: float, true: float, error: float) -> tuple[float, float]:
    """Mean of true compute minus reported, and its variance (`equations.latent_compute`).

    `surprise` is reported compute minus what its task's growth expects, `true` the variance of true compute
    around that, `error` that of reported compute around true.
    """
    share = error / (true + error)
    return -share * surprise, share * true


@_inner
def _latent_back(
    surprise: float, true: float, error: float, by_compute: float, by_variance: float
) -> tuple[float, float, float, float]:
    """Reverse of `_latent` and of the density of reported compute, ``Normal(0, sqrt(true + error))``.

    Gives ``surprise^2 / (true + error)`` and the derivatives by what growth expects, `true` and `error`.
    """
    precision = 1.0 / (true + error)
    reliability, share, z = true * precision, error * precision, surprise * precision
    by_total = 0.5 * (z * z - precision)
    return (
        surprise * z,
        by_compute * share + z,
        by_compute * z * share + by_variance * share**2 + by_total,
        by_variance * reliability**2 - by_compute * z * reliability + by_total,
    )


@_inner
def _observed(
    p: Problem, values: Array, floor: Array, steps: Array, performance: Array, slopes: Array
) -> float:
    """Fill in each row's performance, less the drift of its line; return the log of the Jacobians.

    `slopes` receives a row's derivatives of performance by floor and bend, then those of the log Jacobian.
    """
    total, jacobian, fixed = 0.0, 1.0, _is_fixed(p)
    for paper in range(p.task_of_paper.size):
        task = p.task_of_paper[paper]
        chance, bend = p.tasks[task, CHANCE], _bend(p, values, task)
        log_width = 0.0 if fixed else math.log10(chance - floor[task])
        for row in range(p.papers[paper], p.papers[paper + 1]):
            performance[row] = p.rows[row, PERFORMANCE]
            if not fixed:
                error, log_below = p.rows[row, ERROR], p.rows[row, LOG_BELOW]
                performance[row], slopes[row, 0], slopes[row, 1] = _performance(
                    p, error, floor[task], chance, bend, log_below, log_width
                )
                own, slopes[row, 2], slopes[row, 3] = _jacobian(p, error, floor[task], chance, bend)
                jacobian *= own
                if not SMALL < jacobian < 1.0 / SMALL:
                    total += math.log(jacobian)
                    jacobian = 1.0
            for k in range(steps.shape[1]):
                performance[row] -= p.drift[row, k] * steps[task, k]
    return total + math.log(jacobian)


@_inner
def _observed_back(
    p: Problem,
    slopes: Array,
    by_performance: Array,
    by_floor: Array,
    by_steps: Array,
    adjoint: Array,
) -> None:
    """Reverse of `_observed`."""
    fixed = _is_fixed(p)
    for paper in range(p.task_of_paper.size):
        task, by_bend = p.task_of_paper[paper], 0.0
        for row in range(p.papers[paper], p.papers[paper + 1]):
            for k in range(by_steps.shape[1]):
                by_steps[task, k] -= p.drift[row, k] * by_performance[row]
            if not fixed:
                by_floor[task] += by_performance[row] * slopes[row, 0] + slopes[row, 2]
                by_bend += by_performance[row] * slopes[row, 1] + slopes[row, 3]
        if p.at[BEND] >= 0:
            adjoint[p.at[BEND] + task] += by_bend


@_inner
def _likelihood(
    p: Problem,
    values: Array,
    performance: Array,
    intercept: Array,
    levels: Array,
    adjoint: Array,
    by_performance: Array,
    by_intercept: Array,
    by_levels: Array,
) -> float:
    """Log density of performance and of reported compute; the derivatives go to the last four arguments."""
    rows, papers, at = p.rows, p.papers, p.at
    largest = np.diff(papers).max()
    residual, own = np.empty(largest), np.empty(largest)
    compute, variance = np.empty(largest), np.zeros(largest)
    surprise, error = np.empty(largest), np.empty(largest)
    of_count = np.full((largest + 1, 2), math.nan)
    correlation = values[at[PAPER_CORRELATION]] if at[PAPER_CORRELATION] >= 0 else 0.0
    degrees = values[at[DEGREES_OF_FREEDOM]] if at[DEGREES_OF_FREEDOM] >= 0 else 0.0
    measured = at[COMPUTE_ERROR] >= 0
    error_sd = values[at[COMPUTE_ERROR]] if measured else 0.0
    factor = values[at[FLAGGED_ERROR_FACTOR]] if at[FLAGGED_ERROR_FACTOR] >= 0 else 1.0
    mean, growth, spread = at[COMPUTE_MEAN], at[COMPUTE_GROWTH], at[COMPUTE_SPREAD]
    true, by_error, by_flagged, by_correlation, by_degrees = 0.0, 0.0, 0.0, 0.0, 0.0
    total = 0.0
    determinant = 1.0  # of every row's variances, whose log is taken once for many
    for paper in range(p.task_of_paper.size):
        task = p.task_of_paper[paper]
        first, count = papers[paper], papers[paper + 1] - papers[paper]
        slope, noise, progress = levels[SLOPE, task], levels[NOISE, task], levels[PROGRESS, task]
        for i in range(count):
            row = rows[first + i]
            year = row[YEAR]
            compute[i] = row[COMPUTE] + progress * year
            if measured:
                surprise[i] = row[COMPUTE] - values[mean + task] - values[growth + task] * year
                true = values[spread + task] ** 2
                error[i] = _measurement_error(row, error_sd, factor) ** 2
                nearer, variance[i] = _latent(surprise[i], true, error[i])
                compute[i] += nearer
                determinant *= true + error[i]
            residual[i] = performance[first + i] - (intercept[task] + slope * compute[i])
            own[i] = (1.0 - correlation) * noise**2 + slope**2 * variance[i]
            determinant *= own[i]
            if not SMALL < determinant < 1.0 / SMALL:
                total -= 0.5 * math.log(determinant)
                determinant = 1.0

        density, by_shared, by_nu, inflation = _paper(
            residual, own, count, correlation * noise**2, degrees, of_count
        )
        total += density
        determinant *= inflation
        by_degrees += by_nu
        by_residual, by_own = residual, own

        all_own = 0.0
        for i in range(count):
            row = rows[first + i]
            year = row[YEAR]
            all_own += by_own[i]
            by_intercept[task] -= by_residual[i]
            by_levels[SLOPE, task] += 2.0 * slope * variance[i] * by_own[i] - compute[i] * by_residual[i]
            by_levels[PROGRESS, task] -= slope * year * by_residual[i]
            by_performance[first + i] = by_residual[i]
            if measured:
                square, by_center, by_true, by_row = _latent_back(
                    surprise[i], true, error[i], -slope * by_residual[i], slope**2 * by_own[i]
                )
                total -= 0.5 * square
                adjoint[mean + task] += by_center
                adjoint[growth + task] += by_center * year
                adjoint[spread + task] += 2.0 * values[spread + task] * by_true
                by_error += 0.0 if row[COMPUTE_SD] > 0.0 else error[i] * by_row
                by_flagged += error[i] * by_row if row[FLAGGED] > 0.0 else 0.0
        by_levels[NOISE, task] += 2.0 * noise * ((1.0 - correlation) * all_own + correlation * by_shared)
        by_correlation += noise**2 * (by_shared - all_own)
    total -= 0.5 * math.log(determinant)
    if measured:
        total -= 0.5 * rows.shape[0] * LOG_2PI
        adjoint[at[COMPUTE_ERROR]] += 2.0 * by_error / error_sd
    if at[FLAGGED_ERROR_FACTOR] >= 0:
        adjoint[at[FLAGGED_ERROR_FACTOR]] += 2.0 * by_flagged / factor
    if at[PAPER_CORRELATION] >= 0:
        adjoint[at[PAPER_CORRELATION]] += by_correlation
    if at[DEGREES_OF_FREEDOM] >= 0:
        adjoint[at[DEGREES_OF_FREEDOM]] += by_degrees
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
    n_tasks = p.tasks.shape[0]
    values, slopes, bends = np.empty(x.size), np.empty(x.size), np.empty(x.size)
    floor, intercept, gain = np.empty(n_tasks), np.empty(n_tasks), np.empty(n_tasks)
    levels, deviations = np.zeros((3, n_tasks)), np.empty((3, n_tasks))
    by_floor, by_intercept, by_levels = np.zeros(n_tasks), np.zeros(n_tasks), np.zeros((3, n_tasks))
    performance, by_performance = np.empty(p.rows.shape[0]), np.empty(p.rows.shape[0])
    n_steps = p.drift.shape[1]
    steps, step_slopes, by_steps = (
        np.zeros((n_tasks, n_steps)),
        np.zeros((n_tasks, n_steps)),
        np.zeros((n_tasks, n_steps)),
    )
    of_rows = np.empty((p.rows.shape[0], 4))

    total = p.constant + _constrain(x, p, values, slopes, bends, gradient)
    _scale(p, values, floor, intercept, gain)
    for k in range(3):
        if p.pooling[k] != ABSENT:
            _level(p.pooling[k], p.at[k], values, p.hyper[k, 0], p.hyper[k, 1], levels[k], deviations[k])
    _to_law(values, p.at[INTERCEPT], gain, intercept, levels)
    _drift(p, values, gain, steps, step_slopes)
    total += _observed(p, values, floor, steps, performance, of_rows)
    total += _likelihood(
        p, values, performance, intercept, levels, gradient, by_performance, by_intercept, by_levels
    )
    _observed_back(p, of_rows, by_performance, by_floor, by_steps, gradient)

    first = p.at[INTERCEPT]
    for task in range(n_tasks):
        by_log_gain = gain[task] * values[first + task] * by_intercept[task]
        gradient[first + task] += gain[task] * by_intercept[task]
        for k in range(PROGRESS):
            by_log_gain += levels[k, task] * by_levels[k, task]
            levels[k, task] /= gain[task]
            by_levels[k, task] *= gain[task]
        if n_steps:
            by_log_gain += _drift_back(
                p, values, task, steps[task], step_slopes[task], by_steps[task], gradient
            )
        _scale_back(p, values, task, floor[task], by_floor[task], by_intercept[task], by_log_gain, gradient)
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
    for i in range(x.size):
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
    n, n_tasks, n_steps = x.size, p.tasks.shape[0], p.drift.shape[1]
    found = np.zeros(n + 3 + (5 + n_steps) * n_tasks)
    levels = found[n + 3 : n + 3 + 5 * n_tasks].reshape((5, n_tasks))
    floor, intercept, gain = levels[3], levels[4], np.empty(n_tasks)
    unused = np.empty(n)
    _constrain(x, p, found, unused, unused, unused)
    _scale(p, found, floor, intercept, gain)
    for k in range(3):
        if p.pooling[k] != ABSENT:
            _level(p.pooling[k], p.at[k], found, p.hyper[k, 0], p.hyper[k, 1], levels[k], np.empty(n_tasks))
        if p.pooling[k] == AROUND_AVERAGE:
            found[n + k] = _mean(found, p.at[k], p.hyper[k, 0], p.hyper[k, 1], n_tasks)
    _to_law(found, p.at[INTERCEPT], gain, intercept, levels)
    steps = found[n + 3 + 5 * n_tasks :].reshape((n_tasks, n_steps))
    _drift(p, found, gain, steps, np.empty_like(steps))
    return found


def _log_density_at(n: int, x: Any, gradient: Any, density: Any, problem: Any) -> int:
    result = log_density(carray(x, (n,)), carray(gradient, (n,)), _unpack(problem))
    carray(density, (1,))[0] = result
    return 0 if math.isfinite(result) else 1


def _variables_at(n: int, n_stored: int, x: Any, found: Any, problem: Any) -> int:
    p = _unpack(problem)
    values, kept = variables(carray(x, (n,)), p), carray(found, (n_stored,))
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
